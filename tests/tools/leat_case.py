#!/usr/bin/python3
"""What the tests of the `leat` program share. Their first argument is the program."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LEAT = os.path.abspath(sys.argv.pop(1))
PEERS = Path(__file__).parent.parent / "support/peers"
PATIENCE = 30  # seconds, for anything that works
PIPE = subprocess.PIPE


class Leat(subprocess.Popen):
    """A running leat. Killed at the end of its `with`."""

    def __init__(self, *words, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE):
        super().__init__([LEAT, *words], stdin=stdin, stdout=stdout, stderr=stderr)

    def __exit__(self, *why):
        if self.poll() is None:
            self.kill()
        super().__exit__(*why)

    def says(self, pattern):
        """Reads standard error until a line matches; returns the match."""
        return wait_line(self.stderr, pattern)

    def bound(self):
        return self.says(r"bound to (\S+)")[1]

    def end(self, data=None):
        """Waits for its end: status, output, errors."""
        out, err = self.communicate(data, timeout=PATIENCE)
        return self.returncode, out, (err or b"").decode()


def wait_line(stream, pattern):
    seen = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ready, _, _ = select.select([stream], [], [], deadline - time.monotonic())
        line = b""
        while ready and not line.endswith(b"\n"):
            one = os.read(stream.fileno(), 1)  # no more than the line
            if not one:
                break
            line += one
        if not line:
            break
        seen.append(line.decode())
        if match := re.search(pattern, seen[-1]):
            return match
    raise AssertionError(f"no line with {pattern!r} in {seen}")


def wait_until(comes_true):
    deadline = time.monotonic() + PATIENCE
    while not comes_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"it has not come true in {PATIENCE} s")


def wait_signal_asked(pid, number):
    """Until the process has said that it wants the signal, by a handler or by blocking it."""

    def asked():
        status = Path(f"/proc/{pid}/status").read_text()
        masks = re.findall(r"^Sig(?:Blk|Cgt):\s*(\w+)", status, re.M)
        return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)

    wait_until(asked)


def run(*words, data=None):
    with Leat(*words, stdin=PIPE if data is not None else subprocess.DEVNULL) as leat:
        return leat.end(data)


def peer(name, *words, **more):
    return subprocess.Popen(["/usr/bin/python3", "-B", str(PEERS / name), *words], stdout=PIPE, **more)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, content=None):
        path = Path(self.folder.name) / name
        if content is not None:
            path.write_bytes(content)
        return path

    def endpoint(self, name="socket"):
        """Known before anyone binds it."""
        return f"ipc://{self.folder.name}/{name}"

    def check_done(self, result, out=b""):
        self.assertEqual(result, (0, out, ""))


class ForwarderCase(Case):
    """Relative endpoints and paths are those of the test's own folder, for each process that it starts."""

    def setUp(self):
        super().setUp()
        before = os.getcwd()
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, before)

    def forward(self, text, *words, file="forwarder.toml"):
        self.path(file, text.encode())
        return Leat("forward", "--config", file, *words)

    def end(self, process, code=0):
        """Stops it; what it has said since."""
        process.send_signal(signal.SIGTERM)
        status, _, err = process.end()
        self.assertEqual(status, code, err)
        return err

    def put(self, at, queue, data):
        self.check_done(run("put", "-c", at, queue, "--timeout", "20s", data=data))

    def take(self, at, queue, count):
        code, out, err = run("take", "-c", at, queue, "--timeout", "20s", "--count", str(count))
        self.assertEqual((code, err), (0, ""))
        return out

    def stat(self, at, queue):
        code, out, err = run("queue", "stat", "-c", at, queue, "--timeout", "20s", "--json")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)
