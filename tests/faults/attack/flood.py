"""Sends datagrams to a server as fast as it can, for some seconds, from many of this machine's own addresses.

    flood.py KIND SECONDS PORT

Prints how many it sent. It reads no answer.
"""

import base64
import os
import socket
import sys
import time

HOST = "127.0.0.1"
SOURCES = 64
DIFFERENT = 4096


def name():
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")


def key():
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


KINDS = {
    "unreadable": lambda: os.urandom(64),
    "takes": lambda: f"R, nobody-{name()}".encode(),
    "sessions": lambda: f"P1> {name()} - - 1".encode(),
    "cookies": lambda: f"P1> {name()} 00000000 {'0' * 28} 1\nput,1,bob,mallory,,,spam".encode(),
    "hellos": lambda: f"S1> {name()} - - hello,{key()}".encode(),
}


def source(at, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((f"127.0.2.{1 + at}", 0))
    sock.connect((HOST, port))
    sock.setblocking(False)
    return sock


def main(kind, seconds, port):
    datagrams = [KINDS[kind]() for _ in range(DIFFERENT)]
    sources = [source(at, port) for at in range(SOURCES)]
    sends = [sock.send for sock in sources]
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for at in range(DIFFERENT):
            try:
                sends[at % SOURCES](datagrams[at])
                sent += 1
            except OSError:
                # the system has no room for it
                pass
    print(sent)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
