"""A client of the reliable session, from the specification alone, with nothing but the standard library.

    session_client.py PORT put TO FROM      stores each line of standard input
    session_client.py PORT receive ME N     prints N messages, acknowledging each
"""

import base64
import os
import socket
import sys
import time

MAX_DATAGRAM = 1200
WINDOW = 64


class Session:
    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.begin()
        self.open = {}  # number -> the line of a request that has no outcome yet
        self.asked = {}  # tag -> the line of a request that has no answer yet
        self.got = {}  # tag -> {i: message} of leases
        self.received_at = time.monotonic()

    def begin(self):
        """Makes up a session, of which the server knows nothing."""
        self.id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self.start_id = self.cookie = "-"
        self.born = ""  # when it began, as the server says: the first digits of its cookies
        self.next = 1

    def low(self):
        return min(self.open, default=self.next)

    def send(self, lines):
        """Sends the lines in as few datagrams as hold them; with none, an empty one."""
        head = f"P1> {self.id} {self.start_id} {self.cookie} {self.low()}".encode()
        datagram = head
        for line in lines:
            if len(datagram) + 1 + len(line) > MAX_DATAGRAM:
                self.socket.sendto(datagram, self.server)
                datagram = head
            datagram += b"\n" + line
        self.socket.sendto(datagram, self.server)

    def step(self, wait=0.2):
        """Takes one datagram. Without one in time, or after a challenge, what is open is sent again."""
        self.socket.settimeout(wait)
        try:
            datagram, source = self.socket.recvfrom(2048)
        except TimeoutError:
            if time.monotonic() - self.received_at > 10:
                sys.exit("the server is gone")
            return self.send([*list(self.open.values())[:WINDOW], *self.asked.values()])
        lines = datagram.decode().split("\n")
        head = lines[0].split(" ")
        if source != self.server or head[:2] != ["P1<", self.id]:
            return
        self.received_at = time.monotonic()
        if head[3] != "-":  # a challenge: nothing was carried out
            self.born = self.born or head[3][:12]
            self.start_id, self.cookie = head[2], self.born + head[3][12:]
            return self.send([*list(self.open.values())[:WINDOW], *self.asked.values()])
        for line in lines[1:]:
            self.answer(*line.split(",", 1))

    def answer(self, kind, rest=""):
        if kind == "ok":
            first, _, last = rest.partition("-")
            for n in range(int(first), int(last or first) + 1):
                self.open.pop(n, None)
        elif kind in ("lost", "bad"):
            n, reason = rest.split(",", 1)
            if self.open.pop(int(n), None):
                print(kind, n, reason, file=sys.stderr)
        elif kind == "msg":
            t, i, k, token, ident, _, _, sender, _, text = rest.split(",", 9)
            messages = self.got.setdefault(int(t), {})
            messages[int(i)] = (token, ident, sender, text)
            if len(messages) == int(k):
                self.asked.pop(int(t), None)
        elif kind == "none":
            self.asked.pop(int(rest), None)
        elif kind == "unknown":
            if self.open:
                sys.exit("outcome unknown")
            self.begin()

    def change(self, word, rest):
        """Numbers a request and sends it, once there is room for it."""
        while len(self.open) >= WINDOW:
            self.step()
        n, self.next = self.next, self.next + 1
        self.open[n] = f"{word},{n},{rest}".encode()
        return self.open[n]

    def finish(self):
        while self.open:
            self.step()


def put(session, to, sender):
    lines = []
    for text in sys.stdin:
        lines.append(session.change("put", f"{to},{sender},,,{text.rstrip(chr(10))}"))
        if len(lines) == 20:
            session.send(lines)
            lines = []
    session.send(lines)
    session.finish()


def receive(session, me, count):
    tag = 0
    while count > 0:
        tag += 1
        session.asked[tag] = f"lease,{tag},{me},{min(count, 16)},30000,5000".encode()
        session.send([session.asked[tag]])
        while tag in session.asked:
            session.step()
        for token, ident, _, text in (session.got.get(tag, {})[i] for i in sorted(session.got.get(tag, {}))):
            print(text, flush=True)
            session.send([session.change("ack", f"{token},{ident}")])
            count -= 1
    session.finish()


def main():
    port, what, *rest = sys.argv[1:]
    session = Session(int(port))
    if what == "put":
        put(session, *rest)
    else:
        receive(session, rest[0], int(rest[1]))


main()
