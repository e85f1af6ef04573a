#!/usr/bin/env python3
"""Runs the proxies of docs/proxies.md, as they stand there, in front of both services.

Each configuration follows a comment `<!-- proxy: NAME -->`; ports stand in place of its own, and the
name of its site becomes an address of this machine.

    scripts/proxy-test.py target/debug
"""

import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from ports import free_ports

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIGURATION = re.compile(r"<!-- proxy: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
PROXIES = ("nginx", "caddy", "haproxy")
PATIENCE = 60


class Program:
    """A process that is stopped at the end; what it says is shown if it does not serve."""

    def __init__(self, command, environment=None, folder=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, cwd=folder,
            stdout=self.log, stderr=subprocess.STDOUT,
        )
        self.command = command

    def wait_for(self, port):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"{self.command[0]} does not serve:\n{self.log.read().decode()}")
                time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def configuration(name, text, front, messages, streams, folder):
    """The configuration for these ports, in a file, and the command that runs it."""
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{messages}")
    text = text.replace("127.0.0.1:8081", f"127.0.0.1:{streams}")
    file = folder / f"{name}.conf"
    if name == "nginx":
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("listen 80;", f"listen 127.0.0.1:{front};")
        text = (
            f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
            f"events {{ worker_connections 256; }}\n"
            f"http {{ access_log off;\n{temporary}{text}\n}}\n"
        )
        command = ["nginx", "-e", "stderr", "-c", str(file)]
    elif name == "caddy":
        text = text.replace("chat.example.org {", f"http://127.0.0.1:{front} {{")
        text = "{\n\tadmin off\n}\n" + text
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]
    else:
        text = text.replace("bind :80", f"bind 127.0.0.1:{front}")
        command = ["haproxy", "-db", "-f", str(file)]
    file.write_text(text, encoding="utf-8")
    return command


