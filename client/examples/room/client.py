"""Room: python3 client.py HOST PORT; each line of standard input goes to all others"""
import socket
import sys
import threading


def show(s):
    with s.makefile("rb") as stream:
        for line in stream:
            # a carriage return in front is for terminals: the line replaces what is being typed
            print(line.decode(errors="replace").strip("\r\n"), flush=True)


host, port = sys.argv[1:]
with socket.create_connection((host, int(port))) as s:
    reader = threading.Thread(target=show, args=(s,))
    reader.start()
    for line in sys.stdin:
        s.sendall(line.rstrip("\n").encode() + b"\n")
    s.shutdown(socket.SHUT_WR)
    reader.join()
