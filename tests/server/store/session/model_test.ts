import { assertEquals } from "@std/assert";
import { BatchEngine } from "../../../batch_engine.ts";
import type { Put } from "../../../../server/store/requests/message.ts";
import type { OpenSession, OrderedRequest } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../../../server/store/limits.ts";
import { Random } from "../../../simulation/random.ts";
import { MAILBOXES, Model } from "./model.ts";

const SESSIONS = ["s", "t", "u"], MANY_SESSIONS = Array.from({ length: 30 }, (_, i) => `s${i}`);

/** What a take gave, without whether it left what is too long: of such a message, it may be found later that it has gone. */
function withoutNotice(outcome: Outcome): Outcome {
  if (outcome === "too long") return "empty";
  if (typeof outcome !== "object" || !("overtakes" in outcome)) return outcome;
  const { overtakes: _, ...taken } = outcome;
  return taken as Outcome;
}

class History {
  readonly #random: Random;
  readonly #model: Model;
  readonly #expiring: boolean;
  /** Whether there are more sessions than are kept. What makes room on a disk that fails is the engine's to choose. */
  readonly #crowded: boolean;
  /** When each session began, as its client says. */
  readonly #startTimes = new Map<string, number>();
  /** What sessions were given so far, so that they can name it, late too. */
  readonly #given: { token: string; ids: number[] }[] = [];
  /** Each session's `low`, which never goes back. */
  readonly #lows = new Map<string, number>();
  #texts = 0;
  #tags = 0;

  constructor(seed: number) {
    const random = this.#random = new Random(seed);
    const limits = (): StoreLimits => ({
      ...DEFAULT_LIMITS,
      mailboxMessages: random.between(3, 30),
      mailboxBytes: random.between(100, 3000),
      messages: random.between(10, 80),
      bytes: random.between(500, 6000),
      whenFull: random.chance(0.5) ? "refuse" : "drop-oldest",
    });
    this.#crowded = random.chance(0.4);
    this.#model = new Model(limits(), this.#crowded ? random.between(3, 20) : 1000);
    this.#model.takenBytes = this.#takenBytes();
    // what makes room for another one, while some have expired, depends on when these are found
    this.#expiring = this.#model.limits.whenFull === "refuse";
  }

