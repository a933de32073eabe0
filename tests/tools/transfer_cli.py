#!/usr/bin/python3
"""`leat transfer`, and [[transfer]] of `leat forward`, from outside. Usage: transfer_cli.py LEAT [unittest arguments]"""

import json
import os
import random
import signal
import time
import unittest

from leat_case import Case, Leat, PATIENCE, run

QUEUE = '[[queue]]\nname = "{0}"\nbind = "ipc://{0}.sock"\npath = "{0}"\n'
TRANSFER = """[[transfer]]
from = "ipc://a.sock"
from_queue = "a"
to = "ipc://b.sock"
to_queue = "b"
"""


class Transfer(Case):
    def setUp(self):
        super().setUp()
        before = os.getcwd()
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, before)

    def forward(self, name, text):
        self.path(f"{name}.toml", text.encode())
        return Leat("forward", "--config", f"{name}.toml")

    def put(self, data):
        self.check_done(run("put", "-c", "ipc://a.sock", "a", "--timeout", "20s", data=data))

    def take(self, count):
        code, out, err = run("take", "-c", "ipc://b.sock", "b", "--timeout", "20s", "--count", str(count))
        self.assertEqual((code, err), (0, ""))
        return out

    def stat(self, queue):
        code, out, err = run("queue", "stat", "-c", f"ipc://{queue}.sock", queue, "--timeout", "20s", "--json")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def comes_true(self, what):
        deadline = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), deadline)

    def end(self, process, code=0):
        process.send_signal(signal.SIGTERM)
        status, _, err = process.end()
        self.assertEqual(status, code, err)
        return err

    def test_from_the_shell(self):
        text = b"".join(b"%d\n" % i for i in range(1000))
        with self.forward("queues", QUEUE.format("a") + QUEUE.format("b")) as queues:
            queues.says(r"queue b at")
            self.put(text)
            with Leat("transfer", "ipc://a.sock,a", "ipc://b.sock,b") as transfer:
                transfer.says(r"transfer transfer from")
                self.assertEqual(self.take(1000), text)
                said = self.end(transfer)
            self.assertEqual(said, "leat transfer: transfer transfer: 1,000 messages moved from a to b\n")
            self.assertEqual(self.stat("a")["ready"], 0)
            self.end(queues)

    def test_what_has_no_answer_stays(self):
        with self.forward("queues", QUEUE.format("a")) as queues:
            queues.says(r"queue a at")
            self.put(b"1\n2\n")
            with Leat("transfer", "ipc://a.sock,a", "ipc://b.sock,b", "--linger", "50ms") as transfer:
                transfer.says(r"transfer transfer from a at ipc://a.sock to b at ipc://b.sock")
                self.assertEqual(
                    self.end(transfer), "leat transfer: transfer transfer: 0 messages moved from a to b\n"
                )
            self.assertEqual(self.stat("a")["ready"], 2)
            self.end(queues)

    def test_each_message_is_moved_once_whoever_is_killed(self):
        chance = random.Random(7)
        total, left = 20_000, 20_000
        texts = {
            "a": QUEUE.format("a"),
            "b": QUEUE.format("b"),
            "t": TRANSFER,
        }
        running = {name: self.forward(name, text) for name, text in texts.items()}
        try:
            running["a"].says(r"queue a at")
            self.put(b"".join(b"%d\n" % i for i in range(total)))
            taken = b""
            while left > 0:
                some = min(left, chance.randrange(500, 4000))
                taken += self.take(some)
                left -= some
                name = chance.choice("abt")
                if name == "b":  # what was taken is not to come again
                    self.comes_true(lambda: self.stat("b")["acked"] == total - left)
                running[name].kill()
                running[name].end()
                running[name] = self.forward(name, texts[name])
            got = [int(line) for line in taken.split()]
            self.assertEqual(sorted(set(got)), list(range(total)))
            self.assertEqual(len(got), total)
            self.assertEqual(got, sorted(got))
            self.assertEqual(self.stat("b")["ready"], 0)
        finally:
            for process in running.values():
                process.kill()
                process.end()


if __name__ == "__main__":
    unittest.main(verbosity=1)
