#!/usr/bin/python3
"""`leat transfer`, and [[transfer]] of `leat forward`, from outside. Usage: transfer_cli.py LEAT [unittest arguments]"""

import random
import unittest

from leat_case import ForwarderCase, Leat, run, wait_until

QUEUE = '[[queue]]\nname = "{0}"\nbind = "ipc://{0}.sock"\npath = "{0}"\n'
TRANSFER = """[[transfer]]
from = "ipc://a.sock"
from_queue = "a"
to = "ipc://b.sock"
to_queue = "b"
"""


class Transfer(ForwarderCase):
    def test_from_the_shell(self):
        text = b"".join(b"%d\n" % i for i in range(1000))
        with self.forward(QUEUE.format("a") + QUEUE.format("b")) as queues:
            queues.says(r"queue b at")
            self.put("ipc://a.sock", "a", text)
            with Leat("transfer", "ipc://a.sock,a", "ipc://b.sock,b") as transfer:
                transfer.says(r"transfer transfer from")
                self.assertEqual(self.take("ipc://b.sock", "b", 1000), text)
                said = self.end(transfer)
            self.assertEqual(said, "leat transfer: transfer transfer: 1,000 messages moved from a to b\n")
            self.assertEqual(self.stat("ipc://a.sock", "a")["ready"], 0)
            self.end(queues)

    def test_what_has_no_answer_stays(self):
        with self.forward(QUEUE.format("a")) as queues:
            queues.says(r"queue a at")
            self.put("ipc://a.sock", "a", b"1\n2\n")
            with Leat("transfer", "ipc://a.sock,a", "ipc://b.sock,b", "--linger", "50ms") as transfer:
                transfer.says(r"transfer transfer from a at ipc://a.sock to b at ipc://b.sock")
                self.assertEqual(
                    self.end(transfer), "leat transfer: transfer transfer: 0 messages moved from a to b\n"
                )
            self.assertEqual(self.stat("ipc://a.sock", "a")["ready"], 2)
            self.end(queues)

    def moved_under_kills(self, seed, put, total, most):
        """What comes out at b while a, b and the transfer are killed by turns."""
        chance = random.Random(seed)
        texts = {"a": QUEUE.format("a"), "b": QUEUE.format("b"), "t": TRANSFER}
        running = {name: self.forward(text, file=f"{name}.toml") for name, text in texts.items()}
        try:
            running["a"].says(r"queue a at")
            put()
            taken, left = b"", total
            while left > 0:
                some = min(left, chance.randrange(most // 8, most))
                taken += self.take("ipc://b.sock", "b", some)
                left -= some
                name = chance.choice("abt")
                if name == "b":  # what was taken is not to come again
                    wait_until(lambda: self.stat("ipc://b.sock", "b")["acked"] == total - left)
                running[name].kill()
                running[name].end()
                running[name] = self.forward(texts[name], file=f"{name}.toml")
            self.assertEqual(self.stat("ipc://b.sock", "b")["ready"], 0)
            return taken.splitlines()
        finally:
            for process in running.values():
                process.kill()
                process.end()

    def test_each_message_is_moved_once_whoever_is_killed(self):
        total = 20_000

        def put():
            self.put("ipc://a.sock", "a", b"".join(b"%d\n" % i for i in range(total)))

        got = [int(line) for line in self.moved_under_kills(7, put, total, 4000)]
        self.assertEqual(len(got), total)
        self.assertEqual(sorted(got), list(range(total)))

    def test_the_messages_of_a_key_stay_in_order_whoever_is_killed(self):
        keys, each = 20, 100

        def put():
            for key in range(keys):
                data = b"".join(b"%d %d\n" % (key, i) for i in range(each))
                words = ["-c", "ipc://a.sock", "a", "--key", f"k{key}", "--timeout", "20s"]
                self.check_done(run("put", *words, data=data))

        got = [line.split() for line in self.moved_under_kills(8, put, keys * each, 400)]
        for key in range(keys):
            of_key = [int(number) for name, number in got if int(name) == key]
            self.assertEqual(of_key, list(range(each)))


if __name__ == "__main__":
    unittest.main(verbosity=1)
