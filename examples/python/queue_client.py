"""A client of leat's queues: a producer and a consumer, written from docs/protocol.md.

For one thread, which has to call each client in each quarter of the session timeout and each third of the lease:
`take`, `flush` and `stat` do what is due. After a broken connection they go on where they were.
"""

import os
import time

import msgpack
import zmq

HELLO, PUT, CREDIT, SETTLE, EXTEND, PING, STAT, BYE = range(1, 9)
NEED = 12
WELCOME, CONFIRM, REFUSE, GRANT, DELIVER, SETTLED, LOST, PONG, STATUS, ERROR = range(17, 27)
PRODUCER, CONSUMER = 1, 2
ACK, RELEASE, RETRY, REJECT = range(4)
SESSION_LOST, OUT_OF_SEQUENCE = 4, 5
PROCESS = os.urandom(16)


def ranges(numbers):
    """Numbers as ascending [first, last] pairs."""
    pairs = []
    for n in sorted(numbers):
        if pairs and pairs[-1][1] == n - 1:
            pairs[-1][1] = n
        else:
            pairs.append([n, n])
    return pairs


def within(pairs):
    return (n for first, last in pairs for n in range(first, last + 1))


class Client:
    """A session on a connection, and another one when it is lost."""

    def __init__(self, context, endpoint, queue, role):
        self.endpoint, self.queue, self.role, self.id = endpoint, queue, role, os.urandom(16)
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.connect(endpoint)
        self.session, self.opening, self.figures = int.from_bytes(os.urandom(4), "big"), (0, 0), None
        self.hello()

    def hello(self):
        """Begins a session; what comes of older ones is passed over."""
        for _ in range(10):
            self.session += 1
            self.counter = self.seen = 0
            self.send(HELLO, 1, 1, 0, self.role, self.queue, self.id, PROCESS, *self.state())
            while self.socket.poll(1000):
                (command, session, *_), *fields = msgpack.unpackb(self.socket.recv_multipart()[0], raw=True)
                if session == self.session and command == ERROR:
                    raise ConnectionError(fields[1].decode())
                if session == self.session and command == WELCOME:
                    return self.begin(fields)
        raise TimeoutError("no answer from " + self.endpoint)

    def begin(self, fields):
        self.seen = 1
        self.heard = self.pinged = time.monotonic()
        opening, salt, lease, timeout = fields[3:7]
        resumed = fields[13] and (opening, salt) == self.opening
        self.opening, self.lease, self.timeout = (opening, salt), lease / 1000, timeout / 1000
        self.welcomed(resumed, *fields[9:13], fields[14])

    def send(self, command, *fields, body=None):
        self.counter += 1
        header = msgpack.packb([[command, self.session, self.counter, self.seen], *fields])
        self.socket.send_multipart([header] if body is None else [header, body])
        return len(header) + len(body or b"")

    def turn(self, wait):
        """Does what is due, and takes one frame if it comes in time. False if none came."""
        now = time.monotonic()
        if now - self.heard > self.timeout:
            self.cut()
            self.hello()
        elif now - self.pinged > min(self.timeout / 4, self.lease / 3):
            self.pinged = now
            self.send(PING, 0)
            self.renew()
        if not self.socket.poll(1000 * min(wait, self.timeout / 4, self.lease / 3)):
            return False
        header, *body = self.socket.recv_multipart()
        (command, session, counter, seen), *fields = msgpack.unpackb(header, raw=True)
        if session != self.session:
            return True
        if command == ERROR and not fields[2]:
            if fields[0] not in (SESSION_LOST, OUT_OF_SEQUENCE):
                raise ConnectionError(fields[1].decode())
            self.hello()
        elif counter != self.seen + 1:  # a frame was lost
            self.hello()
        else:
            self.seen, self.heard = counter, time.monotonic()
            self.queue_has_seen(seen)
            if command == STATUS:
                self.figures = {name.decode(): value for name, value in fields[1].items()}
            else:
                self.received(command, fields, body[0] if body else b"")
        return True

    def cut(self):
        """Breaks the connection, and makes another one."""
        self.socket.disconnect(self.endpoint)
        self.socket.connect(self.endpoint)

    def stat(self):
        self.figures, asked = None, None
        while self.figures is None:
            if asked != self.session:  # an answer does not outlive its session
                asked = self.session
                self.send(STAT, 1)
            self.turn(1)
        return self.figures

    def close(self):
        self.send(BYE)
        self.socket.close()

    def renew(self):
        pass

    def queue_has_seen(self, counter):
        pass


