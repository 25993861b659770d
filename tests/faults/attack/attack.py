"""Attacks a server with nothing but sockets, from this machine's own addresses, until it is ended.

    attack.py ATTACK SIZE PORTS     PORTS: JSON, {"mailbox": 21001, "channels": 55555, "room": 6000, "forum": 10005}

Says `reached` when the attack has its full size, and goes on.
"""

import base64
import json
import os
import resource
import select
import selectors
import socket
import struct
import sys
import time

HOST = "127.0.0.1"
FRAME = 200
# what one address may do at a time
OF_ADDRESS = 64
# seconds before clients that were disconnected connect again
AGAIN = 2
# datagrams on their way before the answers are waited for: a socket's buffer holds so many
WINDOW = 32


def reached():
    print("reached", flush=True)


def datagrams(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((HOST, port))
    sock.settimeout(0.2)
    return sock


def answers(sock, count):
    """Up to so many datagrams; what is lost is not waited for."""
    for _ in range(count):
        try:
            yield sock.recv(2048).decode()
        except (TimeoutError, ConnectionRefusedError):
            return


def resets(size, ports):
    """Connections that are reset before they are accepted: so many in a burst, on each port."""
    reached()
    while True:
        for name in "channels", "room", "forum":
            for _ in range(size):
                sock = socket.socket()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.setblocking(False)
                sock.connect_ex((HOST, ports[name]))
                sock.close()
        time.sleep(0.1)


def new_sessions(sock, count):
    """`count` sessions with their start IDs and cookies: those that the server answered in time."""
    names = [base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=") for _ in range(count)]
    for name in names:
        sock.send(f"P1> {name} - - 1".encode())
    for answer in answers(sock, count):
        head = answer.split("\n")[0].split(" ")
        if head[0] == "P1<" and head[3] != "-":
            yield head[1], head[2], head[3]


def sessions(size, ports):
    """Sessions with one message each, by one address."""
    sock, done = datagrams(ports["mailbox"]), 0
    while True:
        begun = list(new_sessions(sock, WINDOW))
        for name, start_id, cookie in begun:
            sock.send(f"P1> {name} {start_id} {cookie} 1\nput,1,strangers,mallory,,1000,spam".encode())
        # a word to each, be it `busy`
        for _ in answers(sock, len(begun)):
            done += 1
            if done == size:
                reached()


def silent(size, ports):
    """Sessions that ask for nothing, and are kept up."""
    sock, known = datagrams(ports["mailbox"]), []
    while len(known) < size:
        begun = list(new_sessions(sock, WINDOW))
        known += begun
        say(sock, begun)
    reached()
    while True:
        for at in range(0, len(known), WINDOW):
            say(sock, known[at:at + WINDOW])
        time.sleep(5)


def say(sock, known):
    for name, start_id, cookie in known:
        sock.send(f"P1> {name} {start_id} {cookie} 1".encode())
    for _ in answers(sock, len(known)):
        pass


def mailboxes(size, ports):
    """Mailboxes with one message each."""
    sock, made = datagrams(ports["mailbox"]), 0
    while True:
        for _ in range(WINDOW):
            sock.send(f"F, box-{made}, mallory, x".encode())
            made += 1
            if made == size:
                reached()
        # the answer says that all before it was read
        sock.send(b"R, nobody-has-this-name")
        for _ in answers(sock, 1):
            pass


def frames(*texts):
    return b"".join(text.encode().ljust(FRAME) for text in texts)


def unread(port):
    """A client of the channels that asks for the list 15 times and reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(10)
    sock.connect((HOST, port))
    sock.sendall(frames("mallory", *["/list"] * 15))
    sock.setblocking(False)
    return sock


def lists(size, ports):
    """Clients of the channels that ask for the list of 1,000 long names and do not read it."""
    maker = socket.create_connection((HOST, ports["channels"]))
    maker.sendall(frames("mallory", *[f"/create {i:04}{'x' * 60}" for i in range(1000)], "/"))
    seen = b""
    while b"/ is not a valid" not in seen:
        seen = seen[-FRAME:] + maker.recv(65536)
    clients, watched = {}, select.poll()
    waiting = range(size)
    first = True
    while True:
        for _ in waiting:
            client = again(ports["channels"])
            clients[client.fileno()] = client
            # it gets only the end
            watched.register(client, 0)
        if first:
            reached()
        first = False
        time.sleep(AGAIN)
        waiting = watched.poll(0)
        for descriptor, _ in waiting:
            # it was cut off, and comes again
            watched.unregister(descriptor)
            clients.pop(descriptor).close()


def again(port):
    try:
        return unread(port)
    except OSError:
        return socket.socket()


def connections(size, ports):
    """Connections to the port of file transfers that say nothing, from as many addresses as it takes."""
    selector, waiting = selectors.DefaultSelector(), list(range(size))
    first = True
    while True:
        failed = []
        for at in waiting:
            sock = socket.socket()
            sock.bind((f"127.0.1.{1 + at // OF_ADDRESS}", 0))
            sock.settimeout(1)
            try:
                sock.connect((HOST, ports["forum"]))
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, at)
            except OSError:
                sock.close()
                failed.append(at)
        if first:
            reached()
        first, waiting = False, failed
        time.sleep(0.1)
        for key, _ in selector.select(1):
            # it was closed, and comes again
            selector.unregister(key.fileobj)
            key.fileobj.close()
            waiting.append(key.data)


def hoard(size, ports):
    """As many connections to channels and room as there may be, from one address, again and again."""
    selector, missing = selectors.DefaultSelector(), size
    first = True
    while True:
        for at in range(missing):
            sock = socket.socket()
            sock.bind(("127.0.3.1", 0))
            sock.settimeout(1)
            try:
                sock.connect((HOST, ports["channels" if at % 2 else "room"]))
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ)
            except OSError:
                sock.close()
        if first:
            reached()
        first = False
        time.sleep(0.1)
        for key, _ in selector.select(0.1):
            try:
                if key.fileobj.recv(65536):
                    continue
            except OSError:
                pass
            # it was closed, and comes again
            selector.unregister(key.fileobj)
            key.fileobj.close()
        missing = size - len(selector.get_map())


ATTACKS = {f.__name__: f for f in (resets, sessions, silent, mailboxes, lists, connections, hoard)}

if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ATTACKS[sys.argv[1]](int(sys.argv[2]), json.loads(sys.argv[3]))
