import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { ByteReader, FormatError } from "../../../../../server/store/journal/codec/byte_reader.ts";
import { ByteWriter } from "../../../../../server/store/journal/codec/byte_writer.ts";
import { encodeRequests, requestBytesMax } from "../../../../../server/store/journal/codec/request_codec.ts";
import { decodeRequests } from "../../../../../server/store/journal/codec/request_decoder.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../../../server/store/limits.ts";
import type { LeaseRequest } from "../../../../../server/store/requests/lease.ts";
import type { Put } from "../../../../../server/store/requests/message.ts";
import type {
  EndSession,
  OpenSession,
  OrderedBatch,
  OrderedRequest,
} from "../../../../../server/store/requests/session.ts";
import type { StoreRequest } from "../../../../../server/store/store.ts";
import { FULL, obtainSeed } from "../../../../faults/form.ts";
import { Random } from "../../../../simulation/random.ts";
import { put } from "../records.ts";

/** Rounds of random requests. */
const ROUNDS = FULL ? 20_000 : 100;

function encode(requests: readonly StoreRequest[]): Uint8Array {
  const writer = new ByteWriter(8);
  encodeRequests(writer, requests);
  return writer.bytes.slice(0, writer.length);
}

function decode(bytes: Uint8Array, count: number): StoreRequest[] {
  return decodeRequests(new ByteReader(bytes, 0, bytes.length), count);
}

function assertRoundTrip(...requests: StoreRequest[]) {
  const bytes = encode(requests);
  assertEquals(decode(bytes, requests.length), requests);
  const max = requests.reduce((sum, request) => sum + requestBytesMax(request), 0);
  assertLessOrEqual(bytes.length, max);
}

// each with every field that its type has: a field that is added without a place in the codec fails here
const PUT: Required<Put> = {
  kind: "put",
  mailbox: "Zürich",
  sender: "alice",
  time: 1_700_000_000_000,
  text: "grüß dich 🙂",
  bytes: 17,
  delay: 1500,
  expires: 1_700_000_001_000.5,
  owner: "network 10.1.2.0",
};
const BATCH: Required<OrderedBatch> = {
  kind: "session",
  session: "AAECAwQFBgcICQoLDA0ODw",
  account: "alice",
  startTime: 1_699_999_999_999,
  fresh: false,
  network: "10.1.2.0",
  first: 1_000_000,
  low: 999_990,
  changes: [],
};
const LEASE: Required<LeaseRequest> = {
  kind: "lease",
  session: "abc",
  network: "2001:db8::/64",
  account: "",
  tag: 70_000,
  mailbox: "bob",
  max: 32,
  maxBytes: 65_536,
  duration: 30_000,
  ahead: true,
  subscribe: true,
  taken: true,
};
const OPEN: Required<OpenSession> = { kind: "open", session: "abc", account: "alice", startTime: 5 };
const END: Required<EndSession> = { kind: "end", session: "abc", account: "", startTime: 0, low: 12 };
const CHANGES: OrderedRequest[] = [
  { ...PUT, numbers: 3 },
  { kind: "ack", token: "t1", ids: [5, 6, 7, 1000] },
  { kind: "back", token: "t2", ids: [9, 3, 3], numbers: 1 },
  { kind: "begin", token: "t3", ids: [] },
  { kind: "fail", token: "t4", ids: [2 ** 52], delay: 0, attempts: 5, reason: "näh" },
  { kind: "extend", token: "", duration: 60_000 },
  { kind: "skip" },
  { kind: "skip", numbers: 9 },
  { kind: "bad", reason: "no such thing" },
  { kind: "post", thread: "A title", user: "bob", time: 17, text: "hello\n", bytes: 6 },
  { kind: "remove", thread: "A title", user: "bob", numbers: 2 },
];

