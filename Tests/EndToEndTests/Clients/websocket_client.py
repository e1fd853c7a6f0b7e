"""What PyPI's `websockets`, and a bare socket, see of a WebSocket: one JSON object on standard output.

Usage: websocket_client.py CASE URL [ARGUMENT...]
"""
import asyncio
import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import connect

TIMEOUT = 20


# A bare socket, for what a well-behaved library refuses to send.

def raw(url, early=b""):
    """A socket after the handshake, and what of the first frames came with the answer."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)
    key = base64.b64encode(os.urandom(16)).decode()
    path = parts.path + ("?" + parts.query if parts.query else "")
    sock.sendall(
        (f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode() + early)
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(4096)
        if not piece:
            raise SystemExit(json.dumps({"error": "no answer to the handshake", "data": data.decode("latin1")}))
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(json.dumps({"status": int(head.split()[1]), "body": rest.decode("latin1")}))
    return sock, rest


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0):
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    length = len(payload)
    bit = 0x80 if mask else 0
    if length < 126:
        header = struct.pack("!BB", first, bit | length)
    elif length < 65536:
        header = struct.pack("!BBH", first, bit | 126, length)
    else:
        header = struct.pack("!BBQ", first, bit | 127, length)
    if not mask:
        return header + payload
    key = b"\x01\x02\x03\x04"
    return header + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def read_until_close(sock, data):
    """(opcode, payload) of every frame up to the closing one, and whether the connection ended."""
    frames = []
    ended = False
    while True:
        while len(data) >= 2:
            length, offset = data[1] & 0x7F, 2
            if length == 126:
                if len(data) < 4:
                    break
                length, offset = struct.unpack("!H", data[2:4])[0], 4
            elif length == 127:
                if len(data) < 10:
                    break
                length, offset = struct.unpack("!Q", data[2:10])[0], 10
            if len(data) < offset + length:
                break
            frames.append((data[0] & 0x0F, data[offset:offset + length]))
            data = data[offset + length:]
        if any(opcode == 8 for opcode, _ in frames):
            sock.settimeout(TIMEOUT)
            try:
                sock.sendall(frame(8, next(p for o, p in frames if o == 8)[:2]))
                while sock.recv(4096):
                    pass
                ended = True
            except ConnectionError:
                ended = True
            return frames, ended
        try:
            piece = sock.recv(65536)
        except ConnectionError:
            return frames, True
        if not piece:
            return frames, True
        data += piece


def closing(url, *pieces):
    """The code with which the server closes when it is sent these bytes."""
    sock, rest = raw(url)
    for piece in pieces:
        sock.sendall(piece)
    return summary(*read_until_close(sock, rest))


def summary(frames, ended):
    close = next((payload for opcode, payload in frames if opcode == 8), None)
    return {
        "code": struct.unpack("!H", close[:2])[0] if close else None,
        "text": [payload.decode() for opcode, payload in frames if opcode == 1],
        "pongs": [payload.decode() for opcode, payload in frames if opcode == 10], "ended": ended,
    }


PING = b'{"type":"ping"}'
NORMAL = struct.pack("!H", 1000)


def answered(url, *pieces, early=b""):
    """Sends these bytes, waits for the answer to a question among them, and closes."""
    sock, data = raw(url, early)
    for piece in pieces:
        sock.sendall(piece)
    while b'{"type":"pong"}' not in data:
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
    sock.sendall(frame(8, NORMAL))
    return summary(*read_until_close(sock, data))
WRONG = {
    "bad_utf8": lambda: [frame(1, b"\xff\xfe")],
    "bad_utf8_in_fragments": lambda: [frame(1, b"\xc3", fin=False), frame(0, b"(")],
    "reserved_opcode": lambda: [frame(3, b"x")],
    "reserved_control_opcode": lambda: [frame(11)],
    "reserved_bit": lambda: [frame(1, PING, rsv=4)],
    "unmasked": lambda: [frame(1, PING, mask=False)],
    "fragmented_ping": lambda: [frame(9, b"x", fin=False)],
    "long_ping": lambda: [frame(9, b"x" * 126)],
    "nothing_to_continue": lambda: [frame(0, b"x")],
    "message_in_message": lambda: [frame(1, b"a", fin=False), frame(1, b"b")],
    "oversized": lambda: [frame(1, b"x" * 65_537)],
    "oversized_announced": lambda: [struct.pack("!BBQ", 0x81, 0xFF, 1 << 40) + b"\x01\x02\x03\x04"],
    "oversized_in_fragments": lambda: [frame(1, b"x" * 40_000, fin=False), frame(0, b"x" * 40_000)],
    "too_many_fragments": lambda: [frame(1, b"", fin=False)] + [frame(0, b"", fin=False)] * 1_200,
    "binary": lambda: [frame(2, b"x")],
    "close_1005": lambda: [frame(8, struct.pack("!H", 1005))],
    "close_999": lambda: [frame(8, struct.pack("!H", 999))],
    "close_one_byte": lambda: [frame(8, b"\x03")],
    "close_bad_utf8": lambda: [frame(8, struct.pack("!H", 1000) + b"\xff")],
    "close_3000": lambda: [frame(8, struct.pack("!H", 3000))],
    "close_empty": lambda: [frame(8)],
}
RIGHT = {
    "fragments_and_ping": lambda: [
        frame(1, PING[:5], fin=False), frame(9, b"between"), frame(0, PING[5:9], fin=False), frame(0, PING[9:]),
    ],
    "bytes_one_by_one": lambda: [bytes([byte]) for byte in frame(1, PING)],
}


def wrong(url):
    """Every case of ``WRONG`` and of ``RIGHT``, each on a connection of its own."""
    seen = {name: closing(url, *pieces()) for name, pieces in WRONG.items()}
    return seen | {name: answered(url, *pieces()) for name, pieces in RIGHT.items()}


def gone(url, count):
    """Connections that end without a closing frame: half-closed, reset, dropped in the middle of a frame."""
    for index in range(int(count)):
        sock, _ = raw(url)
        if index % 3 == 0:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        elif index % 3 == 1:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            sock.sendall(frame(1, PING)[:4])
        sock.close()
    return {"count": int(count)}


def early(url):
    """A frame that is sent together with the handshake is not lost."""
    return answered(url, early=frame(1, PING))


def handshake(url, *lines):
    """The status of a handshake, or of any request, with these header lines."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)
    path = parts.path + ("?" + parts.query if parts.query else "")
    sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", *lines, "", ""]).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(4096)
        if not piece:
            break
        data += piece
    return {"status": int(data.split()[1]) if data else None, "head": data.split(b"\r\n\r\n")[0].decode("latin1")}


