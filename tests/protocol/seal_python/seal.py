"""A second implementation of protocol/seal.md, the client's side and what a server computes, and of section 10 of
protocol/transfer.md.

It was written from these, and from what they refer to, without a look at the TypeScript code, so that the two can
only agree if the specification says enough. Numbers in comments are those of seal.md's rules.

    seal.py vectors SEAL.MD             recompute section 13
    seal.py make COUNT                  random inputs with what comes of them, one JSON object a line
    seal.py check                       read such lines, and print what differs
    seal.py talk HOST PORT PUBLIC-TEXT  talk to a running mailbox, and print what happened
    seal.py files HOST PORT PUBLIC-TEXT transfer files with a running forum, and print what happened
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import sys
import time
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GS2_HEADER = "p=parley-seal-1,,"  # 5.4
REPETITIONS = 60  # of a question, one a second at most
WINDOW = 1024  # 4.5
NUMBER_MAX = 2**28  # 4.4


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_b64url(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:  # 1.4
        raise ValueError(f"unused bits are not zero: {text}")
    return data


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


# Section 2 and 3


def public_key(private):
    public = X25519PrivateKey.from_private_bytes(private).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def exchange(private, public):
    """2.7: `cryptography` raises ValueError if it comes to all zeros."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def handshake_id(client_public):
    return b64url(hashlib.sha256(client_public).digest()[:16])


class Keys:
    def __init__(self, service, start_id, client_public, server_public, static_public, shared):
        labels = ["Parley seal 1", service, handshake_id(client_public), start_id, ""]
        transcript = "\n".join(labels).encode() + client_public + server_public + static_public
        self.transcript = hashlib.sha256(transcript).digest()
        self.secrets = shared
        material = HKDF(hashes.SHA256(), 184, self.transcript, b"Parley seal 1 keys").derive(shared)
        self.to_server_key, self.to_client_key = material[:32], material[32:64]
        self.to_server_iv, self.to_client_iv = material[64:76], material[76:88]
        self.confirm_key, self.binding, self.files_key = material[88:120], material[120:152], material[152:]
        self.confirm = hmac_sha256(self.confirm_key, self.transcript)


def nonce(iv, number):
    return bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big")))


def seal(key, iv, header, number, plain):
    """4.1, 4.3. `header` is everything before the number."""
    head = header + str(number).encode() + b"\n"
    return head + AESGCM(key).encrypt(nonce(iv, number), plain, head)


def unseal(key, iv, datagram):
    """Returns number and what was sealed; raises InvalidTag."""
    head, sealed = datagram.split(b"\n", 1)
    number = int(head.rsplit(b" ", 1)[1])
    return number, AESGCM(key).decrypt(nonce(iv, number), sealed, head + b"\n")


# Sealed transfers: transfer.md section 10


class RecordKey:
    """Of one direction (transfer.md 10.4), with the number of its last record."""

    def __init__(self, files_key, ticket, direction):
        info = b"Wirepost transfer 1 " + direction
        material = HKDF(hashes.SHA256(), 44, from_b64url(ticket), info).derive(files_key)
        self.key, self.iv = material[:32], material[32:]
        self.number = 0

    def seal(self, plain, last=False):
        """transfer.md 10.5, 10.6"""
        self.number += 1
        length = (len(plain) + (2**31 if last else 0)).to_bytes(4, "big")
        return length + ChaCha20Poly1305(self.key).encrypt(nonce(self.iv, self.number), plain, length)

    def open(self, record):
        """What is inside, and whether it is the last record; raises InvalidTag."""
        self.number += 1
        plain = ChaCha20Poly1305(self.key).decrypt(nonce(self.iv, self.number), record[4:], record[:4])
        length = int.from_bytes(record[:4], "big")
        assert length % 2**31 == len(plain)
        return plain, length >= 2**31


# Section 5: SCRAM-SHA-256


def saslname(name):
    return name.replace("=", "=3D").replace(",", "=2C")