// store 2.3
Deno.test("every kind of request comes back as it was, with all fields and with those alone that it must have", () => {
  const { kind, mailbox, sender, time, text, bytes } = PUT;
  assertRoundTrip(PUT, { kind, mailbox, sender, time, text, bytes });
  assertRoundTrip({ kind: "take", mailbox: "" }, { kind: "take", mailbox: "bob" });
  assertRoundTrip(BATCH, { kind: "session", session: "s", first: 1, low: 1, changes: CHANGES });
  assertRoundTrip({ ...BATCH, fresh: true }, { ...BATCH, changes: CHANGES });
  const { session, tag, max, maxBytes, duration } = LEASE;
  assertRoundTrip(LEASE, { ...LEASE, ahead: false, subscribe: false });
  assertRoundTrip({ kind: "lease", session, tag, mailbox, max, maxBytes, duration, subscribe: true });
  assertRoundTrip({ kind: "confirm", session, tag }, { kind: "release", session, tag: 2 ** 40 });
  assertRoundTrip(OPEN, { kind: "open", session }, END, { kind: "end", session, low: 1 });
  assertRoundTrip({ kind: "clear" }, { kind: "clear", mailbox: "bob" });
  assertRoundTrip({
    kind: "measure",
    action: "take",
    measure: { what: "ban", subject: "x", since: 1, until: null },
  });
});

Deno.test("numbers that are not finite come back in requests that are JSON", () => {
  const limits = { ...DEFAULT_LIMITS, bytes: Infinity, mailboxes: -Infinity };
  const sessionLimits = { all: 0, ofNetwork: NaN, ofAccount: 5 };
  const forumLimits = DEFAULT_FORUM_LIMITS;
  assertRoundTrip({ kind: "configure", limits, takeBytesMax: Infinity, forumLimits, sessionLimits });
  assertRoundTrip({ kind: "count", mailbox: 'null {"number":"Infinity"}' });
});

Deno.test("what a put has in common with the one before it takes no room", () => {
  const one = encode([PUT]).length;
  assertEquals(encode([PUT, PUT]).length, one + 3 + PUT.bytes + 2 + 9 + 0);
  assertRoundTrip(PUT, PUT, { ...PUT, owner: "other" }, put("x"), PUT, { ...PUT, sender: "" }, PUT);
  assertRoundTrip({ ...BATCH, changes: [PUT, PUT] }, PUT, { ...BATCH, changes: [PUT] });
});

Deno.test("numbers and texts of every form come back", () => {
  const numbers = [0, 1, 63, 64, 127, 128, 16_383, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52 - 1, 2 ** 52];
  numbers.push(2 ** 53 - 1, 2 ** 60, -1, -0.5, 0.1, -(2 ** 53), 1e300, Infinity, -Infinity);
  for (const time of numbers) assertRoundTrip(put("x", { time, bytes: time, delay: time, expires: time }));
  for (const id of numbers) {
    assertRoundTrip({ ...BATCH, changes: [{ kind: "ack", token: "", ids: [id, 5, id] }] });
  }
  const letters = ["a", "é", "€", "🙂", "\u0000", "\ufeff", "\u2028"];
  for (const letter of letters) {
    for (const length of [1, 15, 16, 21, 31, 32, 33, 42, 47, 48, 49, 63, 64, 127, 128, 5461, 5462, 16_384]) {
      assertRoundTrip(put(letter.repeat(length)), put(`a${letter.repeat(length)}`));
    }
  }
});

Deno.test("a surrogate that stands alone becomes U+FFFD, and harms nothing else", () => {
  for (const length of [1, 100]) {
    const text = "\ud800".repeat(length), bytes = encode([put(text), put("after")]);
    const [first, second] = decode(bytes, 2);
    assertEquals((first as Put).text, "\ufffd".repeat(length));
    assertEquals(second, put("after"));
  }
});

/** Makes requests at random. */
class Requests {
  constructor(readonly random: Random) {}

