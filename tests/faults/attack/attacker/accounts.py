"""Attacks by and on accounts: guessed passwords, and forum users that hoard what they get. The seal is seal.py's."""

import base64
import hashlib
import hmac
import os
import re
import select
import socket
import sys
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "../../../protocol/seal_python"))

from seal import GS2_HEADER, Client, Secret, b64, b64url, handshake_id  # noqa: E402

from place import again_and_again, random_name, reached  # noqa: E402
from streams import keep  # noqa: E402


class User(Client):
    """A client at one of the attacker's addresses that has made its handshake."""

    def __init__(self, target, service, at):
        super().__init__(target.address(service))
        self.socket.close()
        self.socket = target.datagrams(service, at)
        self.challenge()
        self.greet(service)
        self.session = b64url(os.urandom(16))
        self.low, self.tag = 1, 0

    def join(self, name):
        """Makes an account and logs in."""
        self.login_request("make", name, Secret("spam", os.urandom(16), 600_000).verifier)
        return self.login(name, "spam", self.session)

    def change(self, line):
        """Carries a numbered request out; `{n}` stands for the number."""
        self.request(self.low, [line.format(n=self.low)], r"\d+\n.*")
        self.low += 1

    def ticket(self, line):
        """The ticket that a request of the forum is answered; `{t}` stands for the tag. None if it is refused."""
        self.tag += 1
        tag = self.tag
        match = self.request(self.low, [line.format(t=tag)], rf"\d+\n(upload|ticket|no|busy)(?:,{tag},([^,]*).*)?")
        return match[2] if match[1] in ("upload", "ticket") else None


def seals(target, size, service="mailbox"):
    """Handshakes to their end with right cookies, so many a second, from 64 addresses."""
    clients = []
    for at in range(64):
        client = Client(target.address(service))
        client.socket.close()
        client.socket = target.datagrams(service, at)
        clients.append(client)

    def act(at):
        client = clients[at % 64]
        client.socket.setblocking(False)
        try:
            for _ in range(8):
                if client.challenged(client.socket.recv(2048)) is not None:
                    client.socket.send(client.hello())
        except OSError:
            pass
        public = os.urandom(32)
        client.public, client.id = public, handshake_id(public)
        client.start, client.cookie = "-", "-"
        try:
            client.socket.send(client.hello())
        except OSError:
            pass

    again_and_again(size, act)


def guesses(target, size, service="mailbox"):
    """Wrong proofs for the password of an account that there is, from so many addresses, as fast as they are answered."""
    users = [User(target, service, at * 64 if target.sources == "many" else at) for at in range(size)]
    reached()
    while True:
        for user in users:
            first = f"n=owner,r={b64(os.urandom(18))}"
            word, answer = user.login_request("first", GS2_HEADER + first)
            if word != "first":
                continue
            nonce = re.match(r"r=([^,]+),", answer)[1]
            bare = f"c={b64(GS2_HEADER.encode() + user.keys.binding)},r={nonce}"
            user.login_request("final", user.session, f"{bare},p={b64(os.urandom(32))}")


def makers(target, size, service="mailbox"):
    """Accounts without end, from so many addresses."""
    users = [User(target, service, at) for at in range(size)]
    verifier = Secret("spam", os.urandom(16), 600_000).verifier
    reached()
    while True:
        for user in users:
            user.login_request("make", random_name(), verifier)


def forum_user(target, at=0):
    """A user of the forum with a thread of its own; its title."""
    user, name = User(target, "forum", at), f"m{random_name()}"
    if user.join(name) != "logged in":
        raise SystemExit("the attacker has no account")
    user.change(f"CRT,{{n}},{name}")
    return user, name


def threads(target, size):
    """Threads without end, by one user, until so many were made or refused."""
    user, title = forum_user(target)
    made, first = 0, True
    while True:
        lines = [f"CRT,{user.low + i},{title}-{user.low + i}" for i in range(20)]
        done = int(user.request(user.low, lines, r"(\d+)\n.*")[1])
        made, user.low = made + done + 1 - user.low, done + 1
        if first and made >= size:
            reached()
            first = False


def tickets(target, size):
    """Tickets that are never used, so many a second."""
    user, title = forum_user(target)
    hash_ = "0" * 64

    def act(at):
        user.tag += 1
        user.socket.setblocking(False)
        try:
            user.socket.send(user.seal(f"{user.low}\nUPD,{user.tag},0,1000000,{hash_},{title} f{at % 10_000}"))
            while user.socket.recv(2048):
                pass
        except OSError:
            pass

    again_and_again(size, act)


def transfers(target, size, service="forum", kind="slow"):
    """Uploads as slow as they may be, or beyond what was announced, and downloads that nobody reads."""
    user, title = forum_user(target)
    if kind == "unread":
        upload(target, user, title, b"x" * 8_000_000)
    count = [0]

    def connect(at):
        count[0] += 1
        name = "file" if kind == "unread" else f"f{count[0]}"
        ask = f"DWN,{{t}},{title} {name}" if kind == "unread" else f"UPD,{{t}},0,10000000,-,{title} {name}"
        ticket = user.ticket(ask)
        if ticket is None:
            raise OSError("refused")
        sock = socket.socket()
        if kind == "unread":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((target.source(at // 64), 0))
        sock.settimeout(2)
        sock.connect(target.address("forum"))
        sock.sendall(f"P1 download {ticket} 0\n".encode() if kind == "unread" else f"P1 upload {ticket}\nP1 from 0\n".encode())
        return sock

    junk = b"x" * 65_536
    acts = {"slow": lambda sock: sock.send(b"x"), "beyond": lambda sock: sock.send(junk), "unread": lambda sock: None}
    if kind == "unread":
        return hold(size, connect)
    keep(size, connect, acts[kind], every=1.0 if kind == "slow" else 0)


def hold(size, connect):
    """Keeps connections from which nothing is read; one that is closed comes again."""
    held, watched, first = {}, select.poll(), True
    while True:
        while len(held) < size:
            try:
                sock = connect(len(held))
            except OSError:
                break
            held[sock.fileno()] = sock
            # it gets only the end
            watched.register(sock, 0)
        if first:
            reached()
        first = False
        time.sleep(0.05)
        for descriptor, _ in watched.poll(0):
            watched.unregister(descriptor)
            held.pop(descriptor).close()


def upload(target, user, title, content):
    """Puts a whole file into the thread, as `file`."""
    user.tag += 1
    line = f"UPD,{user.tag},0,{len(content)},-,{title} file"
    match = user.request(user.low, [line], rf"\d+\nupload,{user.tag},([^,]*),(.*)")
    key = match[2] + "=" * (-len(match[2]) % 4)
    with target.connection("forum") as sock:
        sock.sendall(f"P1 upload {match[1]}\nP1 from 0\n".encode() + content)
        proved = f"sum {hashlib.sha256(content).hexdigest()}".encode()
        mac = hmac.new(base64.urlsafe_b64decode(key), proved, hashlib.sha256).hexdigest()
        sock.sendall(f"P1 sum {mac}\n".encode())
        sock.settimeout(10)
        while b"stored" not in sock.recv(1024):
            pass
