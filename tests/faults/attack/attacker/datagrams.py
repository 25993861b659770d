"""Floods of datagrams. A kind is what makes one of them."""

import base64
import os
import re
import select
import socket
import struct
import time

from place import again_and_again, random_name, reached, sender

DIFFERENT = 4096
# addresses that have a session each, for floods inside sessions
SESSIONS = 64
# of Linux; Python's socket does not name it
IP_PKTINFO = 8


def key():
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


# By kind, what one datagram is. Those of a session and of a seal are for mailbox and forum alike
KINDS = {
    "unreadable": lambda: os.urandom(64),
    "oversized": lambda: b"F, " + os.urandom(30_000).hex().encode(),
    "long-session": lambda: f"P1> {random_name()} - - 1\nput,1,bob,mallory,,,".encode() + b"x" * 1200,
    "takes": lambda: f"R, nobody-{random_name()}".encode(),
    "puts": lambda: f"F, box-{random_name()[:2]}, mallory, spam".encode(),
    "shared": lambda: b"for, spam",
    "challenges": lambda: b"A, challenge   ",
    "orders": lambda: f"A, {os.urandom(18).hex()}, {os.urandom(32).hex()}, clear-all".encode(),
    "sessions": lambda: f"P1> {random_name()} - - 1".encode(),
    "cookies": lambda: f"P1> {random_name()} 00000000 {'0' * 28} 1\nput,1,bob,mallory,,,spam".encode(),
    "answers": lambda: f"P1< {random_name()} 00000000 - 1\nok,1".encode(),
    "hellos": lambda: f"S1> {random_name()} - - hello,{key()}".encode(),
    "hello-cookies": lambda: f"S1> {random_name()} 00000000 {'0' * 16} hello,{key()}".encode(),
    "sealed": lambda: f"S1> {random_name()} 00000000 {'0' * 16} 1\n".encode() + os.urandom(64),
}


def flood(target, size, kind, service="mailbox"):
    """So many datagrams of a kind a second."""
    payloads = [KINDS[kind]() for _ in range(64 if kind == "oversized" else DIFFERENT)]
    send, count = sender(target, service), len(payloads)
    again_and_again(size, lambda at: send(at, payloads[at % count]))


def most(target, milliseconds, kind, service="mailbox"):
    """As many of a kind as it can for so long; prints how many those were."""
    payloads = [KINDS[kind]() for _ in range(DIFFERENT)]
    socks = [target.datagrams(service, at) for at in range(64)]
    for sock in socks:
        sock.setblocking(False)
    sends, sent, end = [sock.send for sock in socks], 0, time.monotonic() + milliseconds / 1000
    while time.monotonic() < end:
        for at in range(DIFFERENT):
            try:
                sends[at % 64](payloads[at])
                sent += 1
            except OSError:
                # the system has no room for it
                pass
    print(sent)


class Session:
    """A session on a socket of its own: its cookie is known."""

    def __init__(self, target, service, at):
        self.socket, self.name = target.datagrams(service, at), random_name()
        self.start, self.cookie = "-", "-"
        while self.start == "-":
            self.socket.send(f"P1> {self.name} - - 1".encode())
            try:
                match = re.match(rb"P1< \S+ (\S+) ([0-9a-f]{28}) ", self.socket.recv(2048))
            except OSError:
                continue
            if match is not None:
                self.start, self.cookie = match[1].decode(), match[2].decode()
        self.socket.setblocking(False)
        self.n = 0

    def send(self, *lines, low=1):
        try:
            self.socket.send("\n".join([f"P1> {self.name} {self.start} {self.cookie} {low}", *lines]).encode())
        except OSError:
            pass


def wait_line(session):
    return f"lease,{session.n % 10_000},nobody-{session.n % 50},1,30000,30000"


# By kind, a line with a number or a tag
LINES = {
    "session-puts": lambda s: f"put,{s.n},box-{s.n % 100},mallory,,,spam",
    # behind a number that never comes
    "session-early": lambda s: f"put,{2 + s.n % 1000},bob,mallory,,,{'x' * 900}",
    "session-parts": lambda s: f"part,{s.n},{'x' * 900}",
    "session-waits": wait_line,
    "session-peeks": lambda s: f"peek,{s.n % 10_000},strangers,0",
    "session-stats": lambda s: f"stat,{s.n % 10_000},strangers",
    "session-infos": lambda s: f"info,{s.n % 10_000},owner",
    "session-unknown": lambda s: f"nonsense,{s.n}",
}


