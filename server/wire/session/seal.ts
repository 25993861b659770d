/**
 * The server half of the seal: handshakes, log-ins, and what is under a seal. `protocol/README.md`, "Seal", is the
 * specification.
 *
 * @module
 */

import {
  decodeSealToServer,
  encodeHelloAnswer,
  encodeSealReply,
  Opener,
  sealCookie,
  Sealer,
  type SealHeader,
  sealId,
  type SealKey,
  sealKey,
  type SealKeys,
  serverKeys,
} from "../../../protocol/seal.ts";
import type { Accounts } from "../../service/accounts.ts";
import { networkOf } from "../../quota/address.ts";
import type { RefusedReason, SessionTable } from "../../report/metrics.ts";
import { TokenBuckets } from "../../quota/token_buckets.ts";
import { isLoopback } from "../../net/limits.ts";
import { Login, type LoginRefusal } from "./login.ts";
import type { Address, SealPath } from "./session_service.ts";
import {
  FairTable,
  LOOPBACK,
  type Origin,
  type TableLimits,
  type TableUsage,
} from "../../quota/fair_table.ts";
import type { Held } from "../../quota/holder_lists.ts";
import { Turns } from "../../net/turns.ts";

export interface SealServiceOptions<A extends Address> {
  /** `mailbox` or `forum`: what was said to one is not taken by the other. */
  service: string;
  key: SealKey;
  accounts: Accounts;
  /** Whether a name may be active in one session alone. */
  oneSession?: boolean;
  /** A name that is no account's here, also where another service has one of it. */
  reserved?: string;
  /** What the sessions do: see `SessionService`. */
  sessions: {
    /** Takes what a session that is logged in says. Returns whether that is anything. */
    sealed(session: string, body: Uint8Array, path: SealPath<A>): boolean;
    /** Whose session this is, as far as memory knows: a name, `""` for nobody's, undefined for a new one. */
    ownerOf(session: string): string | undefined;
    logOut(session: string): void;
  };
  /** Sends a datagram; to one address, in the order of the calls. */
  send(datagram: Uint8Array<ArrayBuffer>, to: A): void;
  /** Is told what was dropped or refused, and why. */
  onDropped(reason: RefusedReason, from: A): void;
  /** Is told of a name that has logged in, or left: by itself, or by its time-out. */
  onUser?(user: string, what: "in" | "out", from: A): void;
  /** Is told of a log-in that was refused, and why. */
  onRefused?(name: string, why: LoginRefusal, from: A): void;
  /** Milliseconds, from any beginning. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Handshakes that are known. */
  tableLimits?: TableLimits;
}

/** What is not heard for so long is forgotten, and how often that is looked at, in milliseconds. */
const IDLE = 60_000, TICK = 1000;

/** Handshakes that are known. */
const LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 1000 };

/** Milliseconds after which a log-in is tried again for which there is no room. */
const NO_ROOM = 5000;

/** Handshakes that a network may begin at once, and milliseconds for one more. */
const HANDSHAKES = 256, HANDSHAKE_EVERY = 1000 / 64;

/** What all handshakes together may take of the time: one counts at least half a millisecond, and 32 are done at once. */
const HANDSHAKE_WORK = { share: 0.1, least: 0.5, saved: 16 };

const encoder = new TextEncoder();

/** What is known of one handshake. */
export class Seal<A extends Address> implements SealPath<A>, Held<Seal<A>> {
  older: Seal<A> | undefined;
  newer: Seal<A> | undefined;
  readonly id: string;
  readonly opener: Opener;
  readonly binding: Uint8Array;
  /** Where it began. */
  readonly network: string;
  readonly isLoopback: boolean;
  readonly login: Login<A>;
  /** The account that it is logged in to, and the session. */
  user: string | undefined;
  session: string | undefined;
  heard = 0;
  /** Whether it is giving its account another password, and so stays. */
  isChanging = false;
  open = true;
  readonly #header: SealHeader;
  readonly #sealer: Sealer;
  readonly #send: (datagram: Uint8Array<ArrayBuffer> | undefined, to: A) => void;

  constructor(
    header: SealHeader,
    keys: SealKeys,
    readonly hello: Uint8Array<ArrayBuffer>,
    public address: A,
    send: (datagram: Uint8Array<ArrayBuffer> | undefined, to: A) => void,
    login: (seal: Seal<A>) => Login<A>,
  ) {
    this.id = header.id;
    this.#header = header;
    this.binding = keys.binding;
    this.opener = new Opener(keys.toServer);
    this.#sealer = new Sealer("<", keys.toClient);
    this.network = networkOf(address.hostname);
    this.isLoopback = isLoopback(address.hostname);
    this.#send = send;
    this.login = login(this);
  }

  /** For whom it is counted. */
  get place(): Origin {
    return { network: this.isLoopback ? LOOPBACK : this.network, account: this.user ?? "" };
  }

