"""A client of channels and room with nothing but sockets: hub_client.py CHANNELS_PORT ROOM_PORT prints ok."""

import socket
import struct
import sys

channels, room = (("127.0.0.1", int(port)) for port in sys.argv[1:3])
FRAME = 200


def connect(address):
    sock = socket.create_connection(address, timeout=30)
    return sock, sock.makefile("rb")


class Channels:
    def __init__(self, name):
        self.sock, self.file = connect(channels)
        # as clients of the original do it: the line with its end, padded
        self.send(name + "\n")

    def send(self, text):
        self.sock.sendall(text.encode().ljust(FRAME))

    def hear(self, text):
        frame = self.file.read(FRAME)
        assert len(frame) == FRAME and frame.rstrip().decode() == text, (frame, text)

    def settle(self):
        self.send("/list")
        return self.file.read(FRAME).rstrip().decode()


class Room:
    def __init__(self):
        self.sock, self.file = connect(room)
        self.peer = self.sock.getsockname()

    def send(self, text):
        self.sock.sendall(text.encode())

    def hear(self, text):
        line = self.file.readline()
        assert line == text.encode() + b"\n", (line, text)


alice = Channels("Alice")
alice.send("hello")
alice.hear("Not currently in any channel. Must join a channel before sending messages.")
alice.send("/create tea")
assert alice.settle() == "tea"
bob = Channels("Bob")
bob.send("/join tea\n")
alice.hear("Bob has joined")
bob.send("5 Ω, or more? ✓\n")
alice.hear("[Bob] 5 Ω, or more? ✓")
for text in ["/create", "/join", "/join x", "/create tea", "/quit"]:
    bob.send(text)
bob.hear("/create command must be followed by the name of a channel to create")
bob.hear("/join command must be followed by the name of a channel to join.")
bob.hear("No channel named x exists. Try '/create x'?")
bob.hear("Room tea already exists, so cannot be created.")
bob.hear("/quit is not a valid control message. Valid messages are /create, /list, and /join.")

carol, dora = Room(), None
bob.send("/create room")
alice.hear("Bob has left")
carol.hear("[Bob] entered room")
dora = Room()
carol.hear(f"[{dora.peer[0]}:{dora.peer[1]}] entered room")
bob.hear(f"{dora.peer[0]}:{dora.peer[1]} has joined")
dora.send("hello")
dora.send(" all\nagain\r\n")
for text in ["hello all", "again"]:
    carol.hear(f"\r<{dora.peer}> {text}")
    bob.hear(f"[{dora.peer[0]}:{dora.peer[1]}] {text}")
bob.send("welcome")
carol.hear("\r<Bob> welcome")
dora.hear("\r<Bob> welcome")

# gone without a goodbye: a reset
dora.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
dora.file.close()
dora.sock.close()
carol.hear(f"Client ({dora.peer[0]}, {dora.peer[1]}) is offline")
bob.hear(f"{dora.peer[0]}:{dora.peer[1]} has left")
bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
bob.file.close()
bob.sock.close()
carol.hear("Client Bob is offline")
assert alice.settle() == "tea\nroom"
print("ok")
