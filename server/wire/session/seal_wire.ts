/**
 * The server's half of the seal: handshakes, and which of them are logged in. `protocol/seal.md` is the specification.
 *
 * @module
 */

import { refusal } from "../../../protocol/describe/refusals.ts";
import {
  describeDroppedHello,
  describeDroppedSeal,
  describeLogin,
  describeLoginAnswer,
} from "../../../protocol/describe/seal.ts";
import { describeSealedAnswers, describeSealedRequests } from "../../../protocol/describe/session.ts";
import {
  decodeSealToServer,
  encodeHelloAnswer,
  encodeSealReply,
  isControl,
  MAX_AGE_MS,
} from "../../../protocol/seal.ts";
import {
  ephemeralKey,
  sealId,
  type SealKey,
  type SealKeys,
  serverKeys,
} from "../../../protocol/seal/keys.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { FairScheduler, MAX_TASKS } from "../../net/fairness.ts";
import { networkOf } from "../../quota/address.ts";
import { FairTable, SESSION_LIMITS, type TableLimits, type TableUsage } from "../../quota/fair_table.ts";
import { RateLimit } from "../../quota/rate_limit.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";
import type { RefusedReason, SessionTable } from "../../report/metrics.ts";
import { type Seen, type Tap, UNWATCHED } from "../../report/watch.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import type { Moderation } from "../../service/moderation.ts";
import { AddressProofs } from "./cookies.ts";
import type { LoginOptions, LoginRefusal } from "./login.ts";
import { Seal, type SendDatagram } from "./seal.ts";
import type { SessionWire } from "./session_wire.ts";

export interface SealWireOptions<A extends Address>
  extends Pick<Environment, "monotonicClock" | "random" | "setTimer"> {
  /** `mailbox` or `forum`: what is sealed for one is not valid for the other. */
  service: string;
  key: SealKey;
  accounts: Accounts;
  /** Whether an account may be logged in to one session only. */
  oneSession?: boolean;
  /** A name that can't log in here. */
  reservedName?: string;
  /** By default no name is banned. */
  moderation?: Pick<Moderation, "isBannedName">;
  sessions: Pick<SessionWire<A>, "sealed" | "accountOf" | "logOut">;
  /** Sends a datagram. Those to one address are sent in the order of the calls. */
  send(datagram: Uint8Array<ArrayBuffer>, to: A): void;
  /**
   * Takes a control message that came under the seal of this account, and sends answers by `reply`; without it, there are
   * none.
   */
  onControl?(message: Uint8Array, from: A, account: string, reply: (message: Uint8Array) => void): void;
  /** Called when a datagram or a log-in is dropped. */
  onDropped(reason: RefusedReason, from: A): void;
  /** Called when an account is logged in to its first session, and when it has left its last. */
  onUser?(account: string, what: "in" | "out", from: A): void;
  /** Called when a log-in is refused. */
  onRefused?(name: string, why: LoginRefusal, from: A): void;
  /** What is inside sealed datagrams, and which are dropped, is reported here. */
  tap?: Tap;
  /** Limits of handshakes in memory. */
  tableLimits?: TableLimits;
}

/** A handshake is forgotten after so long without a sealed datagram, and how often that is checked (seal.md 8.3). */
const IDLE_MS = 60_000, TICK_MS = 1000;

/** After how long a log-in may be tried again if there was no room for it. */
const NO_ROOM_MS = 5000;

/** Handshakes that a network may begin at once, and how often one more (seal.md section 9). */
const HANDSHAKE_BURST = 256, HANDSHAKE_INTERVAL_MS = 1000 / 64;

/**
 * The share of the time that all handshakes may take: one counts at least half a millisecond, and 32 are done at once
 * (seal.md 2.8).
 */
const HANDSHAKE_WORK = { share: 0.1, minTaskMs: 0.5, burstMs: 16 };

type SealedReason = RefusedReason & `sealed ${string}`;

/** Whether what was sealed is a session's: that begins with a number. */
function isOfSession(plain: Uint8Array): boolean {
  return plain[0]! >= 0x30 && plain[0]! <= 0x39;
}

