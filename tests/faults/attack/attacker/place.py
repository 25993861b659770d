"""Whom an attack is aimed at, where it comes from, and how fast."""

import json
import os
import socket
import struct
import time

# connections or sessions of one address, where an attack comes from many
OF_ADDRESS = 64
# addresses of this machine from which it comes, and of a network that is this machine's for the test
HERE, FAR = 250, 100_000
# what comes at once at most
BURST_MS = 4


class Target:
    """The server's ports by service, and where the attack comes from.

    `sources` is `here`: addresses of this machine, which all count as one; `one`: one address elsewhere; `many`:
    100,000 of them. Elsewhere is 10.0.0.0/8, which the namespace of the test has as its own.
    """

    def __init__(self, text):
        given = json.loads(text)
        self.ports = given
        self.sources = given.get("sources", "here")
        self.host = given["far"] if self.sources != "here" else "127.0.0.1"

    def port(self, service):
        return self.ports[service]

    def source(self, at):
        """The address of the attacker's `at`th client."""
        if self.sources == "one":
            return "10.66.0.1"
        if self.sources == "many":
            at %= FAR
            return f"10.{70 + (at >> 16)}.{at >> 8 & 255}.{at & 255}"
        return f"127.0.{2 + at // HERE % HERE}.{1 + at % HERE}"

    def address(self, service):
        return self.host, self.port(service)

    def datagrams(self, service, at=0):
        """A socket that is connected to a service."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self.source(at), 0))
        sock.connect(self.address(service))
        sock.settimeout(0.2)
        return sock

    def connection(self, service, at=0):
        """A connection. Raises OSError."""
        sock = socket.socket()
        sock.bind((self.source(at // OF_ADDRESS), 0))
        sock.settimeout(2)
        try:
            sock.connect(self.address(service))
        except OSError:
            sock.close()
            raise
        return sock


def reached():
    """Says that the attack has its full size."""
    print("reached", flush=True)


def again_and_again(size, act):
    """Calls `act(0)`, `act(1)`, … for ever, `size` times a second, or as often as it can."""
    reached()
    burst = max(1, size * BURST_MS // 1000)
    began, done = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * size)
        if done >= due:
            time.sleep(0.001)
        # what could not be done in time is not made up for: that would be a flood at another rate
        done = max(done, due - burst)
        for at in range(done, due):
            act(at)
        done = due


class Spoofer:
    """Sends datagrams as if they came from any address: with a raw socket, the header made here (RFC 791, RFC 768)."""

    def __init__(self, target, service):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.raw.setblocking(False)
        self.to = target.address(service)
        self.destination = socket.inet_aton(target.host)
        self.sources = [socket.inet_aton(target.source(at)) for at in range(FAR)]

    def send(self, at, payload):
        length = 8 + len(payload)
        udp = struct.pack("!HHHH", 1024 + at % 60_000, self.to[1], length, 0)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0)
        packet = ip + self.sources[at % FAR] + self.destination + udp + payload
        try:
            self.raw.sendto(packet, (self.to[0], 0))
        except OSError:
            # the system has no room for it
            pass


def sender(target, service, sockets=64):
    """A function that sends the `at`th datagram: from `sockets` addresses, or from 100,000."""
    if target.sources == "many":
        return Spoofer(target, service).send
    socks = [target.datagrams(service, at) for at in range(sockets)]
    sends = [sock.send for sock in socks]
    for sock in socks:
        sock.setblocking(False)

    def send(at, payload):
        try:
            sends[at % sockets](payload)
        except OSError:
            pass

    return send


def random_name():
    return os.urandom(11).hex()