  /** Those that are sometimes long are taken with a limit, and those that are short. */
  #takenBytes(): number {
    return this.#pick([10, 500, 10_000]);
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.between(0, all.length - 1)]!;
  }

  #put(): Put {
    const random = this.#random,
      length = random.chance(0.1) ? random.between(100, 900) : random.between(0, 20);
    const text = `${++this.#texts} `.padEnd(length, "x"), time = this.#model.now;
    return {
      kind: "put",
      mailbox: this.#pick(MAILBOXES),
      sender: "al",
      time,
      text,
      bytes: text.length,
      ...random.chance(0.15) ? { delay: random.between(1, 9000) } : {},
      ...this.#expiring && random.chance(0.15) ? { expires: time + random.between(1, 9000) } : {},
    };
  }

  #change(): OrderedRequest {
    const random = this.#random,
      given = this.#given.length > 0 ? this.#pick(this.#given.slice(-12)) : undefined;
    const numbers = random.chance(0.1) ? { numbers: random.between(2, 4) } : {};
    if (given === undefined || random.chance(0.45)) return { ...this.#put(), ...numbers };
    const { token } = given, all = random.chance(0.5);
    const ids = given.ids.filter(() => all || random.chance(0.5)).concat(
      random.chance(0.05) ? [given.ids[0]!] : [],
    );
    const kind = random.between(0, 10);
    if (kind > 9) return { kind: "begin", token, ids };
    if (kind < 5) return { kind: "ack", token, ids };
    if (kind < 7) {
      if (random.chance(0.3)) return { kind: "back", token, ids };
      const delay = random.chance(0.3) ? 0 : random.between(1, 9000);
      return {
        kind: "fail",
        token,
        delay,
        attempts: random.between(1, 6),
        reason: `exit ${random.between(1, 9)}`,
        ids,
      };
    }
    if (kind < 8) return { kind: "extend", token, duration: random.between(1000, 8000) };
    return random.chance(0.5)
      ? { kind: "skip", ...numbers }
      : { kind: "bad", reason: "too long", ...numbers };
  }

  /** @param changed Sessions that change something in this batch. */
  #request(changed: Set<string>): StoreRequest {
    const random = this.#random, mailbox = this.#pick(MAILBOXES);
    const session = this.#pick(this.#crowded ? MANY_SESSIONS : SESSIONS), startTime = this.#born(session);
    const kind = random.between(0, 99);
    if (kind < 15) return this.#put();
    if (kind < 20) return { kind: "take", mailbox };
    if (kind < 40) {
      const tag = random.chance(0.8) ? ++this.#tags : random.between(1, this.#tags + 1);
      const max = random.between(1, 12), maxBytes = random.between(1, 1500);
      const duration = random.between(1000, 8000);
      const ahead = random.chance(0.3), subscribe = random.chance(0.3);
      return { kind: "lease", session, tag, mailbox, max, maxBytes, duration, ahead, subscribe };
    }
    if (kind < 45) {
      const tag = Math.max(1, this.#tags - random.between(0, 5));
      return { kind: random.chance(0.6) ? "confirm" : "release", session, tag };
    }
    // there is one batch of a session in a group
    if (kind < 88 && !changed.has(session)) {
      changed.add(session);
      const done = this.#model.sessions.get(session)?.done ?? 0;
      const changes = Array.from({ length: random.between(1, 12) }, () => this.#change());
      // now and then with what was done before, or with a gap
      const first = Math.max(1, done + 1 - (random.chance(0.2) ? random.between(-2, 4) : 0));
      const low = Math.max(this.#lows.get(session) ?? 1, Math.min(first, done + 1) - random.between(0, 10));
      this.#lows.set(session, low);
      return { kind: "session", session, startTime, fresh: false, first, low, changes };
    }
    if (kind < 91) return { kind: "open", session, startTime };
    if (kind < 95) return { kind: "stat", ...random.chance(0.5) ? { mailbox } : {} };
    if (kind < 96) return { kind: "clear", ...random.chance(0.8) ? { mailbox } : {} };
    const what = this.#pick(["list", "requeue", "requeue all", "delete", "delete all"] as const);
    if (what === "delete all") return { kind: "dead", what };
    const { dead } = this.#model,
      id = (random.chance(0.8) ? dead.at(0)?.id : undefined) ?? random.between(1, 99);
    if (what === "requeue" || what === "delete") return { kind: "dead", what, id };
    return { kind: "dead", what, after: random.chance(0.5) ? 0 : id, limit: random.between(1, 5) };
  }

  /** Now and then a client does as if its session began just now. */
  #born(session: string): number {
    const born = this.#startTimes.get(session);
    if (born !== undefined && !this.#random.chance(0.05)) return born;
    const latest = Math.max(this.#model.now, ...this.#startTimes.values()) + 1;
    this.#startTimes.set(session, latest);
    return latest;
  }

  play(directory: string | undefined) {
    const random = this.#random, model = this.#model;
    let canStore = true;
    // never, always, or at random moments: nothing that it answers depends on that
    const writing = this.#pick(["never", "always", "at random"]);
    const writes = () => {
      if (writing === "never") return 0;
      return writing === "always" || random.chance(0.2) ? "checkpoint" : random.between(0, 9);
    };
    const start = () =>
      new BatchEngine({
        directory,
        limits: model.limits,
        takeBytesMax: model.takenBytes,
        sessionLimits: { all: model.sessions.most, ofNetwork: 1, ofAccount: 1 },
        wallClock: () => model.now,
        monotonicClock: () => model.now,
        random: random.bytes,
        canStore: () => canStore,
        writes,
        onEvent() {},
      });
    let engine = start();
    for (let batch = 0; batch < 50; batch++) {
      const changed = new Set<string>();
      const requests = Array.from({ length: random.between(1, 12) }, () => this.#request(changed));
      canStore = random.chance(0.8);
      const { outcomes, dropped } = engine.apply(requests);
      const expected = [...outcomes];
      model.dropped = 0;
      for (const [i, outcome] of outcomes.entries()) {
        const isRefused = outcome === "storage";
        if (isRefused) assertEquals([canStore, requests[i]!.kind], [false, "put"]);
        else expected[i] = model.perform(requests[i]!, outcome);
        // what nobody asks for any more may be remembered or not
        if (requests[i]!.kind === "open") {
          for (const each of [outcome, expected[i]]) this.#forget(requests[i] as OpenSession, each);
        }
      }
      for (const [i, outcome] of outcomes.entries()) {
        if (requests[i]!.kind === "take") outcomes[i] = withoutNotice(outcome);
      }
      assertEquals({ outcomes, dropped }, { outcomes: expected, dropped: model.dropped }, `batch ${batch}`);
      for (const outcome of outcomes) {
        if (typeof outcome !== "object" || !("token" in outcome)) continue;
        this.#given.push({ token: outcome.token, ids: outcome.messages.map(({ id }) => id) });
      }
      this.#pass(engine, batch);
      if (directory === undefined || !random.chance(0.1)) continue;
      engine.close();
      model.takenBytes = this.#takenBytes();
      engine = start();
      model.restart();
    }
    engine.close();
  }

  #forget({ session }: OpenSession, outcome: Outcome | undefined) {
    if (typeof outcome !== "object" || !("outcomes" in outcome)) return;
    const low = this.#lows.get(session) ?? 1;
    outcome.outcomes = outcome.outcomes.filter(([n]) => n >= low);
  }

  /** Lets time go by. */
  #pass(engine: BatchEngine, batch: number) {
    const random = this.#random, model = this.#model;
    if (random.chance(0.3)) model.now += random.between(1, 3000);
    if (random.chance(0.5)) {
      engine.tick();
      model.tick();
    }
    if (random.chance(0.3)) engine.sweep();
    const [all, ...each] = engine.apply([undefined, ...MAILBOXES].map((mailbox) => (
      { kind: "stat", ...mailbox === undefined ? {} : { mailbox } }
    ))).outcomes;
    assertEquals(
      [all, each],
      [model.stat(), MAILBOXES.map((name) => model.stat(name))],
      `after batch ${batch}`,
    );
  }
}

// store 4.7
Deno.test("Engine does with sessions, full disks and new starts, written or not, what a list of arrays does", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), full = Deno.env.get("WIREPOST_FAULTS") === "full";
  const runs = given !== undefined ? 1 : full ? 5000 : 40;
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  for (let seed = first; seed < first + runs; seed++) {
    const directory = await Deno.makeTempDir({ prefix: "wirepost-model-" });
    try {
      new History(seed).play(seed % 4 === 0 ? directory : undefined);
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
