/** No account reads what was put before it was asked for, however long it takes to set that apart (accounts.md 3.1, store 11.3). */

import { assert, assertEquals } from "@std/assert";
import { BatchEngine } from "../../../batch_engine.ts";
import { Random } from "../../../simulation/random.ts";
import { temporaryDirectory } from "../../../program.ts";
import { Again } from "../../../../server/store/requests/again.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { DeadLetter, PeekedPage, Taken } from "../../../../server/store/requests/message.ts";
import type { AccountRequest } from "../../../../server/store/requests/account.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";

const NAME = "carol";

/** Of messages that count as so long, a piece has a few. */
const LONG_BYTES = 64 * 1024;

const account = { kind: "account", name: NAME } as const;

const put = (text: string, more: { delay?: number; expires?: number } = {}): StoreRequest => (
  { kind: "put", mailbox: NAME, sender: "al", time: 0, text, bytes: LONG_BYTES, ...more }
);

/** Everything that its mailbox gives from now on, when all delays are over. */
function readAll(engine: BatchEngine, time: { now: number }): string[] {
  time.now += 1e6;
  while (engine.tick());
  const words: string[] = [];
  for (;;) {
    const { messages } = engine.apply([{ kind: "peek", mailbox: NAME, after: 0, limit: 99 }])
      .outcomes[0] as PeekedPage;
    const [taken] = engine.apply([{ kind: "take", mailbox: NAME }]).outcomes as [Taken | "empty"];
    assertEquals(messages[0]?.text, taken === "empty" ? undefined : taken.text);
    if (taken === "empty") return words;
    words.push(taken.text);
  }
}

function lettersOf(engine: BatchEngine): DeadLetter[] {
  return engine.apply([{ kind: "dead", what: "list", after: 0, limit: 9999 }]).outcomes[0] as DeadLetter[];
}

/** Asks for an account of a mailbox with these messages; `between` is called after its first piece. */
async function coverInPieces(
  messages: readonly StoreRequest[],
  between: (engine: BatchEngine, time: { now: number }, reopen: () => BatchEngine) => BatchEngine | void,
  check: (engine: BatchEngine, time: { now: number }) => void,
) {
  await using directory = await temporaryDirectory();
  const time = { now: 1 }, clock = () => time.now;
  const open = () =>
    new BatchEngine({
      directory: directory.path,
      limits: DEFAULT_LIMITS,
      wallClock: clock,
      monotonicClock: clock,
      onEvent() {},
    });
  let engine = open();
  engine.apply(messages);
  let [outcome] = engine.applyOnce([{ ...account, what: "add", verifier: "v" }]).outcomes as [Outcome];
  assert(outcome instanceof Again, "there is more than one piece");
  const reopen = () => {
    engine.close();
    return engine = open();
  };
  if (between(engine, time, reopen) === undefined) {
    while (outcome instanceof Again) {
      [outcome] = engine.applyOnce([outcome.request as StoreRequest]).outcomes as [Outcome];
    }
    assert(typeof outcome === "object" && "mailbox" in outcome && outcome.mailbox);
  }
  check(engine, time);
  engine.close();
}

Deno.test("a message whose delay ends while an account is made is not the account's", () =>
  coverInPieces(
    Array.from({ length: 60 }, (_, i) => put(`before${i}`, { delay: 10 * (i + 1) })),
    (engine, time) => {
      engine.apply([put("after"), put("later", { delay: 100 })]);
      for (let i = 0; i < 20; i++) {
        time.now += 10;
        engine.tick();
      }
    },
    (engine, time) => {
      assertEquals(readAll(engine, time), ["after", "later"]);
      assertEquals(
        lettersOf(engine).map(({ reason }) => reason),
        Array.from({ length: 60 }, () => "before the account"),
      );
    },
  ));