const decoder = new TextDecoder();

type SealNames = Pick<Seal<Address>, "id" | "session" | "account">;

function describeOpened({ id, session, account }: SealNames, plain: Uint8Array): Seen[] {
  // it is the administrator's, and reported there
  if (isControl(plain)) return [];
  return isOfSession(plain)
    ? describeSealedRequests(session ?? id, plain, account)
    : [describeLogin(id, decoder.decode(plain), account)];
}

function describeSealing({ id, session, account }: SealNames, body: Uint8Array | string): Seen[] {
  if (typeof body !== "string" && isControl(body)) return [];
  return typeof body === "string"
    ? [describeLoginAnswer(id, body, account)]
    : describeSealedAnswers(session ?? id, body, account);
}

export class SealWire<A extends Address> {
  readonly #options: SealWireOptions<A>;
  /** The same object for all seals: there may be many. */
  readonly #loginOptions: LoginOptions<Seal<A>>;
  readonly #send: SendDatagram<A>;
  readonly #tap: Tap;
  readonly #startId: string;
  readonly #proofs: AddressProofs;
  readonly #handshakes: RateLimit;
  readonly #scheduler: FairScheduler;
  readonly #seals = new Map<string, Seal<A>>();
  readonly #table: FairTable<Seal<A>>;
  /** Those that are logged in, by session, and by account. */
  readonly #bySession = new Map<string, Seal<A>>();
  readonly #byAccount = new Map<string, Set<Seal<A>>>();
  #stopTimer: (() => void) | undefined;

