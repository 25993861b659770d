import type { RecordStart } from "../../../../server/store/engine/engine.ts";
import { Again } from "../../../../server/store/requests/again.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { Settle } from "../../../../server/store/requests/keyed.ts";
import type { Put } from "../../../../server/store/requests/message.ts";
import type { OrderedRequest, SessionState } from "../../../../server/store/requests/session.ts";
import type { ThreadChange } from "../../../../server/store/requests/thread.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import type { Random } from "../../../simulation/random.ts";

const MAILBOXES = ["", "bob", "carol", "Ω"],
  TITLES = ["tea", "coffee", "milk"],
  USERS = ["hans", "yoda", "al"];
const NETWORKS = ["", "192.0.2.1", "192.0.2.2", "2001:db8::"], SESSIONS = 16;

/** How long after the record before one comes, at most, and how often: so that everything that ends by time does. */
const PAUSES_MS: readonly [most: number, weight: number][] = [
  [5, 60],
  [200, 25],
  [6000, 12],
  [130_000, 2.5],
  [25 * 3_600_000, 0.5],
];

/** Bytes of a text that is long enough for a piece to have a few of them. */
const LONG_BYTES = 64 * 1024;

/** More than can be due at a time. */
export const TICK_ROWS = 256;

/** Records with all kinds of requests. What comes depends on the random numbers and on what the ones before came to. */
export class RandomRecords {
  readonly #random: Random;
  #number: number;
  #wallClock = 1_700_000_000_000;
  #monotonicClock = 0;
  /** How far each session has come, by its name. */
  readonly #done = new Map<string, number>();
  /** Leases that were given lately. */
  readonly #leases: { session: string; token: string; ids: number[] }[] = [];
  /** Further pieces of requests of which one was done. */
  readonly #pieces: StoreRequest[] = [];
  #tags = 0;
  #contents = 0;
  #said = 0;

  constructor(random: Random, number = 0) {
    this.#random = random;
    this.#number = number;
  }

  /** Begins the next record: some time has gone by. */
  begin(): RecordStart {
    const random = this.#random;
    let left = random.fraction() * 100;
    const [most] = PAUSES_MS.find(([, weight]) => (left -= weight) < 0) ?? PAUSES_MS[0]!;
    const ms = random.fraction() * most;
    this.#wallClock += ms;
    this.#monotonicClock += ms;
    return {
      number: ++this.#number,
      canStore: random.chance(0.95),
      wallClock: this.#wallClock,
      monotonicClock: this.#monotonicClock,
      random: random.bytes(32),
    };
  }

