#!/usr/bin/python3
"""`leat forward --config` and `leat check` from outside. Usage: forward_config_cli.py LEAT [unittest arguments]"""

import os
import signal
import time
import unittest
from pathlib import Path

import zmq

from leat_case import ForwarderCase, Leat, PATIENCE, run

SAMPLE = Path(__file__).parent.parent.parent / "examples/forwarder.toml"


class ForwardConfig(ForwarderCase):
    def test_the_sample_is_right_and_runs(self):
        sample = SAMPLE.read_text()
        self.path("forwarder.toml", sample.encode())
        self.check_done(run("check", "forwarder.toml"), b"forwarder.toml: 2 relays and 2 queues\n")
        with self.forward(sample) as forwarder:
            forwarder.says(r"queue thumbs: queues/thumbs is new")
            forwarder.says(r"queue thumbs at ipc://queues.sock")
            forwarder.says(r"queue codes at ipc://queues.sock")
            forwarder.says(r"logs --pull ipc://logs-in.sock --push ipc://logs-out.sock --push ipc://logs-more.sock")
            forwarder.says(r"news --sub ipc://news-in.sock --pub ipc://news-out.sock --capture ipc://news-copy.sock")

            text = b"".join(b"%d\n" % i for i in range(500))
            self.put("ipc://queues.sock", "thumbs", text)
            self.assertEqual(self.take("ipc://queues.sock", "thumbs", 400), b"".join(text.splitlines(True)[:400]))
            self.put("ipc://queues.sock", "codes", b"".join(b"%d\n" % i for i in range(10_001)))
            self.assertEqual(self.stat("ipc://queues.sock", "codes")["ready"], 10_000)  # drop_oldest

            with Leat("pull", "-c", "ipc://logs-out.sock", "-c", "ipc://logs-more.sock", "--count", "500") as puller:
                self.check_done(run("push", "-c", "ipc://logs-in.sock", data=text))
                code, out, err = puller.end()
                self.assertEqual((code, err, sorted(out.splitlines())), (0, "", sorted(text.splitlines())))
            said = self.end(forwarder)
            self.assertIn("logs: stopped; 500 moved", said)
            self.assertIn("queue codes: 10,000 messages in its memory are gone", said)
        with self.forward(sample) as forwarder:
            forwarder.says(r"queue thumbs: queues/thumbs has 100 messages of ")  # so it was closed in good order
            self.assertEqual(self.take("ipc://queues.sock", "thumbs", 100), b"".join(text.splitlines(True)[400:]))
            forwarder.says(r"news --sub")
            self.end(forwarder)

    def test_publications_pass_and_are_copied(self):
        context = zmq.Context.instance()
        with self.forward(SAMPLE.read_text(), "--stats", "20ms") as forwarder:
            forwarder.says(r"news --sub")
            sockets = {}
            for name, kind in (("in", zmq.PUB), ("out", zmq.SUB), ("copy", zmq.PULL)):
                sockets[name] = context.socket(kind)
                sockets[name].linger = 0
                sockets[name].rcvtimeo = PATIENCE * 1000
                self.addCleanup(sockets[name].close)
            sockets["out"].subscribe(b"news")
            for name, socket in sockets.items():
                socket.connect(f"ipc://news-{name}.sock")
            deadline = time.monotonic() + PATIENCE  # a publication before the subscription is there is for nobody
            while time.monotonic() < deadline:
                sockets["in"].send(b"news 1")
                if sockets["out"].poll(20) and sockets["copy"].poll(20):
                    break
            self.assertEqual(sockets["out"].recv(), b"news 1")
            self.assertEqual(sockets["copy"].recv(), b"news 1")
            forwarder.send_signal(signal.SIGTERM)
            code, out, err = forwarder.end()
            self.assertEqual(code, 0, err)
            self.assertRegex(out, rb"relay=logs in=0 ")
            self.assertRegex(out, rb"relay=news in=[1-9]")

    def test_queues_alone_at_ports_that_the_system_picks(self):
        text = ""
        for name in ("a", "b"):
            text += f'[[queue]]\nname = "{name}"\nbind = "tcp://127.0.0.1:*"\nmax_attempts = 1\n'
        with self.forward(text) as forwarder:
            ends = [forwarder.says(rf"queue {name} at (\S+)")[1] for name in ("a", "b")]
            self.assertNotEqual(*ends)
            for at, name in zip(ends, ("a", "b")):
                self.put(at, name, name.encode() + b"\n")
                self.assertEqual(self.take(at, name, 1), name.encode() + b"\n")
            self.assertEqual(self.end(forwarder), "")
        self.assertEqual(
            run("forward", "--config", "forwarder.toml", "--stats", "1s"),
            (2, b"", "leat forward: --stats counts for relays, and forwarder.toml has none\n"),
        )

    def test_the_one_with_the_largest_messages_may_come_last(self):
        text = '[[queue]]\nname = "small"\nbind = "ipc://q"\nmax_message = "1KiB"\n'
        text += '[[queue]]\nname = "large"\nbind = "ipc://q"\nmax_message = "64MiB"\n'
        with self.forward(text) as forwarder:
            forwarder.says(r"queue large at")
            forwarder.says(r"queue small at")
            self.assertEqual(run("put", "-c", "ipc://q", "small", "--timeout", "20s", data=b"x" * 2000 + b"\n")[0], 1)
            self.end(forwarder)

    def test_a_signal_waits_for_what_consumers_hold(self):
        text = '[[queue]]\nname = "jobs"\nbind = "ipc://q"\nclose_deadline = "20s"\npath = "jobs"\n'
        text += '[[relay]]\npull = "ipc://in"\npush = "ipc://out"\n'
        with self.forward(text) as forwarder:
            forwarder.says(r"streamer --pull")
            self.put("ipc://q", "jobs", b"1\n")
            os.mkfifo("go")  # the command has the message until somebody writes to it
            with Leat("take", "-c", "ipc://q", "jobs", "--count", "1", "--exec", "echo has >&2; cat go; echo done") as taker:
                taker.says("has")
                forwarder.send_signal(signal.SIGTERM)
                forwarder.says(r"streamer: stopped")
                Path("go").write_text("")
                code, _, err = forwarder.end()
                self.assertEqual(code, 0, err)
                code, out, err = taker.end()
                self.assertEqual((code, out), (0, b"done\n"), err)
        with self.forward(text) as forwarder:
            forwarder.says(r"queue jobs: jobs has 0 messages")  # so its ack has counted
            forwarder.says(r"streamer --pull")
            self.end(forwarder)

    def test_what_is_held_at_the_deadline_is_said(self):
        text = '[[queue]]\nname = "jobs"\nbind = "ipc://q"\nclose_deadline = "50ms"\npath = "jobs"\n'
        text += '[[queue]]\nname = "mail"\nbind = "ipc://q"\nclose_deadline = "50ms"\n'
        with self.forward(text) as forwarder:
            forwarder.says(r"queue mail at")
            self.put("ipc://q", "jobs", b"1\n")
            os.mkfifo("never")
            with Leat("take", "-c", "ipc://q", "jobs", "--count", "1", "--exec", "echo has >&2; cat never") as taker:
                taker.says("has")
                err = self.end(forwarder, 1)
                self.assertEqual(err, "leat forward: queue jobs: consumers still held messages after 50ms\n")
                Path("never").write_text("")
                taker.kill()
                taker.end()

    def test_what_is_wrong_is_told_by_line_and_nothing_runs(self):
        text = '[[queue]]\nname = "jobs"\nbind = "ipc://q"\nmax_mesages = 3\nlease = "1ms"\npath = "jobs"\n'
        self.path("forwarder.toml", text.encode())
        says = (
            "{0}: forwarder.toml:4: unknown key 'max_mesages' in [[queue]]; did you mean 'max_messages'?\n"
            "{0}: forwarder.toml:5: queue rule lease is 0.001 s; 0.01 s to 86400 s is right\n"
        )
        self.assertEqual(run("check", "forwarder.toml"), (2, b"", says.format("leat check")))
        self.assertEqual(run("forward", "--config", "forwarder.toml"), (2, b"", says.format("leat forward")))
        self.assertFalse(Path("jobs").exists())

    def test_what_shows_at_run_time_ends_it_with_status_1(self):
        text = '[[queue]]\nname = "jobs"\nbind = "ipc://q"\npath = "jobs"\n'
        with self.forward(text) as forwarder:
            forwarder.says(r"queue jobs at")
            code, out, err = run("forward", "--config", "forwarder.toml")
            self.assertEqual((code, out), (1, b""))
            self.assertIn(f"process {forwarder.pid}", err)
            self.end(forwarder)
        with self.forward(text + '[[relay]]\npull = "ipc:///nonexistent/in"\npush = "ipc://out"\n') as forwarder:
            code, _, err = forwarder.end()
            self.assertEqual(code, 1)
            self.assertIn("bind ipc:///nonexistent/in: ", err)
        with self.forward(text) as forwarder:
            forwarder.says(r"queue jobs: jobs has 0 messages")  # closed in good order all the same
            self.end(forwarder)


if __name__ == "__main__":
    unittest.main(verbosity=1)
