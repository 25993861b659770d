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

    def expect(self, text):
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

    def expect(self, text):
        line = self.file.readline()
        assert line == text.encode() + b"\n", (line, text)


alice = Channels("Alice")
alice.send("hello")
alice.expect("Not currently in any channel. Must join a channel before sending messages.")
alice.send("/create tea")
assert alice.settle() == "tea"
bob = Channels("Bob")
bob.send("/join tea\n")
alice.expect("Bob has joined")
bob.send("5 Ω, or more? ✓\n")
alice.expect("[Bob] 5 Ω, or more? ✓")
for text in ["/create", "/join", "/join x", "/create tea", "/quit"]:
    bob.send(text)
bob.expect("/create command must be followed by the name of a channel to create")
bob.expect("/join command must be followed by the name of a channel to join.")
bob.expect("No channel named x exists. Try '/create x'?")
bob.expect("Room tea already exists, so cannot be created.")
bob.expect("/quit is not a valid control message. Valid messages are /create, /list, and /join.")

carol, dora = Room(), None
bob.send("/create room")
alice.expect("Bob has left")
carol.expect("[Bob] entered room")
dora = Room()
carol.expect(f"[{dora.peer[0]}:{dora.peer[1]}] entered room")
bob.expect(f"{dora.peer[0]}:{dora.peer[1]} has joined")
dora.send("hello")
dora.send(" all\nagain\r\n")
for text in ["hello all", "again"]:
    carol.expect(f"\r<{dora.peer}> {text}")
    bob.expect(f"[{dora.peer[0]}:{dora.peer[1]}] {text}")
bob.send("welcome")
carol.expect("\r<Bob> welcome")
dora.expect("\r<Bob> welcome")

# gone without a goodbye: a reset
dora.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
dora.file.close()
dora.sock.close()
carol.expect(f"Client ({dora.peer[0]}, {dora.peer[1]}) is offline")
bob.expect(f"{dora.peer[0]}:{dora.peer[1]} has left")
bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
bob.file.close()
bob.sock.close()
carol.expect("Client Bob is offline")
assert alice.settle() == "tea\nroom"
print("ok")
