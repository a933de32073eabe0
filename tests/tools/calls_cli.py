#!/usr/bin/python3
"""`leat req`, `leat rep` and `leat ping` from outside. Usage: calls_cli.py LEAT [unittest arguments]"""

import signal
import unittest

import zmq

from leat_case import Case, Leat, run


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

    def test_json_and_methods(self):
        with self.rep("--echo"):
            self.check_done(self.req("--json", '{"a": [1, 2.5, null]}'), b'{"a":[1,2.5,null]}\n')

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
