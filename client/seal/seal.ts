/**
 * The client half of the seal: makes a handshake, logs in, and seals and opens the datagrams of one session, which
 * knows nothing of it. `protocol/README.md`, "Seal", is the specification.
 *
 * It has no socket, clock or randomness of its own: see {@linkcode SealEnvironment}.
 *
 * @module
 */

import { encodePublicKey } from "../../protocol/key_text.ts";
import {
  clientKeys,
  decodeSealToClient,
  encodeHello,
  isSame,
  Opener,
  RENEW_NUMBER,
  Sealer,
  type SealHeader,
  sealId,
  type SealKey,
  sealKey,
} from "../../protocol/seal.ts";
import { bodyAt, encodeAnswers } from "../../protocol/session.ts";
import { StopAndWait } from "./stop_and_wait.ts";
import { Busy, busyText, type OnBusy } from "../session/busy.ts";
import { changePassword, type Credentials, logIn, type LoginAnswer } from "./login.ts";
import { BusyError, LoginError, ServerGoneError, type SessionEndError } from "../session/errors.ts";

/** What a seal needs from where it runs. */
export interface SealEnvironment {
  /** Milliseconds that never go back. */
  monotonicClock(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Sends a datagram to the server. */
  send(datagram: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** `mailbox` or `forum`. */
  readonly service: string;
  /** Looks at the server's key before anything is told to it. Throws where it is refused. */
  trust(key: string): Promise<void> | void;
  /** The server with this key has proved that it knows the account. */
  trusted(key: string): Promise<void> | void;
  /** Milliseconds without any valid datagram after which the server is gone; 10 s by default. */
  readonly timeout?: number;
  /** What the server is called where it is gone. */
  readonly server?: string;
  /** Is told when the server has no room for one more handshake, and when it has some again. */
  readonly onBusy?: OnBusy;
  /** Whether the name stays active while there is nothing to say. */
  readonly keepAlive?: boolean;
  /** SaltedPassword of RFC 5802, where it is computed otherwise. */
  saltPassword?(
    password: string,
    salt: Uint8Array<ArrayBuffer>,
    iterations: number,
  ): Promise<Uint8Array>;
}

/** Where what is opened goes. */
export interface SealedSession {
  /** Takes a datagram as if it had come without a seal. */
  received(datagram: Uint8Array): void;
  /** The log-in that has to be made again has failed. */
  fail(error: (sent: boolean) => SessionEndError): void;
}

/** Milliseconds without any valid datagram after which the server is gone. */
const SERVER_TIMEOUT_MS = 10_000;

/** How long a client with nothing to say is silent, in milliseconds. */
const KEEP_ALIVE = 20_000;

/** Handshakes in a row that come to nothing, after which it is not tried again. */
const MAX_TRIES = 16;

/** Earlier epochs that are remembered, so that a late datagram of one is told from a new start of the server. */
const MAX_PAST = 64;

/** The handshake has come to nothing: the server knows nothing of it any more. */
class RetryHandshake extends Error {
  override name = "Again";
}

interface Handshake {
  key: SealKey;
  header: SealHeader;
  /** Once the server has answered. */
  secret?: { sealer: Sealer; opener: Opener; binding: Uint8Array; server: string };
}

export class ClientSeal {
  readonly #environment: SealEnvironment;
  #credentials: Credentials;
  readonly #session: SealedSession;
  readonly #asking: StopAndWait;
  readonly #past = new Set<string>();
  #handshake: Handshake | undefined;
  /** The session that is to be logged in. */
  #id = "";
  #k = 0;
  /** Whether it is logged in; and how many times it was. */
  #open = false;
  #times = 0;
  #establishing: Promise<void> | undefined;
  readonly #busy: Busy;
  #spoke = 0;
  #cancelTimer: (() => void) | undefined;
  #leaving = false;
  #closed = false;

  constructor(environment: SealEnvironment, credentials: Credentials, session: SealedSession) {
    this.#environment = environment;
    this.#credentials = credentials;
    this.#session = session;
    this.#busy = new Busy(environment.onBusy);
    this.#asking = new StopAndWait(
      environment,
      environment.timeout ?? SERVER_TIMEOUT_MS,
      (isSilent) => this.#gone(false, isSilent),
    );
  }

  /**
   * Logs this session in.
   *
   * @throws {LoginError} The server refuses it, or the server was refused.
   * @throws {ServerGoneError} There was no answer.
   */
  async open(session: string): Promise<void> {
    this.#id = session;
    await this.#establish();
  }

  /**
   * Gives the account another password. Every other session of it ends.
   *
   * @throws {LoginError} The server refuses it, or can't be asked any more.
   */
  async setPassword(password: string): Promise<void> {
    await this.#establishing;
    try {
      await changePassword({
        credentials: this.#credentials,
        environment: this.#environment,
        request: (kind, text) => this.#request(kind, text),
        sleep: (ms) => this.#asking.sleep(ms),
      }, password);
    } catch (error) {
      if (!(error instanceof RetryHandshake)) throw error;
      const { name } = this.#credentials;
      const why = "the server has begun anew: try whether it was changed";
      throw new LoginError(`Cannot tell about the password of '${name}': ${why}`, true, "unknown");
    }
    this.#credentials = { ...this.#credentials, password };
  }

  /** Sends a datagram of the session under the seal. While there is none, it is as if the network had lost it. */
  send(datagram: Uint8Array): Promise<void> | void {
    const id = String.fromCharCode(...datagram.subarray(4, 26));
    if (id !== this.#id) {
      this.#id = id;
      return this.#restart();
    }
    const secret = this.#handshake?.secret;
    if (!this.#open || secret === undefined) return;
    if (secret.sealer.number >= RENEW_NUMBER || secret.opener.highest >= RENEW_NUMBER) return this.#restart();
    return this.#say(datagram.subarray(bodyAt(datagram)));
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    const decoded = decodeSealToClient(datagram), handshake = this.#handshake;
    if (decoded === undefined || decoded.header.id !== handshake?.header.id || this.#closed) return;
    const { header: { startId, cookie }, body } = decoded, { header, secret } = handshake;
    if (this.#past.has(startId)) return;
    switch (body.kind) {
      case "challenge":
        if (secret !== undefined && startId !== header.startId) return this.#restart();
        if (startId === header.startId && cookie === header.cookie) return;
        if (startId !== header.startId) this.#remember(header.startId);
        Object.assign(header, { startId, cookie });
        // with the greeting that it asks for; a sealed datagram that it answers is repeated in its turn
        return secret === undefined ? this.#asking.again() : undefined;
      case "unknown":
        return secret !== undefined && startId === header.startId ? this.#restart() : undefined;
      case "busy":
        return secret === undefined && startId === header.startId ? this.#isBusy() : undefined;
      case "hello":
        if (secret === undefined && startId === header.startId) this.#greeted(handshake, body);
        return;
      case "sealed":
        if (secret !== undefined && startId === header.startId) {
          this.#sealed(secret.opener, datagram, body.number);
        }
    }
  }

  #isBusy() {
    const now = this.#environment.monotonicClock();
    // a copy of an answer that was heeded
    if (now < this.#busy.until) return;
    if (this.#busy.begin(now)) return this.#asking.pause(this.#busy.until - now);
    this.#asking.fail(new BusyError(busyText(this.#environment.server), false));
  }

  #sealed(opener: Opener, datagram: Uint8Array, number: number) {
    const plain = opener.open(datagram, number);
    if (typeof plain === "string") return;
    this.#asking.heard();
    if (plain[0]! >= 0x30 && plain[0]! <= 0x39) {
      if (this.#open) this.#session.received(this.#plain(plain));
      return;
    }
    const [, kind = "", k, rest = ""] = /^(\w+),(\d+)(?:,(.*))?$/.exec(new TextDecoder().decode(plain)) ?? [];
    if (Number(k) === this.#k) this.#asking.answered({ kind, rest });
  }

  /** A datagram of the session as if it had come without a seal. Each log-in is to it a new start of the server. */
  #plain(body: Uint8Array): Uint8Array {
    const startId = this.#times.toString(16).padStart(8, "0");
    const datagram = encodeAnswers({ session: this.#id, startId, cookie: "", done: 0 }, []);
    const begin = datagram.subarray(0, bodyAt(datagram)), whole = new Uint8Array(begin.length + body.length);
    whole.set(begin);
    whole.set(body, begin.length);
    return whole;
  }

  #remember(startId: string) {
    if (startId !== "") this.#past.add(startId);
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.values().next().value!);
  }

  /** Makes a new handshake and logs in again; what is sent meanwhile is lost. */
  #restart() {
    // a server that knows nothing of it has nothing to be told
    if (this.#closed || this.#leaving) return this.#asking.fail(new RetryHandshake());
    if (this.#establishing !== undefined) return this.#asking.fail(new RetryHandshake());
    this.#establish().catch((error) => {
      if (this.#closed) return;
      this.#session.fail((sent) => {
        if (error instanceof LoginError) return new LoginError(error.message, sent, error.reason);
        if (error instanceof BusyError) return new BusyError(error.message, sent);
        // what was found out about its key is no silence
        return error instanceof ServerGoneError
          ? this.#gone(sent)
          : new LoginError(error.message, sent, "not the server");
      });
    });
  }

  #establish(): Promise<void> {
    return this.#establishing ??= this.#tryToEstablish().finally(() => this.#establishing = undefined);
  }

  async #tryToEstablish() {
    this.#open = false;
    for (let tries = 1;; tries++) {
      try {
        const id = this.#id, server = await this.#greet();
        await this.#environment.trust(server);
        await logIn({
          credentials: this.#credentials,
          // an account that was removed is not made anew by a client that goes on
          mayMake: this.#times === 0,
          session: id,
          binding: this.#handshake!.secret!.binding,
          environment: this.#environment,
          request: (kind, text) => this.#request(kind, text),
          sleep: (ms) => this.#asking.sleep(ms),
        });
        await this.#environment.trusted(server);
        // the session has begun anew meanwhile
        if (id !== this.#id) continue;
        break;
      } catch (error) {
        if (!(error instanceof RetryHandshake) || tries >= MAX_TRIES || this.#closed) {
          throw error instanceof RetryHandshake ? this.#gone(false) : error;
        }
      }
    }
    if (this.#closed) return;
    this.#open = true;
    this.#times++;
    this.#busy.end();
    this.#keepAlive();
    this.#session.received(this.#plain(new TextEncoder().encode("0")));
  }

  /** Makes a handshake, and gives the server's key. */
  async #greet(): Promise<string> {
    const key = sealKey(this.#environment.random(32));
    const handshake = this.#handshake = { key, header: { id: sealId(key.public), startId: "", cookie: "" } };
    this.#k = 0;
    return await this.#asking.ask<string>(() =>
      this.#environment.send(encodeHello(handshake.header, key.public))
    );
  }

  /** The server has answered; whoever it is, it has the key that it names if its confirmation is right. */
  #greeted(
    handshake: Handshake,
    { key, server, confirm }: { key: Uint8Array; server: Uint8Array; confirm: Uint8Array },
  ) {
    const { service } = this.#environment, { id, startId } = handshake.header;
    try {
      const keys = clientKeys({ service, id, startId }, handshake.key, key, server);
      if (!isSame(confirm, keys.confirm)) return;
      const text = encodePublicKey(server);
      handshake.secret = {
        sealer: new Sealer(">", keys.toServer),
        opener: new Opener(keys.toClient),
        binding: keys.binding,
        server: text,
      };
      this.#asking.heard();
      this.#asking.answered(text);
    } catch {
      // an exchange that comes to zero: made up by somebody
    }
  }

  #request(kind: string, text: string): Promise<LoginAnswer> {
    const body = new TextEncoder().encode([kind, ++this.#k, ...text === "" ? [] : [text]].join(","));
    return this.#asking.ask<LoginAnswer>(() => this.#say(body));
  }

  #say(body: Uint8Array): Promise<void> | void {
    const { header, secret } = this.#handshake!;
    this.#spoke = this.#environment.monotonicClock();
    return this.#environment.send(secret!.sealer.seal(header, body));
  }

  #keepAlive() {
    if (!this.#environment.keepAlive) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#environment.setTimer(KEEP_ALIVE, () => {
      if (!this.#open) return;
      if (this.#environment.monotonicClock() - this.#spoke >= KEEP_ALIVE) {
        this.#say(new TextEncoder().encode("here"));
      }
      this.#keepAlive();
    });
  }

  #gone(sent: boolean, isSilent = true): ServerGoneError {
    const { server = "the server", timeout = SERVER_TIMEOUT_MS } = this.#environment;
    if (!isSilent) {
      return new ServerGoneError(`Cannot log in: ${server} answers, but lets nothing come of it`, sent);
    }
    return new ServerGoneError(
      `No answer from ${server} within ${timeout / 1000} s: is the server running?`,
      sent,
    );
  }

  /** Tells the server that the session ends, so that the name is free; waits no longer than `limit` milliseconds. */
  async close(limit: number): Promise<void> {
    if (this.#open && !this.#closed) {
      this.#open = false;
      this.#leaving = true;
      const cancel = this.#environment.setTimer(limit, () => this.#asking.fail(new RetryHandshake()));
      await this.#request("bye", "").catch(() => {});
      cancel();
    }
    this.#closed = true;
    this.#cancelTimer?.();
    this.#asking.fail(this.#gone(false));
  }
}
