/**
 * The client's half of the seal: makes a handshake, logs in, and seals and opens the datagrams of one session, which does
 * not know of it. `protocol/seal.md` is the specification.
 *
 * @module
 */

import {
  decodeSealToClient,
  encodeHello,
  isControl,
  isSame,
  MAX_NUMBER,
  Opener,
  Sealer,
} from "../../../protocol/seal.ts";
import { clientKeys, ephemeralKey, sealId } from "../../../protocol/seal/keys.ts";
import { bodyAt, encodeAnswers } from "../../../protocol/session.ts";
import { type TransferKeys, transferKeys } from "../../../protocol/transfer/records.ts";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { BusyBackoff, busyText } from "../busy_backoff.ts";
import type { Environment } from "../environment.ts";
import { BusyError, LoginError, ServerTimeoutError, type SessionEndError } from "../errors.ts";
import { EarlierStartIds } from "../identity.ts";
import { noAnswer, SILENCE_MS } from "../liveness.ts";
import { erase, type Handshake, isOld, RENEW_AGAIN_MS, RetryHandshake } from "./handshake.ts";
import type { Trust } from "./known_servers.ts";
import { changePassword, type Credentials, logIn, type LoginAnswer, type SaltPassword } from "./login.ts";
import { StopAndWait } from "./stop_and_wait.ts";

/** What a seal needs from where it runs. */
interface SealEnvironment extends Environment, Trust {
  /** `mailbox` or `forum`. */
  readonly service: string;
  /** Whether the name stays active while nothing is sent. */
  readonly keepAlive?: boolean;
  readonly saltPassword?: SaltPassword;
}

/** The session whose datagrams are sealed. */
export interface SealedSession {
  /** Takes a datagram as if it had come without a seal. */
  received(datagram: Uint8Array): void;
  /** Takes a control message (seal.md 4.11). */
  control?(message: Uint8Array): void;
  /** A later log-in has failed. */
  fail(error: (sent: boolean) => SessionEndError): void;
}

/** How long a client sends nothing before it shows that it is there (seal.md 4.10). */
const KEEP_ALIVE_MS = 20_000;

/** Handshakes in a row that fail, after which the server is given up (seal.md 2.17). */
const MAX_HANDSHAKES = 16;

export class ClientSeal {
  readonly #environment: SealEnvironment;
  #credentials: Credentials;
  readonly #session: SealedSession;
  readonly #requests: StopAndWait;
  readonly #earlier = new EarlierStartIds();
  readonly #busy: BusyBackoff;
  /** The last handshake. */
  #handshake: Handshake | undefined;
  /** The one under which the session is logged in: the last, or the one before while new keys are made. */
  #loggedIn: Handshake | undefined;
  /** New keys are not made before this time. */
  #renewAt = -Infinity;
  #isChanging = false;
  /** ID of the session to be logged in. */
  #id = "";
  #logins = 0;
  #establishing: Promise<void> | undefined;
  #sentAt = 0;
  #cancelTimer: (() => void) | undefined;
  #isLeaving = false;
  #isClosed = false;

  constructor(environment: SealEnvironment, credentials: Credentials, session: SealedSession) {
    this.#environment = environment;
    this.#credentials = credentials;
    this.#session = session;
    this.#busy = new BusyBackoff(environment.onBusy);
    this.#requests = new StopAndWait(environment, (isSilent) => this.#givenUp(false, isSilent));
  }

  /**
   * Logs this session in.
   *
   * @throws {LoginError} The server refuses it, or the server was refused.
   * @throws {ServerTimeoutError} There was no answer.
   */
  async open(session: string): Promise<void> {
    this.#id = session;
    await this.#establish();
  }

