"""A mailbox server of the original wire, as somebody writes it by hand: everything in memory. Prints its port."""

import collections
import datetime
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
mailboxes = collections.defaultdict(collections.deque)
while True:
    datagram, address = server.recvfrom(1024)
    kind, _, rest = datagram.decode().partition(",")
    if kind == "F":
        receiver, sender, text = rest.split(",", 2)
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        mailboxes[receiver.strip()].append((time.replace("+00:00", "Z"), sender.strip(), text.removeprefix(" ")))
    elif kind == "R":
        mailbox = mailboxes[rest.strip()]
        reply = "N, {}, {}, {}".format(*mailbox.popleft()) if mailbox else "X"
        server.sendto(reply.encode(), address)
