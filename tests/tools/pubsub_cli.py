#!/usr/bin/python3
"""`leat pub` and `leat sub` from outside. Usage: pubsub_cli.py LEAT [unittest arguments]"""

import signal
import subprocess
import unittest

import zmq

from leat_case import Case, Leat, PATIENCE, PIPE, run, wait_line


class PubSub(Case):
    def test_lines_to_a_subscriber(self):
        with Leat("pub", "-b", "tcp://127.0.0.1:*", "weather.oslo", "--wait", "1", stdin=PIPE) as publisher:
            with Leat("sub", "-c", publisher.bound(), "weather.>", "--count", "2", "--timeout", "20s") as subscriber:
                publisher.stdin.write(b"rain\nsun\n")
                publisher.stdin.close()
                self.assertEqual(publisher.wait(PATIENCE), 0)
                self.check_done(subscriber.end(), b"weather.oslo rain\nweather.oslo sun\n")

    def test_data_as_an_argument_and_a_format(self):
        with Leat("pub", "-b", "tcp://127.0.0.1:*", "a/b", "hello", "--wait", "1", "--topic-sep", "/") as publisher:
            words = ("--count", "1", "--format", "%n %l %t=%p;", "--topic-sep", "/")
            with Leat("sub", "-c", publisher.bound(), "a/*", *words) as subscriber:
                self.check_done(subscriber.end(), b"1 live a/b=hello;")
            self.assertEqual(publisher.end()[0], 0)

    def test_json_is_msgpack_on_the_wire(self):
        with Leat("sub", "--json", "-b", "tcp://127.0.0.1:*", "t", "--count", "2") as subscriber:
            at = subscriber.bound()
            self.check_done(run("pub", "--json", "-c", at, "t", "--wait", "1", data=b'{"a": [1, null]}\n2\n'))
            self.check_done(subscriber.end(), b't {"a":[1,null]}\nt 2\n')

    def test_the_last_message_is_kept_for_those_who_ask(self):
        with Leat("pub", "-b", "tcp://127.0.0.1:*", "t", "--keep", "--wait", "1", stdin=PIPE) as publisher:
            at = publisher.bound()
            with Leat("sub", "-c", at, "t", "--count", "2") as subscriber:
                publisher.stdin.write(b"one\ntwo\n")
                publisher.stdin.flush()
                self.check_done(subscriber.end(), b"t one\nt two\n")
            self.check_done(run("sub", "-c", at, ">", "--last", "--count", "1", "--format", "%l %p"), b"last two")
            publisher.stdin.close()
            self.assertEqual(publisher.wait(PATIENCE), 0)

    def test_through_a_relay(self):
        up, down = self.endpoint("up"), self.endpoint("down")
        with Leat("forward", "--sub", up, "--pub", down) as relay:
            with Leat("sub", "-c", down, "t", "--count", "1") as subscriber:
                self.check_done(run("pub", "-c", up, "t", "hello", "--wait", "1"))
                self.check_done(subscriber.end(), b"t hello\n")
            relay.send_signal(signal.SIGTERM)
            self.assertEqual(relay.end()[0], 0)

    def test_gaps_and_restarts_are_told(self):
        at = self.endpoint()
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        publisher = context.socket(zmq.XPUB)
        self.addCleanup(publisher.close, 0)
        publisher.bind(at)

        def trailer(publisher, sequence):
            return b"LP\1\0" + bytes([0, 0, 0, 1]) + publisher.to_bytes(8, "big") + sequence.to_bytes(8, "big") + bytes(7) + b"\7"

        with Leat("sub", "-c", at, "t", "--count", "3") as subscriber:
            self.assertEqual(publisher.recv(), b"\1t")
            for id, sequence in ((5, 1), (5, 4), (6, 1)):
                publisher.send_multipart([b"t", b"x", trailer(id, sequence)])
            code, out, err = subscriber.end()
        self.assertEqual((code, out), (0, b"t x\n" * 3))
        self.assertEqual(
            err,
            "leat sub: missed 2 messages of t: numbers 2 to 3 of publisher 0000000000000005\n"
            "leat sub: publisher 0000000000000005 was restarted as 0000000000000006\n"
            "leat sub: missed 2 messages in all\n",
        )

    def test_timeouts(self):
        code, out, err = run("sub", "-b", self.endpoint(), ">", "--timeout", "50ms", "--count", "2")
        self.assertEqual((code, out), (3, b""))
        self.assertEqual(err, "leat sub: timed out: no message for 50ms; received 0 of 2\n")
        code, out, err = run("pub", "-b", self.endpoint("other"), "t", "x", "--wait", "2", "--timeout", "50ms")
        self.assertEqual((code, out), (3, b""))
        self.assertEqual(err, "leat pub: timed out: 0 of 2 subscribers to t came within 50ms\n")

    def test_block_waits_for_the_slowest_and_loses_nothing(self):
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        slow = context.socket(zmq.SUB)
        self.addCleanup(slow.close, 0)
        slow.subscribe(b"t")
        with subprocess.Popen(["yes", "x" * 10_000], stdout=PIPE) as endless:
            words = ("t", "--wait", "1", "--block", "--timeout", "300ms")
            with Leat("pub", "-b", "tcp://127.0.0.1:*", *words, stdin=endless.stdout) as publisher:
                slow.connect(publisher.bound())
                code, out, err = publisher.end()
            endless.kill()
        self.assertEqual((code, out), (3, b""))
        self.assertRegex(err, r"^leat pub: timed out: a subscriber took nothing for 300ms; [\d,]+ messages published before\n")
        numbers = []
        while slow.poll(200):
            topic, body, trailer = slow.recv_multipart()
            numbers.append(int.from_bytes(trailer[16:24], "big"))
        self.assertGreater(len(numbers), 0)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_nobody_listens(self):
        code, _, err = run("pub", "-b", self.endpoint(), "t", "x")
        self.assertEqual((code, err), (0, "leat pub: nobody subscribes to t; --wait 1 publishes once somebody does\n"))

    def test_a_signal_ends_both(self):
        with Leat("pub", "-b", "tcp://127.0.0.1:*", "t", "--wait", "1", stdin=PIPE) as publisher:
            with Leat("sub", "-c", publisher.bound(), "t") as subscriber:
                publisher.stdin.write(b"one\n")
                publisher.stdin.flush()
                wait_line(subscriber.stdout, "t one")
                for process in (subscriber, publisher):
                    process.send_signal(signal.SIGTERM)
                self.check_done(subscriber.end())
                self.assertEqual(publisher.end()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
