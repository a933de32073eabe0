#!/usr/bin/python3
"""The `leat` program from outside: its streams, its exit statuses, plain ZeroMQ peers. Usage: cli.py LEAT [unittest arguments]"""

import array
import fcntl
import os
import pty
import random
import select
import signal
import subprocess
import termios
import time
import unittest

import msgpack
import zmq

from leat_case import Case, Leat, PATIENCE, PIPE, peer, run, wait_line


class Streams(Case):
    def transfer(self, content, push=(), pull=()):
        """What comes out when `content` goes in."""
        source, target = self.path("in", content), self.path("out")
        with open(source, "rb") as stdin, open(target, "wb") as stdout:
            lines = content.count(b"\0" if "--null" in pull else b"\n")
            with Leat("pull", "-b", "tcp://127.0.0.1:*", "--count", str(lines), *pull, stdout=stdout) as puller:
                with Leat("push", "-c", puller.bound(), *push, stdin=stdin) as pusher:
                    self.check_done(pusher.end())
                code, _, err = puller.end()
                self.assertEqual((code, err), (0, ""))
        return target.read_bytes()

    def check_same(self, content, *options):
        self.assertTrue(self.transfer(content, options, options) == content, "the content has changed")

    def test_lines(self):
        self.check_same(b"".join(b"%d\n" % i for i in range(200_000)))

    def test_empty_lines_and_carriage_returns(self):
        self.check_same(b"\n\r\n\n a \n\n")

    def test_any_bytes(self):
        self.check_same(random.Random(1).randbytes(1 << 20) + b"\n")

    def test_any_bytes_with_null(self):
        self.check_same(random.Random(2).randbytes(1 << 20) + b"\0", "--null")

    def test_long_lines(self):
        self.check_same(b"".join(bytes([65 + i]) * (1 << 20) + b"\n" for i in range(20)))

    def test_the_longest_line(self):
        self.check_same(b"x" * (16 << 20) + b"\n")

    def test_a_line_that_is_too_long(self):
        at = self.endpoint()
        with Leat("pull", "-b", at, "--count", "1") as puller:
            code, _, err = run("push", "-c", at, data=b"first\n" + b"x" * ((16 << 20) + 1))
            self.assertEqual(code, 1)
            self.assertEqual(err, "leat push: line 2 of standard input is longer than 16,777,216 bytes, which is the longest message\n")
            self.check_done(puller.end(), b"first\n")

    def test_a_last_line_without_an_end(self):
        at = self.endpoint()
        with Leat("pull", "-b", at, "--count", "2") as puller:
            self.check_done(run("push", "-c", at, data=b"one\ntwo"))
            self.check_done(puller.end(), b"one\ntwo\n")

    def test_file_and_count(self):
        at = self.endpoint()
        file = self.path("work", b"1\n2\n3\n4\n")
        with Leat("pull", "-b", at, "--count", "3") as puller:
            self.check_done(run("push", "-c", at, "--file", str(file), "--count", "3"))
            self.check_done(puller.end(), b"1\n2\n3\n")

    def test_output_is_written_when_the_input_pauses(self):
        at = self.endpoint()
        with Leat("pull", "-b", at) as puller, Leat("push", "-c", at, stdin=PIPE) as pusher:
            for word in (b"one", b"two"):
                pusher.stdin.write(word + b"\n")
                pusher.stdin.flush()
                wait_line(puller.stdout, word.decode())
            pusher.stdin.close()
            pusher.wait(PATIENCE)
            puller.send_signal(signal.SIGTERM)
            self.check_done(puller.end())

    def test_several_endpoints(self):
        ends = [self.endpoint(str(i)) for i in range(3)]
        with Leat("pull", "-b", ends[0], "-b", ends[1], "-c", ends[2], "--count", "3") as puller:
            for end in ends:
                side = "-b" if end == ends[2] else "-c"
                self.check_done(run("push", side, end, data=end.encode()))
            code, out, _ = puller.end()
            self.assertEqual((code, sorted(out.decode().split())), (0, ends))

    def test_rate(self):
        at = self.endpoint()
        with Leat("pull", "-b", at, "--count", "41") as puller:
            began = time.monotonic()
            self.check_done(run("push", "-c", at, "--rate", "100", data=b"x\n" * 41))
            self.assertGreaterEqual(time.monotonic() - began, 0.39)
            self.check_done(puller.end(), b"x\n" * 41)


