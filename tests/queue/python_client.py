"""Runs examples/python/queue_outcomes.py against a queue in a process of its own, and compares what it prints with what
its last comment says. Usage: python_client.py QUEUE_HOST EXAMPLE
"""

import subprocess
import sys
import tempfile

host, example = sys.argv[1:]
with tempfile.TemporaryDirectory() as directory:
    rules = ["30000", "2000", "5"]  # lease, session timeout, attempts
    queue = subprocess.Popen(
        ["sh", "-c", 'exec "$0" "$@" 3>&1', host, "tcp://127.0.0.1:*", directory + "/queue", *rules],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        endpoint = queue.stdout.readline().strip()
        command = [sys.executable, "-B", example, endpoint, "work"]
        got = subprocess.run(command, capture_output=True, text=True, timeout=60)
    finally:
        queue.terminate()
        queue.wait(timeout=20)
with open(example) as source:
    comment = source.read().split("\n# Prints:\n")[1]
wanted = "".join(line.removeprefix("# ") + "\n" for line in comment.splitlines())
if got.returncode != 0 or got.stdout != wanted:
    sys.exit(f"{got.stderr}\nexpected:\n{wanted}\nprinted:\n{got.stdout}")