  /**
   * Sets another password for the account. Every other session of it ends.
   *
   * @throws {LoginError} The server refuses it, or does not know this client any more.
   */
  async setPassword(password: string): Promise<void> {
    await this.#establishing;
    this.#isChanging = true;
    try {
      const request = (kind: string, text: string) => {
        // not under keys that are just being made
        if (this.#establishing !== undefined) throw new RetryHandshake();
        return this.#request(kind, text);
      };
      await changePassword({ ...this.#login(), request }, password);
    } catch (error) {
      if (!(error instanceof RetryHandshake)) throw error;
      const { name } = this.#credentials, why = "the server was restarted; try to log in";
      const text = `Cannot know whether the password of '${name}' was changed: ${why}`;
      throw new LoginError(text, true, "unknown");
    } finally {
      this.#isChanging = false;
    }
    this.#credentials = { ...this.#credentials, password };
  }

  #login() {
    return {
      credentials: this.#credentials,
      environment: this.#environment,
      request: (kind: string, text: string) => this.#request(kind, text),
      sleep: (ms: number) => this.#requests.sleep(ms),
    };
  }

  /** Seals a datagram of the session and sends it. Before it is logged in, it counts as lost. */
  send(datagram: Uint8Array): Promise<void> | void {
    const id = String.fromCharCode(...datagram.subarray(4, 26));
    if (id !== this.#id) {
      this.#id = id;
      return this.#restart();
    }
    return this.#sealOfSession(datagram.subarray(bodyAt(datagram)));
  }

  #sealOfSession(body: Uint8Array): Promise<void> | void {
    const loggedIn = this.#loggedIn;
    if (loggedIn === undefined) return;
    if (loggedIn.secret!.sealer.number >= MAX_NUMBER) return this.#restart();
    this.#renewIfOld(loggedIn);
    return this.#seal(loggedIn, body);
  }

  /** Seals a control message and sends it. Before it is logged in, it counts as lost. */
  control(message: Uint8Array): Promise<void> | void {
    return this.#sealOfSession(message);
  }

  /**
   * The keys of the transfer with this ticket. To be called while its answer is taken: they come from the handshake under
   * which that was sealed.
   */
  transferKeys(ticket: string): TransferKeys | undefined {
    const files = this.#loggedIn?.secret?.files;
    return files && transferKeys(files, ticket);
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    const decoded = decodeSealToClient(datagram);
    const handshake = [this.#handshake, this.#loggedIn].find((one) => one?.header.id === decoded?.header.id);
    if (decoded === undefined || handshake === undefined || this.#isClosed) return;
    const { header: { startId, cookie }, body } = decoded, { header, secret } = handshake;
    if (this.#earlier.has(startId)) return;
    const isSameStart = startId === header.startId;
    switch (body.kind) {
      case "challenge":
        if (secret !== undefined && !isSameStart) return this.#forgotten(handshake);
        if (isSameStart && cookie === header.cookie) return;
        if (!isSameStart) this.#earlier.add(header.startId);
        Object.assign(header, { startId, cookie });
        // it asks for the greeting; a sealed request that it answers is repeated after a while
        return secret === undefined ? this.#requests.challenged() : undefined;
      case "unknown":
        return secret !== undefined && isSameStart ? this.#forgotten(handshake) : undefined;
      case "busy":
        return secret === undefined && isSameStart ? this.#serverIsBusy() : undefined;
      case "hello":
        return secret === undefined && isSameStart ? this.#greeted(handshake, body) : undefined;
      case "sealed":
        if (secret !== undefined && isSameStart) {
          this.#opened(handshake, secret.opener, datagram, body.number);
        }
    }
  }

  #serverIsBusy() {
    const now = this.#environment.monotonicClock();
    // a copy of an answer that was handled
    if (now < this.#busy.retryAt) return;
    // the old keys are good enough for now
    if (this.#loggedIn === undefined && this.#busy.busy(now)) {
      return this.#requests.pause(this.#busy.retryAt - now);
    }
    this.#requests.fail(new BusyError(busyText(this.#environment.server), false));
  }

  #opened(handshake: Handshake, opener: Opener, datagram: Uint8Array, number: number) {
    const plain = opener.open(datagram, number);
    if (typeof plain === "string") return;
    this.#requests.received();
    const isOfSession = plain[0]! >= 0x30 && plain[0]! <= 0x39;
    if (isOfSession) {
      if (handshake === this.#loggedIn) this.#session.received(this.#withHeader(plain));
      return;
    }
    if (isControl(plain)) return handshake === this.#loggedIn ? this.#session.control?.(plain) : undefined;
    const [, kind = "", k, rest = ""] = /^(\w+),(\d+)(?:,(.*))?$/.exec(new TextDecoder().decode(plain)) ?? [];
    if (handshake === this.#handshake && Number(k) === handshake.k) this.#requests.answered({ kind, rest });
  }

  /** The datagram as it is without a seal. To the session, each log-in is a restart of the server. */
  #withHeader(body: Uint8Array): Uint8Array {
    const startId = this.#logins.toString(16).padStart(8, "0");
    const empty = encodeAnswers({ session: this.#id, startId, cookie: "", done: 0 }, []);
    const header = empty.subarray(0, bodyAt(empty)), whole = new Uint8Array(header.length + body.length);
    whole.set(header);
    whole.set(body, header.length);
    return whole;
  }

  /** Makes a new handshake and logs in again; what is sent meanwhile is lost. */
  #restart() {
    this.#leave();
    // also a new password that is open: nobody knows what became of it
    this.#requests.fail(new RetryHandshake());
    this.#establishAnew();
  }

  /** The server does not know this handshake any more. */
  #forgotten(handshake: Handshake) {
    if (handshake === this.#handshake) return this.#restart();
    // new keys are being made already
    this.#leave();
  }

  /** The same as a restart, if the keys are old, but the session goes on under them meanwhile (seal.md 4.4, 4.12). */
  #renewIfOld(loggedIn: Handshake) {
    const now = this.#environment.monotonicClock();
    if (isOld(loggedIn, now) && now >= this.#renewAt && !this.#isChanging) this.#establishAnew();
  }

  #establishAnew() {
    if (this.#isClosed || this.#isLeaving || this.#establishing !== undefined) return;
    this.#establish().catch((error) => {
      if (this.#isClosed || this.#isLeaving) return;
      const isForNow = error instanceof BusyError || error instanceof ServerTimeoutError;
      if (this.#loggedIn !== undefined && isForNow) return this.#keepOld();
      this.#session.fail((sent) => {
        if (error instanceof LoginError) return new LoginError(error.message, sent, error.reason);
        if (error instanceof BusyError) return new BusyError(error.message, sent);
        if (error instanceof ServerTimeoutError) return this.#givenUp(sent);
        return new LoginError(error.message, sent, "not the server");
      });
    });
  }

  /** Goes on under the old keys, because there are no new ones. */
  #keepOld() {
    this.#renewAt = this.#environment.monotonicClock() + RENEW_AGAIN_MS;
    this.#dropNew();
    this.#handshake = this.#loggedIn;
  }

  /** Erases a handshake that has not come to a log-in. */
  #dropNew() {
    if (this.#handshake !== this.#loggedIn) erase(this.#handshake);
  }

  /** The session is logged in no more. */
  #leave() {
    if (this.#loggedIn !== this.#handshake) erase(this.#loggedIn);
    this.#loggedIn = undefined;
  }

  #establish(): Promise<void> {
    return this.#establishing ??= this.#tryToEstablish().finally(() => this.#establishing = undefined);
  }

  async #tryToEstablish() {
    for (let handshakes = 1;; handshakes++) {
      try {
        const id = this.#id;
        await this.#establishOnce(id);
        // the session may have begun anew since
        if (id === this.#id) break;
      } catch (error) {
        if (!(error instanceof RetryHandshake)) throw error;
        if (handshakes >= MAX_HANDSHAKES || this.#isClosed || this.#isLeaving) throw this.#givenUp(false);
      }
    }
    if (this.#isClosed) return;
    this.#leave();
    this.#loggedIn = this.#handshake;
    this.#logins++;
    this.#busy.hasRoom();
    this.#keepAlive();
    this.#session.received(this.#withHeader(new TextEncoder().encode("0")));
  }

  async #establishOnce(session: string) {
    const server = await this.#greet(), { binding } = this.#handshake!.secret!;
    await this.#environment.trust(server);
    // a client that goes on does not make an account that was removed
    await logIn({ ...this.#login(), mayMake: this.#logins === 0, session, binding });
    await this.#environment.trusted(server);
  }

  /** Makes a handshake. Resolves to the server's key. */
  async #greet(): Promise<string> {
    const { random, monotonicClock } = this.#environment, key = ephemeralKey(random);
    const header = { id: sealId(key.public), startId: "", cookie: "" };
    const handshake: Handshake = { key, header, madeAt: monotonicClock(), k: 0 };
    this.#dropNew();
    this.#handshake = handshake;
    return await this.#requests.request<string>(() =>
      this.#environment.send(encodeHello(handshake.header, key.public))
    );
  }

  /** The server has answered the greeting. If its confirmation is right, it has the key that it names. */
  #greeted(
    handshake: Handshake,
    { key, server, confirm }: { key: Uint8Array; server: Uint8Array; confirm: Uint8Array },
  ) {
    const { service } = this.#environment, { id, startId } = handshake.header;
    try {
      const keys = clientKeys({ service, id, startId }, handshake.key!, key, server);
      if (!isSame(confirm, keys.confirm)) return;
      handshake.secret = {
        sealer: new Sealer(">", keys.toServer),
        opener: new Opener(keys.toClient),
        binding: keys.binding,
        files: keys.files,
      };
      delete handshake.key;
      this.#requests.received();
      this.#requests.answered(encodePublicKey(server));
    } catch {
      // the shared secret is zero: the key was made up
    }
  }

  async #request(kind: string, text: string): Promise<LoginAnswer> {
    const handshake = this.#handshake;
    // a new handshake has begun meanwhile
    if (handshake?.secret === undefined) throw new RetryHandshake();
    const body = new TextEncoder().encode([kind, ++handshake.k, ...text === "" ? [] : [text]].join(","));
    return await this.#requests.request<LoginAnswer>(() => this.#seal(handshake, body));
  }