class Json(Case):
    LINES = [
        '{"id":1,"name":"gr\u00fcn","list":[1,2.5,null,true,-7],"deep":{"a":{"b":[]}}}',
        "18446744073709551615",
        '"text"',
        "[]",
        "1.0",
    ]
    TEXT = "".join(line + "\n" for line in LINES).encode()

    def test_from_leat_to_leat(self):
        for batch in ([], ["--batch", "64KiB"]):
            at = self.endpoint()
            with Leat("pull", "--json", "-b", at, "--count", "5") as puller:
                self.check_done(run("push", "--json", "-c", at, *batch, data=self.TEXT))
                self.check_done(puller.end(), self.TEXT)

    def test_a_batch_fills_frames(self):
        pull = zmq.Context.instance().socket(zmq.PULL)
        pull.rcvtimeo = PATIENCE * 1000
        pull.bind(self.endpoint())
        text = "".join(f"{i}\n" for i in range(1000)).encode()
        with Leat("push", "--json", "-c", self.endpoint(), "--batch", "1KiB", stdin=PIPE) as pusher:
            pusher.stdin.write(text)
            pusher.stdin.close()
            numbers, frames = [], 0
            while len(numbers) < 1000:
                unpacker = msgpack.Unpacker()
                unpacker.feed(pull.recv())
                numbers += unpacker
                frames += 1
            pusher.wait(PATIENCE)
        pull.close()
        self.assertEqual(numbers, list(range(1000)))
        self.assertLess(frames, 20)

    def test_what_is_not_json(self):
        code, _, err = run("push", "--json", "-c", self.endpoint(), data=b'{"a":\n')
        self.assertEqual(code, 1)
        self.assertRegex(err, r"^leat push: line 1 of standard input: not JSON at byte 6: unexpected end of input; .*\n$")

    def test_what_comes_before_a_wrong_line_is_sent(self):
        at = self.endpoint()
        with Leat("pull", "--json", "-b", at, "--count", "1") as puller:
            self.assertEqual(run("push", "--json", "-c", at, data=b"[1]\n[\n")[0], 1)
            self.check_done(puller.end(), b"[1]\n")

    def test_what_is_not_msgpack(self):
        push = zmq.Context.instance().socket(zmq.PUSH)
        push.linger = 0
        push.connect(self.endpoint())
        for frame in (msgpack.packb(1), b"\xc1", b"", b"\x91" * 100, b"\xdd\xff\xff\xff\xff", msgpack.packb(2)):
            push.send(frame)
        with Leat("pull", "--json", "-b", self.endpoint(), "--count", "2") as puller:
            code, out, err = puller.end()
        push.close()
        self.assertEqual((code, out), (1, b"1\n2\n"))
        self.assertRegex(err, r"leat pull: a message of 1 byte is not msgpack: malformed at byte 0\n")
        self.assertRegex(err, r"leat pull: 4 messages in all that are not msgpack\n")