def inside(target, size, kind, service="mailbox"):
    """So many requests of a kind a second, in sessions whose cookies are right."""
    sessions, line = [Session(target, service, at) for at in range(SESSIONS)], LINES[kind]
    is_put = kind == "session-puts"

    def act(at):
        session = sessions[at % SESSIONS]
        session.n += 1
        session.send(line(session), low=max(1, session.n - 500) if is_put else 1)

    again_and_again(size, act)


class Everywhere:
    """One socket that sends from any of the attacker's addresses (IP_PKTINFO, ip(7)), and receives what is sent to them."""

    def __init__(self, target, service):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.to, self.target, self.packed = target.address(service), target, {}

    def send(self, at, datagram):
        source = self.packed.get(at)
        if source is None:
            source = self.packed[at] = struct.pack("I4s4x", 0, socket.inet_aton(self.target.source(at)))
        try:
            self.socket.sendmsg([datagram], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, self.to)
        except OSError:
            pass


def exhaust(target, size, service="mailbox"):
    """Sessions with one message each, from as many addresses as there are, without end: until so many were begun."""
    everywhere, done, at = Everywhere(target, service), 0, 0
    sock, asked = everywhere.socket, {}
    sock.settimeout(0.1)
    while True:
        for _ in range(64):
            name = random_name()
            asked[name.encode()] = at
            everywhere.send(at, f"P1> {name} - - 1".encode())
            at += 1
        for _ in range(128):
            try:
                head = sock.recv(2048).split(b"\n")[0].split(b" ")
            except OSError:
                asked.clear()
                break
            if len(head) < 5 or head[3] == b"-":
                continue
            source = asked.pop(head[1], None)
            if source is None:
                continue
            everywhere.send(source, b" ".join([b"P1>", *head[1:4], b"1\nput,1,strangers,mallory,,1000,spam"]))
            done += 1
            if done == size:
                reached()
            if not asked:
                break


def leases(target, size, service="mailbox"):
    """Puts messages and leases them, again and again, and never acknowledges one: until so many were leased."""
    sessions, leased = [Session(target, service, at) for at in range(SESSIONS)], 0
    while True:
        for session in sessions:
            box = f"hoard-{session.name}"
            first = session.n + 1
            session.n += 16
            puts = [f"put,{n},{box},mallory,,600000,spam" for n in range(first, session.n + 1)]
            session.send(*puts, f"lease,{session.n},{box},64,86400000,0", f"got,{session.n - 16}", low=first)
            leased += 16
            if leased - 16 < size <= leased:
                reached()
        select.select([session.socket for session in sessions], [], [], 0.05)
        for session in sessions:
            try:
                while session.socket.recv(2048):
                    pass
            except OSError:
                pass


def mailboxes(target, size, service="mailbox"):
    """Mailboxes with one message each."""
    sock, made = target.datagrams(service), 0
    while True:
        for _ in range(32):
            sock.send(f"F, box-{made}, mallory, x".encode())
            made += 1
            if made == size:
                reached()
        # the answer says that all before it was read
        sock.send(b"R, nobody-has-this-name")
        try:
            sock.recv(2048)
        except OSError:
            pass


def silent(target, size, service="mailbox"):
    """Sessions that ask for nothing, and are kept up."""
    sock, known, left = target.datagrams(service), [], size
    while len(known) < size:
        names = [random_name() for _ in range(32)]
        for name in names:
            sock.send(f"P1> {name} - - 1".encode())
        for _ in names:
            try:
                head = sock.recv(2048).split(b"\n")[0].split(b" ")
            except OSError:
                break
            if head[0] == b"P1<" and head[3] != b"-":
                known.append(b" ".join([b"P1>", *head[1:4], b"1"]))
        say(sock, known[-32:])
    reached()
    while True:
        for at in range(0, len(known), 32):
            say(sock, known[at : at + 32])
        select.select([], [], [], 5)


def say(sock, datagrams):
    for datagram in datagrams:
        sock.send(datagram)
    for _ in datagrams:
        try:
            sock.recv(2048)
        except OSError:
            return
