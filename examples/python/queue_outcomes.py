"""What the client in queue_client.py can do. Usage: queue_outcomes.py ENDPOINT QUEUE"""

import sys

import zmq
from queue_client import ACK, REJECT, RELEASE, RETRY, Consumer, Producer


def main(endpoint, queue):
    context = zmq.Context()
    out, taker = Producer(context, endpoint, queue), Consumer(context, endpoint, queue, prefetch=1)

    for body in (b"one", b"two", b"three", b"four"):
        out.put(body, key="order-7")
    for _ in range(2):
        out.put(b"five", key="order-7", id="5", hdr={"from": "python"})
    print(*out.flush().values())

    def take():
        delivery, body, attributes, attempts, before = taker.take()
        print(body.decode(), *filter(None, [attributes.get("hdr")]), end=": ")
        print(f"attempts {attempts}, delivered before {before}")
        return delivery

    taker.settle(take(), ACK)
    taker.settle(take(), RELEASE)
    taker.settle(take(), ACK)
    taker.settle(take(), RETRY, delay=0)
    taker.settle(take(), ACK)
    taker.settle(take(), REJECT, text="no use")
    taker.settle(take(), ACK)

    # The connection breaks while puts have no verdict and outcomes are under way.
    taker.prefetch = 3
    taker.credit()
    for body in (b"six", b"seven", b"eight"):
        out.put(body)
        out.cut()
    print(*list(out.flush().values())[6:])
    six, seven = take(), take()
    taker.settle(six, ACK)
    taker.cut()
    taker.settle(seven, ACK)
    taker.settle(take(), ACK)

    while (figures := taker.stat())["settled"] + figures["in_flight"] > 0:
        pass
    names = "admitted", "acked", "released", "retried", "rejected", "lost", "ready"
    print(*(f"{name} {figures[name]}" for name in names), sep=", ")
    for client in (out, taker):
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

# Prints:
# stored stored stored stored stored duplicate
# one: attempts 0, delivered before 0
# two: attempts 0, delivered before 0
# two: attempts 0, delivered before 1
# three: attempts 0, delivered before 0
# three: attempts 1, delivered before 1
# four: attempts 0, delivered before 0
# five {'from': 'python'}: attempts 0, delivered before 0
# stored stored stored
# six: attempts 0, delivered before 0
# seven: attempts 0, delivered before 0
# eight: attempts 0, delivered before 0
# admitted 8, acked 7, released 1, retried 1, rejected 1, lost 0, ready 0
