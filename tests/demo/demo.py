#!/usr/bin/python3
"""The demo from outside. Usage: demo.py LEAT_DEMO CASE, where CASE is one of the classes in small letters."""

import contextlib
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DEMO = sys.argv.pop(1)
PATIENCE = 60  # seconds, for anything that works


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def demo(self, *words, **more):
        done = subprocess.run([DEMO, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, **more)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def check_equal(self, *contents, words=None):
        """All lines of the contents arrive and are counted."""
        if words is None:
            words = [self.file(f"{i}.log", content) for i, content in enumerate(contents)]
        code, out, err = self.demo(*words)
        lines = [line for content in contents for line in content.removesuffix(b"\n").split(b"\n") if content]
        counted = f"{len(lines):,} lines, {sum(map(len, lines)):,} bytes"
        self.assertIn(f"A direct count of the files gives the same: {counted}", out)
        self.assertEqual((code, err), (0, ""), out)
        return out


class Files(Case):
    def test_nothing_to_read(self):
        code, out, err = self.demo("--logs", str(self.folder))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("There are no logs to read here; name some: leat-demo FILE...", out)
        self.assertIn("gives the same: 0 lines, 0 bytes", out)

    def test_an_empty_file(self):
        self.check_equal(b"")

    def test_a_last_line_without_an_end(self):
        self.check_equal(b"one\ntwo\nthree", b"four")

    def test_empty_lines(self):
        self.check_equal(b"\n\n\n", b"\n", b"a\n\n")

    def test_long_lines(self):
        self.check_equal(b"".join(bytes([65 + i]) * (1 << 20) + b"\n" for i in range(8)), b"z" * (1 << 20))

    def test_bytes_that_are_not_text(self):
        self.check_equal(b"\xff\xfe\x00\x80 \xc3\n" * 1000, random.Random(1).randbytes(1 << 20))

    def test_one_file_twice(self):
        content = b"install this\nremove that\n" * 500
        file = self.file("twice.log", content)
        self.check_equal(content, content, words=[file, file])

    def test_the_kinds_of_lines(self):
        dpkg = b"2025-05-20 12:00:01 status installed libc6:amd64 2.36\n" * 3 + b"2025-05-20 12:00:02 install a:amd64 <none> 1\n" * 2
        apt = b"\nStart-Date: 2025-05-20  12:00:00\nCommandline: apt install a\n"
        syslog = b"May 20 12:00:00 host cron[12]: hello\n" * 4 + b"2025-05-20T12:00:00 [ERROR] it broke\n"
        out = self.check_equal(dpkg, apt, syslog)
        self.assertIn("cron 4, status 3, install 2, (empty) 1, commandline 1, error 1, start-date 1", out)

    def test_the_logs_below_a_directory(self):
        (self.folder / "apt").mkdir()
        self.file("apt/history.log", b"one\n")
        self.file("dpkg.log", b"two\n")
        self.file("syslog", b"three\n")
        self.file("binary.log", b"\0\0\0\n")
        self.file("notes.txt", b"four\n")
        (self.folder / "link.log").symlink_to("dpkg.log")
        out = self.check_equal(b"one\n", b"two\n", b"three\n", words=["--logs", str(self.folder)])
        self.assertIn("3 files with 14 bytes", out)

    def test_a_file_that_cannot_be_read(self):
        missing, folder = str(self.folder / "missing"), str(self.folder)
        for word, says in [
            (missing, f"cannot read {missing}: No such file or directory"),
            (folder, f"cannot read {folder}: it is not a regular file"),
            ("/dev/null", "cannot read /dev/null: it is not a regular file"),
            ("--zebra", "unknown option '--zebra'"),
            ("--logs", "--logs needs a directory"),
        ]:
            self.assertEqual(self.demo(word), (2, "", f"leat-demo: {says}; see leat-demo --help\n"))

    def test_a_line_that_is_too_long(self):
        code, out, err = self.demo(self.file("long.log", b"short\n" + b"x" * (16 << 20)))
        self.assertEqual(code, 1)
        self.assertIn("long.log has a line of more than 15 MiB", err)

    def test_a_terminal_gets_a_table_that_changes(self):
        try:
            ours, terminal = pty.openpty()
        except OSError as none:
            self.skipTest(f"needs a terminal: {none}")
        with subprocess.Popen([DEMO, self.file("a.log", b"word\n" * 50_000)], stdout=terminal) as demo:
            os.close(terminal)
            text = b""
            while select.select([ours], [], [], PATIENCE)[0]:
                try:
                    text += os.read(ours, 65536)
                except OSError:  # its end is closed
                    break
            self.assertEqual(demo.wait(PATIENCE), 0)
        os.close(ours)
        self.assertRegex(text.decode(), r"\x1b\[\d+A  worker 1 ")


class Load(Case):
    def test_many_lines(self):
        files = [b"".join(b"2025-05-20 12:00:01 verb%d number %d %d\n" % (i % 7, i, k) for i in range(60_000 * (k + 1))) for k in range(4)]
        out = self.check_equal(*files)
        shares = [float(share) for share in re.findall(r"worker \d .* (\d+\.\d) %", out)]
        self.assertEqual(len(shares), 2)
        self.assertTrue(all(share > 0 for share in shares), out)


class Kill(Case):
    def missing(self, words, lines):
        code, out, err = self.demo("--kill-worker", *words)
        self.assertEqual((code, err), (1, ""), out)
        self.assertIn("worker 1 was killed by signal 9\n", out)
        missing = int(re.search(r"([\d,]+) lines are missing\.", out)[1].replace(",", ""))
        counted = int(re.search(r"counted +([\d,]+) lines", out)[1].replace(",", ""))
        self.assertEqual(missing + counted, lines)
        self.assertGreater(missing, 0)

    def test_a_worker_that_is_killed(self):
        files = [self.file(f"{k}.log", b"".join(b"line %d %d\n" % (k, i) for i in range(20_000))) for k in range(3)]
        self.missing(files, 60_000)

    def test_with_little_to_do_nothing_may_be_lost(self):
        code, out, err = self.demo("--kill-worker", self.file("one.log", b"one\n"))
        self.assertEqual((code, err), (0, ""), out)

    @contextlib.contextmanager
    def shipping(self):
        """A demo that has begun to ship, and will for a while; its children's arguments by their pids."""
        file = self.file("large.log", b"line\n" * 10_000_000)
        with subprocess.Popen([DEMO, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
            try:
                yield demo, self.wait_children(demo, lambda words: "shipper" in words and file in words)
            finally:
                demo.kill()

    def wait_children(self, demo, wanted):
        while True:
            self.assertIsNone(demo.poll())
            children = {}
            for child in Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    children[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            if any(wanted(words) for words in children.values()):
                return children

    def test_a_stop_ends_all_of_them(self):
        with self.shipping() as (demo, children):
            demo.send_signal(signal.SIGTERM)
            out, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1, out)
        self.assertRegex(out, rb"[\d,]+ lines are missing")
        for child in children:
            self.assertFalse(Path(f"/proc/{child}").exists())

    def check_dies(self, role, says, argument=""):
        with self.shipping() as (demo, children):
            os.kill(next(child for child, words in children.items() if role in words and argument in " ".join(words)), signal.SIGKILL)
            out, _ = demo.communicate(timeout=PATIENCE)
        self.assertEqual(demo.returncode, 1, out)
        self.assertRegex(out, says)
        self.assertRegex(out, rb"[\d,]+ lines are missing")

    def test_a_forwarder_that_dies(self):
        self.check_dies("forwarder", rb"forwarder was killed by signal 9")

    def test_a_shipper_that_dies(self):
        self.check_dies("shipper", rb"shipper 1 was killed by signal 9", "large.log")


if __name__ == "__main__":
    name = sys.argv.pop(1)
    unittest.main(argv=[sys.argv[0], *sys.argv[1:], name.capitalize()])
