import { assert, assertEquals } from "@std/assert";
import { Accounts } from "../../server/service/account/accounts.ts";
import { SealWire } from "../../server/wire/session/seal_wire.ts";
import { Mailboxes } from "../../server/service/mailboxes.ts";
import { MailboxRequests } from "../../server/wire/session/mailbox/mailbox_requests.ts";
import type { Address } from "../../protocol/syntax/address.ts";
import { SessionWire } from "../../server/wire/session/session_wire.ts";
import { SessionStartTimes } from "../../server/wire/session/start_times.ts";
import type { StoreRequest } from "../../server/store/store.ts";
import { decodeSealToClient, encodeHello, Opener, Sealer } from "../../protocol/seal.ts";
import { clientKeys, sealId, sealKey } from "../../protocol/seal/keys.ts";
import { clientFirstBare, GS2_HEADER } from "../../protocol/seal/scram.ts";
import { decodeSealToServer } from "../../protocol/seal.ts";
import { ACCOUNT, makeAccount } from "../simulation/account.ts";
import { Random } from "../simulation/random.ts";

const full = Deno.env.get("WIREPOST_FAULTS") === "full";

/** A service without a disk, at a clock that the test moves. */
class Subject {
  now = 1_700_000_000_000;
  sent: Uint8Array[] = [];
  dropped = 0;
  stored = 0;
  readonly key;
  readonly seals: SealWire<Address>;
  readonly sessions: SessionWire<Address>;
  readonly accounts: Accounts;
  readonly #timers: (() => void)[] = [];

  constructor(random: Random) {
    const store = {
      submit: (request: StoreRequest, done: (outcome: never) => void) => {
        this.stored++;
        const outcome = request.kind === "account"
          ? { mailbox: true, apart: 0 }
          : request.kind === "open"
          ? "unknown"
          : "storage";
        done(outcome as never);
        return true;
      },
      ask: (request: StoreRequest) => new Promise((resolve) => store.submit(request, resolve)),
    };
    const common = {
      store: store as never,
      wallClock: () => this.now,
      monotonicClock: () => this.now,
      random: (bytes: number) => random.bytes(bytes),
      send: (datagram: Uint8Array) => void this.sent.push(datagram),
      setTimer: (_: number, callback: () => void) => {
        this.#timers.push(callback);
        return () => {};
      },
    };
    const { name, verifier } = makeAccount(ACCOUNT);
    this.accounts = new Accounts({
      ...common,
      known: [{ name, verifier, mailbox: true, role: "user", tokens: [], network: "" }],
    });
    this.sessions = new SessionWire<Address>({
      ...common,
      startTimes: new SessionStartTimes(0, common.wallClock),
      handler: new MailboxRequests({
        ...common,
        mailboxes: new Mailboxes({ ...common, accounts: this.accounts }),
      }),
    });
    this.key = sealKey(random.bytes(32));
    this.seals = new SealWire<Address>({
      ...common,
      service: "mailbox",
      key: this.key,
      accounts: this.accounts,
      sessions: this.sessions,
      onDropped: () => void this.dropped++,
    });
  }

