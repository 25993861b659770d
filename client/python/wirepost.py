"""Messages in mailboxes of a Wirepost server, through the reliable session (protocol/session.md).

What `send` returns from is on the server's disk, once, whatever the network loses; what is received comes again until
it is acknowledged. One file, Python 3.9 or later, nothing but the standard library.

    from wirepost import Mailbox

    with Mailbox("127.0.0.1") as mailbox:
        mailbox.send("bob", "alice", "How are you?")
        for message in mailbox.receive("bob", wait=1):
            print(message.sender, message.text)
            message.ack()

An object is for one thread. It does its work, also the repetition of what was lost, while one of its methods runs.
Names that have an account need a seal, which the standard library has no means for: those are for the program
`wirepost`, and for the library in TypeScript.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import random
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Callable, Iterable, Iterator, Optional

__all__ = ["Mailbox", "Message", "Full", "NoAnswer", "OutcomeUnknown", "Refused", "WirepostError"]

PORT = 21001
MAX_DATAGRAM = 1200  # session.md 1.1, in bytes
MAX_TEXT = 65_000  # 1.3, in bytes of UTF-8
MAX_OPEN, MAX_OPEN_BYTES = 1024, 256 * 1024  # 5.2: numbers without an outcome, and their text
MAX_LEASE = 64  # 2.8: messages of a lease
SILENCE = 10.0  # 9.3: seconds after which the server is gone
STUCK = 60.0  # 9.4: seconds within which what is asked comes to its outcome
PENDING = 5.0  # 7.2: seconds between repetitions of a wait
FIRST_BUSY, LAST_BUSY, GIVE_UP_BUSY, REPORT_BUSY = 1.0, 30.0, 60.0, 2.0  # 3.9, 3.10: seconds
FIRST_FULL, LAST_FULL = 0.1, 2.0  # 3.5: seconds
FIRST_TIMEOUT, LEAST_TIMEOUT, LAST_TIMEOUT = 0.333, 0.02, 1.0  # 9.1: seconds until something is sent again
FIRST_WINDOW = 10 * MAX_DATAGRAM  # 9.2: bytes in flight at first
MAX_TRIES = 16  # 9.6, 9.7
STALE = 1.0  # 8.11: seconds after which a session that has done nothing is begun anew
IDLE = 12 * 3600.0  # 8.14: seconds after which a session is begun anew
ROUND_TRIPS = 8  # how many times the least of them is in doubt before it is measured anew

log = logging.getLogger("wirepost")

#: what names a line that is on its way: ("n", first number, part) of a change, ("t", tag, 0) of a question
_Key = tuple[str, int, int]
_BEGIN: _Key = ("b", 0, 0)
#: ID, attempt, time, sender and length of a message
_Fields = tuple[int, int, int, str, int]


@dataclass
class _Arriving:
    """A message of a lease, of which pieces may be missing."""

    pieces: dict[int, bytes] = field(default_factory=dict)  # by their place in the text
    fields: Optional[_Fields] = None

    @property
    def is_whole(self) -> bool:
        return self.fields is not None and sum(map(len, self.pieces.values())) >= self.fields[4]

    @property
    def text(self) -> str:
        return b"".join(self.pieces[at] for at in sorted(self.pieces)).decode()


class WirepostError(Exception):
    """Something that was asked was not done; the text says why."""


class NoAnswer(WirepostError):
    """The server is gone, or carries nothing out. What had no outcome may have been done, or not."""


class OutcomeUnknown(WirepostError):
    """The server has forgotten the session: what had no outcome may have been done, or not."""


class Refused(WirepostError):
    """The server will never do this."""


class Full(WirepostError):
    """The mailbox or the disk had no room for as long as it was to be tried. Nothing was stored."""


@dataclass
class _Change:
    """A request with a number, or with several if its text is in parts."""

    first: int
    lines: list[bytes]
    size: int
    give_up: float = float("inf")  # when it is withdrawn if it is refused for want of room
    outcome: Optional[str] = None
    error: Optional[WirepostError] = None
    sent: list[float] = field(default_factory=list)  # when each line was sent last; 0: not yet
    withdrawn: bool = False
    repeat_at: float = 0.0  # not before that, after a refusal
    delay: float = FIRST_FULL

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass
class _Question:
    """A request with a tag."""

    line: Callable[[float], bytes]  # at a time
    sent: float = 0.0
    again: float = 0.0  # when it is sent again
    pending: bool = False
    until: float = float("inf")  # when it has to have come to its outcome
    answer: Optional[list[str]] = None
    token: str = ""
    count: int = 0
    messages: dict[int, _Arriving] = field(default_factory=dict)
    tries: int = 0


class _Session:
    """One session: its numbers, its tags, and what is on its way."""

    def __init__(self, host: str, port: int, timeout: float):
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, kind, protocol)
        # datagrams of others are dropped by the system (4.4)
        self._socket.connect(address)
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self.where = f"{host}:{port}"
        self._silence = timeout
        self.changes: dict[int, _Change] = {}  # by the first number, in order
        self.questions: dict[int, _Question] = {}
        self._tag = random.getrandbits(40)
        self._begun: list[float] = []
        self._rtt: Optional[float] = None
        self._variance = 0.0
        self._backoff = 1
        self._window = float(FIRST_WINDOW)
        self._threshold = float("inf")
        self._lost_at = 0.0
        self._flight: dict[_Key, tuple[float, int, bool]] = {}  # what is in it: when, bytes, the first time
        self._busy_since = self._busy_delay = self._busy_until = 0.0
        self._is_busy_told = False
        self._heard = self._used = time.monotonic()
        self._moved = self._used
        self._begin()

    def _begin(self) -> None:
        self.id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self._start_id = self._cookie = "-"
        self._start_time = ""  # the first digits of the first cookie (4.9)
        self._known_at = 0.0
        self._next = 1
        self._done = self._done_before = 0  # the highest number whose outcome is known, and at the last start
        self._flight.clear()
        for question in self.questions.values():
            question.again = 0.0

    def _begin_anew(self, now: float) -> None:
        # 9.7: one is forgotten every 4 s
        self._begun = [at for at in self._begun if now - at < 4 * MAX_TRIES]
        if len(self._begun) >= MAX_TRIES:
            raise NoAnswer(f"{self.where} does not keep the session")
        self._begun.append(now)

    # what is asked

    def change(self, word: str, rest: str, text: Optional[str] = None, give_up: float = float("inf")) -> _Change:
        """Numbers a request; it is on its way once `run` is called. A text is sent in parts if it is long."""
        now = time.monotonic()
        self._renew(now)
        size = 0 if text is None else len(text.encode())
        self.run(lambda: len(self.changes) == 0 or (
            self._next + 64 - self.low() <= MAX_OPEN and
            sum(change.size for change in self.changes.values()) + size <= MAX_OPEN_BYTES
        ))
        first = self._next
        pieces = [] if text is None else _pieces(text, MAX_DATAGRAM - 100 - len(rest.encode()))
        lines = [f"part,{first + i},{piece}".encode() for i, piece in enumerate(pieces[:-1])]
        last = pieces[-1] if pieces else None
        lines.append(f"{word},{first + len(lines)}".encode() + (f",{rest}".encode() if rest else b"") +
                     (b"" if last is None else b"," + last.encode()))
        change = _Change(first, lines, size, give_up=give_up, sent=[0.0] * len(lines))
        if not self.changes:
            self._moved = now
        self.changes[first] = change
        self._next += len(lines)
        return change

    def ask(self, line: Callable[[int, float], str], limit: float = STUCK) -> tuple[int, _Question]:
        """Asks under a new tag."""
        self._tag += 1
        tag = self._tag
        question = _Question(lambda now: line(tag, now).encode(), until=time.monotonic() + limit)
        self.questions[tag] = question
        return tag, question

    def _renew(self, now: float) -> None:
        """A session of which the server keeps nothing yet, or nothing any more, is begun anew (8.11, 8.14)."""
        if self.changes or self.questions:
            return
        is_stale = self._next == 1 and self._known_at > 0 and now - self._known_at > STALE
        if is_stale or now - self._used > IDLE:
            self._begin()

    def low(self) -> int:
        return next(iter(self.changes), self._next)

    # what is sent

    def _timeout(self) -> float:
        base = FIRST_TIMEOUT if self._rtt is None else self._rtt + max(4 * self._variance, 0.001)
        return min(max(base, LEAST_TIMEOUT) * self._backoff, LAST_TIMEOUT)

    def _due(self, now: float) -> tuple[list[tuple[_Key, bytes]], float]:
        """What has to be sent now, and when the next has to be."""
        timeout, wake = self._timeout(), now + LAST_TIMEOUT
        due: list[tuple[_Key, bytes]] = []
        is_free = True
        for change in self.changes.values():
            # behind one that was refused nothing is carried out (3.5)
            if change.repeat_at > now:
                wake, is_free = min(wake, change.repeat_at), False
                break
            for i, line in enumerate(change.lines):
                at = change.sent[i]
                if at > 0 and now < at + timeout:
                    wake = min(wake, at + timeout)
                else:
                    due.append((("n", change.first, i), line))
            if len(due) >= MAX_LEASE:
                break
        # new ones in their order; of the others those first that were sent longest ago, so that none is starved
        due.sort(key=lambda each: self._sent_at(each[0]))
        for tag, question in self.questions.items():
            if question.again <= now:
                due.append((("t", tag, 0), question.line(now)))
            else:
                wake = min(wake, question.again)
        return due, wake if is_free or due else min(wake, now + LAST_TIMEOUT)

    def _send_due(self, now: float) -> float:
        """Sends what is due, as much as the congestion window allows; returns when to do so again."""
        if self._busy_until > now:
            return self._busy_until
        if self._cookie == "-" and self._start_id == "-":
            # 4.3: first a datagram without requests
            if (self.changes or self.questions) and self._flight.get(_BEGIN, (0, 0, True))[0] + self._timeout() <= now:
                self._flight[_BEGIN] = (now, 0, _BEGIN not in self._flight)
                self._transmit([])
                self._backoff = min(self._backoff * 2, 64)
            return now + self._timeout()
        due, wake = self._due(now)
        timeout = self._timeout()
        overdue = [key for key, (at, _, _) in self._flight.items() if now >= at + timeout]
        if overdue:
            self._lose(now)
        for key in overdue:
            self._flight.pop(key, None)
        in_flight = sum(size for _, size, _ in self._flight.values())
        lines: list[bytes] = []
        size = 0
        head = len(self._head())
        for key, line in due:
            if in_flight > 0 and in_flight + len(line) > self._window:
                wake = now + min(timeout, 0.05)
                break
            if lines and head + size + 1 + len(line) > MAX_DATAGRAM:
                self._transmit(lines)
                lines, size = [], 0
            lines.append(line)
            size += 1 + len(line)
            in_flight += len(line)
            self._note(key, len(line), now)
        if lines:
            self._transmit(lines)
            wake = min(wake, now + timeout)
        return wake

    def _sent_at(self, key: _Key) -> float:
        kind, number, part = key
        return (self.questions[number].sent if kind == "t" else self.changes[number].sent[part]) or float("inf")

    def _note(self, key: _Key, size: int, now: float) -> None:
        if key[0] == "n":
            change = self.changes[key[1]]
            is_first, change.sent[key[2]] = change.sent[key[2]] == 0, now
        else:
            question = self.questions[key[1]]
            is_first, question.sent = question.sent == 0, now
            question.tries += 1
            question.again = now + (PENDING if question.pending else self._timeout())
        self._flight[key] = (now, size, is_first)

    def _lose(self, now: float) -> None:
        """A time-out: once a round trip the window is halved, and the next time-out doubled."""
        self._backoff = min(self._backoff * 2, 64)
        if now - self._lost_at < (self._rtt or FIRST_TIMEOUT):
            return
        self._lost_at = now
        self._threshold = self._window = max(self._window / 2, 2 * MAX_DATAGRAM)

    def _head(self) -> bytes:
        return f"P1> {self.id} {self._start_id} {self._cookie} {self.low()}".encode()

    def _transmit(self, lines: Iterable[bytes]) -> None:
        try:
            self._socket.send(b"\n".join([self._head(), *lines]))
        except (BlockingIOError, ConnectionRefusedError):
            pass  # as if it were lost on the way

    # what arrives

    def _receive(self, now: float) -> bool:
        try:
            datagram = self._socket.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        try:
            head, *answers = datagram.decode().split("\n")
            word, session, start_id, cookie, done = head.split(" ")
            number = int(done)
        except ValueError:
            return True  # malformed (1.5)
        if word != "P1<" or session != self.id:
            return True
        self._heard = now
        if cookie != "-":
            self._challenged(start_id, cookie, now)
            return True
        if start_id != self._start_id:
            return True  # of an earlier start, and late (4.4)
        self._used = now
        if number < self._done_before and answers:
            self._forgotten(now)  # an older copy of the state (8.12)
            return True
        for answer in answers:
            kind, _, rest = answer.partition(",")
            try:
                self._answer(kind, rest, now)
            except (ValueError, IndexError):
                return True
        return True

    def _challenged(self, start_id: str, cookie: str, now: float) -> None:
        if start_id == self._start_id and cookie == self._cookie:
            return
        if self._start_id != "-":
            self._begin_anew(now)
        if not self._start_time:
            self._start_time, self._known_at = cookie[:12], now
        if start_id != self._start_id:
            self._done_before = self._done
        self._start_id, self._cookie = start_id, self._start_time + cookie[12:]
        self._answered(_BEGIN, now)
        self._flight.clear()
        # nothing of what was sent was carried out
        for change in self.changes.values():
            change.sent = [0.0] * len(change.lines)
        for question in self.questions.values():
            question.again = 0.0

    def _answer(self, kind: str, rest: str, now: float) -> None:
        if kind in ("ok", "have"):
            first, _, last = rest.partition("-")
            for change in list(self.changes.values()):
                for i in range(max(0, int(first) - change.first), min(len(change.lines), int(last or first) - change.first + 1)):
                    self._answered(("n", change.first, i), now)
                    # what is done is not sent again; what has only arrived may be dropped by the server (3.2)
                    change.sent[i] = float("inf") if kind == "ok" else now
                # a part is done with its put, whose outcome the last number has
                if kind == "ok" and int(first) <= change.last <= int(last or first):
                    self._settle(change, "ok", now)
        elif kind in ("lost", "bad", "full", "storage"):
            number, _, reason = rest.partition(",")
            refused = next((c for c in self.changes.values() if c.first <= int(number) <= c.last), None)
            if refused is not None:
                self._not_done(refused, kind, reason, now)
        elif kind == "unknown":
            self._forgotten(now)
        elif kind == "owned":
            raise Refused("the session belongs to an account")
        elif kind == "busy":
            self._busy(now)
        elif kind == "ending":
            pass  # it may come back: what has no answer is sent again
        else:
            self._tagged(kind, rest, now)

    def _not_done(self, change: _Change, kind: str, reason: str, now: float) -> None:
        if kind == "lost":
            change.error = Refused(f"messages {reason} were given out again or removed before") if reason else \
                Refused("the lease has ended")
            self._settle(change, kind, now)
        elif kind == "bad":
            if reason == "withdrawn":
                change.error = Full(f"{self.where} had no room for it in time")
            else:
                change.error = Refused(f"{self.where} refuses it: {reason}")
            self._settle(change, kind, now)
        elif change.repeat_at <= now:
            self._answered(("n", change.first, len(change.lines) - 1), now)
            if now >= change.give_up and not change.withdrawn:
                # of a put in parts the skip has the last number (2.7)
                change.withdrawn = True
                change.lines = change.lines[:-1] + [f"skip,{change.last}".encode()]
            else:
                change.repeat_at, change.delay = now + change.delay, min(change.delay * 2, LAST_FULL)
            is_behind = False
            for other in self.changes.values():
                is_behind = is_behind or other is change
                if is_behind:
                    other.sent = [0.0] * len(other.lines)
                    for i in range(len(other.lines)):
                        self._flight.pop(("n", other.first, i), None)
            self._moved = now

    def _settle(self, change: _Change, outcome: str, now: float) -> None:
        change.outcome = outcome
        self._done = max(self._done, change.last)
        del self.changes[change.first]
        for i in range(len(change.lines)):
            self._answered(("n", change.first, i), now)
        self._moved = now
        self._begun.clear()
        self._busy_since = 0.0

    def _tagged(self, kind: str, rest: str, now: float) -> None:
        tag_text, _, rest = rest.partition(",")
        question = self.questions.get(int(tag_text))
        if question is None:
            return
        tag = int(tag_text)
        self._answered(("t", tag, 0), now)
        self._busy_since = 0.0
        if kind == "pending":
            if question.pending and now - question.sent > 1:
                question.again = now  # 7.5
            else:
                question.again = now + PENDING
            question.pending = True
        elif kind == "msg":
            i, k, token, ident, attempt, received, sender, length, text = rest.split(",", 8)
            if question.token != token:
                question.token, question.messages = token, {}
            question.count = int(k)
            message = question.messages.setdefault(int(i), _Arriving())
            message.fields = (int(ident), int(attempt), int(received), sender, int(length))
            message.pieces[0] = text.encode()
            self._collect(tag, question)
        elif kind == "piece":
            i, offset, text = rest.split(",", 2)
            question.messages.setdefault(int(i), _Arriving()).pieces[int(offset)] = text.encode()
            self._collect(tag, question)
        else:
            question.answer = [kind, rest]
            del self.questions[tag]

    def _collect(self, tag: int, question: _Question) -> None:
        """The lease is answered once all of its messages are whole."""
        if len(question.messages) < question.count or question.count == 0:
            return
        if not all(message.is_whole for message in question.messages.values()):
            return
        question.answer = ["msg"]
        self.questions.pop(tag, None)

    def _answered(self, key: _Key, now: float) -> None:
        sent = self._flight.pop(key, None)
        if sent is None:
            return
        at, size, is_first = sent
        self._backoff = 1
        # 9.2: the window grows by what was answered, slower once something was lost
        self._window += size if self._window < self._threshold else MAX_DATAGRAM * size / self._window
        self._window = min(self._window, 96 * MAX_DATAGRAM)
        if is_first:
            self._measure(now - at)

    def _measure(self, sample: float) -> None:
        """RFC 9002, section 5.3."""
        if self._rtt is None:
            self._rtt, self._variance = sample, sample / 2
        else:
            self._variance += (abs(self._rtt - sample) - self._variance) / 4
            self._rtt += (sample - self._rtt) / ROUND_TRIPS

    def _forgotten(self, now: float) -> None:
        if self.changes:
            numbers = f"{self.low()} to {self._next - 1}"
            self.changes.clear()
            self._begin()
            raise OutcomeUnknown(f"{self.where} has forgotten the session: requests {numbers} may have been done, or not")
        self._begin_anew(now)
        self._begin()

    def _busy(self, now: float) -> None:
        if self._busy_since == 0:
            self._busy_since, self._busy_delay, self._is_busy_told = now, FIRST_BUSY, False
        if self._busy_until <= now:
            self._busy_until = now + self._busy_delay
            self._busy_delay = min(self._busy_delay * 2, LAST_BUSY)

    # the loop

    def run(self, is_over: Callable[[], bool], until: float = float("inf")) -> bool:
        """Sends and receives until it is over; returns whether it is, or false at that time."""
        started = self._heard_or_now()
        while not is_over():
            now = time.monotonic()
            if now >= until:
                return False
            self._check(now, started)
            wake = min(self._send_due(now), until, now + LAST_TIMEOUT)
            self._selector.select(max(0.0, wake - time.monotonic()))
            # 9.3: time in which this process did not run does not count
            late = max(0.0, time.monotonic() - max(wake, now))
            started += late
            self._heard += late
            self._moved += late
            for question in self.questions.values():
                question.until += late
            while self._receive(time.monotonic()):
                if is_over():
                    break
        return True

    def _heard_or_now(self) -> float:
        """Silence counts from when something is waited for."""
        now = time.monotonic()
        self._heard = max(self._heard, now)
        return now

    def _check(self, now: float, started: float) -> None:
        if not self.changes and not self.questions:
            return
        if self._busy_since > 0:
            if now - self._busy_since > REPORT_BUSY and not self._is_busy_told:
                self._is_busy_told = True
                log.warning("%s has no room at the moment: trying again", self.where)
            if now - self._busy_since > GIVE_UP_BUSY:
                raise NoAnswer(f"{self.where} has no room")
            self._heard = now
            return
        waits = all(question.pending for question in self.questions.values()) and not self.changes
        if now - max(self._heard, started) > self._silence + (PENDING if waits else 0):
            raise NoAnswer(f"no answer from {self.where} for {self._silence:g} s")
        if self.changes and now - max(self._moved, started) > STUCK:
            raise NoAnswer(f"{self.where} carries nothing out")
        for question in self.questions.values():
            if now > question.until:
                raise NoAnswer(f"{self.where} does not answer what it was asked")

    def close(self) -> None:
        # 8.4: once, and only if it has every outcome
        if not self.changes and self._start_id != "-":
            self._transmit([b"bye"])
        self._selector.close()
        self._socket.close()


def _pieces(text: str, size: int) -> list[str]:
    """The text in pieces of at most so many bytes, cut between characters; at least one."""
    data, pieces = text.encode(), []
    while len(data) > size:
        end = size
        while data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[:end].decode())
        data = data[end:]
    return pieces + [data.decode()]


class Message:
    """A message that was received. It comes again unless it is acknowledged before its lease ends."""

    def __init__(self, mailbox: Mailbox, token: str, fields: _Fields, text: str):
        self._mailbox, self._token = mailbox, token
        self.id: int = fields[0]
        self.attempt: int = fields[1]
        #: when the server received it, in seconds since 1970
        self.time: float = fields[2] / 1000
        self.sender: str = fields[3]
        self.text: str = text
        self._is_over = False

    def ack(self) -> None:
        """Removes it from the server; returns when that is on disk. Raises Refused if the lease had ended."""
        self._finish("ack", f"{self._token},{self.id}")

    def release(self) -> None:
        """Gives it back, for anybody, at its old place. Counts no attempt."""
        self._finish("back", f"{self._token},{self.id}")

    def fail(self, reason: str, delay: float = 1.0, attempts: int = 5) -> None:
        """Counts a failed attempt: it comes again after so many seconds, or becomes a dead letter after so many attempts."""
        self._finish("fail", f"{self._token},{round(delay * 1000)},{attempts},{reason},{self.id}")

    def extend(self, seconds: float) -> None:
        """The lease ends so many seconds from now, 1 to 86,400; for all messages that were leased with this one."""
        self._mailbox._do("extend", f"{self._token},{round(seconds * 1000)}")

    def _finish(self, word: str, rest: str) -> None:
        if self._is_over:
            raise WirepostError("this message was finished with before")
        self._is_over = True
        self._mailbox._do(word, rest)

    def __repr__(self) -> str:
        return f"Message(id={self.id}, sender={self.sender!r}, text={self.text!r}, attempt={self.attempt})"


class Mailbox:
    """A connection to a server: one socket, and one session on it.

    `host` is a name or an address, `port` that of the mailbox, `timeout` after how many seconds without any answer the
    server is given up. Nothing is sent yet.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = PORT, timeout: float = SILENCE):
        self._session = _Session(host, port, timeout)

    def send(self, to: str, sender: str, text: str, *, delay: Optional[float] = None, ttl: Optional[float] = None,
             wait: float = float("inf")) -> None:
        """Stores a message; returns when it is on the server's disk.

        `to` is a mailbox, or "" for the shared queue, with "" as the sender. `delay` and `ttl` are seconds: not given
        out before, and removed after. `wait` is how long a full mailbox is tried, in seconds.
        Raises Full, Refused, NoAnswer or OutcomeUnknown.
        """
        self.send_all([(to, sender, text)], delay=delay, ttl=ttl, wait=wait)

    def send_all(self, messages: Iterable[tuple[str, str, str]], *, delay: Optional[float] = None,
                 ttl: Optional[float] = None, wait: float = float("inf")) -> int:
        """Stores many messages, each a tuple of mailbox, sender and text, in their order, with many on their way at a
        time; returns how many when all are on disk. Raises what the first that was not stored came to."""
        changes: list[_Change] = []
        stored = 0
        for to, sender, text in messages:
            _check_text(text)
            times = ",".join("" if t is None else f"{round(t * 1000)}" for t in (delay, ttl))
            changes.append(self._session.change("put", f"{to},{sender},{times}", text, time.monotonic() + wait))
            done = [change for change in changes if change.outcome is not None]
            for change in done:
                if change.error is not None:
                    raise change.error
            stored += len(done)
            changes = [change for change in changes if change.outcome is None]
        self._session.run(lambda: all(change.outcome is not None for change in changes))
        for change in changes:
            if change.error is not None:
                raise change.error
        return stored + len(changes)

    def receive(self, mailbox: str, *, wait: Optional[float] = 0, count: Optional[int] = None, lease: float = 60,
                batch: int = 1) -> Iterator[Message]:
        """Gives out messages of a mailbox, "" for the shared queue, the oldest first.

        It ends when none came for `wait` seconds, None for ever, or after `count` messages. Each is this program's for
        `lease` seconds, and comes again to somebody unless it was acknowledged by then. `batch` messages are asked for
        at a time, up to 64: more than one only if the program takes less than a second for all of them. What was not
        given out when the iteration ends goes back to the server.
        """
        given = 0
        while count is None or given < count:
            wanted = min(batch, MAX_LEASE, count - given if count is not None else MAX_LEASE)
            messages = self._lease(mailbox, wanted, lease, wait)
            if not messages:
                return
            left = list(messages)
            try:
                while left:
                    given += 1
                    yield left.pop(0)
            finally:
                for message in left:
                    message.release()

    def stat(self, mailbox: str = "") -> dict[str, int]:
        """Counts of a mailbox, of all for "": messages, bytes, ready, leased, delayed, dead."""
        answer = self._ask(lambda tag, _: f"stat,{tag},{mailbox}")
        return {name: int(value) for name, value in (each.rsplit(" ", 1) for each in answer[1].split(","))}

    def close(self) -> None:
        """Waits for the outcome of what was asked, and leaves."""
        try:
            self._session.run(lambda: not self._session.changes)
        finally:
            self._session.close()

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, word: str, rest: str) -> None:
        change = self._session.change(word, rest)
        self._session.run(lambda: change.outcome is not None)
        if change.error is not None:
            raise change.error

    def _ask(self, line: Callable[[int, float], str], limit: float = STUCK) -> list[str]:
        tag, question = self._session.ask(line, limit)
        try:
            self._session.run(lambda: question.answer is not None)
        finally:
            self._session.questions.pop(tag, None)
        assert question.answer is not None
        if question.answer[0] == "denied":
            raise Refused("the mailbox is another account's")
        if question.answer[0] == "no":
            raise Refused(question.answer[1])
        return question.answer

    def _lease(self, mailbox: str, count: int, seconds: float, wait: Optional[float]) -> list[Message]:
        end = float("inf") if wait is None else time.monotonic() + wait
        # what is asked for at once, of a wait without an end: one after the other
        longest = 3600.0

        def line(tag: int, now: float) -> str:
            left = min(longest, max(0.0, end - now))
            return f"lease,{tag},{mailbox},{count},{round(seconds * 1000)},{round(left * 1000)}"

        while True:
            tag, question = self._session.ask(line, min(longest, max(0.0, end - time.monotonic())) + STUCK)
            try:
                self._session.run(lambda: question.answer is not None)
            except BaseException:
                self._cancel(tag)
                raise
            assert question.answer is not None
            kind = question.answer[0]
            if kind == "msg":
                self._confirm(tag)
                arrived = [message for _, message in sorted(question.messages.items())]
                return [Message(self, question.token, m.fields, m.text) for m in arrived if m.fields is not None]
            if kind == "denied":
                raise Refused("the mailbox is another account's")
            if kind == "no":
                raise Refused(question.answer[1])
            if wait is not None and time.monotonic() >= end or wait == 0:
                return []

    def _confirm(self, tag: int) -> None:
        """Shows that the messages have arrived, until the server knows it (6.5)."""
        question = _Question(lambda _: f"got,{tag}".encode(), until=time.monotonic() + STUCK)
        self._session.questions[tag] = question
        self._session.run(lambda: question.answer is not None or question.tries > MAX_TRIES)
        self._session.questions.pop(tag, None)

    def _cancel(self, tag: int) -> None:
        """Waits no longer, so that the next message goes to somebody else (7.3)."""
        question = _Question(lambda _: f"cancel,{tag}".encode(), until=time.monotonic() + STUCK)
        self._session.questions[tag] = question
        try:
            self._session.run(lambda: question.answer is not None or question.tries > MAX_TRIES,
                              time.monotonic() + FIRST_BUSY)
        except WirepostError:
            pass  # the error before says more
        finally:
            self._session.questions.pop(tag, None)