Deno.test("dead letters that are requeued together while an account is made stay set apart", () =>
  coverInPieces(
    Array.from({ length: 60 }, (_, i) => put(`before${i}`)),
    (engine) => {
      const lease = { session: "s", tag: 1, mailbox: NAME, max: 3, maxBytes: 1e9, duration: 1e9 } as const;
      const [leased] = engine.apply([{ kind: "lease", ...lease, subscribe: false }]).outcomes as [Leased];
      const fail = { kind: "fail", token: leased.token, delay: 0, attempts: 1, reason: "no" } as const;
      const ids = leased.messages.map(({ id }) => id);
      engine.apply([
        { kind: "session", session: "s", first: 1, low: 1, changes: [{ ...fail, ids }] },
        put("after"),
        { kind: "dead", what: "requeue all", after: 0, limit: 99 },
      ]);
    },
    (engine, time) => {
      assertEquals(readAll(engine, time), ["after"]);
      assertEquals(lettersOf(engine).length, 60);
    },
  ));

Deno.test("an account sees nothing of what others have leased before it", () =>
  coverInPieces(
    Array.from({ length: 60 }, (_, i) => put(`before${i}`)),
    (engine) => {
      const lease = { session: "s", tag: 1, mailbox: NAME, max: 3, maxBytes: 1e9, duration: 1e9 } as const;
      engine.apply([{ kind: "lease", ...lease, subscribe: false }, put("after")]);
    },
    (engine) => {
      const [page] = engine.apply([{ kind: "peek", mailbox: NAME, after: 0, limit: 99 }])
        .outcomes as [PeekedPage];
      assertEquals(page.messages.map(({ text }) => text), ["after"]);
    },
  ));

Deno.test("an account that a server was making when it ended is none, and its mailbox is anybody's", () =>
  coverInPieces(
    Array.from({ length: 60 }, (_, i) => put(`before${i}`, { delay: 10 * (i + 1) })),
    (_, __, reopen) => reopen(),
    (engine, time) => {
      const apart = lettersOf(engine).length, words = readAll(engine, time);
      assert(apart > 0 && apart < 60, `${apart}`);
      assertEquals(words.length, 60 - apart);
    },
  ));

const numberOf = (text: string) => Number(text.slice(1));

/** Random requests about one mailbox, while accounts for it come and go. */
class World {
  readonly time = { now: 1 };
  readonly #random: Random;
  readonly #leases: Leased[] = [];
  /** Pieces that are to be asked for, with how many messages had been put when their request came. */
  #pieces: { request: StoreRequest; put: number }[] = [];
  #put = 0;
  /** Up to which message the last account that was asked for has none. */
  #asked = 0;
  #tag = 0;
  #changes = 0;
  /** Up to which message none is the account's that covers the mailbox; undefined: none does. */
  #before: number | undefined;
  /** Accounts that took pieces, and messages that the account read. */
  inPieces = 0;
  read = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  act(engine: BatchEngine) {
    const random = this.#random, kind = random.between(0, 99);
    if (kind < 25) this.#send(engine);
    else if (kind < 35) this.#lease(engine);
    else if (kind < 50) this.#finish(engine);
    else if (kind < 60) this.#take(engine);
    else if (kind < 62) engine.apply([{ kind: "dead", what: "requeue all", after: 0, limit: 9 }]);
    else if (kind < 78) this.#piece(engine);
    else if (kind < 88) this.#account(engine);
    else {
      this.time.now += random.chance(0.8) ? random.between(1, 50) : random.between(1, 5000);
      engine.tick();
    }
  }