class Producer(Client):
    def __init__(self, context, endpoint, queue):
        self.last, self.open, self.verdicts = 0, {}, {}
        super().__init__(context, endpoint, queue, PRODUCER)

    def state(self):
        return min(self.open, default=self.last + 1), False, 0, [], []

    def welcomed(self, resumed, known, decided, not_stored, granted, gone):
        self.granted, self.sent = granted, 0
        if known:
            self.refuse(not_stored)
            self.decide("stored", [n for n in self.open if n <= decided])
        for number in sorted(self.open):  # the rest is put again under its old number
            self.push(number)

    def room(self, size):
        asked = None
        while self.sent + size > self.granted:
            if asked != self.session:  # a new session begins with a grant, and knows of no question
                asked = self.session
                self.send(NEED, self.sent + size)
            self.turn(1)

    def push(self, number):
        body, attributes = self.open[number]
        special = [[0, msgpack.packb(attributes), 0]] if attributes else []
        self.room(100 + len(body) + sum(len(one[1]) for one in special))
        self.sent += self.send(PUT, number, min(self.open), 0, [len(body)], special, body=body)

    def put(self, body, **attributes):
        """`key`, `id`, `pri`, `ttl`, `delay`, `hdr`, as in the protocol. Returns the put's number."""
        self.last += 1
        self.open[self.last] = (body, attributes)
        self.push(self.last)
        return self.last

    def flush(self):
        """Waits until all puts have their verdict."""
        while self.open:
            self.turn(1)
        return self.verdicts

    def received(self, command, fields, body):
        if command == CONFIRM:
            self.decide("stored", within(fields[0]))
            self.decide("duplicate", within(fields[1]))
        elif command == REFUSE:
            self.refuse(fields[0])
        elif command == GRANT:
            self.granted = fields[0]

    def decide(self, verdict, numbers):
        for number in numbers:
            if self.open.pop(number, None):
                self.verdicts[number] = verdict

    def refuse(self, refused):
        for first, last, _, text in refused:
            self.decide("refused: " + text.decode(), range(first, last + 1))


class Consumer(Client):
    def __init__(self, context, endpoint, queue, prefetch=16):
        self.prefetch, self.held, self.buffer, self.unheard = prefetch, set(), [], []
        super().__init__(context, endpoint, queue, CONSUMER)

    def state(self):
        return 1, False, self.opening[0], ranges(self.held), [outcome for _, outcome in self.unheard]

    def welcomed(self, resumed, known, decided, not_stored, granted, gone):
        self.held = self.held.difference(within(gone)) if resumed else set()
        self.buffer = [one for one in self.buffer if one[0] in self.held]
        self.unheard, self.got = [], 0
        self.credit()

    def credit(self):
        self.send(CREDIT, self.got + self.prefetch - len(self.held), 1 << 62)

    def renew(self):
        self.send(EXTEND, [])

    def received(self, command, fields, body):
        if command == LOST:  # our leases have ended; what was not looked at yet goes back
            lost = set(within(fields[0]))
            for one in [one for one in self.buffer if one[0] in lost]:
                self.buffer.remove(one)
                self.settle(one[0], RELEASE)
        if command != DELIVER:
            return
        first, sizes, sequences, special = fields[:4]
        notes = {index: rest for index, *rest in special}
        at, sequence = 0, 0
        for i, size in enumerate(sizes):
            sequence += sequences[i] if i == 0 or len(sequences) > 1 else 1
            head, attempts, before = notes.get(i, (b"", 0, 0))[:3]
            attributes = msgpack.unpackb(head, raw=False) if head else {}
            self.buffer.append((first + i, body[at : at + size], attributes, attempts, before))
            self.held.add(first + i)
            at += size
        self.got += len(sizes)

    def take(self, wait=10):
        """(delivery, body, attributes, attempts charged, deliveries before), or None when nothing comes in time."""
        until = time.monotonic() + wait
        while not self.buffer and time.monotonic() < until:
            self.turn(until - time.monotonic())
        return self.buffer.pop(0) if self.buffer else None

    def settle(self, delivery, outcome, delay=None, text=""):
        if delivery not in self.held:  # it was lost meanwhile
            return
        self.held.remove(delivery)
        one = [outcome, [[delivery, delivery]], delay, text]
        self.send(SETTLE, [one])
        self.unheard.append((self.counter, one))
        self.credit()

    def queue_has_seen(self, counter):
        self.unheard = [one for one in self.unheard if one[0] > counter]
