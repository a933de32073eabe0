#!/usr/bin/python3
"""A plain PUSH peer: sends each line of standard input, or with --msgpack each JSON line as msgpack.

Usage: push.py [--msgpack] [--batch N] (--bind|--connect) ENDPOINT. With a bind, prints the endpoint first. Ends once all is
handed over, or fails after 20 seconds.
"""

import argparse
import json
import sys

import msgpack
import zmq

PATIENCE = 20_000  # ms


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--msgpack", action="store_true")
    options.add_argument("--batch", type=int, default=1, help="objects in a frame")
    options.add_argument("--bind")
    options.add_argument("--connect")
    options = options.parse_args()
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = PATIENCE
    socket.sndtimeo = PATIENCE
    if options.bind:
        socket.bind(options.bind)
        print(socket.last_endpoint.decode(), flush=True)
    else:
        socket.connect(options.connect)
    lines = sys.stdin.buffer.read().splitlines()
    if options.msgpack:
        lines = [msgpack.packb(json.loads(line)) for line in lines]
        lines = [b"".join(lines[i : i + options.batch]) for i in range(0, len(lines), options.batch)]
    for line in lines:
        socket.send(line)
    socket.close()
    context.term()


main()
