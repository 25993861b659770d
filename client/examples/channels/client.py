"""Channels: python3 client.py HOST PORT NAME CHANNEL; each line of standard input is a message"""
import socket
import sys
import threading

FRAME = 200


def frame(text):
    data = text.encode()
    if len(data) > FRAME:
        sys.exit(f"a message has at most {FRAME} bytes")
    return data.ljust(FRAME)


def show(s):
    with s.makefile("rb") as stream:
        while len(data := stream.read(FRAME)) == FRAME:
            print(data.decode(errors="replace").rstrip("\0 \t\r\n\v\f"), flush=True)


host, port, name, channel = sys.argv[1:]
with socket.create_connection((host, int(port))) as s:
    # if it exists, the answer says so, and nothing changes
    s.sendall(frame(name) + frame(f"/create {channel}") + frame(f"/join {channel}"))
    reader = threading.Thread(target=show, args=(s,))
    reader.start()
    for line in sys.stdin:
        s.sendall(frame(line.rstrip("\n")))
    s.shutdown(socket.SHUT_WR)
    reader.join()