  #seal({ header, secret }: Handshake, body: Uint8Array): Promise<void> | void {
    if (secret === undefined) return;
    this.#sentAt = this.#environment.monotonicClock();
    return this.#environment.send(secret.sealer.seal(header, body));
  }

  #keepAlive() {
    if (!this.#environment.keepAlive) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#environment.setTimer(KEEP_ALIVE_MS, () => {
      const loggedIn = this.#loggedIn;
      if (loggedIn === undefined) return;
      this.#renewIfOld(loggedIn);
      const isSilent = this.#environment.monotonicClock() - this.#sentAt >= KEEP_ALIVE_MS;
      if (isSilent) this.#seal(loggedIn, new TextEncoder().encode("here"));
      this.#keepAlive();
    });
  }

  #givenUp(sent: boolean, isSilent = true): ServerTimeoutError {
    const { server = "the server", timeout = SILENCE_MS } = this.#environment;
    if (isSilent) return noAnswer(server, timeout, sent);
    return new ServerTimeoutError(`Cannot log in: ${server} answers, but makes no progress`, sent);
  }

  /** Ends the log-in on the server, so that the name is free; waits up to `limit` milliseconds for that. */
  async close(limit: number): Promise<void> {
    if (this.#loggedIn !== undefined && !this.#isClosed) {
      this.#isLeaving = true;
      const late = Promise.withResolvers<void>();
      const cancel = this.#environment.setTimer(limit, () => {
        this.#requests.fail(new RetryHandshake());
        late.resolve();
      });
      // nobody knows under which keys to leave before a log-in under new ones is done
      if (this.#establishing === undefined) this.#requests.fail(new RetryHandshake());
      else await this.#establishing.catch(() => {});
      this.#dropNew();
      this.#handshake = this.#loggedIn;
      this.#loggedIn = undefined;
      await Promise.race([this.#request("bye", "").catch(() => {}), late.promise]);
      cancel();
    }
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#requests.fail(this.#givenUp(false));
    erase(this.#handshake);
  }
}
