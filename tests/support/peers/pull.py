#!/usr/bin/python3
"""A plain PULL peer: prints what comes, a line a message, or with --msgpack a JSON line for each msgpack object.

Usage: pull.py [--msgpack] --count N (--bind|--connect) ENDPOINT. With a bind, prints the endpoint first. Fails when nothing
comes for 20 seconds.
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
    options.add_argument("--count", type=int, required=True, help="lines")
    options.add_argument("--bind")
    options.add_argument("--connect")
    options = options.parse_args()
    socket = zmq.Context().socket(zmq.PULL)
    socket.rcvtimeo = PATIENCE
    if options.bind:
        socket.bind(options.bind)
        print(socket.last_endpoint.decode(), flush=True)
    else:
        socket.connect(options.connect)
    printed = 0
    while printed < options.count:
        frame = socket.recv()
        if not options.msgpack:
            sys.stdout.buffer.write(frame + b"\n")
            printed += 1
            continue
        unpacker = msgpack.Unpacker(strict_map_key=False)
        unpacker.feed(frame)
        for value in unpacker:
            print(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
            printed += 1


main()
