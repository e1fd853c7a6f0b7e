"""`nrx shell` as somebody at a terminal uses it, the screen as `pyte` shows it: one JSON object on standard output.

Usage: shell_client.py CASE PROGRAM SERVER KEY SESSION
"""
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios

from terminal_client import Screen

import pyte

TIMEOUT = 60


class Seat:
    """A terminal with the program in it."""

    def __init__(self, program, server, key, session):
        self.master, self.slave = os.openpty()
        self.screen = Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.resize(80, 24)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [program, "shell", session], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={"NRX_SERVER": server, "NRX_API_KEY": key, "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def take(self):
        ready, _, _ = select.select([self.master], [], [], TIMEOUT)
        if not ready:
            raise SystemExit(json.dumps({"error": "nothing more came", "screen": self.text()}))
        self.stream.feed(os.read(self.master, 65536))

    def shows(self, text, times=1):
        while self.text().count(text) < times:
            self.take()

    def ended(self):
        """The exit code, and whether the terminal is what it was."""
        code = self.process.wait(TIMEOUT)
        return {"code": code, "restored": termios.tcgetattr(self.slave) == self.before}


def session(seat):
    """Edits, resizes, interrupts, and leaves with an exit code."""
    seat.type("PS1='ready> '; stty size\n")
    seat.shows("24 80")
    raw = not termios.tcgetattr(seat.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    seat.resize(100, 30)
    seat.type("clear; until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo resi\"\"zed\n")
    seat.shows("resized")
    seat.type("vi note.txt\n")
    seat.shows("[New")
    seat.type("ihello from vi\u00e9\u4e16\x1b")
    seat.shows("hello from vi")
    seat.type(":wq\n")
    seat.shows("ready>")
    # Ctrl-C is a key of the session's, and ends what runs there.
    seat.type("clear; echo wait\"\"ing; sleep 1000\n")
    seat.shows("waiting")
    seat.type("\x03")
    seat.type("echo inter\"\"rupted; cat note.txt\n")
    seat.shows("interrupted")
    seat.shows("hello from vi")
    screen = seat.text()
    seat.type("exit 7\n")
    return {"screen": screen, "raw": raw, **seat.ended()}


def leave(seat):
    """Leaves what does not answer any more."""
    # Not what is typed, which the terminal shows by itself before the program has it.
    seat.type("echo start\"\"ed\n")
    seat.shows("started")
    seat.type("trap '' INT; sleep 1000\r")
    seat.type("~~ is a tilde\r~.")
    return {**seat.ended()}


def terminated(seat):
    """Is asked to end."""
    # Not what is typed, which the terminal shows by itself before the program has it.
    seat.type("echo start\"\"ed\n")
    seat.shows("started")
    seat.process.send_signal(signal.SIGTERM)
    return {**seat.ended()}


def destroyed(seat):
    """Waits while somebody else destroys the session."""
    seat.type("PS1='ready> '; echo wait\"\"ing\n")
    seat.shows("waiting")
    print(json.dumps({"waiting": True}), flush=True)
    return {**seat.ended()}


if __name__ == "__main__":
    case, *arguments = sys.argv[1:]
    print(json.dumps(globals()[case](Seat(*arguments))))