  /**
   * Some requests of one record. What a store would do when it is due comes at any time: when that is, depends on how much
   * was written down.
   */
  requests(): StoreRequest[] {
    if (this.#random.chance(0.2)) return [{ kind: "tick", rows: TICK_ROWS }];
    if (this.#random.chance(0.01)) return this.#longAccount();
    if (this.#pieces.length > 0 && this.#random.chance(0.3)) return [this.#pieces.shift()!];
    if (this.#random.chance(0.1)) return [{ kind: this.#pick(["sweep", "forget"]), rows: 64 }];
    return Array.from({ length: this.#random.between(1, 6) }, () => this.#request());
  }

  /** An account for a mailbox that holds so much that it is made in pieces, if there is room for that. */
  #longAccount(): StoreRequest[] {
    const name = this.#pick(["bob", "carol"]), text = "x".repeat(LONG_BYTES);
    return [
      { kind: "account", what: "remove", name },
      { kind: "clear", mailbox: name },
      ...Array.from({ length: 10 }, (): StoreRequest => (
        { ...this.#put(), mailbox: name, text, bytes: text.length }
      )),
      { kind: "account", what: "add", name, verifier: "v", mailbox: "always" },
    ];
  }

  /** Learns what a request came to. */
  learn(request: StoreRequest, outcome: Outcome) {
    if (request.kind === "account" && outcome instanceof Again) {
      this.#pieces.push(outcome.request as StoreRequest);
    }
    if (request.kind === "lease" && typeof outcome === "object" && "token" in outcome) {
      const { token, messages } = outcome as Leased;
      this.#leases.push({ session: request.session, token, ids: messages.map(({ id }) => id) });
      if (this.#leases.length > 20) this.#leases.shift();
    }
    if (request.kind !== "session" && request.kind !== "open") return;
    if (typeof outcome === "object") this.#done.set(request.session, (outcome as SessionState).done);
    else if (outcome === "new" || outcome === "unknown") this.#done.delete(request.session);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.between(0, from.length - 1)]!;
  }

  /** A session, and in most cases the account and network that are its own. */
  #session() {
    const i = this.#random.between(0, SESSIONS - 1), network = NETWORKS[i % NETWORKS.length]!;
    const account = i % 3 === 0 && !this.#random.chance(0.05) ? USERS[i % 2]! : "";
    // the name is another one now and then: so that there are new sessions without end
    const session = `s${i}.${Math.floor(this.#tags / 200)}`;
    return { session, account, network, startTime: 1_600_000_000_000 + this.#random.between(0, 3) };
  }

  #put(): Put {
    const random = this.#random,
      text = "x".repeat(random.chance(0.1) ? random.between(0, 900) : random.between(0, 30));
    const put: Put = {
      kind: "put",
      mailbox: this.#pick(MAILBOXES),
      sender: this.#pick(USERS),
      time: Math.floor(this.#wallClock),
      text,
      bytes: text.length,
    };
    if (random.chance(0.2)) put.delay = random.between(1, 20_000);
    if (random.chance(0.2)) put.expires = put.time + random.between(-10, 60_000);
    if (random.chance(0.7)) put.owner = this.#pick(["al", "yoda", "[192.0.2.1]", "[192.0.2.2]"]);
    return put;
  }

  #change(): OrderedRequest {
    const random = this.#random, kind = random.between(0, 99);
    const lease = this.#leases.length > 0 ? this.#pick(this.#leases) : { token: "none", ids: [1, 2] };
    const { token } = lease, ids = lease.ids.filter(() => random.chance(0.7));
    if (kind < 25) {
      return random.chance(0.2) ? { ...this.#put(), numbers: random.between(1, 3) } : this.#put();
    }
    if (kind < 45) return { kind: "ack", token, ids };
    if (kind < 50) return { kind: "back", token, ids };
    if (kind < 58) {
      const delay = random.chance(0.5) ? 0 : random.between(1, 9000);
      return { kind: "fail", token, ids, delay, attempts: random.between(1, 4), reason: "it broke" };
    }
    if (kind < 62) return { kind: "extend", token, duration: random.between(1, 60_000) };
    if (kind < 66) return { kind: "begin", token, ids };
    if (kind < 70) return { kind: "skip" };
    if (kind < 72) return { kind: "bad", reason: "it is bad", numbers: 2 };
    return this.#threadChange(kind);
  }

  /** @param kind 72 to 99. */
  #threadChange(kind: number): ThreadChange {
    const random = this.#random, number = random.between(1, 12);
    const text = "y".repeat(random.between(0, 50)), thread = this.#pick(TITLES), user = this.#pick(USERS);
    const bytes = text.length;
    if (kind < 76) return { kind: "create", thread, user };
    if (kind < 88) return { kind: "post", thread, user, time: Math.floor(this.#wallClock), text, bytes };
    if (kind < 92) return { kind: "delete", thread, user, number };
    if (kind < 98) return { kind: "edit", thread, user, number, text, bytes };
    return { kind: "remove", thread, user };
  }

  #request(): StoreRequest {
    const random = this.#random, kind = random.between(0, 999), mailbox = this.#pick(MAILBOXES);
    if (kind < 220) return this.#put();
    if (kind < 250) return this.#keyed();
    if (kind < 330) return { kind: "take", mailbox };
    if (kind < 450) return this.#lease();
    const { session, account, network, startTime } = this.#session();
    if (kind < 700) {
      const done = this.#done.get(session) ?? 0, first = Math.max(1, done + 1 - (random.chance(0.1) ? 2 : 0));
      const changes = Array.from({ length: random.between(1, 6) }, () => this.#change());
      const low = Math.max(1, first - random.between(0, 4)), fresh = random.chance(0.1);
      return { kind: "session", session, account, network, startTime, fresh, first, low, changes };
    }
    const tag = Math.max(1, this.#tags - random.between(0, 5));
    if (kind < 740) return { kind: "confirm", session, tag };
    if (kind < 760) return { kind: "release", session, tag };
    if (kind < 780) return { kind: "open", session, account, startTime };
    if (kind < 800) {
      return { kind: "end", session, account, low: (this.#done.get(session) ?? 0) + random.between(0, 1) };
    }
    return kind < 930 ? this.#rareRequest() : this.#query(mailbox);
  }

  #lease(): StoreRequest {
    const random = this.#random, { session, network, account } = this.#session();
    return {
      kind: "lease",
      session,
      network,
      account,
      tag: random.chance(0.9) ? ++this.#tags : random.between(1, this.#tags + 1),
      mailbox: this.#pick(MAILBOXES),
      max: random.between(1, 8),
      maxBytes: random.between(1, 2000),
      duration: random.between(1, 30_000),
      ahead: random.chance(0.4),
      subscribe: random.chance(0.3),
      taken: random.chance(0.2),
    };
  }

  /** What wires without sessions ask for. */
  #keyed(): StoreRequest {
    const random = this.#random, id = random.between(1, 400);
    if (random.chance(0.6)) {
      const key = { key: `k${random.between(1, 60)}`, digest: `d${random.between(1, 2)}` };
      return { kind: "put once", put: this.#put(), ...random.chance(0.8) ? { key } : {} };
    }
    const lease = this.#leases.length > 0 ? this.#pick(this.#leases) : undefined;
    const { session, token, ids } = lease ?? { session: "none", token: "none", ids: [1, 2] };
    const what = this.#pick<Settle["what"]>([
      { kind: "ack" },
      { kind: "back" },
      { kind: "fail", delay: this.#pick([0, 5000]), attempts: random.between(1, 4), reason: "it broke" },
      { kind: "extend", duration: random.between(1, 60_000) },
    ]);
    const account = this.#pick(["", "bob", "carol"]);
    return { kind: "settle", session, token, id: ids.length > 0 ? this.#pick(ids) : id, account, what };
  }

  /** What the services of the server, its administrator and the server itself ask for. */
  #rareRequest(): StoreRequest {
    const random = this.#random, kind = random.between(0, 99), mailbox = this.#pick(MAILBOXES);
    const name = this.#pick(["bob", "carol", "dave", "erin"]),
      id = random.between(1, 400),
      limit = random.between(1, 9);
    if (kind < 10) return { kind: "clear", ...random.chance(0.9) ? { mailbox } : {} };
    if (kind < 14) return { kind: "limit", messages: random.between(5, 60) };
    if (kind < 20) return { kind: "dead", what: "requeue all", after: random.between(0, 200), limit };
    if (kind < 24) return { kind: "dead", what: this.#pick(["requeue", "delete"]), id };
    if (kind < 25) return { kind: "dead", what: "delete all" };
    if (kind < 30) {
      return {
        kind: "account",
        what: "add",
        name,
        verifier: `v${kind}`,
        mailbox: this.#pick(["always", "if empty", "never"]),
        network: this.#pick(NETWORKS),
      };
    }
    if (kind < 33) return { kind: "account", what: "change", name, verifier: `v${id}` };
    if (kind < 39) return { kind: "account", what: this.#pick(["cover", "remove"]), name };
    if (kind < 50) return this.#channel(name);
    if (kind < 52) return { kind: "remove channel", name };
    if (kind < 54) return { kind: "channels complete", complete: random.chance(0.5) };
    if (kind < 57) {
      const until = random.chance(0.5) ? null : id;
      return { kind: "measure", action: "take", measure: { what: "ban", subject: name, since: id, until } };
    }
    if (kind < 60) return { kind: "measure", action: "end", what: "ban", subject: name };
    if (kind < 70) {
      const content = `${++this.#contents}`, user = this.#pick(USERS), file = `f${random.between(0, 30)}`;
      return {
        kind: "attach",
        thread: random.between(1, 8),
        name: file,
        user,
        time: id,
        size: id,
        hash: "h",
        content,
      };
    }
    if (kind < 71) {
      const change = this.#threadChange(random.between(72, 99));
      const key = { key: `k${random.between(1, 60)}`, digest: `d${random.between(1, 2)}` };
      return {
        ...{ kind: "thread", change },
        ...random.chance(0.2) ? { id: random.between(1, 12) } : {},
        ...random.chance(0.3) ? { key, owner: this.#pick(USERS) } : {},
      };
    }
    if (kind < 73) {
      return {
        kind: "unused",
        gone: random.chance(0.7) ? [`${random.between(1, this.#contents + 1)}`] : [],
        limit,
      };
    }
    if (kind < 80) return { kind: "tick", rows: limit };
    if (kind < 88) return { kind: "sweep", rows: limit };
    if (kind < 92) return { kind: "forget", rows: limit };
    if (kind < 95) return { kind: "start" };
    if (kind < 96) return { kind: "lineage", epoch: `${random.between(1, 9)}` };
    return this.configure();
  }

  #channel(name: string): StoreRequest {
    const random = this.#random, count = random.between(0, 4), from = this.#said + 1;
    this.#said += count;
    const messages = Array.from(
      { length: count },
      (_, i) => ({ sender: "al", time: i, text: `${i}`, bytes: 3 }),
    );
    const first = Math.max(1, from - random.between(0, 20)), owner = this.#pick(USERS);
    const keys = [{ key: `k${random.between(1, 99)}`, digest: "d", id: from, time: 1, owner }];
    return {
      kind: "channel",
      name,
      owner: "o",
      place: random.between(0, 3),
      history: "h:1",
      first,
      from,
      messages,
      bytes: 3 * count,
      ...count > 0 && random.chance(0.5) ? { keys } : {},
    };
  }

  /** Limits that are small, so that they are reached. */
  configure(): StoreRequest {
    const random = this.#random;
    return {
      kind: "configure",
      limits: {
        ...DEFAULT_LIMITS,
        mailboxMessages: random.between(5, 60),
        messages: random.between(20, 150),
        bytes: random.chance(0.5) ? random.between(2000, 20_000) : 50 * LONG_BYTES,
        mailboxes: random.between(2, 5),
        share: this.#pick([30, 60, 100]),
        whenFull: this.#pick(["refuse", "drop-oldest"]),
      },
      takeBytesMax: this.#pick([20, 100, 1000]),
      forumLimits: {
        ...DEFAULT_FORUM_LIMITS,
        threads: random.between(1, 3),
        threadEntries: random.between(10, 40),
        entries: 60,
      },
      sessionLimits: {
        all: random.between(3, 8),
        ofNetwork: 3,
        ofAccount: 2,
        loggedIn: 4,
        loggedInOfNetwork: 3,
      },
      ...random.chance(0.7) ? { leaseLimits: { all: 6, ofNetwork: 3, ofAccount: 4, sharedOut: true } } : {},
    };
  }

  #query(mailbox: string): StoreRequest {
    const random = this.#random, title = this.#pick(TITLES), limit = random.between(1, 9), maxBytes = 500;
    const queries: StoreRequest[] = [
      { kind: "count", mailbox },
      { kind: "list", limit },
      { kind: "stat", mailbox },
      { kind: "stat" },
      { kind: "peek", mailbox, after: random.between(0, 200), limit },
      { kind: "dead", what: "list", after: random.between(0, 200), limit },
      { kind: "unsubscribe", mailbox },
      { kind: "latest start" },
      { kind: "usage" },
      { kind: "threads", after: random.between(0, 4), limit, maxBytes },
      { kind: "read", thread: title, from: { number: random.between(0, 9) }, limit, maxBytes },
      { kind: "file", thread: title, name: `f${random.between(0, 30)}`, user: "al" },
      { kind: "contents", contents: [`${random.between(1, this.#contents + 1)}`] },
      { kind: "thread counts" },
      { kind: "account", what: "list", limit },
      { kind: "channels" },
      { kind: "measure", action: "list" },
      { kind: "oldest", limit },
    ];
    return this.#pick(queries);
  }
}