  #send(engine: BatchEngine) {
    const random = this.#random;
    for (let i = random.between(1, 6); i > 0; i--) {
      const word = `m${++this.#put}`, more: { delay?: number; expires?: number } = {};
      if (random.chance(0.4)) more.delay = this.time.now + random.between(1, 300);
      if (random.chance(0.1)) more.expires = this.time.now + random.between(1, 900);
      assertEquals(engine.apply([put(word, more)]).outcomes, ["stored"]);
    }
  }

  /** Nobody but the account reads its mailbox. */
  #reads(messages: readonly { text: string }[]) {
    if (this.#before === undefined) return;
    for (const { text } of messages) {
      assert(
        numberOf(text) > this.#before,
        `${text} is read, and ${this.#before} were put before the account`,
      );
      this.read++;
    }
  }

  #lease(engine: BatchEngine) {
    const random = this.#random, max = random.between(1, 5), tag = ++this.#tag;
    const [leased] = engine.apply([
      {
        kind: "lease",
        session: "s",
        tag,
        mailbox: NAME,
        max,
        maxBytes: 1e9,
        duration: random.between(10, 2000),
        subscribe: false,
      },
    ]).outcomes as [Leased | string];
    if (typeof leased === "string") return;
    this.#reads(leased.messages);
    this.#leases.push(leased);
    engine.apply([{ kind: "confirm", session: "s", tag }]);
  }

  #finish(engine: BatchEngine) {
    const random = this.#random, lease = this.#leases.shift();
    if (lease === undefined) return;
    const { token } = lease, ids = lease.messages.map(({ id }) => id);
    const delay = random.chance(0.5) ? 0 : random.between(1, 500), attempts = random.between(1, 3);
    const fail = { kind: "fail", token, ids, delay, attempts, reason: "no" } as const;
    const change = random.chance(0.6)
      ? fail
      : random.chance(0.5)
      ? { kind: "back", token, ids } as const
      : { kind: "ack", token, ids } as const;
    const first = ++this.#changes;
    engine.apply([{ kind: "session", session: "s", first, low: first, changes: [change] }]);
  }

  #take(engine: BatchEngine) {
    const peek = { kind: "peek", mailbox: NAME, after: 0, limit: 99 } as const;
    const [page, taken] = engine.apply([peek, { kind: "take", mailbox: NAME }]).outcomes;
    this.#reads((page as PeekedPage).messages);
    if (typeof taken === "object") this.#reads([taken as Taken]);
  }

  #account(engine: BatchEngine) {
    const random = this.#random;
    const request: AccountRequest = random.chance(0.25)
      ? { ...account, what: "remove" }
      : random.chance(0.3)
      ? { ...account, what: "cover" }
      : {
        ...account,
        what: "add",
        verifier: "v",
        mailbox: random.chance(0.5) ? "always" : random.chance(0.5) ? "if empty" : "never",
      };
    if (request.what !== "remove") this.#asked = this.#put;
    this.#carryOut(engine, request, this.#put);
  }

  #piece(engine: BatchEngine) {
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#carryOut(engine, piece.request, piece.put);
  }

  #carryOut(engine: BatchEngine, request: StoreRequest, put: number) {
    const [outcome] = engine.applyOnce([request]).outcomes;
    if (outcome instanceof Again) {
      this.#pieces.push({ request: outcome.request as StoreRequest, put });
      if (this.#pieces.length === 1) this.inPieces++;
    } else if (outcome === "removed") this.#before = undefined;
    else if (typeof outcome === "object" && "mailbox" in outcome && outcome.mailbox) this.#before ??= put;
  }

  /** The server has started: what was asked for in pieces is not gone on with. */
  restart() {
    this.#pieces = [];
  }

  /** What was put after every account was asked for is no dead letter of before one. */
  check(engine: BatchEngine) {
    for (const { text, reason } of lettersOf(engine)) {
      if (reason === "before the account") assert(numberOf(text) <= this.#asked, text);
    }
  }
}

Deno.test("whatever happens while accounts are made, in pieces or not, none reads what was put before it was asked for", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), full = Deno.env.get("WIREPOST_FAULTS") === "full";
  const runs = given !== undefined ? 1 : full ? 2000 : 12;
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  let inPieces = 0, read = 0;
  for (let seed = first; seed < first + runs; seed++) {
    const random = new Random(seed), world = new World(random), clock = () => world.time.now;
    await using directory = await temporaryDirectory();
    const writing = random.between(0, 2);
    const open = () =>
      new BatchEngine({
        directory: directory.path,
        limits: DEFAULT_LIMITS,
        wallClock: clock,
        monotonicClock: clock,
        random: random.bytes,
        writes: () => writing === 0 ? 0 : writing === 1 ? "checkpoint" : random.between(0, 9),
        onEvent() {},
      });
    let engine = open();
    try {
      for (let i = 0; i < 300; i++) {
        world.act(engine);
        world.check(engine);
        if (!random.chance(0.01)) continue;
        engine.close();
        engine = open();
        world.restart();
      }
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    } finally {
      engine.close();
    }
    inPieces += world.inPieces;
    read += world.read;
  }
  if (given === undefined) assert(inPieces > runs && read > runs, `${inPieces} in pieces, ${read} read`);
});
