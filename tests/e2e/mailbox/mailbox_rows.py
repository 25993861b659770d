"""The mailbox's original wire, driven with nothing but sockets: mailbox_rows.py ROW PORT SECRET_FILE.

A row sends and expects datagrams byte for byte; only times are compared apart from the rest. "Dropped" is shown by the
next request, which is answered as if the dropped one had not come, and by the counters of `status`.
"""

import datetime
import hashlib
import hmac
import re
import socket
import sys

ROW, PORT, SECRET_FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Client:
    """Binds any port, sends, and waits for one datagram in a buffer of 1,024 bytes."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(60)
        self.server = ("127.0.0.1", PORT)

    def send(self, *datagrams):
        for datagram in datagrams:
            self.socket.sendto(datagram.encode() if isinstance(datagram, str) else datagram, self.server)

    def receive(self):
        datagram, sender = self.socket.recvfrom(1024)
        assert sender == self.server, sender
        return datagram

    def expect(self, request, *answers):
        """Sends the request and expects these answers, in which TIME stands for any time."""
        self.send(request)
        for answer in answers:
            got = TIME.sub(b"TIME", self.receive())
            assert got == answer.encode(), f"{request!r}: expected {answer!r}, got {got.decode()!r}"


class Administrator(Client):
    def challenge(self):
        self.send("A, challenge   ")
        answer = self.receive().decode()
        assert re.fullmatch(r"A, ok, [0-9a-f]{36}", answer), answer
        return answer[len("A, ok, "):]

    def prove(self, nonce, command):
        with open(SECRET_FILE, "rb") as file:
            secret = file.read().strip()
        return hmac.new(secret, f"{nonce},{command}".encode(), hashlib.sha256).hexdigest()

    def ask(self, command):
        nonce = self.challenge()
        self.send(f"A, {nonce}, {self.prove(nonce, command)}, {command}")
        return self.receive().decode()

    def status(self):
        """The counters by name."""
        state, *fields = self.ask("status")[len("A, "):].split(", ")
        assert state == "ok", state
        return dict(field.rsplit(" ", 1) for field in fields)


def shared_queue(time):
    sender, receiver = Client(), Client()
    receiver.expect("req", "xxx")
    sender.send("for, 5 Ω, or more? ✓", "FOR,two", " for ,  three  ", "for,", "for, 😀")
    receiver.expect("req", f"nxt, {time}5 Ω, or more? ✓")
    receiver.expect("REQ", f"nxt, {time}two")
    receiver.expect(" Req ", f"nxt, {time} three  ")
    receiver.expect("req\n", f"nxt, {time}")
    receiver.expect("req", f"nxt, {time}😀")
    receiver.expect("req", "xxx")
    sender.send("for, not bob's", "req, no field", "for")
    receiver.expect("R, bob", "X")
    receiver.expect("req", f"nxt, {time}not bob's")
    receiver.expect("req", "xxx")


def second_generation():
    shared_queue("TIME, ")


def first_generation():
    shared_queue("")


def receivers():
    alice, bob = Client(), Client()
    bob.expect("R, bob", "X")
    alice.send("F, bob, alice, 5 Ω, or more? ✓", "F, Bob, alice, another", "F, bob, carol, 😀")
    bob.expect("R, bob", "N, TIME, alice, 5 Ω, or more? ✓")
    bob.expect("R, bob", "N, TIME, carol, 😀")
    bob.expect("R, bob", "X")
    bob.expect("R, Bob", "N, TIME, alice, another")


def time_of_arrival():
    client = Client()
    now = lambda: datetime.datetime.now(datetime.timezone.utc)
    before = now()
    client.send("F, bob, alice, x")
    client.send("R, bob")
    answer = client.receive()
    stamp = datetime.datetime.fromisoformat(TIME.search(answer).group().decode().replace("Z", "+00:00"))
    assert before - datetime.timedelta(milliseconds=1) <= stamp <= now(), (before, stamp)


def types_and_spaces():
    client = Client()
    for request in ("f,bob,alice,x", "F, bob, alice, x", "  f ,  bob  ,   alice   , x"):
        client.send(request)
        client.expect("r,bob", "N, TIME, alice, x")
    client.expect("  r ,  bob  ", "X")
    client.send("F, b o b, a l, x")
    client.expect("R, b o b", "N, TIME, a l, x")


def messages_as_they_are():
    client = Client()
    for message in ("", "a, b,,c", "trailing  ", "  leading", ",", "a\tb", "Ω ✓ 😀", "e\u0301", "\ufeff", "R, bob"):
        client.send(f"F, bob, alice, {message}")
        client.expect("R, bob", f"N, TIME, alice, {message}")
    client.send("F,bob,alice,")
    client.expect("R, bob", "N, TIME, alice, ")


def line_ends():
    client = Client()
    client.send("F, bob, alice, one\n", "F, bob, alice, two\r\n", "F, bob, alice, \n", "F, bob, alice, no\n\n")
    for message in ("one", "two", ""):
        client.expect("R, bob\n", f"N, TIME, alice, {message}")
    client.expect("R, bob\r\n", "X")
    assert Administrator().status()["refused not printable"] == "1"


def ids():
    client = Client()
    longest = "Ω" * 32
    client.send(f"F, {longest}, {longest}, x", f"F, {longest}, {longest}o, y", f"F, {longest}o, {longest}, y")
    client.expect(f"R, {longest}", f"N, TIME, {longest}, x")
    client.send(f"R, {longest}o", "R, ", "R,", "F, , alice, x", "F, bob, , x", "F, b\tb, alice, x")
    client.expect(f"R, {longest}", "X")
    assert Administrator().status()["refused bad ID"] == "8"


def dropped():
    client, refused = Client(), {}

    def refuse(reason, *datagrams):
        client.send(*datagrams)
        client.expect("R, bob", "X")
        refused[f"refused {reason}"] = str(len(datagrams))

    refuse("malformed", "R, bob, more", "R", "F, bob", "F, bob, alice", "A", "for", "req, x")
    refuse("unknown type", "", "\n", "hello", "G, bob, alice, x", "N, x, alice, x", "X", "xxx", "nxt, x", "Ｒ, bob")
    refuse("not printable", *(f"F, bob, alice, a{c}b" for c in "\0\1\b\n\r\x1b\x7f\x80\x9f"), "R, b\0b")
    refuse("not UTF-8", b"F, bob, alice, \xff", b"F, bob, alice, \xce", b"F, b\xe9, alice, x", b"F, b, a, \xed\xa0\x80")
    refuse("reserved sender", "F, bob, admin, stop", "f,bob, admin ,x")
    refuse("too long", "F, bob, alice, ".ljust(1025, "x"), "F, bob, alice, ".ljust(9000, "x"), "F, bob, alice, " + "x" * 989)
    # the longest text with an answer that fits into 1,024 bytes
    client.send("F, bob, alice, " + "Ω" * 494)
    client.expect("R, bob", "N, TIME, alice, " + "Ω" * 494)
    client.expect("R, bob", "X")
    status = Administrator().status()
    assert {name: count for name, count in status.items() if name.startswith("refused")} == refused, status


def order():
    senders, receiver = [Client() for _ in range(5)], Client()
    # one after the other, so that the network has nothing to order
    for i in range(200):
        senders[i % 5].send(f"F, {'bob' if i % 2 else 'carol'}, s{i % 5}, {i}")
        receiver.expect("R, nobody", "X")
    for i in range(1, 200, 2):
        receiver.expect("R, bob", f"N, TIME, s{i % 5}, {i}")
    for i in range(0, 200, 2):
        receiver.expect("R, carol", f"N, TIME, s{i % 5}, {i}")


def fill():
    client = Client()
    client.send(*(f"F, bob, alice, {i}" for i in range(1, 9)))
    client.send("F, carol, alice, hers")
    return client


def drop_oldest():
    client = fill()
    for i in range(3, 9):
        client.expect("R, bob", f"N, TIME, alice, {i}")
    client.expect("R, bob", "X")
    client.expect("R, carol", "N, TIME, alice, hers")
    assert Administrator().status()["dropped"] == "2"


def refuse():
    client = fill()
    for i in range(1, 7):
        client.expect("R, bob", f"N, TIME, alice, {i}")
    client.expect("R, bob", "X")
    client.expect("R, carol", "N, TIME, alice, hers")
    status = Administrator().status()
    assert (status["refused full"], status["dropped"]) == ("2", "0"), status


def administration():
    admin, client = Administrator(), Client()
    # these, among others
    usages = admin.ask("help").split("\n")
    assert usages[0] == "A, ok" and {
        "help", "status[, SKIP]", "list[, AFTER]", "count[, ID]", "clear, ID", "limit, N", "kick, SUBJECT", "log, on|off",
        "stop",
    } <= set(usages), usages
    assert admin.ask("list") == "A, ok"
    client.send("F, bob, alice, 1", "F, bob, alice, 2", "F, Ω, alice, 3", "for, 4")
    client.expect("R, nobody", "X")
    for command, answer in {
        "list": "ok, 1 , 2 bob, 1 Ω", "LIST, bob": "ok, 1 Ω", "count": "ok, 4", "count, bob": "ok, 2",
        "count,": "ok, 1", "count, nobody": "ok, 0", "clear, bob": "ok, 2", "clear": "error, usage: clear, ID",
        "clear,": "error, usage: clear, ID", "clear-shared": "ok, 1", "clear-all": "ok, 1", "dead": "ok",
        "requeue": "error, usage: requeue, NUMBER", "delete, 7": "error, no dead letter has the number 7",
        "limit, 1": "ok, 1", "limit, 0": "error, limit is not a number from 1: '0'", "log, on": "ok, on",
        "log, off": "ok, off", "log, x": "error, log is neither on nor off: 'x'", "limit": "error, usage: limit, N",
        "list, a, b": "error, usage: list[, AFTER]", "sing": "error, unknown command 'sing'",
    }.items():
        got = admin.ask(command)
        assert got == f"A, {answer}", f"{command}: {got}"
    client.send("F, bob, alice, 1", "F, bob, alice, 2")
    client.expect("R, bob", "N, TIME, alice, 1")
    client.expect("R, bob", "X")
    status = admin.status()
    assert (status["messages"], status["stored"], status["refused full"]) == ("0", "5", "1"), status


def proof():
    admin, other = Administrator(), Administrator()
    nonce = admin.challenge()
    hex = admin.prove(nonce, "count")
    other.expect(f"A, {nonce}, {hex}, count", "A, error, unknown nonce")
    admin.expect(f"A, {nonce}, {'0' * 64}, count", "A, error, wrong proof")
    admin.expect(f"A, {nonce}, {hex}, clear", "A, error, wrong proof")
    admin.expect(f"a,{nonce.upper()},  {hex.upper()}  ,  count  ", "A, ok, 0")
    admin.send("F, bob, alice, x")
    admin.expect(f"A, {nonce}, {hex}, count", "A, ok, 0")  # a repeated datagram is not carried out again
    admin.expect(f"A, {nonce}, {admin.prove(nonce, 'stop')}, stop", "A, error, nonce used")
    admin.expect("A, count", "A, error, no proof")
    admin.expect("A, x, y, count", "A, error, unknown nonce")
    admin.send("A,")  # any answer would be more than 3 times as long
    admin.expect("A, count     ", "A, error, no proof: send 'A, challenge'")
    assert admin.ask("stop") == "A, ok, stopping"


globals()[ROW]()
