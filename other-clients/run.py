#!/usr/bin/env python3
"""Streams as other people's libraries read them, each with its own way of coming back.

    other-clients/run.py [folder of the programs]

All libraries follow the public room at the same time, while 40 messages are posted, with emoji and
16 kB among them; meanwhile both services are killed, and the notification service is redeployed.
Each has to give its program every message once, in order, as soon as it is posted, and no event
that is none. LIBRARIES="requests ws" is only some of them.

As soon as it is posted: while all are connected, a message is posted when every library has told
the last one, and no heartbeat comes to push it along. One that waits for more bytes hangs, at any
speed. Those of BY_HEARTBEAT, which notice only by silence that a stream is cut, have a run of their
own.
"""

import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug").resolve()
# More than anything takes on a slow machine that has other things to do: what takes longer hangs.
PATIENCE = 120
MESSAGES = 40
# Posted while the notification service is away, each time.
MISSED = 3
BY_HEARTBEAT = {"undici"}


def fail(reason):
    sys.exit(f"other-clients: {reason}")


def free_port():
    # Below those that the system gives to clients: one of them could take what nobody listens on yet.
    while True:
        try:
            with socket.create_server(("127.0.0.1", random.randrange(30_000, 32_768))) as taken:
                return taken.getsockname()[1]
        except OSError:
            pass


def fetch(url, body=None):
    headers = {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


class Service:
    """A service as a process, at the same address every time."""

    def __init__(self, name, folder, port, settings):
        self.name, self.log = name, folder / f"{name}.log"
        self.base = f"http://127.0.0.1:{port}"
        self.environment = {"PATH": os.environ["PATH"], "PORT": str(port), **settings}
        self.process = None

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / self.name], env=self.environment, stdout=log, stderr=log
            )

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return fetch(f"{self.base}/readyz")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    fail(f"{self.name} is not ready:\n{self.log.read_text()}")
                time.sleep(0.05)

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(PATIENCE)


class Reader:
    """One library in a process of its own, and what it has given to its program."""

    def __init__(self, library, command, base, folder):
        self.library = library
        self.errors = folder / f"{library}.log"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, library, base], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.told = queue.Queue()
        self.messages = []
        self.slowest = 0.0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.told.put((time.monotonic(), json.loads(line)))

    def follow(self, posted, since=None):
        """Waits until it has told all that was posted; `since` is when the last one was."""
        deadline = time.monotonic() + PATIENCE
        while len(self.messages) < len(posted):
            try:
                at, event = self.told.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                said = self.errors.read_text()[-2_000:]
                fail(f"{self.library} has told {len(self.messages)} of {len(posted)}\n{said}")
            self.take(event, posted)
            if since is not None:
                self.slowest = max(self.slowest, at - since)

    def take(self, event, posted):
        if not event["data"]:
            fail(f"{self.library} gives its program an empty event: {event}")
        data = json.loads(event["data"])
        if event["event"] == "reset":
            fail(f"{self.library} is told to load anew: {data}")
        if event["event"] != "message":
            return
        expected = posted[len(self.messages)]
        if data["content"] != expected:
            fail(f"{self.library} tells {data['content'][:50]!r} and not {expected[:50]!r}")
        if event["id"] and event["id"] != data["id"]:
            fail(f"{self.library} tells {data['id']} with the id {event['id']}")
        self.messages.append(data["id"])


def content(number):
    if number % 10 == 7:
        return f"{number} " + "🦀 und Käse\n" * 1_400
    return f"{number} 🦀 naïve 你好 «{'x' * (number * 7 % 50)}»"


def post(base, text):
    """Posts until it is taken; a repeat is the same message."""
    body = {"user": "poster", "content": text, "client_msg_id": text.split()[0]}
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return fetch(f"{base}/messages", body)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                fail(f"a post is refused: {error.read().decode()}")
        except OSError:
            pass
        if time.monotonic() > deadline:
            fail("a post is not taken")
        time.sleep(0.05)


def libraries(python):
    commands = [[python, HERE / "python/reader.py"], ["node", HERE / "node/reader.js"]]
    chosen = os.environ.get("LIBRARIES", "").split()
    for command in commands:
        names = subprocess.run([*command, "list"], capture_output=True, text=True, check=True)
        for name in names.stdout.split():
            if not chosen or name in chosen:
                yield name, command


def main():
    began = time.monotonic()
    found = dict(libraries(os.environ.get("PYTHON", sys.executable)))
    for heartbeat, names in (3_600, found.keys() - BY_HEARTBEAT), (1, found.keys() & BY_HEARTBEAT):
        if names:
            stage({name: found[name] for name in names}, heartbeat)
    print(f"other-clients: {len(found)} libraries passed in {time.monotonic() - began:.0f} s")


def stage(commands, heartbeat):
    """Runs these libraries beside each other, on services of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = [free_port(), free_port()]
        bases = [f"http://127.0.0.1:{port}" for port in ports]
        settings = {
            "DATA_DIR": str(folder / "data"), "MESSAGE_SERVICE_URL": bases[0],
            "NOTIFICATION_SERVICE_URL": bases[1], "INTERNAL_SECRET": "a secret of the tests",
            "MAX_CONTENT_CHARS": "16384", "HEARTBEAT_SECS": str(heartbeat), "DRAIN_SECS": "2",
            "RUST_LOG": "warn",
        }
        message = Service("message-service", folder, ports[0], settings)
        notification = Service("realtime-ntfn", folder, ports[1], settings)
        readers = []
        try:
            for service in (message, notification):
                service.start()
                service.wait_ready()
            for library, command in commands.items():
                readers.append(Reader(library, command, notification.base, folder))
            run(message, notification, readers)
        finally:
            for process in [each.process for each in (*readers, message, notification)]:
                if process:
                    process.kill()
                    process.wait(PATIENCE)


def run(message, notification, readers):
    posted = []

    def wait_connected():
        deadline = time.monotonic() + PATIENCE
        wanted = f"realtalk_streams {len(readers)}\n"
        while wanted not in fetch(f"{notification.base}/metrics"):
            if time.monotonic() > deadline:
                fail(f"not all {len(readers)} libraries have a stream")
            time.sleep(0.05)

    def say(count):
        for _ in range(count):
            text = content(len(posted))
            posted.append(text.strip())
            post(message.base, text)

    def say_in_step(count):
        """Each when all have told the one before."""
        wait_connected()
        for _ in range(count):
            since = time.monotonic()
            say(1)
            for reader in readers:
                reader.follow(posted, since)

    def without_notification(number):
        notification.end(number)
        say(MISSED)
        notification.start()
        notification.wait_ready()
        say(MISSED)
        for reader in readers:
            reader.follow(posted)

    say_in_step(8)
    without_notification(signal.SIGKILL)
    say_in_step(4)
    message.end(signal.SIGKILL)
    message.start()
    say(MISSED)
    for reader in readers:
        reader.follow(posted)
    say_in_step(4)
    without_notification(signal.SIGTERM)
    say_in_step(MESSAGES - len(posted))
    # Whatever comes twice comes before this.
    time.sleep(1)
    for reader in readers:
        while not reader.told.empty():
            reader.take(reader.told.get()[1], [*posted, "nothing more"])
        print(f"{reader.library}: {len(reader.messages)} messages, slowest {reader.slowest:.2f} s")


main()