def flood(url):
    """Questions and pings from a client that reads nothing: the server stops reading instead of remembering."""
    sock, _ = raw(url)
    sock.setblocking(False)
    burst = frame(1, b'{"type":"message"}') * 64 + frame(9, b"x" * 100) * 8
    sent, blocked = 0, 0
    while sent < 64 << 20 and blocked < 200:
        try:
            sent += sock.send(burst)
            blocked = 0
        except BlockingIOError:
            blocked += 1
            time.sleep(0.01)
    print(json.dumps({"sent": sent, "stopped": blocked >= 200}), flush=True)
    sys.stdin.read()
    sock.close()
    return {}


# PyPI's `websockets`.

def options(url, **more):
    if url.startswith("wss:"):
        context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
        context.check_hostname = False
        more["ssl"] = context
    return dict(open_timeout=TIMEOUT, close_timeout=TIMEOUT, ping_interval=None, **more)


async def talk(url, *extra):
    """Connects, asks twice, pings, closes."""
    kwargs = {}
    for argument in extra:
        name, value = argument.split("=", 1)
        if name == "subprotocol":
            kwargs["subprotocols"] = value.split(",")
        elif name == "authorization":
            kwargs["additional_headers"] = {"Authorization": value}
        elif name == "origin":
            kwargs["origin"] = value
    try:
        async with connect(url, **options(url, **kwargs)) as client:
            messages = [json.loads(await client.recv())]
            await client.send('{"type":"ping"}')
            messages.append(json.loads(await client.recv()))
            await client.send(["{\"type\":", "\"message\",\"content\":\"hi\",", "\"client_message_id\":\"c1\"}"])
            messages.append(json.loads(await client.recv()))
            latency = await (await client.ping())
            subprotocol = client.subprotocol
        return {"messages": messages, "code": client.close_code, "subprotocol": subprotocol, "pinged": latency >= 0}
    except websockets.exceptions.ConnectionClosed as closed:
        return {"code": closed.rcvd.code if closed.rcvd else None, "reason": closed.rcvd.reason if closed.rcvd else ""}
    except websockets.exceptions.InvalidStatus as refused:
        return {"status": refused.response.status_code, "body": refused.response.body.decode()}


async def follow(url):
    """Prints every message, then how it ended."""
    async with connect(url, **options(url)) as client:
        try:
            async for message in client:
                print(message, flush=True)
        except websockets.exceptions.ConnectionClosed:
            pass
    return {"type": "closed", "code": client.close_code, "reason": client.close_reason}


async def hold(url, count):
    """Opens that many at once, and tells how each ended or that it is open."""
    clients, codes = [], []
    for _ in range(int(count)):
        client = await connect(url, **options(url))
        try:
            await client.recv()
            clients.append(client)
        except websockets.exceptions.ConnectionClosed as closed:
            codes.append(closed.rcvd.code)
    for client in clients:
        await client.close()
    again = await connect(url, **options(url))
    first = json.loads(await again.recv())
    await again.close()
    return {"open": len(clients), "codes": codes, "again": first["type"]}


async def many(url, count):
    """Opens and closes that many connections, 32 at a time."""
    left = iter(range(int(count)))
    done = 0

    async def worker():
        nonlocal done
        for _ in left:
            async with connect(url, **options(url)) as client:
                await client.recv()
                await client.send('{"type":"ping"}')
                await client.recv()
            done += client.close_code == 1000

    await asyncio.gather(*(worker() for _ in range(32)))
    return {"done": done}


def main():
    case, url, *arguments = sys.argv[1:]
    function = globals()[case]
    result = function(url, *arguments)
    if asyncio.iscoroutine(result):
        result = asyncio.run(result)
    print(json.dumps(result))


main()
