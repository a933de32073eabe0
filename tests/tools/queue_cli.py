#!/usr/bin/python3
"""The `leat` program and queues. Usage: queue_cli.py LEAT [unittest arguments]"""

import json
import signal
import unittest

from leat_case import Case, Leat, PATIENCE, PIPE, run, wait_signal_asked, wait_until


class Queue(Case):
    def setUp(self):
        super().setUp()
        self.at = self.endpoint("queue")

    def serve(self, *rules, names=("jobs",)):
        return Leat("queue", "serve", "-b", self.at, *(word for name in names for word in ("--name", name)), *rules)

    def put(self, *words, queue="jobs", data=None):
        return run("put", "-c", self.at, queue, "--timeout", "20s", *words, data=data)

    def take(self, *words, queue="jobs"):
        return run("take", "-c", self.at, queue, "--timeout", "20s", *words)

    def queue(self, what, *words, queue="jobs"):
        return run("queue", what, "-c", self.at, queue, "--timeout", "20s", *words)

    def stat(self, queue="jobs"):
        code, out, err = self.queue("stat", "--json", queue=queue)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def test_what_is_put_is_taken_in_order_and_gone(self):
        text = b"".join(b"%d\n" % i for i in range(5000))
        with self.serve() as queue:
            self.check_done(self.put(data=text))
            self.check_done(self.take("--count", "5000"), text)
            stat = self.stat()
            self.assertEqual((stat["admitted"], stat["acked"], stat["in_flight"]), (5000, 5000, 0))
            queue.send_signal(signal.SIGTERM)
            self.assertEqual(queue.end(), (0, b"", ""))

    def test_attributes(self):
        with self.serve():
            self.check_done(self.put("later"))
            self.check_done(self.put("first", "--priority", "9", "--key", "k", "--id", "one", "--header", "a=b=c"))
            self.check_done(self.put("again", "--id", "one"))  # stored before, which is as good
            self.check_done(self.put("much later", "--delay", "1h"))
            code, out, _ = self.queue("peek", "--json")
            self.assertEqual(code, 0)
            first, later = [json.loads(line) for line in out.splitlines()]
            self.assertEqual((first["body"], first["priority"], first["key"]), ("first", 9, "k"))
            self.assertEqual(first["headers"], {"a": "b=c"})
            self.assertEqual(later["body"], "later")
            self.assertEqual(self.queue("peek", "--count", "1"), (0, b"first\n", ""))
            self.assertEqual((self.stat()["same_id"], self.stat()["delayed"]), (1, 1))

    def test_json_and_null(self):
        with self.serve():
            self.check_done(self.put("--json", data=b'{"a":[1,2]}\n"text"\n'))
            self.check_done(self.take("--json", "--count", "2"), b'{"a":[1,2]}\n"text"\n')
            self.check_done(self.put("--null", data=b"two\nlines\0one\0"))
            self.check_done(self.take("--null", "--count", "2"), b"two\nlines\0one\0")
            self.check_done(self.put(data=b"\xc1\n"))
            code, out, err = self.take("--json", "--count", "1")
            self.assertEqual((code, out), (1, b""))
            self.assertIn("is not msgpack, and is rejected", err)
            self.assertEqual(self.stat()["dead.rejected"], 1)

    def test_outcomes(self):
        with self.serve("--max-attempts", "2", "--retry-first", "1ms"):
            self.check_done(self.put("x"))
            for outcome in ("release", "release", "retry", "retry"):
                self.check_done(self.take("--count", "1", "--outcome", outcome), b"x\n")
            stat = self.stat()
            self.assertEqual((stat["retried"], stat["dead.attempts"]), (2, 1))
            self.assertGreaterEqual(stat["released"], 2)  # one that comes once more before its taker is gone counts too
            self.check_done(self.queue("dead"), b"1 attempts: x\n")
            self.check_done(self.queue("redrive", "--why", "rejected"), b"moved 0, left 0\n")
            self.check_done(self.queue("redrive", "--why", "attempts", "--json"), b'{"moved":1,"left":0}\n')
            self.check_done(self.take("--count", "1", "--outcome", "reject"), b"x\n")
            code, out, _ = self.queue("dead", "--json")
            letter = json.loads(out)
            self.assertEqual((code, letter["why"], letter["redrives"], letter["body"]), (0, "rejected", 1, "x"))
            self.check_done(self.queue("purge", "--dead"), b"purged 1\n")
            self.check_done(self.queue("dead"))

    def test_dead_letters_are_a_queue(self):
        with self.serve():
            self.check_done(self.put("x"))
            self.check_done(self.take("--count", "1", "--outcome", "reject"), b"x\n")
            self.check_done(self.take("--count", "1", queue="jobs.dead"), b"x\n")
            self.assertEqual(self.stat()["dead_letters"], 0)

    def test_a_command_decides(self):
        with self.serve("--retry-first", "1ms", "--max-attempts", "2"):
            self.check_done(self.put(data=b"good\nbad\nbusy\n"))
            command = 'read text; echo "$text"; case $text in bad) exit 3;; busy) exit 75;; esac'
            self.check_done(self.take("--exec", command, "--count", "4"), b"good\nbad\nbusy\nbusy\n")
            stat = self.stat()
            self.assertEqual((stat["acked"], stat["dead.rejected"], stat["dead.attempts"]), (1, 1, 1))
            self.check_done(
                self.queue("dead", "--count", "1"), b"1 rejected (the command ended with status 3): bad\n"
            )

    def test_pause_and_resume(self):
        with self.serve():
            self.check_done(self.put("x"))
            self.check_done(self.queue("pause"))
            self.assertEqual(self.put("y"), (1, b"", "leat put: refused: paused\n"))
            code, out, err = run("take", "-c", self.at, "jobs", "--timeout", "200ms")
            self.assertEqual((code, out, err), (3, b"", "leat take: timed out: no message for 200ms; received 0\n"))
            self.check_done(self.queue("resume", "--puts"))
            self.check_done(self.put("z"))
            self.assertEqual(self.stat()["takes_paused"], 1)
            self.check_done(self.queue("resume"))
            self.check_done(self.take("--count", "2"), b"x\nz\n")

    def test_limits_and_purge(self):
        with self.serve("--overflow", "reject", "--max-messages", "2", names=("jobs", "mail")):
            code, _, err = self.put(data=b"1\n2\n3\n4\n")
            self.assertEqual((code, err), (1, "leat put: refused: full\nleat put: 2 messages of 4 were refused\n"))
            self.check_done(self.queue("purge"), b"purged 2\n")
            self.check_done(self.put("x", queue="mail"))
            self.assertEqual((self.stat()["ready"], self.stat("mail")["ready"]), (0, 1))

    def test_expired_messages_can_be_dead_letters_and_attempts_unlimited(self):
        rules = ["--on-expiry", "dead-letter", "--ttl", "200ms", "--unlimited-attempts", "--retry-first", "1ms"]
        rules += ["--retry-factor", "1", "--retry-jitter", "0", "--max-in-flight", "1", "--max-dead-bytes", "1MiB"]
        with self.serve(*rules, "--ingress-bytes", "1MiB", "--close-deadline", "1s", "--max-delay", "1h"):
            self.check_done(self.put("x"))
            wait_until(lambda: self.stat()["dead.expired"] == 1)
            self.check_done(self.queue("dead"), b"1 expired: x\n")
            self.assertEqual(self.put("y", "--delay", "2h")[0], 1)
        code, _, err = run("queue", "serve", "-b", self.at, "--name", "x", "--retry-jitter", "2")
        self.assertEqual((code, "retry.jitter is 2; 0 to 0.9 is right" in err), (2, True), err)

    def test_nobody_there(self):
        code, out, err = run("put", "-c", self.at, "jobs", "x", "--timeout", "100ms")
        self.assertEqual((code, out), (3, b""))
        self.assertIn("timed out: the queue has not answered for 100ms; of 1 put, 1 may be stored or not\n", err)
        self.assertEqual(
            run("queue", "stat", "-c", self.at, "jobs", "--timeout", "100ms"),
            (3, b"", "leat queue stat: timed out: the queue has not answered for 100ms\n"),
        )
        with self.serve():
            code, _, err = self.queue("stat", queue="mail")
            self.assertEqual(code, 1)
            self.assertIn("there is no queue named mail here", err)

    def test_good_lines_before_a_bad_one_are_put(self):
        with self.serve():
            code, _, err = self.put("--json", data=b"1\n2\noops\n3\n")
            self.assertEqual(code, 1)
            self.assertIn("; 2 messages before it were put", err)
            self.assertEqual(self.stat()["ready"], 2)

    def test_a_full_queue_that_drains_slower_than_the_timeout(self):
        with self.serve("--max-messages", "1"):
            with Leat("put", "-c", self.at, "jobs", "--timeout", "2s", stdin=PIPE) as put:
                put.stdin.write(b"".join(b"%d\n" % i for i in range(30)))
                put.stdin.close()
                put.stdin = None
                # Each takes long in comparison with nothing, and all of them longer than the timeout.
                self.check_done(self.take("--exec", "sleep 0.1; cat", "--count", "30"), b"".join(b"%d" % i for i in range(30)))
                self.check_done(put.end())

    def test_a_large_message_for_a_command_that_closes_its_output(self):
        with self.serve():
            self.check_done(self.put("--null", data=b"x" * 500_000))
            path = self.path("out")
            self.check_done(self.take("--exec", f"exec cat > {path}", "--count", "1"))
            self.assertEqual(path.read_bytes(), b"x" * 500_000)

    def test_a_signal_ends_what_waits(self):
        with self.serve():
            self.check_done(self.put("x"))
            words = "take", "-c", self.at, "jobs", "--count", "1", "--exec", "exec >&-; echo begun >&2; sleep 100"
            with Leat(*words) as taker:
                taker.says("begun")
                taker.send_signal(signal.SIGINT)
                self.assertEqual(taker.end(), (1, b"", "leat take: stopped: received 0 of 1\n"))
            self.assertEqual(self.stat()["released"], 1)
        with Leat("queue", "stat", "-c", self.endpoint("nobody"), "jobs", "--timeout", "1h") as stat:
            wait_signal_asked(stat.pid, signal.SIGINT)
            stat.send_signal(signal.SIGINT)
            self.assertEqual(stat.end()[0], 1)

    def test_what_is_lost_at_the_end_is_told(self):
        with self.serve() as queue:
            self.check_done(self.put(data=b"1\n2\n"))
            queue.send_signal(signal.SIGTERM)
            code, _, err = queue.end()
            self.assertEqual(err, "leat queue serve: queue jobs: 2 messages in its memory are gone\n")
            self.assertEqual(code, 0)

    def test_a_queue_on_disk_survives_a_kill(self):
        path = self.path("queues")
        with self.serve("--path", str(path)) as queue:
            queue.says(f"queue jobs: {path}/jobs is new")
            self.check_done(self.put(data=b"1\n2\n3\n"))
            self.check_done(self.take("--count", "1"), b"1\n")
            wait_until(lambda: self.stat()["acked"] == 1)
            stat = self.stat()
            self.assertEqual((stat["store.failing"], stat["store.live_bytes"]), (0, 2))
            self.assertGreater(stat["store.commits"], 0)
            self.assertIn(f"{path}/jobs is in use by process {queue.pid}", self.serve("--path", str(path)).end()[2])
            queue.kill()
            queue.wait(PATIENCE)
        with self.serve("--path", str(path)) as queue:
            queue.says("was not closed; it has 2 messages of")
            self.check_done(self.take("--count", "2"), b"2\n3\n")
            queue.send_signal(signal.SIGTERM)
            self.assertEqual(queue.end()[0], 0)
        with self.serve("--path", str(path)) as queue:
            queue.says("jobs has 0 messages of 0 bytes and 0 dead letters; read in")
            self.check_done(self.put(data=b"4\n5\n"))
            self.assertIn(f"in use by process {queue.pid}", run("store", "verify", f"{path}/jobs")[2])
            queue.send_signal(signal.SIGTERM)
            self.assertEqual(queue.end()[0], 0)
        code, out, err = run("store", "verify", f"{path}/jobs")
        self.assertEqual((code, err), (0, ""))
        self.assertIn(b"queue jobs, opened 3 times, closed in good order\n2 messages of", out)
        info = json.loads(run("store", "info", f"{path}/jobs", "--json")[1])
        self.assertEqual((info["messages"], info["acked"], info["admitted"], info["damages"]), (2, 3, 5, []))

    def test_a_store_is_compacted_and_salvaged(self):
        path, new = self.path("queues"), self.path("saved")
        with self.serve("--path", str(path)) as queue:
            self.check_done(self.put("--null", data=b"\0".join([b"x" * 20_000] * 100)))
            tables = path / "jobs" / "data.mdb"
            wait_until(lambda: tables.stat().st_size > 1_500_000)  # what was not taken is in them before long
            self.check_done(self.take("--count", "97", "--null"), (b"x" * 20_000 + b"\0") * 97)
            wait_until(lambda: self.stat()["acked"] == 97)
            self.assertIn(f"in use by process {queue.pid}", run("store", "compact", f"{path}/jobs")[2])
            self.assertIn(f"in use by process {queue.pid}", run("store", "salvage", f"{path}/jobs", str(new))[2])
            queue.send_signal(signal.SIGTERM)
            self.assertEqual(queue.end()[0], 0)
        code, out, err = run("store", "compact", f"{path}/jobs", "--json")
        self.assertEqual((code, err), (0, ""))
        told = json.loads(out)
        self.assertLess(told["after_bytes"], told["before_bytes"] / 4)
        data = path / "jobs" / "data.mdb"
        self.assertEqual(data.stat().st_size, told["after_bytes"])
        self.assertEqual(run("store", "verify", f"{path}/jobs")[0], 0)

        good = data.read_bytes()
        bad = good.find(b"x" * 100)
        data.write_bytes(good[:bad] + b"y" + good[bad + 1 :])
        code, out, err = run("store", "verify", f"{path}/jobs")
        self.assertEqual(code, 1)
        self.assertRegex(err, r"0\.record \d+: bodies are damaged")
        code, out, err = run("store", "salvage", f"{path}/jobs", str(new))
        self.assertEqual(code, 1)
        self.assertRegex(out.decode(), r"(?s)queue jobs\n\d messages? of .* saved, \d lost\n.*lost: record \d+, \d messages?: bodies are damaged\n")
        self.assertRegex(err, r"0\.record \d+: bodies are damaged")
        self.assertEqual(run("store", "verify", str(new))[0], 0)
        self.assertEqual(run("store", "salvage", f"{path}/jobs", str(new))[2], f"leat store salvage: {new}: it is not empty\n")
        told = json.loads(run("store", "salvage", f"{path}/jobs", f"{new}-too", "--json")[1])
        saved, lost = told["messages"]["saved"], told["messages"]["lost"]
        self.assertEqual((saved + lost, told["lost_records"][0]["messages"]), (3, lost))
        data.write_bytes(good[:9000])
        self.assertIn("is beyond the end of the file", run("store", "compact", f"{path}/jobs")[2])
        self.assertEqual(run("store", "salvage", f"{path}/jobs")[0], 2)

    def test_wrong_usage(self):
        for words, says in (
            (("queue",), "needs a subcommand: serve, stat, peek, dead, redrive, purge, pause or resume"),
            (("queue", "sttt"), "did you mean stat?"),
            (("queue", "serve", "-b", "ipc://x"), "needs a name: --name jobs"),
            (("queue", "serve", "--name", "x"), "needs one endpoint: --bind"),
            (("queue", "serve", "-b", "tcp://*:5600", "--name", "x"), "--insecure"),
            (("queue", "serve", "-b", self.at, "--name", "x", "--overflow", "drop"), "block, reject, drop-oldest"),
            (("put", "-c", self.at, "q", "x", "--priority", "10"), "allowed are 0 to 9"),
            (("put", "-c", self.at, "q", "x", "--header", "a"), "a header is NAME=VALUE"),
            (("put", "q", "x"), "needs one endpoint: --connect"),
            (("take", "-c", self.at), "needs the QUEUE's name"),
            (("take", "-c", self.at, "q", "--outcome", "nack"), "ack, release, retry and reject"),
            (("take", "-c", self.at, "q", "--exec", "true", "--json"), "--exec goes without"),
        ):
            with self.subTest(words):
                code, out, err = run(*words)
                self.assertEqual((code, out), (2, b""))
                self.assertIn(says, err)


if __name__ == "__main__":
    unittest.main(verbosity=1)