  pass(ms: number) {
    this.now += ms;
    for (const timer of this.#timers.splice(0)) timer();
  }

  /** What it answers to a datagram. */
  ask(datagram: Uint8Array, from: Address): Uint8Array | undefined {
    this.sent = [];
    this.seals.received(datagram, from);
    return this.sent[0];
  }

  /** Makes a handshake, as any client can. */
  handshake(random: Random, from: Address) {
    const key = sealKey(random.bytes(32)), header = { id: sealId(key.public), startId: "", cookie: "" };
    Object.assign(header, decodeSealToClient(this.ask(encodeHello(header, key.public), from)!)!.header);
    const hello = encodeHello(header, key.public);
    const { body } = decodeSealToClient(this.ask(hello, from)!)!;
    if (body.kind !== "hello") return undefined;
    const { id, startId } = header;
    const keys = clientKeys({ service: "mailbox", id, startId }, key, body.key, body.server);
    return { header, hello, sealer: new Sealer(">", keys.toServer), opener: new Opener(keys.toClient) };
  }
}

function changed(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = random.between(0, bytes.length - 1);
  switch (random.between(0, 3)) {
    case 0: {
      const copy = bytes.slice();
      copy[at]! ^= 1 << random.between(0, 7);
      return copy as Uint8Array<ArrayBuffer>;
    }
    case 1:
      return bytes.slice(0, at) as Uint8Array<ArrayBuffer>;
    case 2:
      return new Uint8Array([
        ...bytes.slice(0, at),
        ...random.bytes(random.between(1, 20)),
        ...bytes.slice(at),
      ]);
    default:
      return new Uint8Array([...bytes.slice(0, at), ...bytes.slice(at + random.between(1, 9))]);
  }
}

Deno.test("handshakes and sealed datagrams with one change crash nothing, and are not kept", () => {
  const random = new Random(5), subject = new Subject(random);
  const encoder = new TextEncoder(), nonce = "12345678";
  const first = `${GS2_HEADER}${clientFirstBare(ACCOUNT.name, nonce)}`;
  const { verifier } = makeAccount({ name: "bob", password: "b" });
  const session = "B".repeat(22);
  const insides = [
    `first,1,${first}`,
    `final,2,${session},c=AAAA,r=${nonce},p=${"A".repeat(43)}=`,
    `make,3,bob,${verifier}`,
    "bye,4",
    "here",
    "1\nput,1,bob,alice,,,hi",
  ];
  const valid: Uint8Array[] = [];
  const rounds = full ? 200_000 : 20_000;
  for (let i = 0; i < rounds; i++) {
    const from = {
      hostname: `10.0.${random.between(0, 3)}.${random.between(0, 255)}`,
      port: random.between(1, 65535),
    };
    if (i % 16 === 0) {
      const seal = subject.handshake(random, from);
      if (seal !== undefined) {
        valid.push(seal.hello);
        for (const inside of insides) {
          // half of them are changed before they are sealed: they open, and are malformed inside
          const plain = encoder.encode(inside);
          const sealed = seal.sealer.seal(seal.header, random.chance(0.5) ? plain : changed(random, plain));
          valid.push(sealed);
          subject.seals.received(random.chance(0.5) ? sealed : changed(random, sealed), from);
        }
      }
      if (valid.length > 1000) valid.splice(0, 500);
    }
    const datagram = valid[random.between(0, valid.length - 1)]!;
    const bytes = changed(random, datagram);
    if (decodeSealToServer(bytes) === undefined) {
      const before = subject.dropped;
      assertEquals(subject.ask(bytes, from), undefined);
      assertEquals(subject.dropped, before + 1);
    } else {
      subject.seals.received(bytes, from);
    }
    if (i % 100 === 0) subject.pass(1000);
    assert(subject.seals.size < 2000);
  }
  assert(subject.dropped > rounds / 4);
  for (let i = 0; i < 130; i++) subject.pass(1000);
  assertEquals([subject.seals.size, subject.sessions.size], [0, 0]);
  // nobody has logged in, so nothing has reached the store but accounts
  assert(subject.stored < 5000);
});

// seal.md 2.2
Deno.test("without a right cookie, a flood opens nothing, makes no key and takes no memory", () => {
  const random = new Random(6), subject = new Subject(random);
  const seal = subject.handshake(random, { hostname: "10.0.0.1", port: 1 })!;
  const sealed = seal.sealer.seal(seal.header, new TextEncoder().encode("here"));
  // every handshake takes 32 random bytes
  random.bytes = () => {
    throw new Error("A key was made");
  };
  for (const datagram of [seal.hello, sealed]) {
    for (let i = 0; i < (full ? 50_000 : 10_000); i++) {
      const answer = subject.ask(datagram, { hostname: "10.9.9.9", port: 1 + i % 60_000 });
      assertEquals(decodeSealToClient(answer!)?.body.kind, "challenge");
    }
  }
  // a server that tried to open them would have counted or answered them
  assertEquals([subject.seals.size, subject.dropped, subject.stored], [1, 0, 0]);
});