def _check_text(text: str) -> None:
    if len(text.encode()) > MAX_TEXT:
        raise Refused(f"the text has more than {MAX_TEXT} bytes")
    if any(ord(c) < 32 and c != "\t" or ord(c) == 127 for c in text):
        raise Refused("the text has control characters: a line is a message")


def _lines() -> Iterator[list[str]]:
    """The lines of standard input, as many at a time as there are: what comes slowly is not kept waiting."""
    rest = b""
    while data := os.read(sys.stdin.fileno(), 65536):
        *lines, rest = (rest + data).split(b"\n")
        yield [line.decode() for line in lines]
    if rest:
        yield [rest.decode()]


def main(arguments: Optional[list[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="wirepost.py", description="Messages in mailboxes of a Wirepost server.")
    parser.add_argument("--server", default="127.0.0.1", metavar="HOST[:PORT]")
    parser.add_argument("--timeout", type=float, default=SILENCE, metavar="SECONDS",
                        help="give up a server that is silent so long (%(default)g)")
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="store a message, or each line of standard input")
    send.add_argument("to")
    send.add_argument("text", nargs="*")
    send.add_argument("--as", dest="sender", required=True, metavar="NAME")
    receive = commands.add_parser("receive", help="print messages, and acknowledge each")
    receive.add_argument("mailbox")
    receive.add_argument("--count", type=int)
    receive.add_argument("--wait", type=float, default=0, metavar="SECONDS")
    receive.add_argument("--batch", type=int, default=16, help="messages that are asked for at a time (%(default)s)")
    args = parser.parse_args(arguments)
    host, _, port = args.server.rpartition(":") if args.server.count(":") == 1 else (args.server, "", PORT)
    logging.basicConfig(format="wirepost.py: %(message)s")
    try:
        with Mailbox(host, int(port), args.timeout) as mailbox:
            if args.command == "send":
                for lines in [[" ".join(args.text)]] if args.text else _lines():
                    mailbox.send_all((args.to, args.sender, line) for line in lines)
                return 0
            given = 0
            for message in mailbox.receive(args.mailbox, wait=args.wait, count=args.count, batch=args.batch):
                print(message.text, flush=True)
                message.ack()
                given += 1
            return 0 if given > 0 and args.count in (None, given) else 3
    except (WirepostError, OSError) as error:
        print(f"wirepost.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