  #of<T>(...values: T[]): T {
    return values[this.random.between(0, values.length - 1)]!;
  }

  #number(): number {
    const { random } = this;
    const whole = Math.floor(2 ** (53 * random.fraction()));
    return this.#of(random.between(0, 200), whole, whole, -whole, random.fraction() * whole, 0);
  }

  #text(): string {
    const letters = this.#of("abc", "abcé", "x€🙂", "\ufeff\u0000\n\"'\\");
    const length = this.random.chance(0.1) ? this.random.between(0, 3000) : this.random.between(0, 60);
    return Array.from({ length }, () => this.#of(...letters)).join("");
  }

  #name(): string {
    return this.random.chance(0.8) ? this.#of("alice", "bob", "") : this.#text();
  }

  /** A field that may be missing. */
  #may<T>(name: string, value: T): Record<string, T> {
    return this.random.chance(0.4) ? { [name]: value } : {};
  }

  #put(): Put {
    const fields = { mailbox: this.#name(), sender: this.#name(), time: this.#of(17, this.#number()) };
    const more = {
      ...this.#may("owner", this.#name()),
      ...this.#may("delay", this.#number()),
      ...this.#may("expires", this.#number()),
      ...this.#may("bytes", this.#number()),
    };
    return put(this.#text(), { ...fields, ...more });
  }

  #change(): OrderedRequest {
    const ids = Array.from({ length: this.random.between(0, 5) }, () => this.#number());
    if (this.random.chance(0.5)) ids.sort((a, b) => a - b);
    const token = this.#name(), reason = this.#text();
    const change = this.#of<OrderedRequest>(
      this.#put(),
      this.#put(),
      { kind: this.#of("ack", "back", "begin"), token, ids },
      { kind: "fail", token, ids, delay: this.#number(), attempts: this.#number(), reason },
      { kind: "extend", token, duration: this.#number() },
      { kind: "skip" },
      { kind: "bad", reason },
      { kind: "create", thread: this.#text(), user: this.#name() },
    );
    return { ...change, ...this.#may("numbers", this.#number()) };
  }

  #session() {
    return {
      session: this.#name(),
      ...this.#may("account", this.#name()),
      ...this.#may("startTime", this.#number()),
    };
  }

  next(): StoreRequest {
    const low = this.#number(), tag = this.#number(), session = this.#name(), mailbox = this.#name();
    return this.#of<() => StoreRequest>(
      () => this.#put(),
      () => ({ kind: "take", mailbox }),
      () => ({
        kind: "session",
        ...this.#session(),
        ...this.#may("fresh", this.random.chance(0.5)),
        ...this.#may("network", this.#name()),
        first: this.#number(),
        low,
        changes: Array.from({ length: this.random.between(0, 8) }, () => this.#change()),
      }),
      () => ({
        kind: "lease",
        session,
        ...this.#may("network", this.#name()),
        ...this.#may("account", this.#name()),
        ...this.#may("ahead", this.random.chance(0.5)),
        tag,
        mailbox,
        max: this.#number(),
        maxBytes: this.#number(),
        duration: this.#number(),
        subscribe: this.random.chance(0.5),
      }),
      () => ({ kind: this.#of("confirm", "release"), session, tag }),
      () => ({ kind: "open", ...this.#session() }),
      () => ({ kind: "end", ...this.#session(), low }),
      () => ({ kind: "account", what: "add", name: session, verifier: this.#text() }),
    )();
  }
}

Deno.test("random requests come back as they were, and what is cut or changed is noticed or another request", () => {
  const random = new Random(obtainSeed()), make = new Requests(random);
  for (let round = 0; round < ROUNDS; round++) {
    const requests = Array.from({ length: random.between(1, 12) }, () => make.next());
    assertRoundTrip(...requests);
    const bytes = encode(requests);
    const cut = random.between(0, bytes.length - 1);
    assertThrows(() => decode(bytes.slice(0, cut), requests.length), FormatError);
    bytes[random.between(0, bytes.length - 1)]! ^= 1 << random.between(0, 7);
    try {
      decode(bytes, requests.length);
    } catch (error) {
      assert(error instanceof FormatError, String(error));
    }
  }
});

// store 2.3
Deno.test("a length or a count beyond what is there is refused before anything is allocated for it", () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
  assertThrows(() => decode(new Uint8Array([2, ...huge]), 1), FormatError, "bytes are left");
  assertThrows(() => decode(new Uint8Array([3, 0, 0, 0, 0, ...huge]), 1), FormatError, "bytes are left");
  assertThrows(() => decode(new Uint8Array([2, 0]), 2 ** 31), FormatError, "bytes are left");
  assertThrows(() => decode(new Uint8Array([2, 0, 0]), 1), FormatError, "after them");
  assertThrows(() => decode(new Uint8Array([99]), 1), FormatError, "its kind 99");
  assertThrows(() => decode(new Uint8Array([1, 1]), 1), FormatError, "is the first");
  assertThrows(() => decode(new Uint8Array([2, 1, 0xff]), 1), FormatError, "not UTF-8");
  assertThrows(() => decode(new Uint8Array([0, 2, 0x7b, 0x7d, 0]), 1), FormatError, "after them");
  assertThrows(() => decode(new Uint8Array([0, 1, 0x7b]), 1), FormatError, "not JSON");
});