  constructor(options: SealWireOptions<A>) {
    this.#options = options;
    const { accounts, monotonicClock, random, setTimer } = options;
    this.#loginOptions = {
      accounts,
      random,
      reservedName: options.reservedName,
      isBanned: (name) => options.moderation?.isBannedName(name) ?? false,
      roomWait: (seal, account, session) => this.#roomWait(seal, account, session),
      logIn: (seal, account, session) => this.#logIn(seal, account, session),
      logOut: (seal) => this.#logOut(seal),
      isLoggedIn: (account, session) => this.#isLoggedIn(account, session),
      isElsewhere: (account, session) => this.#isElsewhere(account, session),
      onClosed: ({ address }) => options.onDropped("sealed no account", address),
      onRefused: ({ address }, name, why) => options.onRefused?.(name, why, address),
    };
    const tap = this.#tap = options.tap ?? UNWATCHED;
    this.#send = (datagram, seal, body) => {
      const { address } = seal;
      if (datagram === undefined) return options.onDropped("sealed too often", address);
      if (tap.isOn) tap.see("out", address, () => describeSealing(seal, body));
      options.send(datagram, address);
    };
    this.#table = new FairTable(options.tableLimits ?? SESSION_LIMITS, ({ origin }) => origin);
    this.#startId = random(4).toHex();
    this.#proofs = new AddressProofs(options);
    this.#handshakes = new RateLimit({
      burst: HANDSHAKE_BURST,
      intervalMs: HANDSHAKE_INTERVAL_MS,
      monotonicClock,
    });
    this.#scheduler = new FairScheduler({ ...HANDSHAKE_WORK, monotonicClock, setTimer });
    accounts.onTokenEnd((name, id) => {
      for (const seal of this.#byAccount.get(name) ?? []) if (seal.token === id) this.#logOut(seal);
    });
    accounts.onEvent((name, what) => {
      if (what !== "added") this.#logOutAll(name);
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

  /** Limits of its handshakes, with their use now. */
  limits(): Limit[] {
    const { service } = this.#options;
    return [
      {
        name: `${service} hellos of one address`,
        used: this.#handshakes.mostTaken,
        limit: HANDSHAKE_BURST,
      },
      { name: `${service} handshakes that wait`, used: this.#scheduler.tasks, limit: MAX_TASKS },
    ];
  }

  /** Takes a datagram that begins as one of a seal. */
  received(datagram: Uint8Array, from: A) {
    const decoded = decodeSealToServer(datagram);
    const drop = (reason: SealedReason) => this.#drop(reason, from, () => describeDroppedSeal(datagram));
    if (decoded === undefined) return drop("sealed malformed");
    const { header: { id, startId, cookie }, body } = decoded, { hostname, port } = from;
    const seal = this.#seals.get(id);
    if (body.kind === "hello" && seal === undefined && startId === this.#startId) {
      // before the cookie is checked, which costs more than everything else here
      if (this.#scheduler.isFull(networkOf(hostname))) return drop("sealed too many handshakes");
    }
    const isSameAddress = seal !== undefined && seal.address.port === port &&
      seal.address.hostname === hostname;
    if (startId !== this.#startId || !isSameAddress && !this.#proofs.isValid(cookie, `S1 ${id}`, from)) {
      return this.#reply("challenge", id, from);
    }
    if (body.kind === "hello") {
      if (seal !== undefined) return this.#options.send(seal.hello, from);
      return this.#hello(id, body.key, from);
    }
    if (seal === undefined) return this.#reply("unknown", id, from);
    const plain = seal.opener.open(datagram, body.number);
    if (typeof plain === "string") return drop(`sealed ${plain}`);
    if (this.#tap.isOn) this.#tap.see("in", from, () => describeOpened(seal, plain));
    // a client that never logs in is forgotten, whatever it sends
    if (seal.account !== "") seal.receivedAt = this.#options.monotonicClock();
    if (body.number === seal.opener.highest) seal.address = from;
    if (!this.#opened(seal, plain)) drop("sealed out of place");
  }

  /** Takes what was sealed. Returns whether it is anything that may come now. */
  #opened(seal: Seal<A>, plain: Uint8Array): boolean {
    if (isControl(plain)) return this.#control(seal, plain);
    if (!isOfSession(plain)) return seal.login.received(plain);
    return seal.session !== undefined && this.#options.sessions.sealed(seal.session, plain, seal);
  }

  #control(seal: Seal<A>, message: Uint8Array): boolean {
    const { onControl } = this.#options, { account } = seal;
    if (account === "" || onControl === undefined) return false;
    onControl(message, seal.address, account, (answer) => seal.send(answer));
    return true;
  }

  #hello(id: string, client: Uint8Array, from: A) {
    const drop = (reason: SealedReason) => this.#drop(reason, from, () => describeDroppedHello(id));
    if (sealId(client) !== id) return drop("sealed bad key");
    const network = networkOf(from.hostname);
    if (this.#scheduler.has(network, id)) return;
    if (this.#handshakes.waitMs(network) > 0) return this.#reply("busy", id, from);
    const tooLate = () => drop("sealed too many handshakes");
    const run = () => this.#handshake(id, client, from);
    if (this.#scheduler.schedule(network, id, { run, onStale: tooLate })) this.#handshakes.take(network);
    else tooLate();
  }

  #handshake(id: string, client: Uint8Array, from: A) {
    const { service, key: own, random, monotonicClock } = this.#options, startId = this.#startId;
    const ephemeral = ephemeralKey(random), header = { id, startId, cookie: "" };
    let keys: SealKeys;
    try {
      keys = serverKeys({ service, id, startId }, ephemeral, own, client);
    } catch {
      return this.#drop("sealed bad key", from, () => describeDroppedHello(id));
    }
    const hello = encodeHelloAnswer(header, ephemeral.public, own.public, keys.confirm);
    const seal = new Seal<A>(header, keys, hello, from, this.#send, this.#loginOptions);
    seal.receivedAt = seal.madeAt = monotonicClock();
    const leaving = this.#table.roomFor(seal.origin);
    if (leaving === "full") {
      seal.close();
      return this.#reply("busy", id, from);
    }
    if (leaving !== undefined) this.#remove(leaving);
    this.#seals.set(id, seal);
    this.#table.add(seal);
    this.#startTimer();
    this.#options.send(hello, from);
  }

  /** Milliseconds until there may be room for a session of this account; 0 if there is. */
  #roomWait(seal: Seal<A>, account: string, session: string): number {
    // the earlier seal of the session makes room
    if (this.#isLoggedIn(account, session)) return 0;
    const maker = this.#options.accounts.networkOf(account);
    return this.#table.isFullFor({ ...seal.origin, account, maker }) ? NO_ROOM_MS : 0;
  }

  /** Logs in with a proof that was right. Returns why it is refused all the same. */
  #logIn(seal: Seal<A>, account: string, session: string): "denied" | "active" | undefined {
    const { sessions, onUser, monotonicClock } = this.#options;
    if ((sessions.accountOf(session) ?? account) !== account) return "denied";
    if (this.#isElsewhere(account, session)) return "active";
    const seals = this.#byAccount.get(account) ?? new Set(), isFirst = seals.size === 0;
    this.#table.remove(seal);
    seal.account = account;
    seal.maker = this.#options.accounts.networkOf(account);
    seal.session = session;
    seal.receivedAt = monotonicClock();
    this.#table.add(seal);
    this.#byAccount.set(account, seals.add(seal));
    const before = this.#bySession.get(session);
    this.#bySession.set(session, seal);
    if (before !== undefined) this.#remove(before);
    if (isFirst) onUser?.(account, "in", seal.address);
    return undefined;
  }

  /** Whether the account is logged in to this session, under an earlier seal. */
  #isLoggedIn(account: string, session: string): boolean {
    return this.#bySession.get(session)?.account === account;
  }

  /** Whether the account is logged in to another session, and may be in one only. */
  #isElsewhere(account: string, session: string): boolean {
    if (!this.#options.oneSession) return false;
    return this.#byAccount.get(account)?.values().some((seal) => seal.session !== session) ?? false;
  }

  #logOut(seal: Seal<A>) {
    if (seal.session !== undefined) this.#options.sessions.logOut(seal.session);
    this.#remove(seal);
  }

  /** The account was removed or has another password: log-ins with the old one end (seal.md 8.5). */
  #logOutAll(account: string) {
    for (const seal of this.#byAccount.get(account) ?? []) if (!seal.isChanging) this.#logOut(seal);
  }

  /** Logs a session out, for the administrator: its client has to log in again. */
  end(session: string) {
    const seal = this.#bySession.get(session);
    if (seal !== undefined) this.#logOut(seal);
  }

  #remove(seal: Seal<A>) {
    if (!this.#seals.delete(seal.id)) return;
    this.#table.remove(seal);
    seal.close();
    const { account, session } = seal;
    if (session === undefined) return;
    if (this.#bySession.get(session) === seal) this.#bySession.delete(session);
    const seals = this.#byAccount.get(account);
    seals?.delete(seal);
    if (seals?.size !== 0) return;
    this.#byAccount.delete(account);
    this.#options.onUser?.(account, "out", seal.address);
  }

  #reply(kind: "challenge" | "unknown" | "busy", id: string, to: A) {
    const cookie = kind === "challenge" ? this.#proofs.give(`S1 ${id}`, to) : "";
    this.#options.send(encodeSealReply({ id, startId: this.#startId, cookie }, kind), to);
  }

  #drop(reason: SealedReason, from: A, describe: () => Seen) {
    if (this.#tap.isOn) this.#tap.see("in", from, () => ({ ...describe(), ...refusal(reason) }));
    this.#options.onDropped(reason, from);
  }

  #startTimer() {
    this.#stopTimer ??= this.#options.setTimer(TICK_MS, () => {
      this.#stopTimer = undefined;
      const now = this.#options.monotonicClock();
      for (const seal of this.#seals.values()) {
        if (now - seal.receivedAt > IDLE_MS || now - seal.madeAt > MAX_AGE_MS) this.#remove(seal);
      }
      if (this.#seals.size > 0) this.#startTimer();
    });
  }

  /** Removes every handshake. The sessions notify their clients. */
  close() {
    this.#stopTimer?.();
    this.#scheduler.close();
    for (const seal of this.#seals.values()) seal.close();
    this.#seals.clear();
  }
}
