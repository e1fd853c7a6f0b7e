"""A terminal, as PyPI's `websockets` opens it and `pyte` shows it: one JSON object on standard output.

Usage: terminal_client.py CASE URL [ARGUMENT...]
"""
import asyncio
import base64
import json
import sys

import pyte
import websockets
from websockets.asyncio.client import connect

TIMEOUT = 30


class Screen(pyte.Screen):
    """pyte takes xterm's private modes of keys (CSI > 4 m, which vim sends) for colours, and fails."""

    def select_graphic_rendition(self, *attributes, private=False):
        if not private:
            super().select_graphic_rendition(*attributes)


class Terminal:
    """The screen behind a connection, and everything that came over it."""

    def __init__(self, client, columns=80, rows=24):
        self.client = client
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = 0
        self.exit = None
        self.errors = []

    async def send(self, **frame):
        await self.client.send(json.dumps(frame))

    async def type(self, text):
        await self.send(type="stdin", data=base64.b64encode(text.encode()).decode())

    async def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        await self.send(type="resize", cols=columns, rows=rows)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    async def take(self):
        """The next frame; False at the end."""
        try:
            frame = json.loads(await asyncio.wait_for(self.client.recv(), TIMEOUT))
        except websockets.exceptions.ConnectionClosed:
            return False
        if frame["type"] == "stdout":
            data = base64.b64decode(frame["data"])
            self.bytes += len(data)
            self.stream.feed(data)
        elif frame["type"] == "exit":
            self.exit = frame["exitCode"]
        else:
            self.errors.append(frame["message"])
        return True

    async def until(self, condition, what):
        while not condition():
            if not await self.take():
                raise SystemExit(json.dumps({"error": f"ended before {what}", "screen": self.text()}))

    async def shows(self, text):
        await self.until(lambda: text in self.text(), f"{text!r} was shown")

    async def rest(self):
        while await self.take():
            pass


def opened(url, **more):
    return connect(url, open_timeout=TIMEOUT, close_timeout=TIMEOUT, ping_interval=None, max_size=None, **more)


async def edit(url):
    """Edits a file with vi, resizes in the middle of it, reads it again, and leaves."""
    async with opened(url) as client:
        terminal = Terminal(client)
        await terminal.type("PS1='ready> '; stty size; tty\n")
        await terminal.shows("24 80")
        await terminal.type("vi note.txt\n")
        await terminal.shows("[New")
        await terminal.type("ihello from vi\u00e9\u4e16\x1b")
        await terminal.shows("hello from vi")
        await terminal.resize(100, 30)
        await terminal.type(":r !stty size\n")
        await terminal.shows("30 100")
        await terminal.type(":wq\n")
        # vi forgets what was typed ahead when it ends.
        await terminal.shows("ready>")
        await terminal.type("clear; cat note.txt; stty size\n")
        await terminal.until(lambda: terminal.text().count("30 100") >= 2, "the file was shown")
        screen = terminal.text()
        await terminal.type("exit 5\n")
        await terminal.rest()
        return {"screen": screen, "exit": terminal.exit, "code": client.close_code, "errors": terminal.errors}


async def top(url):
    """A program that paints the whole screen."""
    async with opened(url + "&cols=120&rows=40") as client:
        terminal = Terminal(client, 120, 40)
        await terminal.type("PS1='rea''dy> '; top\n")
        await terminal.shows("PID")
        screen = terminal.text()
        await terminal.type("q")
        # top forgets what was typed ahead when it ends.
        await terminal.shows("ready>")
        await terminal.type("exit\n")
        await terminal.rest()
        return {"screen": screen, "exit": terminal.exit}


async def flood(url, count, pause):
    """Much output for a slow reader: nothing is lost and nothing runs ahead."""
    async with opened(url, max_queue=1) as client:
        terminal = Terminal(client)
        await terminal.type("stty -echo -onlcr; PS1=''; head -c %s /dev/zero | tr '\\0' '\\161'; printf 'E%%sD' N; exit\n" % count)
        seen = 0
        tail = b""
        while True:
            try:
                frame = json.loads(await asyncio.wait_for(client.recv(), TIMEOUT))
            except websockets.exceptions.ConnectionClosed:
                break
            if frame["type"] != "stdout":
                continue
            data = base64.b64decode(frame["data"])
            seen += data.count(b"q")
            tail = (tail + data)[-64:]
            await asyncio.sleep(float(pause))
        return {"seen": seen, "ended": b"END" in tail, "code": client.close_code}


async def wrong(url):
    """Frames that are none of the protocol's."""
    async with opened(url) as client:
        terminal = Terminal(client)
        for frame in ["{", "[]", '{"type":"fly"}', '{"type":"stdin","data":"***"}', '{"type":"stdin"}',
                      '{"type":"resize","cols":0,"rows":5}', '{"type":"resize","cols":80,"rows":100000}']:
            await client.send(frame)
        await terminal.until(lambda: len(terminal.errors) == 7, "seven errors")
        await terminal.type("echo still $((40 + 2))\n")
        await terminal.shows("still 42")
        return {"errors": terminal.errors}


async def refused(url, *headers):
    """How a handshake ends that is not let in."""
    more = {"additional_headers": dict(header.split("=", 1) for header in headers)}
    try:
        async with opened(url, **more):
            return {"status": 101}
    except websockets.exceptions.InvalidStatus as refusal:
        body = refusal.response.body
        return {"status": refusal.response.status_code, "body": json.loads(body) if body else None}


async def stall(url, count):
    """Terminals that write without end to readers that do not read; then waits for its standard input to end."""
    clients = []
    for _ in range(int(count)):
        client = await opened(url, max_queue=1).__aenter__()
        await client.send(json.dumps({"type": "stdin", "data": base64.b64encode(b"yes\n").decode()}))
        clients.append(client)
    print(json.dumps({"open": len(clients)}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for client in clients:
        client.transport.abort()
    return {}


async def echo(url):
    """A WebSocket through the proxy: text, bytes and the other side's closing code."""
    async with opened(url) as client:
        await client.send("gr\u00fc\u00df dich")
        text = await asyncio.wait_for(client.recv(), TIMEOUT)
        await client.send(bytes(range(256)) * 1000)
        data = await asyncio.wait_for(client.recv(), TIMEOUT)
        await client.send("close")
        try:
            await asyncio.wait_for(client.recv(), TIMEOUT)
        except websockets.exceptions.ConnectionClosed:
            pass
        return {"text": text, "bytes": data == bytes(range(256)) * 1000, "code": client.close_code}


if __name__ == "__main__":
    case, *arguments = sys.argv[1:]
    print(json.dumps(asyncio.run(globals()[case](*arguments))))