def ask(port, method, path, body=None, headers=None):
    """An answer, and its body as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    data = None if body is None else json.dumps(body)
    given = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, data, {**given, **(headers or {})})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def post(port, content):
    """Posts as a page of this origin does."""
    origin = {"Origin": f"http://127.0.0.1:{port}"}
    body = {"content": content, "user": "alice"}
    answer, text = ask(port, "POST", "/chat/messages", body, origin)
    assert answer.status == 201, f"a post: {answer.status} {text}"
    return answer, json.loads(text)


def check_page(port):
    answer, _ = ask(port, "GET", "/chat")
    assert answer.status == 308, f"/chat: {answer.status}"
    assert answer.getheader("location").endswith("/chat/"), answer.getheader("location")
    answer, page = ask(port, "GET", "/chat/")
    assert answer.status == 200 and 'src="./app.js"' in page, f"the page: {answer.status}"
    answer, _ = ask(port, "GET", "/chat/app.js")
    assert answer.status == 200, f"a file of the page: {answer.status}"
    _, config = ask(port, "GET", "/chat/config.json")
    told = json.loads(config)["notification_service_url"]
    assert told == f"http://127.0.0.1:{port}/chat", told
    for path in ("/chat/notify", "/chat/metrics", "/chat/internal/events", "/chat/%69nternal/events",
                 "/internal/events", "/notify", "/chatinternal/events", "/chat/x/../internal/events"):
        answer, _ = ask(port, "POST", path, {})
        # Whatever a service answers has an id; it knows nothing of a path with dots.
        is_own = answer.getheader("x-request-id") and answer.status != 404
        assert not is_own, f"{path} is let through: {answer.status}"
    answer, page = ask(port, "GET", "/chat/docs/")
    assert answer.status == 200, f"the description: {answer.status}"


def check_addresses(port):
    answer, message = post(port, "where am I")
    assert answer.getheader("location") == f"/chat/messages/{message['id']}", answer.getheader("location")
    post(port, "and another")
    answer, _ = ask(port, "GET", "/chat/messages?limit=1")
    link = answer.getheader("link")
    assert link and "</chat/messages?" in link, f"Link: {link}"
    # A client cannot choose who it is: the proxy overwrites what it says.
    forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-For": "203.0.113.9",
              "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    answer, _ = ask(port, "GET", "/chat/messages?limit=1", headers=forged)
    assert "evil" not in answer.getheader("link"), answer.getheader("link")
    session = {"username": "carol"}
    answer, _ = ask(port, "POST", "/chat/sessions", session, forged)
    cookie = answer.getheader("set-cookie")
    assert cookie and "Secure" not in cookie, f"it believes that it is https: {cookie}"
    page = {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example",
            "Cookie": cookie.split(";")[0]}
    answer, _ = ask(port, "POST", "/chat/messages", {"content": "hi"}, page)
    assert answer.status == 403, f"it takes a foreign page for its own: {answer.status}"


def check_events(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/chat/events", headers={"Accept": "text/event-stream"})
    stream = connection.getresponse()
    assert stream.status == 200, f"a stream: {stream.status}"

    def find(text):
        while True:
            line = stream.readline().decode()
            assert line, f"the stream ends before {text}"
            if text in line:
                return

    find("ready")
    for number in range(3):
        # Each comes before the next one is posted: nothing is held back.
        post(port, f"live {number}")
        find(f"live {number}")
    connection.close()


def check_socket(port):
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
        key = base64.b64encode(os.urandom(16)).decode()
        wire.sendall(
            f"GET /chat/ws?username=bob&history=0 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Origin: http://127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        reader = wire.makefile("rb")
        status = reader.readline()
        assert b"101" in status, f"a WebSocket: {status}"
        while reader.readline().strip():
            pass
        words = json.dumps({"type": "message", "content": "hi", "client_msg_id": "k1"}).encode()
        mask = b"\0\0\0\0"
        wire.sendall(bytes([0x81, 0x80 | len(words)]) + mask + words)
        while True:
            first, length = reader.read(2)
            if length == 126:
                (length,) = struct.unpack(">H", reader.read(2))
            frame = reader.read(length)
            if first == 0x81 and json.loads(frame).get("type") == "ack":
                return


def check_down(port):
    """While the notification service is away, a stream is told when to come again."""
    answer, text = ask(port, "GET", "/chat/events", headers={"Accept": "text/event-stream"})
    kind = answer.getheader("content-type")
    assert answer.status == 200 and kind.startswith("text/event-stream"), f"{answer.status} {kind}"
    answer, _ = ask(port, "GET", "/chat/presence")
    assert answer.status in (502, 503), f"presence: {answer.status}"
    assert "retry: 3000\nevent: busy\ndata: {" in text and text.endswith("\n\n"), repr(text)


def check_rate(port):
    """However many addresses a client says that it has, it has one."""
    for number in range(1_000):
        said = {"X-Forwarded-For": f"203.0.113.{number % 250}"}
        answer, _ = ask(port, "POST", "/chat/messages", {"content": "hi", "user": "alice"}, said)
        if answer.status == 429:
            return
    raise AssertionError("a client chooses its address, and so has no limit")


def main():
    binaries = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug").resolve()
    page = (ROOT / "docs/proxies.md").read_text(encoding="utf-8")
    configurations = dict(CONFIGURATION.findall(page))
    assert set(configurations) == set(PROXIES), f"docs/proxies.md has {sorted(configurations)}"
    for name in PROXIES:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            front, messages, streams = free_ports(3)
            shared = {
                "DATA_DIR": str(folder), "INTERNAL_SECRET": "a secret of the tests", "HOST": "127.0.0.1",
                "TRUSTED_PROXIES": "127.0.0.1", "POST_RATE": "1", "POST_BURST": "100",
                "LIMIT_LOOPBACK": "true",
                "PUBLIC_NOTIFICATION_URL": f"http://127.0.0.1:{front}/chat",
                "MESSAGE_SERVICE_URL": f"http://127.0.0.1:{messages}",
                "NOTIFICATION_SERVICE_URL": f"http://127.0.0.1:{streams}",
            }
            programs = []
            try:
                for binary, port in (("message-service", messages), ("realtime-ntfn", streams)):
                    environment = {**shared, "PORT": str(port)}
                    programs.append(Program([str(binaries / binary)], environment))
                    programs[-1].wait_for(port)
                command = configuration(
                    name, configurations[name], front, messages, streams, folder
                )
                programs.append(Program(command, {"HOME": str(folder)}, folder))
                programs[-1].wait_for(front)
                for check in (check_page, check_addresses, check_events, check_socket):
                    check(front)
                programs[1].stop()
                check_down(front)
                post(front, "posting goes on")
                check_rate(front)
            except AssertionError as fault:
                sys.exit(f"{name}: {fault}")
            finally:
                for program in reversed(programs):
                    program.stop()
        print(f"{name}: ok")


main()
