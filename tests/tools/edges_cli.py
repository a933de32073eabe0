#!/usr/bin/python3
"""The edges of a queue in `leat forward` beside plain peers of python3-zmq. Usage: edges_cli.py LEAT [unittest arguments]"""

import unittest

import zmq

from leat_case import PATIENCE, ForwarderCase

QUEUE = """[[queue]]
name = "jobs"
bind = "ipc://q"
path = "jobs"
pull = "ipc://pull"
rep = "ipc://rep"
sub = "ipc://sub"
topics = ["orders."]
"""


class Edges(ForwarderCase):
    def socket(self, kind, at):
        made = zmq.Context.instance().socket(kind)
        made.linger = 0
        made.rcvtimeo = made.sndtimeo = PATIENCE * 1000
        made.connect(at)
        self.addCleanup(made.close)
        return made

    def test_push_req_and_pub_peers_put(self):
        with self.forward(QUEUE) as forwarder:
            forwarder.says(r"sub of queue jobs at ipc://sub")
            push = self.socket(zmq.PUSH, "ipc://pull")
            for i in range(100):
                push.send(b"%d" % i)
            self.assertEqual(self.take("ipc://q", "jobs", 100), b"".join(b"%d\n" % i for i in range(100)))

            req = self.socket(zmq.REQ, "ipc://rep")
            req.send(b"one")
            self.assertEqual(req.recv(), b"ok 101")
            req.send_multipart([b"an id", b"two"])
            self.assertEqual(req.recv(), b"ok 102")
            req.send_multipart([b"an id", b"two"])
            self.assertEqual(req.recv(), b"duplicate")
            self.assertEqual(self.take("ipc://q", "jobs", 2), b"one\ntwo\n")

            pub = self.socket(zmq.XPUB, "ipc://sub")
            self.assertEqual(pub.recv(), b"\1orders.")
            pub.send_multipart([b"news", b"not asked for"])
            pub.send_multipart([b"orders.new", b"tea"])
            self.assertEqual(self.take("ipc://q", "jobs", 1), b"tea\n")
            said = self.end(forwarder)
            self.assertIn("pull of queue jobs: 100 messages\n", said)
            self.assertIn("rep of queue jobs: 3 messages\n", said)
            self.assertIn("sub of queue jobs: 1 message\n", said)

    def test_what_a_req_peer_was_told_is_there_after_a_kill(self):
        with self.forward(QUEUE) as forwarder:
            forwarder.says(r"rep of queue jobs at")
            peers = [self.socket(zmq.REQ, "ipc://rep") for _ in range(20)]
            told = 0
            for _ in range(20):
                for one in peers:
                    one.send(b"x")
                for one in peers:
                    self.assertRegex(one.recv(), rb"ok \d+")
                    told += 1
            forwarder.kill()
        with self.forward(QUEUE) as forwarder:
            self.assertEqual(forwarder.says(r"queue jobs: jobs was not closed; it has (\d+) messages")[1], str(told))
            forwarder.says(r"sub of queue jobs at")
            self.end(forwarder)

    def test_pull_peers_take(self):
        with self.forward('[[queue]]\nname = "jobs"\nbind = "ipc://q"\npush = "ipc://push"\n') as forwarder:
            forwarder.says(r"push of queue jobs at ipc://push")
            pull = self.socket(zmq.PULL, "ipc://push")
            self.put("ipc://q", "jobs", b"1\n2\n3\n")
            self.assertEqual([pull.recv() for _ in range(3)], [b"1", b"2", b"3"])
            self.assertIn("push of queue jobs: 3 messages\n", self.end(forwarder))


if __name__ == "__main__":
    unittest.main(verbosity=1)