  /** Sends this under the seal. */
  send(body: Uint8Array | string) {
    if (!this.open) return;
    let datagram: Uint8Array<ArrayBuffer> | undefined;
    try {
      datagram = this.#sealer.seal(this.#header, typeof body === "string" ? encoder.encode(body) : body);
    } catch {
      // used up; the client makes a new handshake long before
    }
    this.#send(datagram, this.address);
  }
}

export class SealService<A extends Address> {
  readonly #options: SealServiceOptions<A>;
  readonly #startId: string;
  readonly #key: Uint8Array;
  readonly #handshakes: TokenBuckets;
  readonly #turns: Turns;
  readonly #seals = new Map<string, Seal<A>>();
  readonly #table: FairTable<Seal<A>>;
  /** Those that are logged in, by session, and by name. */
  readonly #bySession = new Map<string, Seal<A>>();
  readonly #byUser = new Map<string, Set<Seal<A>>>();
  /** One for all seals, of which there may be many. */
  readonly #login: (seal: Seal<A>) => Login<A>;
  readonly #sendSealed: (datagram: Uint8Array<ArrayBuffer> | undefined, to: A) => void;
  #stopTimer: (() => void) | undefined;

  constructor(options: SealServiceOptions<A>) {
    this.#options = options;
    const onClosed = ({ address }: Seal<A>) => this.#drop("sealed no account", address);
    const onRefused = ({ address }: Seal<A>, name: string, why: LoginRefusal) =>
      options.onRefused?.(name, why, address);
    const isElsewhere = (user: string, session: string) => this.#isElsewhere(user, session);
    const login = {
      ...options,
      logInWait: this.#logInWait,
      logIn: this.#logIn,
      bye: this.#bye,
      isElsewhere,
      onClosed,
      onRefused,
    };
    this.#table = new FairTable(options.tableLimits ?? LIMITS, ({ place }) => place);
    this.#login = (seal) => new Login(seal, login);
    this.#sendSealed = (datagram, to) => {
      if (datagram === undefined) this.#drop("sealed too often", to);
      else options.send(datagram, to);
    };
    this.#startId = options.random(4).toHex();
    this.#key = options.random(32);
    this.#handshakes = new TokenBuckets({
      most: HANDSHAKES,
      every: HANDSHAKE_EVERY,
      monotonicClock: options.monotonicClock,
    });
    this.#turns = new Turns({
      ...HANDSHAKE_WORK,
      monotonicClock: options.monotonicClock,
      setTimer: options.setTimer,
    });
    options.accounts.watch((name, what) => {
      if (what !== "added") this.#end(name);
    });
  }

  /** Handshakes in memory. */
  get size(): number {
    return this.#seals.size;
  }

  /** How full its tables are, by name. */
  get tables(): [name: SessionTable, usage: TableUsage][] {
    return [["handshakes", this.#table.usage]];
  }

  /** Whether a name is logged in. */
  isActive(user: string): boolean {
    return this.#byUser.has(user);
  }

  /** Takes a datagram that begins as one under seal does. */
  received(datagram: Uint8Array, from: A) {
    const decoded = decodeSealToServer(datagram);
    if (decoded === undefined) return this.#drop("sealed malformed", from);
    const { header: { id, startId, cookie }, body } = decoded;
    const seal = this.#seals.get(id);
    const at = seal !== undefined && seal.address.port === from.port &&
      seal.address.hostname === from.hostname;
    if (body.kind === "hello" && seal === undefined && startId === this.#startId) {
      // before its cookie is looked at, which costs more than all else that is done about it
      if (this.#turns.isFull(networkOf(from.hostname))) return this.#drop("sealed too many handshakes", from);
    }
    if (startId !== this.#startId || !at && cookie !== sealCookie(this.#key, id, from.hostname, from.port)) {
      return this.#say("challenge", id, from);
    }
    if (body.kind === "hello") {
      if (seal !== undefined) return this.#options.send(seal.hello, from);
      return this.#hello(id, body.key, from);
    }
    if (seal === undefined) return this.#say("unknown", id, from);
    const plain = seal.opener.open(datagram, body.number);
    if (typeof plain === "string") return this.#drop(`sealed ${plain}`, from);
    // whoever never logs in is not kept by what he says
    if (seal.user !== undefined) seal.heard = this.#options.monotonicClock();
    if (body.number === seal.opener.highest) seal.address = from;
    if (!this.#opened(seal, plain)) this.#drop("sealed out of place", from);
  }

  /** Returns whether it was anything. */
  #opened(seal: Seal<A>, plain: Uint8Array): boolean {
    const isBody = plain[0]! >= 0x30 && plain[0]! <= 0x39;
    if (!isBody) return seal.login.received(plain);
    return seal.session !== undefined && this.#options.sessions.sealed(seal.session, plain, seal);
  }

  #hello(id: string, client: Uint8Array, from: A) {
    if (sealId(client) !== id) return this.#drop("sealed bad key", from);
    const network = networkOf(from.hostname);
    if (this.#turns.has(network, id)) return;
    if (this.#handshakes.wait(network) > 0) return this.#say("busy", id, from);
    const tooLate = () => this.#drop("sealed too many handshakes", from);
    const taken = this.#turns.take(network, id, { run: () => this.#greet(id, client, from), stale: tooLate });
    if (taken) this.#handshakes.use(network);
    else tooLate();
  }

  #greet(id: string, client: Uint8Array, from: A) {
    const { service, key: own, random, monotonicClock } = this.#options;
    const ephemeral = sealKey(random(32)), header = { id, startId: this.#startId, cookie: "" };
    let keys: SealKeys;
    try {
      keys = serverKeys({ service, id, startId: this.#startId }, ephemeral, own, client);
    } catch {
      return this.#drop("sealed bad key", from);
    }
    const hello = encodeHelloAnswer(header, ephemeral.public, own.public, keys.confirm);
    const seal = new Seal<A>(header, keys, hello, from, this.#sendSealed, this.#login);
    seal.heard = monotonicClock();
    const leaving = this.#table.roomFor(seal.place);
    if (leaving === "full") return this.#say("busy", id, from);
    if (leaving !== undefined) this.#forget(leaving);
    this.#seals.set(id, seal);
    this.#table.add(seal);
    this.#startTimer();
    this.#options.send(hello, from);
  }

  /** Milliseconds until there may be room for the session of this user; 0 where there is. */
  readonly #logInWait = (seal: Seal<A>, user: string, session: string): number => {
    // the one before it makes room for it
    if (this.#bySession.get(session)?.user === user) return 0;
    return this.#table.isFullFor({ ...seal.place, account: user }) ? NO_ROOM : 0;
  };

  /** The proof was right. Returns why it is not logged in all the same. */
  readonly #logIn = (seal: Seal<A>, user: string, session: string): "denied" | "active" | undefined => {
    const { sessions, onUser, monotonicClock } = this.#options;
    if ((sessions.ownerOf(session) ?? user) !== user) return "denied";
    if (this.#isElsewhere(user, session)) return "active";
    const others = this.#byUser.get(user) ?? new Set();
    const isNew = others.size === 0;
    this.#table.remove(seal);
    seal.user = user;
    seal.session = session;
    seal.heard = monotonicClock();
    this.#table.add(seal);
    this.#byUser.set(user, others.add(seal));
    const before = this.#bySession.get(session);
    this.#bySession.set(session, seal);
    if (before !== undefined) this.#forget(before);
    if (isNew) onUser?.(user, "in", seal.address);
  };

  /** Whether the name is active in another session, and may be in one alone. */
  #isElsewhere(user: string, session: string): boolean {
    if (!this.#options.oneSession) return false;
    for (const other of this.#byUser.get(user) ?? []) if (other.session !== session) return true;
    return false;
  }

  readonly #bye = (seal: Seal<A>) => {
    if (seal.session !== undefined) this.#options.sessions.logOut(seal.session);
    this.#forget(seal);
  };

  /** An account was removed, or has another password: whoever was logged in by the old one is not any more. */
  #end(name: string) {
    for (const seal of this.#byUser.get(name) ?? []) if (!seal.isChanging) this.#bye(seal);
  }

  #forget(seal: Seal<A>) {
    if (!this.#seals.delete(seal.id)) return;
    this.#table.remove(seal);
    seal.open = false;
    const { user, session } = seal;
    if (user === undefined || session === undefined) return;
    if (this.#bySession.get(session) === seal) this.#bySession.delete(session);
    const same = this.#byUser.get(user);
    same?.delete(seal);
    if (same?.size !== 0) return;
    this.#byUser.delete(user);
    this.#options.onUser?.(user, "out", seal.address);
  }

  #say(word: "challenge" | "unknown" | "busy", id: string, to: A) {
    const cookie = word === "challenge" ? sealCookie(this.#key, id, to.hostname, to.port) : "";
    this.#options.send(encodeSealReply({ id, startId: this.#startId, cookie }, word), to);
  }

  #drop(reason: RefusedReason & `sealed ${string}`, from: A) {
    this.#options.onDropped(reason, from);
  }

  #startTimer() {
    this.#stopTimer ??= this.#options.setTimer(TICK, () => {
      this.#stopTimer = undefined;
      const old = this.#options.monotonicClock() - IDLE;
      for (const seal of this.#seals.values()) if (seal.heard < old) this.#forget(seal);
      if (this.#seals.size > 0) this.#startTimer();
    });
  }

  /** Forgets everybody, without a word: that is for the sessions to say. */
  close() {
    this.#stopTimer?.();
    this.#turns.close();
    for (const seal of this.#seals.values()) seal.open = false;
    this.#seals.clear();
  }
}