class PlainPeers(Case):
    """python3-zmq and python3-msgpack on the other side."""

    def test_leat_to_a_plain_puller(self):
        content = b"".join(b"line %d\n" % i for i in range(1000))
        with peer("pull.py", "--bind", "tcp://127.0.0.1:*", "--count", "1000") as puller:
            at = wait_line(puller.stdout, r"tcp://\S+")[0]
            self.check_done(run("push", "-c", at, data=content))
            self.assertEqual(puller.communicate(timeout=PATIENCE)[0], content)

    def test_a_plain_pusher_to_leat(self):
        content = b"".join(b"line %d\n" % i for i in range(1000))
        with Leat("pull", "-b", "tcp://127.0.0.1:*", "--count", "1000") as puller:
            with peer("push.py", "--connect", puller.bound(), stdin=PIPE) as pusher:
                pusher.communicate(content, timeout=PATIENCE)
                self.assertEqual(pusher.returncode, 0)
            self.check_done(puller.end(), content)

    def test_typed_messages_to_a_plain_puller(self):
        for batch in ([], ["--batch", "64KiB"]):
            with peer("pull.py", "--msgpack", "--bind", "tcp://127.0.0.1:*", "--count", "5") as puller:
                at = wait_line(puller.stdout, r"tcp://\S+")[0]
                self.check_done(run("push", "--json", "-c", at, *batch, data=Json.TEXT))
                self.assertEqual(puller.communicate(timeout=PATIENCE)[0], Json.TEXT)

    def test_typed_messages_from_a_plain_pusher(self):
        for batch in ("1", "3"):
            with Leat("pull", "--json", "-b", "tcp://127.0.0.1:*", "--count", "5") as puller:
                with peer("push.py", "--msgpack", "--batch", batch, "--connect", puller.bound(), stdin=PIPE) as pusher:
                    pusher.communicate(Json.TEXT, timeout=PATIENCE)
                    self.assertEqual(pusher.returncode, 0)
                self.check_done(puller.end(), Json.TEXT)

    def test_parts_of_a_multipart_message(self):
        push = zmq.Context.instance().socket(zmq.PUSH)
        push.linger = 0
        push.connect(self.endpoint())
        push.send_multipart([b"one", b"", b"three"])
        with Leat("pull", "-b", self.endpoint(), "--count", "3") as puller:
            self.check_done(puller.end(), b"one\n\nthree\n")
        push.close()


