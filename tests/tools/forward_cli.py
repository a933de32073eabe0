#!/usr/bin/python3
"""`leat forward` from outside. Usage: forward_cli.py LEAT [unittest arguments]"""

import select
import signal
import time
import unittest
from pathlib import Path

import zmq

from leat_case import Case, Leat, PATIENCE, run, wait_line


def wait_stats(relay, pattern):
    return wait_line(relay.stdout, pattern)


def wait_connected(endpoint):
    """Waits until a TCP connection to the endpoint's port is established, seen from the system."""
    port = int(endpoint.rsplit(":", 1)[1])
    waits = select.poll()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
                return
        waits.poll(2)
    raise AssertionError(f"nobody connects to {endpoint}")


class Forward(Case):
    def forward(self, *words):
        return Leat("forward", *words)

    def test_many_to_many(self):
        with self.forward("--pull", "tcp://127.0.0.1:*", "--pull", self.endpoint("in"), "--push", "tcp://127.0.0.1:*", "--push",
                          self.endpoint("out"), "--capture", "tcp://127.0.0.1:*", "--stats", "20ms") as relay:
            tells = relay.says(r"streamer --pull (\S+) --pull (\S+) --push (\S+) --push (\S+) --capture (\S+)")
            with Leat("pull", "-c", tells[5], "--count", "2000") as copies, Leat("pull", "-c", tells[3], "-c", tells[4], "--count", "2000") as puller:
                content = [b"".join(b"%d %d\n" % (k, i) for i in range(1000)) for k in range(2)]
                # A copy goes to who is there when the message passes.
                wait_stats(relay, r"relay=streamer in=0 ")
                wait_connected(tells[5])
                for k in range(2):
                    self.check_done(run("push", "-c", tells[k + 1], data=content[k]))
                code, out, err = puller.end()
                self.assertEqual((code, err, sorted(out.splitlines())), (0, "", sorted(b"".join(content).splitlines())))
                line = wait_stats(relay, r"relay=streamer in=2000 out=2000 .* captured=(\d+) dropped=(\d+) ")
                self.assertEqual(int(line[1]) + int(line[2]), 2000)
                if int(line[2]) == 0:
                    code, out, err = copies.end()
                    self.assertEqual((code, sorted(out.splitlines())), (0, sorted(b"".join(content).splitlines())))
            relay.send_signal(signal.SIGTERM)
            code, out, err = relay.end()
            self.assertEqual(code, 0)
            self.assertRegex(err, r"leat forward: streamer: stopped; 2000 moved")
            self.assertRegex(out, rb"relay=streamer in=2000 out=2000 ")

    def test_connecting_on_both_sides(self):
        with self.forward("--pull", "connect:" + self.endpoint("in"), "--push", "connect:" + self.endpoint("out")) as relay:
            with Leat("pull", "-b", self.endpoint("out"), "--count", "3") as puller:
                self.check_done(run("push", "-b", self.endpoint("in"), data=b"1\n2\n3\n"))
                self.check_done(puller.end(), b"1\n2\n3\n")
            relay.send_signal(signal.SIGINT)
            self.assertEqual(relay.end()[0], 0)

    def test_publications_and_requests_beside_each_other(self):
        names = ("sub", "pub", "router", "dealer")
        ends = {name: self.endpoint(name) for name in names}
        context = zmq.Context.instance()
        with self.forward(*(word for name in names for word in ("--" + name, ends[name]))) as relay:
            relay.says("pubsub --sub")
            relay.says("reqrep --router")
            sockets = {"sub": zmq.PUB, "pub": zmq.SUB, "router": zmq.REQ, "dealer": zmq.REP}
            s = {}
            for name, kind in sockets.items():
                s[name] = context.socket(kind)
                s[name].linger = 0
                s[name].rcvtimeo = s[name].sndtimeo = PATIENCE * 1000
            s["pub"].subscribe(b"news")
            for name in names:
                s[name].connect(ends[name])
            s["router"].send(b"question")
            self.assertEqual(s["dealer"].recv(), b"question")
            s["dealer"].send(b"answer")
            self.assertEqual(s["router"].recv(), b"answer")
            deadline = time.monotonic() + PATIENCE  # a publication before the subscription is there is for nobody
            while time.monotonic() < deadline:
                s["sub"].send(b"other")
                s["sub"].send(b"news 1")
                if s["pub"].poll(20):
                    break
            self.assertEqual(s["pub"].recv(), b"news 1")
            for one in s.values():
                one.close()
            relay.send_signal(signal.SIGTERM)
            code, _, err = relay.end()
            self.assertEqual(code, 0, err)

    def test_coalescing(self):
        with self.forward("--pull", "tcp://127.0.0.1:*", "--push", "tcp://127.0.0.1:*", "--coalesce", "64KiB") as relay:
            tells = relay.says(r"--pull (\S+) --push (\S+)")
            text = "".join(f"[{i}]\n" for i in range(5000)).encode()
            with Leat("pull", "--json", "-c", tells[2], "--count", "5000") as puller:
                self.check_done(run("push", "--json", "-c", tells[1], data=text))
                self.check_done(puller.end(), text)
            relay.send_signal(signal.SIGTERM)
            self.assertEqual(relay.end()[0], 0)

    def test_what_nobody_takes_is_counted_at_the_end(self):
        with self.forward("--pull", self.endpoint("in"), "--push", self.endpoint("out"), "--drain", "100ms", "--stats", "10ms") as relay:
            self.check_done(run("push", "-c", self.endpoint("in"), data=b"1\n2\n3\n"))
            relay.send_signal(signal.SIGTERM)
            code, _, err = relay.end()
            self.assertEqual(code, 1)
            self.assertRegex(err, r"streamer: stopped; 0 moved, 3 left")

    def test_stats_that_nobody_reads_hold_nothing_up(self):
        with self.forward("--pull", self.endpoint("in"), "--push", self.endpoint("out"), "--stats", "10ms") as relay:
            with Leat("pull", "-c", self.endpoint("out"), "--count", "1000") as puller:
                self.check_done(run("push", "-c", self.endpoint("in"), "--rate", "2000", data=b"x\n" * 1000))
                self.check_done(puller.end(), b"x\n" * 1000)
            relay.send_signal(signal.SIGTERM)
            relay.wait(PATIENCE)
            self.assertEqual(relay.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
