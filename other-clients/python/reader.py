"""Reads a stream with one library, and prints what a program is given by it.

    reader.py <library> <base address of the notification service>

A line of JSON for each event: {"id", "event", "data"}. It goes on for ever; whatever the library
does not do by itself when a stream ends (waiting, coming back with the last id) is done here, as
its documentation says.
"""

import asyncio
import json
import sys
import time

import aiohttp
import httpx
import requests
import sseclient
import websocket
import websockets
from aiohttp_sse_client2 import client as aiohttp_sse_client2
from httpx_sse import connect_sse

PAUSE = 0.3

last_id = ""


def tell(identifier, event, data):
    global last_id
    last_id = identifier or last_id
    print(json.dumps({"id": identifier, "event": event, "data": data}), flush=True)


def tell_frame(text):
    """A frame of a WebSocket: what is in the log has an id, and `ready` and `cursor` a cursor."""
    frame = json.loads(text)
    tell(frame.get("id") or frame.get("cursor"), frame["type"], text)


def headers():
    return {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})


def socket_address(base):
    cursor = f"&last_event_id={last_id}" if last_id else ""
    return f"{base.replace('http', 'ws', 1)}/ws?history=0{cursor}"


def read_requests(base):
    """As in the README: lines, and no parser."""
    response = requests.get(f"{base}/events", headers=headers(), stream=True, timeout=(10, None))
    response.raise_for_status()
    block = {}
    for line in response.iter_lines(decode_unicode=True):
        if line:
            field, _, value = line.partition(": ")
            block[field] = value
        else:
            tell(block.get("id"), block.get("event", "message"), block.get("data", ""))
            block = {}


def read_sseclient(base):
    response = requests.get(f"{base}/events", headers=headers(), stream=True, timeout=(10, None))
    response.raise_for_status()
    for event in sseclient.SSEClient(response).events():
        tell(event.id, event.event, event.data)


def read_httpx_sse(base):
    with httpx.Client(timeout=httpx.Timeout(10, read=None)) as client:
        with connect_sse(client, "GET", f"{base}/events", headers=headers()) as source:
            for event in source.iter_sse():
                tell(event.id, event.event, event.data)


async def read_aiohttp_sse_client2(base):
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp_sse_client2.EventSource(
        f"{base}/events", timeout=timeout, headers=headers()
    ) as source:
        async for event in source:
            tell(event.last_event_id, event.type or "message", event.data)


def read_websocket_client(base):
    socket = websocket.create_connection(socket_address(base))
    while True:
        opcode, data = socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return
        if opcode == websocket.ABNF.OPCODE_TEXT:
            tell_frame(data.decode())


async def read_websockets(base):
    async with websockets.connect(socket_address(base)) as socket:
        async for frame in socket:
            tell_frame(frame)


async def read_aiohttp(base):
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(socket_address(base)) as socket:
            async for frame in socket:
                if frame.type == aiohttp.WSMsgType.TEXT:
                    tell_frame(frame.data)


LIBRARIES = {
    "requests": read_requests,
    "sseclient-py": read_sseclient,
    "httpx-sse": read_httpx_sse,
    "aiohttp-sse-client2": read_aiohttp_sse_client2,
    "websocket-client": read_websocket_client,
    "websockets": read_websockets,
    "aiohttp": read_aiohttp,
}


def main():
    if sys.argv[1] == "list":
        print(*LIBRARIES)
        return
    read, base = LIBRARIES[sys.argv[1]], sys.argv[2]
    while True:
        try:
            outcome = read(base)
            if asyncio.iscoroutine(outcome):
                asyncio.run(outcome)
        except Exception as error:  # pylint: disable=broad-except
            # Each library has names of its own for an end that it did not expect.
            print(type(error).__name__, error, file=sys.stderr)
        time.sleep(PAUSE)


main()