class Endings(Case):
    def test_pull_times_out(self):
        code, out, err = run("pull", "-b", self.endpoint(), "--timeout", "100ms")
        self.assertEqual((code, out, err), (3, b"", "leat pull: timed out: no message for 100ms; received 0\n"))

    def test_pull_times_out_with_fewer_than_counted(self):
        at = self.endpoint()
        with Leat("pull", "-b", at, "--timeout", "1s", "--count", "5") as puller:
            self.check_done(run("push", "-c", at, data=b"1\n2\n"))
            self.assertEqual(puller.end(), (3, b"1\n2\n", "leat pull: timed out: no message for 1s; received 2 of 5\n"))

    def test_push_without_a_peer_times_out(self):
        code, _, err = run("push", "-c", self.endpoint(), "--timeout", "100ms", data=b"1\n2\n3\n")
        self.assertEqual((code, err), (3, "leat push: timed out: no peer took a message for 100ms; 3 of 3 messages were not sent\n"))

    def test_push_with_a_bind_and_no_peer_times_out(self):
        code, _, err = run("push", "-b", self.endpoint(), "--timeout", "100ms", data=b"1\n2\n3\n")
        self.assertEqual((code, err), (3, "leat push: timed out: no peer took a message for 100ms; 3 of 3 messages were not sent\n"))

    def test_a_large_file_without_a_peer_times_out(self):
        file = self.path("large", b"x\n" * 2_000_000)
        code, _, err = run("push", "-c", self.endpoint(), "--timeout", "100ms", "-f", str(file))
        self.assertEqual(code, 3)
        self.assertRegex(err, rf"; ([\d,]+) of \1 messages were not sent, and not the rest of {file}\n$")

    def test_batches_without_a_peer_are_counted(self):
        code, _, err = run("push", "--json", "--batch", "1k", "-c", self.endpoint(), "--timeout", "100ms", data=b"1\n" * 2500)
        self.assertEqual(code, 3)
        self.assertRegex(err, "; 2,500 of 2,500 messages were not sent\n$")

    def test_a_signal_ends_push_while_it_reads(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            at = self.endpoint()
            with Leat("pull", "-b", at, "--count", "1") as puller, Leat("push", "-c", at, stdin=PIPE) as pusher:
                pusher.stdin.write(b"one\n")
                pusher.stdin.flush()
                self.check_done(puller.end(), b"one\n")
                pusher.send_signal(number)
                pusher.wait(PATIENCE)
                self.assertEqual((pusher.returncode, pusher.stderr.read()), (0, b""))

    def test_a_signal_ends_push_without_a_peer_and_counts_what_is_left(self):
        with Leat("push", "-b", "tcp://127.0.0.1:*", "-c", self.endpoint(), "--linger", "200ms", stdin=PIPE) as pusher:
            pusher.bound()
            pusher.stdin.write(b"1\n2\n3\n")
            pusher.stdin.flush()
            wait_read(pusher)
            pusher.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code, _, err = pusher.end()
            took = time.monotonic() - began
        self.assertEqual((code, err), (1, "leat push: stopped: 3 of 3 messages were not sent\n"))
        self.assertLess(took, 10)

    def test_what_was_accepted_goes_out_after_a_signal(self):
        at = self.endpoint()
        with Leat("push", "-c", at, "--linger", "20s", stdin=PIPE) as pusher:
            pusher.stdin.write(b"1\n2\n3\n")
            pusher.stdin.flush()
            wait_read(pusher)
            pusher.send_signal(signal.SIGTERM)
            with Leat("pull", "-b", at, "--count", "3") as puller:
                self.check_done(puller.end(), b"1\n2\n3\n")
            self.check_done(pusher.end())

    def test_a_signal_ends_a_paced_push(self):
        file = self.path("work", b"1\n2\n3\n")
        at = self.endpoint()
        with Leat("pull", "-b", at, "--count", "1") as puller:
            with Leat("push", "-c", at, "-f", str(file), "--rate", "0.001") as pusher:
                self.check_done(puller.end(), b"1\n")
                pusher.send_signal(signal.SIGTERM)
                code, _, err = pusher.end()
        self.assertEqual((code, err), (1, f"leat push: stopped: 1 of 2 messages was not sent, and not the rest of {file}\n"))

    def test_a_signal_ends_pull(self):
        with Leat("pull", "-b", "tcp://127.0.0.1:*") as puller:
            puller.bound()
            puller.send_signal(signal.SIGTERM)
            self.check_done(puller.end())
        with Leat("pull", "-b", "tcp://127.0.0.1:*", "--count", "2") as puller:
            puller.bound()
            puller.send_signal(signal.SIGINT)
            self.assertEqual(puller.end(), (1, b"", "leat pull: stopped: received 0 of 2\n"))

    def test_one_signal_sent_twice_at_once_is_one(self):
        with Leat("push", "-c", self.endpoint(), "--linger", "10ms", stdin=PIPE) as pusher:
            pusher.stdin.write(b"1\n")
            pusher.stdin.flush()
            wait_read(pusher)
            pusher.send_signal(signal.SIGTERM)
            pusher.send_signal(signal.SIGTERM)
            pusher.wait(PATIENCE)
            self.assertEqual(pusher.stderr.read(), b"leat push: stopped: 1 of 1 message was not sent\n")
            self.assertEqual(pusher.returncode, 1)

    def test_a_closed_output_ends_pull(self):
        at = self.endpoint()
        with Leat("pull", "-b", at) as puller:
            puller.stdout.close()
            puller.stdout = None
            self.check_done(run("push", "-c", at, data=b"1\n"))
            code, _, err = puller.end()
        self.assertEqual(code, 1)
        self.assertRegex(err, r"^leat pull: standard output was closed by its reader; of 1 message received, up to 1 were not written\n$")

    def test_a_full_output_ends_pull(self):
        at = self.endpoint()
        with open("/dev/full", "wb") as full, Leat("pull", "-b", at, stdout=full) as puller:
            self.check_done(run("push", "-c", at, data=b"1\n"))
            code, _, err = puller.end()
        self.assertEqual(code, 1)
        self.assertRegex(err, "cannot write standard output: No space left on device")

    def test_an_output_that_nobody_reads_does_not_hold_up_the_end(self):
        at = self.endpoint()
        with Leat("pull", "-b", at, "--linger", "100ms") as puller:
            with Leat("push", "-c", at, stdin=PIPE) as pusher:
                pusher.stdin.write(b"x" * (1 << 20) + b"\n")
                pusher.stdin.close()
                pusher.wait(PATIENCE)
            select.select([puller.stdout], [], [], PATIENCE)
            puller.send_signal(signal.SIGTERM)
            puller.wait(PATIENCE)  # and not a byte is read
            self.assertEqual(puller.returncode, 1)
            self.assertRegex(puller.stderr.read(), b"standard output takes nothing more")

    def test_what_came_beyond_the_count_is_counted(self):
        push = zmq.Context.instance().socket(zmq.PUSH)
        push.linger = 0
        push.connect(self.endpoint())
        push.send(b"".join(msgpack.packb(i) for i in range(10)))
        with Leat("pull", "--json", "-b", self.endpoint(), "--count", "4") as puller:
            code, out, err = puller.end()
        push.close()
        self.assertEqual((code, out), (0, b"0\n1\n2\n3\n"))
        self.assertEqual(err, "leat pull: ended after 4 messages; 6 messages that had arrived are lost\n")

    def test_an_address_that_is_taken(self):
        with Leat("pull", "-b", "tcp://127.0.0.1:*") as puller:
            at = puller.bound()
            code, _, err = run("pull", "-b", at)
        self.assertEqual((code, err), (1, f"leat pull: bind {at}: Address already in use\n"))

    def test_insecure_binds_beyond_loopback(self):
        code, _, err = run("pull", "-b", "tcp://0.0.0.0:*", "--insecure", "--timeout", "10ms")
        self.assertEqual(code, 3)
        self.assertRegex(err, r"bound to tcp://0\.0\.0\.0:\d+\n")

    def test_wrong_usage(self):
        for words, says in [
            (["push"], "leat push: needs an endpoint"),
            (["pull", "--cuont", "3"], "unknown option '--cuont'; did you mean --count?"),
            (["pul"], "leat: unknown subcommand 'pul'; did you mean pull?"),
            (["pull", "-b", "tcp://0.0.0.0:1"], "add --insecure"),
        ]:
            code, out, err = run(*words)
            self.assertEqual((code, out, err.count("\n")), (2, b"", 1))
            self.assertIn(says, err)


def wait_read(process):
    """Waits until the process has taken all from the pipe that is its standard input."""
    left = array.array("i", [1])
    pause = select.poll()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        fcntl.ioctl(process.stdin, termios.FIONREAD, left)
        if left[0] == 0:
            return
        pause.poll(1)  # ms; a pipe does not tell its writer
    raise AssertionError("standard input is not read")


class Progress(Case):
    def test_progress_shows_on_a_terminal(self):
        at = self.endpoint()
        try:
            ours, terminal = pty.openpty()
        except OSError as none:
            self.skipTest(f"needs a terminal: {none}")
        with Leat("pull", "-b", at, stdout=subprocess.DEVNULL) as puller:
            with Leat("push", "-c", at, "--rate", "100", "--count", "200", "-f", str(self.path("work", b"x\n" * 200)), stderr=terminal) as pusher:
                os.close(terminal)
                text = b""
                while select.select([ours], [], [], PATIENCE)[0]:
                    try:
                        text += os.read(ours, 4096)
                    except OSError:  # its end is closed
                        break
                pusher.wait(PATIENCE)
            puller.send_signal(signal.SIGTERM)
            self.assertEqual(puller.end()[2], "")
        os.close(ours)
        self.assertEqual(pusher.returncode, 0)
        self.assertRegex(text.decode(), r"\r\x1b\[K\d+ messages, \d+/s, 0:0\d left")
        self.assertTrue(text.endswith(b"\r\x1b[K"), text)


if __name__ == "__main__":
    unittest.main(verbosity=1)
