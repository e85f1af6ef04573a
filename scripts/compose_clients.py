"""Clients for scripts/compose-scale-test.py: one that posts, one that follows a stream, one on a
WebSocket. Each does what docs/guide.md asks of a client when something fails, and nothing more."""

import base64
import contextlib
import http.client
import json
import os
import socket
import struct
import threading
import time

# Longer than anything here may take; what takes longer hangs.
PATIENCE = 90
PAUSE = 0.2


def ask(port, method, path, body=None, headers=None, timeout=PATIENCE):
    """An answer, and its body as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = None if body is None else json.dumps(body)
        given = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, data, {**given, **(headers or {})})
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


class Client(threading.Thread):
    """Goes on until it is told to stop, or has a fault."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.stopping = threading.Event()
        self.fault = None
        self.wire = None  # what it reads from

    def run(self):
        try:
            while not self.stopping.is_set():
                self.once()
        except AssertionError as fault:
            self.fault = fault

    def check(self):
        if self.fault:
            raise self.fault

    def finish(self):
        self.stopping.set()
        if self.wire:
            # Else it would wait for the next heartbeat.
            with contextlib.suppress(OSError):
                self.wire.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self.check()


class Poster(Client):
    """Posts one message after the other, each again with its key until it is acknowledged."""

    def __init__(self, port, words):
        super().__init__(port)
        self.words = words
        self.ids = {}  # of what is acknowledged, by its text
        self.repeated = 0

    def once(self):
        content = f"{self.words} {len(self.ids) + 1}"
        body = {"user": "poster", "content": content, "client_msg_id": content.replace(" ", "-")}
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                answer, text = ask(self.port, "POST", "/messages", body, timeout=20)
                if answer.status in (200, 201):
                    self.ids[content] = json.loads(text)["id"]
                    break
                why = f"{answer.status} {text}"
                assert answer.status in (429, 502, 503, 504), f"'{content}' is answered {why}"
            except (OSError, http.client.HTTPException) as error:
                why = repr(error)
            assert time.monotonic() < give_up, f"'{content}' is not stored: {why}"
            self.repeated += 1
            time.sleep(PAUSE)
        time.sleep(0.02)


class Follower(Client):
    """Follows the event stream, and comes back with the last id."""

    def __init__(self, port, cursor=None):
        super().__init__(port)
        self.cursor = cursor
        self.first = None  # the cursor that it began with
        self.seen = {}  # texts by id, in the order of the stream
        self.doubled = []
        self.opened = 0
        self.live = False

    def once(self):
        headers = {"Accept": "text/event-stream"}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        # Longer than the pause between two heartbeats.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/events", headers=headers)
            self.wire = connection.sock
            stream = connection.getresponse()
            # Anything else, and a browser would give up.
            assert stream.status == 200, f"a stream is answered {stream.status}"
            event = {}
            while not self.stopping.is_set() and (line := stream.readline()):
                if line := line.decode().rstrip("\n"):
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif event:
                    self.take(event)
                    event = {}
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.live = False
            connection.close()
        self.stopping.wait(PAUSE)

    def take(self, event):
        name = event.get("event")
        assert name != "reset", f"told to load anew: {event}"
        if "id" in event:
            self.cursor = event["id"]
        if name == "ready":
            self.opened += 1
            self.live = True
            self.first = self.first or self.cursor
        elif name is None and "data" in event:
            if event["id"] in self.seen:
                self.doubled.append(event["id"])
            self.seen[event["id"]] = json.loads(event["data"])["content"]


class Socket(Client):
    """Follows over a WebSocket, and resumes from the last id when it comes back."""

    def __init__(self, port):
        super().__init__(port)
        self.cursor = None
        self.seen = {}  # texts by id: what is resumed may have come already
        self.opened = 0
        self.closed = []  # the codes with which it was told to go
        self.settled = 0

    def once(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 45) as wire:
                self.wire = wire
                reader = self.greet(wire)
                while reader and not self.stopping.is_set() and (frame := self.read(reader, wire)):
                    self.take(frame, wire)
        except (OSError, struct.error):
            pass
        self.stopping.wait(PAUSE)

    def greet(self, wire):
        key = base64.b64encode(os.urandom(16)).decode()
        wire.sendall(
            f"GET /ws?history=0 HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
            f"Origin: http://localhost:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        reader = wire.makefile("rb")
        is_open = b" 101 " in reader.readline()
        while reader.readline().strip():
            pass
        return reader if is_open else None

    @staticmethod
    def send(wire, kind, data):
        assert len(data) < 126, "longer ones have another length"
        wire.sendall(bytes([0x80 | kind, 0x80 | len(data)]) + b"\0\0\0\0" + data)

    def read(self, reader, wire):
        """The next text frame; nothing when the socket is closed."""
        while True:
            first, length = struct.unpack(">BB", reader.read(2))
            if length == 126:
                (length,) = struct.unpack(">H", reader.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", reader.read(8))
            data = reader.read(length)
            if first == 0x81:
                return json.loads(data)
            if first == 0x88:
                self.closed.append(struct.unpack(">H", data[:2])[0] if data else None)
                return None
            if first == 0x89:
                self.send(wire, 0xA, data)

    def take(self, frame, wire):
        kind = frame.get("type")
        assert kind != "reset", f"told to load anew: {frame}"
        # What is resumed begins with one, too.
        if kind == "ready" and not frame["resumed"]:
            self.opened += 1
            # What is new may come before all that is resumed has: should the socket end meanwhile,
            # it is resumed from where it was.
            self.settled = time.monotonic() + 5
            if self.cursor:
                resume = {"type": "resume", "last_event_id": self.cursor}
                self.send(wire, 1, json.dumps(resume).encode())
            else:
                self.cursor = frame["cursor"]
        elif kind == "message":
            self.seen[frame["id"]] = frame["content"]
            if time.monotonic() > self.settled:
                self.cursor = max(self.cursor, frame["id"])
