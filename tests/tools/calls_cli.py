#!/usr/bin/python3
"""`leat req`, `leat rep` and `leat ping` from outside. Usage: calls_cli.py LEAT [unittest arguments]"""

import select
import signal
import time
import unittest
from pathlib import Path

import msgpack
import zmq

from leat_case import Case, Leat, PATIENCE, run


def wait_for(condition):
    """What `condition` returns once that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    return found


def ended(pid):
    """Also when nobody has waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Requests(Case):
    def rep(self, *words):
        return Leat("rep", "-b", self.endpoint("rep"), *words)

    def req(self, *words, data=None):
        return run("req", "-c", self.endpoint("rep"), "--timeout", "20s", *words, data=data)

    def test_echo_and_count(self):
        with self.rep("--echo", "--count", "3") as replier:
            self.check_done(self.req("tea", "--count", "3"), b"tea\ntea\ntea\n")
            self.check_done(replier.end())

    def test_each_line_is_a_request_and_replies_keep_their_order(self):
        text = b"".join(b"%d\n" % i for i in range(500))
        with self.rep("--echo"):
            self.check_done(self.req("--parallel", "50", data=text), text)
            self.check_done(self.req("-", "--count", "2", data=b"a\nb\nc\n"), b"a\nb\n")

    def test_command(self):
        with self.rep("--command", "tr a-z A-Z", "--workers", "2"):
            self.check_done(self.req("--parallel", "4", data=b"tea\nmilk\n"), b"TEA\nMILK\n")
            large = b"x" * 1_000_000
            self.check_done(self.req(data=large + b"\n"), large.upper() + b"\n")

    def test_a_command_that_fails(self):
        with self.rep("--command", "cat > /dev/null; exit 3"):
            self.assertEqual(self.req("tea"), (1, b"", "leat req: failed: the command ended with status 3 (3)\n"))

    def test_a_command_that_does_not_read(self):
        with self.rep("--command", "echo done"):
            self.check_done(self.req(data=b"x" * 1_000_000 + b"\n"), b"done\n\n")

    def test_a_command_is_ended_with_its_time(self):
        with self.rep("--command", "sleep 1000") as replier:
            code, out, err = run("req", "-c", self.endpoint("rep"), "--timeout", "300ms", "tea")
            self.assertEqual((code, out, err), (3, b"", "leat req: timed out\n"))
            replier.send_signal(signal.SIGTERM)
            self.assertEqual(replier.end()[0], 0)

    def test_a_command_does_not_outlive_its_replier(self):
        pids = self.path("pids")
        command = f"sleep 1000 & echo $$ $! > {pids}; wait"
        with self.rep("--command", command, "--linger", "100ms") as replier:
            with Leat("req", "-c", self.endpoint("rep"), "--timeout", "20s", "tea") as caller:
                running = wait_for(lambda: pids.exists() and pids.read_text().split())
                replier.send_signal(signal.SIGTERM)
                code, _, err = replier.end()
                self.assertEqual((code, err), (1, "leat rep: stopped: a request was not answered within 100ms\n"))
                for pid in running:
                    self.assertTrue(wait_for(lambda: ended(int(pid))), pid)
                self.assertEqual(caller.end()[0], 1)

    def test_json_and_methods(self):
        with self.rep("--echo"):
            self.check_done(self.req("--json", '{"a": [1, 2.5, null]}'), b'{"a":[1,2.5,null]}\n')
        self.assertEqual(self.asked("--method", "add"), "add")
        self.assertEqual(self.asked(), "")

    def asked(self, *words):
        """The method's name in what `leat req` sends, to a server written here."""
        server = zmq.Context.instance().socket(zmq.ROUTER)
        server.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
        server.bind(self.endpoint("server"))
        with Leat("req", "-c", self.endpoint("server"), "--timeout", "20s", *words, "tea") as req:
            routing, header, empty, body = server.recv_multipart()
            magic, _, session, call, _, _, _, method = msgpack.unpackb(header)
            self.assertEqual((magic, empty, body), ("lr1", b"", b"tea"))
            reply = msgpack.packb([magic, 4, session, call, 0])
            server.send_multipart([routing, reply, b"", b"milk"])
            self.check_done(req.end(), b"milk\n")
        server.close(0)
        return method

    def test_an_idempotent_request_outlives_its_server_and_another_does_not(self):
        servers = [self.endpoint("first"), self.endpoint("second")]
        for idempotent in (True, False):
            began = self.path("began")
            command = f"echo > {began}; while echo; do sleep 0.1; done"  # until nobody reads it
            with Leat("rep", "-b", servers[0], "--command", command) as dies:
                words = ["--idempotent"] if idempotent else []
                with Leat("req", "-c", servers[0], "-c", servers[1], "--timeout", "20s", *words, "tea") as req:
                    self.assertTrue(wait_for(began.exists))
                    began.unlink()
                    with Leat("rep", "-b", servers[1], "--echo"):
                        dies.kill()
                        expected = (0, b"tea\n", "") if idempotent else (1, b"", "leat req: peer lost\n")
                        self.assertEqual(req.end(), expected)

    def test_no_server(self):
        code, _, err = run("req", "-c", self.endpoint("nobody"), "--timeout", "50ms", "tea")
        self.assertEqual((code, err), (3, "leat req: no server\n"))
        code, _, err = run("ping", "-c", self.endpoint("nobody"), "--timeout", "50ms")
        self.assertEqual((code, err), (3, "leat ping: no server after 0 answers\n"))

    def test_ping(self):
        with self.rep("--echo"):
            code, out, err = run("ping", "-c", self.endpoint("rep"), "--count", "20")
            self.assertEqual((code, err), (0, ""))
            self.assertRegex(out, rb"^20 round trips: min \d+\.\d us, median \d+\.\d us, p99 \d+\.\d us\n$")

    def test_wrong_usage(self):
        for words in (["req"], ["ping"], ["rep", "--echo"], ["rep", "-b", "ipc://x"], ["rep", "-b", "ipc://x", "--echo", "--command", "cat"],
                      ["rep", "-b", "tcp://0.0.0.0:1", "--echo"]):
            self.assertEqual(run(*words)[0], 2, words)

    def test_a_plain_rep(self):
        rep = zmq.Context.instance().socket(zmq.REP)
        rep.bind(self.endpoint("rep"))
        with Leat("req", "-c", self.endpoint("rep"), "--plain", "tea") as req:
            self.assertEqual(rep.recv(), b"tea")
            rep.send(b"milk")
            self.check_done(req.end(), b"milk\n")
        rep.close()

    def test_a_server_that_joins(self):
        at = self.endpoint("req")
        with Leat("rep", "--join", at, "--echo") as replier:
            self.check_done(run("req", "-b", at, "tea"), b"tea\n")
            replier.send_signal(signal.SIGTERM)
            self.assertEqual(replier.end()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