DEFAULT_IGNORABLE = [  # Unicode, DerivedCoreProperties.txt; those that are no Cc, Cn or Cs
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


def prepare(password):
    """5.8. Returns bytes; raises ValueError."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    text = unicodedata.normalize("NFC", spaced)
    for c in text:
        ignorable = any(first <= ord(c) <= last for first, last in DEFAULT_IGNORABLE)
        if ignorable or unicodedata.category(c) in ("Cc", "Cn", "Co", "Cs"):
            raise ValueError(f"not allowed in a password: U+{ord(c):04X}")
    data = text.encode()
    if not 1 <= len(data) <= 1024:
        raise ValueError("a password has 1 to 1,024 bytes")
    return data


class Secret:
    """What comes from a password."""

    def __init__(self, password, salt, iterations):
        salted = hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)
        self.client_key = hmac_sha256(salted, b"Client Key")
        self.stored_key = hashlib.sha256(self.client_key).digest()
        self.server_key = hmac_sha256(salted, b"Server Key")
        stored, server = b64(self.stored_key), b64(self.server_key)
        self.verifier = f"SCRAM-SHA-256${iterations}:{b64(salt)}${stored}:{server}"

    def final(self, first_bare, server_first, binding):
        """Returns client-final-message, and the server-final-message that is waited for."""
        both_nonces = re.match(r"r=([^,]*)", server_first)[1]
        without_proof = f"c={b64(GS2_HEADER.encode() + binding)},r={both_nonces}"
        message = f"{first_bare},{server_first},{without_proof}".encode()
        signature = hmac_sha256(self.stored_key, message)
        proof = bytes(a ^ b for a, b in zip(self.client_key, signature))
        return f"{without_proof},p={b64(proof)}", f"v={b64(hmac_sha256(self.server_key, message))}"


# Section 7


def key_text(word, key):
    checksum = hashlib.sha256(word.encode() + key).digest()[:3]
    return word + base64.b32encode(key + checksum).decode().lower()


# Vectors


def compute(given):
    """What comes of the inputs of one vector, as a dictionary of names and texts; bytes are in hexadecimal."""
    client, server, static = (bytes.fromhex(given[name]) for name in ("client key", "server key", "static key"))
    client_public, server_public, static_public = map(public_key, (client, server, static))
    seal_id, start, cookie = handshake_id(client_public), given["start id"], given["cookie"]
    shared = exchange(client, server_public) + exchange(client, static_public)
    assert shared == exchange(server, client_public) + exchange(static, client_public)
    keys = Keys(given["service"], start, client_public, server_public, static_public, shared)
    hello = f"hello,{b64url(client_public)}"
    answer = ",".join(b64url(part) for part in (server_public, static_public, keys.confirm))

    secret = Secret(given["password"], bytes.fromhex(given["salt"]), given["iterations"])
    first_bare = f"n={saslname(given['name'])},r={given['client nonce']}"
    both_nonces = given["client nonce"] + given["server nonce"]
    server_first = f"r={both_nonces},s={b64(bytes.fromhex(given['salt']))},i={given['iterations']}"
    client_final, server_final = secret.final(first_bare, server_first, keys.binding)
    result = {
        "client public": client_public.hex(),
        "server public": server_public.hex(),
        "static public": static_public.hex(),
        "public text": key_text("public1", static_public),
        "private text": key_text("private1", static),
        "hello": f"S1> {seal_id} - - {hello}",
        "challenge": f"S1< {seal_id} {start} {cookie} challenge",
        "hello again": f"S1> {seal_id} {start} {cookie} {hello}",
        "transcript hash": keys.transcript.hex(),
        "secrets": keys.secrets.hex(),
        "to-server key": keys.to_server_key.hex(),
        "to-client key": keys.to_client_key.hex(),
        "to-server iv": keys.to_server_iv.hex(),
        "to-client iv": keys.to_client_iv.hex(),
        "confirm key": keys.confirm_key.hex(),
        "binding": keys.binding.hex(),
        "files key": keys.files_key.hex(),
        "hello answer": f"S1< {seal_id} {start} - hello,{answer}",
        "verifier": secret.verifier,
        "client first": GS2_HEADER + first_bare,
        "server first": server_first,
        "client final": client_final,
        "server final": server_final,
    }
    to_server, to_client = f"S1> {seal_id} {start} {cookie} ".encode(), f"S1< {seal_id} {start} - ".encode()
    for number, plain in given["to server"]:
        sealed = seal(keys.to_server_key, keys.to_server_iv, to_server, number, bytes.fromhex(plain))
        assert unseal(keys.to_server_key, keys.to_server_iv, sealed) == (number, bytes.fromhex(plain))
        result[f"to-server {number}"] = sealed.hex()
    for number, plain in given["to client"]:
        sealed = seal(keys.to_client_key, keys.to_client_iv, to_client, number, bytes.fromhex(plain))
        assert unseal(keys.to_client_key, keys.to_client_iv, sealed) == (number, bytes.fromhex(plain))
        result[f"to-client {number}"] = sealed.hex()
    for direction in ("to server", "to client"):
        name = direction.replace(" ", "-")
        sealing, opening = (RecordKey(keys.files_key, given["ticket"], direction.encode()) for _ in range(2))
        result |= {f"transfer {name} key": sealing.key.hex(), f"transfer {name} iv": sealing.iv.hex()}
        for plain, last in given[f"records {direction}"]:
            record = sealing.seal(bytes.fromhex(plain), last)
            assert opening.open(record) == (bytes.fromhex(plain), last)
            result[f"{name} record {sealing.number}"] = record.hex()
    return result


def vectors(path):
    """Recomputes section 13. Its inputs are those that nothing else gives; all the rest is compared."""
    with open(path, encoding="utf-8") as file:
        section = file.read().split("## 13. Test vectors", 1)[1]
    block = re.search(r"```text\n(.*?)```", section, re.S)[1]
    told = dict(re.split(r" *= ", line, maxsplit=1) for line in block.splitlines())
    plain = {i: told[f"plain {i}"].replace("\\n", "\n") for i in range(1, 7)}
    challenge = told["challenge"].split(" ")
    iterations, salt = re.match(r"SCRAM-SHA-256\$(\d+):([^$]*)", told["verifier"]).groups()
    client_nonce = plain[1].rsplit("r=", 1)[1]
    both_nonces = re.match(r"first,1,r=([^,]*)", plain[2])[1]
    given = {name: told[name] for name in ("service", "client key", "server key", "static key", "password")}
    given |= {
        "start id": challenge[2],
        "cookie": challenge[3],
        "salt": base64.b64decode(salt).hex(),
        "iterations": int(iterations),
        "name": re.search(r"n=([^,]*)", plain[1])[1],
        "client nonce": client_nonce,
        "server nonce": both_nonces.removeprefix(client_nonce),
        "to server": [(i, plain[2 * i - 1].encode().hex()) for i in (1, 2, 3)],
        "to client": [(i, plain[2 * i].encode().hex()) for i in (1, 2, 3)],
        "ticket": told["ticket"],
    }
    for direction in ("to server", "to client"):
        inside = [told[f"inside {direction} {i}"].replace("\\n", "\n").encode().hex() for i in (1, 2)]
        given[f"records {direction}"] = [(inside[0], False), (inside[1], True)]
    made = compute(given)
    session = plain[3].split(",")[2]
    made["plain 1"] = f"first,1,{made.pop('client first')}"
    made["plain 2"] = f"first,1,{made.pop('server first')}"
    made["plain 3"] = f"final,2,{session},{made.pop('client final')}"
    made["plain 4"] = f"final,2,{made.pop('server final')}"
    for name, value in made.items():
        print(f"{name}: {'right' if told.get(name) == value else f'{told.get(name)} is not {value}'}")
    inputs = {"service", "client key", "server key", "static key", "password", "plain 5", "plain 6", "ticket"}
    inputs |= {f"inside {direction} {i}" for direction in ("to server", "to client") for i in (1, 2)}
    for name in told.keys() - made.keys() - inputs:
        print(f"{name}: not computed")


NAME_BYTES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!@#$%.?,_-"  # 5.7
PASSWORDS = ["a", "correct horse", "pass\u00a0word\u3000", "cafe\u0301", "\u212b\u1e9b\u0323", "密码 😀", "=,=2C", "x" * 1024]


def random_input():
    random = secrets.SystemRandom()
    numbers = [1, 2, 255, 256, 65536, NUMBER_MAX, random.randrange(1, NUMBER_MAX)]
    return {
        "service": random.choice(["mailbox", "forum"]),
        "start id": os.urandom(4).hex(),
        "cookie": os.urandom(8).hex(),
        "client key": os.urandom(32).hex(),
        "server key": os.urandom(32).hex(),
        "static key": os.urandom(32).hex(),
        "password": random.choice(PASSWORDS),
        "salt": os.urandom(16).hex(),
        "iterations": random.randrange(1, 3000),
        "name": "".join(random.choices(NAME_BYTES, k=random.randrange(1, 65))),
        "client nonce": b64(os.urandom(18)),
        "server nonce": b64(os.urandom(18)),
        "to server": [(n, os.urandom(random.randrange(0, 1100)).hex()) for n in numbers],
        "to client": [(n, os.urandom(random.randrange(0, 1100)).hex()) for n in numbers],
        "ticket": b64url(os.urandom(16)),
        "records to server": random_records(random),
        "records to client": random_records(random),
    }


def random_records(random):
    """The first has 1,024 bytes at most, and the last may have none (transfer.md 10.6)."""
    lengths = [random.randrange(1, 1025), random.randrange(1, 5000), random.randrange(0, 5000)]
    return [(os.urandom(length).hex(), i == 2) for i, length in enumerate(lengths)]


def make(count):
    for _ in range(count):
        given = random_input()
        print(json.dumps({"given": given, "made": compute(given)}))


def check():
    """Compares what another implementation has made."""
    for line in sys.stdin:
        vector = json.loads(line)
        made = compute(vector["given"])
        wrong = [name for name, value in made.items() if vector["made"].get(name) != value]
        print(f"{len(made)} compared, {', '.join(wrong) or 'none'} wrong")


# A client


def report(what, result):
    print(f"{what}: {result}", flush=True)


class Client:
    """One handshake from one socket. It repeats what is not answered, and takes only what is of the grammar."""

    def __init__(self, address, private=None):
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.private = private or os.urandom(32)
        self.public = public_key(self.private)
        self.id = handshake_id(self.public)
        self.start, self.cookie = "-", "-"
        self.number, self.k = 0, 0
        self.highest, self.opened = 0, set()
        self.keys = None

    def hello(self):
        return f"S1> {self.id} {self.start} {self.cookie} hello,{b64url(self.public)}".encode()

    def receive(self, seconds):
        """The next datagram within so many seconds, or None."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            return self.socket.recv(2048)
        except TimeoutError:
            return None

    def ask(self, question, answer):
        """Sends what `question` gives, again each second, until `answer` makes something of a datagram."""
        for _ in range(REPETITIONS):
            self.socket.send(question())
            end = time.monotonic() + 1
            while (left := end - time.monotonic()) > 0:
                datagram = self.receive(left)
                if datagram is None:
                    break
                result = answer(datagram)
                if result is not None:
                    return result
        raise TimeoutError("no answer")

    def challenge(self):
        """Begins, and returns the datagram that answers a hello without a cookie."""

        return self.ask(self.hello, self.challenged)

    def challenged(self, datagram):
        """Takes a challenge; None if it is none."""
        match = re.fullmatch(rb"S1< %s ([0-9a-f]{8}) ([0-9a-f]{16}) challenge" % self.id.encode(), datagram)
        if match is None:
            return None
        self.start, self.cookie = match[1].decode(), match[2].decode()
        return datagram

    def greet(self, service="mailbox"):
        """Makes the keys, and returns the server's public key."""

        def answer(datagram):
            self.challenged(datagram)  # 2.3: the cookie was too old
            form = r"S1< %s %s - hello,([\w-]{43}),([\w-]{43}),([\w-]{43})" % (self.id, self.start)
            return re.fullmatch(form.encode(), datagram)

        match = self.ask(self.hello, answer)
        server, static, confirm = (from_b64url(part.decode()) for part in match.groups())
        shared = exchange(self.private, server) + exchange(self.private, static)
        self.keys = Keys(service, self.start, self.public, server, static, shared)
        if not hmac.compare_digest(confirm, self.keys.confirm):  # 3.3
            raise ValueError("CONFIRM is wrong")
        self.answer = match[0]
        return static

    def seal(self, plain):
        self.number += 1
        header = f"S1> {self.id} {self.start} {self.cookie} ".encode()
        return seal(self.keys.to_server_key, self.keys.to_server_iv, header, self.number, plain.encode())

    def open(self, datagram):
        """What was sealed; None if it does not open, or was opened before (4.5)."""
        if not re.match(rb"S1< %s %s - [1-9][0-9]{0,8}\n" % (self.id.encode(), self.start.encode()), datagram):
            return None
        try:
            number, plain = unseal(self.keys.to_client_key, self.keys.to_client_iv, datagram)
        except InvalidTag:
            return None
        if number > NUMBER_MAX or number <= self.highest - WINDOW or number in self.opened:
            return None
        self.opened.add(number)
        self.highest = max(number, self.highest)
        return plain.decode()

    def login_request(self, word, *fields):
        """Returns word and text of the answer to a request of section 5."""
        self.k += 1
        request = ",".join([word, str(self.k), *fields])

        def answer(datagram):
            match = re.fullmatch(r"([a-z]+),(\d+)(?:,(.*))?", self.open(datagram) or "", re.S)
            return (match[1], match[3]) if match and int(match[2]) == self.k else None

        return self.ask(lambda: self.seal(request), answer)

    def login(self, name, password, session, binding=None):
        """Returns what answers `final`, after a right `v=` as "logged in"."""
        client_nonce = b64(os.urandom(18))
        first_bare = f"n={saslname(name)},r={client_nonce}"
        word, server_first = self.login_request("first", GS2_HEADER + first_bare)
        if word != "first":
            return f"{word} {server_first}"
        form = r"r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)"
        both_nonces, salt, iterations = re.fullmatch(form, server_first).groups()
        if not both_nonces.startswith(client_nonce) or both_nonces == client_nonce:
            raise ValueError("the server's nonce does not begin with the client's")
        if not 600_000 <= int(iterations) <= 10_000_000:  # 5.9
            raise ValueError(f"{iterations} iterations")
        secret = Secret(password, base64.b64decode(salt), int(iterations))
        final, waited_for = secret.final(first_bare, server_first, binding or self.keys.binding)
        word, text = self.login_request("final", session, final)
        if word == "final" and hmac.compare_digest(text, waited_for):  # 5.6
            return "logged in"
        return f"{word} {text}"

    def request(self, low, records, answered):
        """Sends a session's body (4.7), and returns the match of the form `answered`."""
        body = "\n".join([str(low), *records])

        def answer(datagram):
            return re.fullmatch(answered, self.open(datagram) or "", re.S)

        return self.ask(lambda: self.seal(body), answer)


def flip(datagram, at, bit=1):
    changed = bytearray(datagram)
    changed[at] ^= bit
    return bytes(changed)


def stat(client, low, tag):
    """How many messages alice has. It also shows that all that was sent before was dealt with: see `talk`."""
    return client.request(low, [f"stat,{tag},alice"], rf"\d+\nstat,{tag},messages (\d+),.*")[1]


def talk(host, port, public_text):
    address = (host, port)
    session, password = b64url(os.urandom(16)), "correct\u00a0horse 密码"

    alice = Client(address)
    report("a hello without a cookie", alice.challenge().decode().split(" ")[-1])
    static = alice.greet()
    report("the server's key", "as it was logged" if key_text("public1", static) == public_text else "another")
    first_answer = alice.answer
    alice.greet()
    report("the same hello", "the same answer" if alice.answer == first_answer else "another answer")

    # 4.8: before the log-in nothing of a session is carried out. It is dropped, so the next answer is that of `make`
    alice.socket.send(alice.seal("1\nput,1,alice,alice,,,too early"))
    verifier = Secret(password, os.urandom(16), 600_000).verifier
    report("make", alice.login_request("make", "alice", verifier)[0])
    report("make again", alice.login_request("make", "alice", verifier)[0])
    report("log-in", alice.login("alice", password, session))

    put = alice.seal("1\nput,1,alice,alice,,,5 Ω, or more? ✓")
    put_answer = alice.ask(lambda: put, lambda datagram: re.fullmatch(r"1\nok,1", alice.open(datagram) or ""))
    report("put", put_answer[0].replace("\n", " "))
    report("messages", stat(alice, 2, 1))

    # What is sent now must not store a second message, nor be answered. Each has the number 2 of a request, which
    # would be carried out if it were opened
    alice.socket.send(put)
    second = alice.seal("2\nput,2,alice,alice,,,must not be stored")
    end = second.index(b"\n")
    for at in (0, 4, end - 1, end, end + 1, len(second) - 17, len(second) - 16, len(second) - 1):
        alice.socket.send(flip(second, at))
    alice.socket.send(second[:-1])
    alice.socket.send(second + b"\0")
    report("messages after a replay and changed bytes", stat(alice, 2, 2))

    # the first flight and all that followed, from another address: a copy of the hello is answered by a challenge,
    # what is sealed by nothing else either
    other = Client(address, alice.private)
    other.start, other.cookie = alice.start, alice.cookie
    kinds = set()
    for datagram in (alice.hello(), put):
        kinds.add(other.ask(lambda sent=datagram: sent, lambda got: got).decode().split(" ")[-1])
    report("a replay from another address", ", ".join(sorted(kinds)))

    message = alice.request(
        2, ["lease,3,alice,1,30000,0"], r"\d+\nmsg,3,1,1,([0-9a-f]{16}),(\d+),1,\d+,alice,(\d+),(.*)"
    )
    token, message_id, length, text = message.groups()
    report("received", f"{text} ({length} bytes)")
    report("acknowledged", alice.request(2, [f"ack,2,{token},{message_id}"], r"(\d+)\nok,2")[1])
    report("messages", stat(alice, 3, 4))

    mallory = Client(address)
    mallory.challenge()
    mallory.greet()
    report("log-in with a wrong password", mallory.login("alice", "wrong", b64url(os.urandom(16))))
    new_session = b64url(os.urandom(16))
    report("log-in bound to another handshake", mallory.login("alice", password, new_session, alice.keys.binding))
    report("log-in of a name without an account", mallory.login("nobody", password, new_session).split(" ")[0])
    report("log-in to the session of another account", join_as_bob(mallory, session))

    # 2.7: nothing is kept of it, so what it seals is unknown
    zero = Client(address)
    zero.challenge()
    zero.public = bytes(32)
    zero.id = handshake_id(zero.public)
    zero.cookie = "-"
    zero.challenge()
    zero.socket.send(zero.hello())
    sealed = f"S1> {zero.id} {zero.start} {zero.cookie} 1\n".encode() + os.urandom(40)
    report("a key of zeros", zero.ask(lambda: sealed, lambda got: got).decode().split(" ")[-1])

    report("bye", alice.login_request("bye")[0])
    # The handshake is forgotten. The same hello makes another one, with other keys: what was sealed does not open
    old = alice.keys
    alice.greet()
    report("the keys of the same hello, after bye", "the same" if old.binding == alice.keys.binding else "others")
    alice.socket.send(put)
    alice.number, alice.highest, alice.opened, alice.k = 0, 0, set(), 0
    report("log-in after that", alice.login("alice", password, session))
    alice.request(3, ["stat,5,alice"], r"\d+\nstat,5,messages 0,.*")
    report("here", alice.ask(lambda: alice.seal("here"), lambda got: "here" if alice.open(got) == "here" else None))
    report("bye", alice.login_request("bye")[0])


def join_as_bob(client, session):
    secret = Secret("bob's", os.urandom(16), 600_000)
    client.login_request("make", "bob", secret.verifier)
    return client.login("bob", "bob's", session).split(" ")[0]


# Files, with a forum


class Files:
    """The client of one user's transfers. `requests` has a session's tags."""

    def __init__(self, address, name, password):
        self.address, self.client, self.tag = address, Client(address), 0
        self.client.challenge()
        self.static = self.client.greet("forum")
        self.client.login_request("make", name, Secret(password, os.urandom(16), 600_000).verifier)
        report(f"log-in of {name}", self.client.login(name, password, b64url(os.urandom(16))))

    def ask(self, question, answered):
        """The groups of the answer to a tagged request; `T` stands for the tag."""
        self.tag += 1
        lines = [question.replace("T", str(self.tag), 1)]
        return self.client.request(2, lines, r"\d+\n" + answered.replace("T", str(self.tag), 1)).groups()

    def keys(self, ticket):
        files_key = self.client.keys.files_key
        return RecordKey(files_key, ticket, b"to server"), RecordKey(files_key, ticket, b"to client")

    def upload(self, thread, name, content):
        """Returns the ticket, the key of the proof, and the connection."""
        size = len(content)
        ticket, key = self.ask(f"UPS,T,0,{size},-,{thread} {name}", r"upload,T,([\w-]{22}),([\w-]{43})")
        return ticket, from_b64url(key), Connection(self.address, ticket, *self.keys(ticket))

    def download(self, thread, name):
        return self.ask(f"DWS,T,{thread} {name}", r"ticket,T,([\w-]{22}),(\d+),([0-9a-f]{64})")


class Connection:
    """The connection of a sealed transfer."""

    def __init__(self, address, ticket, to_server, to_client):
        self.socket = socket.create_connection(address)
        self.file = self.socket.makefile("rb")
        self.to_server, self.to_client = to_server, to_client
        self.inside, self.is_over = b"", False
        self.socket.sendall(f"P1 sealed {ticket}\n".encode())

    def send(self, plain, last=False, change=lambda record: record):
        self.socket.sendall(change(self.to_server.seal(plain, last)))

    def more(self):
        """Opens one more record; False behind the last one, or behind the end."""
        try:
            length = b"" if self.is_over else self.file.read(4)
        except ConnectionResetError:
            length = b""
        if length == b"":
            return False
        plain, self.is_over = self.to_client.open(length + self.file.read(int.from_bytes(length, "big") % 2**31 + 16))
        self.inside += plain
        return True

    def line(self):
        """The next line that is no `wait`; empty at the end."""
        while b"\n" not in self.inside:
            if not self.more():
                return ""
        line, self.inside = self.inside.split(b"\n", 1)
        return self.line() if line == b"P1 wait" else line.decode()

    def rest(self):
        """All that is left, and whether it ended by a last record."""
        while self.more():
            pass
        return self.inside, self.is_over


def prove(key, what, content):
    return hmac_sha256(key, f"{what} {hashlib.sha256(content).hexdigest()}".encode()).hex()


def files(host, port, public_text):
    address, content = (host, port), b"what nobody else may read " * 20_000
    yoda = Files(address, "yoda", "jedi")
    report("the server's key", "as it was logged" if key_text("public1", yoda.static) == public_text else "another")
    yoda.client.request(1, ["CRT,1,thread0"], r"1\nok,1")
    report("info", yoda.ask("info,T,", r"info,T,(.*)")[0])

    # a record that is changed: what came before it is kept
    ticket, key, connection = yoda.upload("thread0", "notes", content)
    connection.send(f"P1 upload {ticket}\n".encode())
    report("offered", connection.line())
    connection.send(b"P1 from 0\n" + content[:200_000])
    connection.send(content[200_000:400_000], change=lambda record: flip(record, 1000))
    report("a changed record", connection.rest())

    ticket, key, connection = yoda.upload("thread0", "notes", content)
    connection.send(f"P1 upload {ticket}\n".encode())
    report("offered after it", connection.line().split(" ")[2])
    connection.send(b"P1 from 200000\n" + content[200_000:400_000])
    connection.send(content[400_000:])
    connection.send(f"P1 sum {prove(key, 'sum', content)}\n".encode(), last=True)
    report("stored", connection.line() == f"P1 stored {prove(key, 'stored', content)}")
    report("behind it", connection.rest())

    ticket, size, digest = yoda.download("thread0", "notes")
    connection = Connection(address, ticket, *yoda.keys(ticket))
    connection.send(f"P1 download {ticket} 100\n".encode(), last=True)
    report("download", connection.line())
    got, is_whole = connection.rest()
    report("content", (got == content[100:], is_whole, hashlib.sha256(content).hexdigest() == digest, int(size)))

    # the same bytes again, and the keys of another user
    again = Connection(address, ticket, *yoda.keys(ticket))
    again.send(f"P1 download {ticket} 100\n".encode(), last=True)
    report("the same ticket again", again.file.readline().decode().strip())
    luke = Files(address, "luke", "farm boy")
    ticket = yoda.download("thread0", "notes")[0]
    other = Connection(address, ticket, *luke.keys(ticket))
    other.send(f"P1 download {ticket} 0\n".encode(), last=True)
    report("a ticket of yoda under keys of luke", other.rest())
    ticket = yoda.download("thread0", "notes")[0]
    plain = socket.create_connection(address)
    plain.sendall(f"P1 download {ticket} 0\n".encode())
    report("the same in the clear", plain.makefile("rb").readline().decode().strip())
    for user in (yoda, luke):
        user.client.login_request("bye")


def main():
    command, *arguments = sys.argv[1:]
    if command == "vectors":
        vectors(arguments[0])
    elif command == "make":
        make(int(arguments[0]))
    elif command == "check":
        check()
    elif command == "talk":
        talk(arguments[0], int(arguments[1]), arguments[2])
    elif command == "files":
        files(arguments[0], int(arguments[1]), arguments[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
