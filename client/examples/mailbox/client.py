"""Mailbox: python3 client.py HOST PORT send ME TO TEXT, or python3 client.py HOST PORT receive ME"""
import socket
import sys

host, port, command, me, *rest = sys.argv[1:]
family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
with socket.socket(family, kind, protocol) as s:
    s.connect(address)
    if command == "send":
        # nothing answers this: what must arrive is sent with `wirepost send`, or through a session
        s.send(f"F, {rest[0]}, {me}, {rest[1]}".encode())
    else:
        s.settimeout(5)
        s.send(f"R, {me}".encode())
        reply = s.recv(65536).decode().rstrip("\0\r\n")
        if reply == "X":
            sys.exit(3)
        _, time, sender, text = reply.split(", ", 3)
        print(f"{sender}: {text}")
