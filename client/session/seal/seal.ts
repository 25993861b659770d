/**
 * The client's half of the seal: makes a handshake, logs in, and seals and opens the datagrams of one session, which does
 * not know of it. `protocol/seal.md` is the specification.
 *
 * @module
 */

import {
  clientKeys,
  decodeSealToClient,
  encodeHello,
  isControl,
  isSame,
  Opener,
  RENEW_NUMBER,
  Sealer,
  type SealHeader,
  sealId,
  type SealKey,
  sealKey,
} from "../../../protocol/seal.ts";
import { bodyAt, encodeAnswers } from "../../../protocol/session.ts";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { BusyBackoff, busyText } from "../busy_backoff.ts";
import type { Environment } from "../environment.ts";
import { BusyError, LoginError, ServerTimeoutError, type SessionEndError } from "../errors.ts";
import { EarlierStartIds } from "../identity.ts";
import { noAnswer, SILENCE_MS } from "../liveness.ts";
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

/** The handshake has failed: the server does not know it any more. */
class RetryHandshake extends Error {}

interface Handshake {
  key: SealKey;
  header: SealHeader;
  /** Once the server has answered. */
  secret?: { sealer: Sealer; opener: Opener; binding: Uint8Array };
}

export class ClientSeal {
  readonly #environment: SealEnvironment;
  #credentials: Credentials;
  readonly #session: SealedSession;
  readonly #requests: StopAndWait;
  readonly #earlier = new EarlierStartIds();
  readonly #busy: BusyBackoff;
  #handshake: Handshake | undefined;
  /** ID of the session to be logged in. */
  #id = "";
  /** Number of the last request in the handshake. */
  #k = 0;
  #isLoggedIn = false;
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
    try {
      await changePassword(this.#login(), password);
    } catch (error) {
      if (!(error instanceof RetryHandshake)) throw error;
      const { name } = this.#credentials;
      const why = "the server was restarted; try to log in";
      throw new LoginError(
        `Cannot know whether the password of '${name}' was changed: ${why}`,
        true,
        "unknown",
      );
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
    const secret = this.#handshake?.secret;
    if (!this.#isLoggedIn || secret === undefined) return;
    if (secret.sealer.number >= RENEW_NUMBER || secret.opener.highest >= RENEW_NUMBER) return this.#restart();
    return this.#seal(datagram.subarray(bodyAt(datagram)));
  }

  /** Seals a control message and sends it. Before it is logged in, it counts as lost. */
  control(message: Uint8Array): Promise<void> | void {
    const secret = this.#handshake?.secret;
    if (!this.#isLoggedIn || secret === undefined) return;
    if (secret.sealer.number >= RENEW_NUMBER || secret.opener.highest >= RENEW_NUMBER) return this.#restart();
    return this.#seal(message);
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    const decoded = decodeSealToClient(datagram), handshake = this.#handshake;
    if (decoded === undefined || decoded.header.id !== handshake?.header.id || this.#isClosed) return;
    const { header: { startId, cookie }, body } = decoded, { header, secret } = handshake;
    if (this.#earlier.has(startId)) return;
    const isSameStart = startId === header.startId;
    switch (body.kind) {
      case "challenge":
        if (secret !== undefined && !isSameStart) return this.#restart();
        if (isSameStart && cookie === header.cookie) return;
        if (!isSameStart) this.#earlier.add(header.startId);
        Object.assign(header, { startId, cookie });
        // it asks for the greeting; a sealed request that it answers is repeated after a while
        return secret === undefined ? this.#requests.challenged() : undefined;
      case "unknown":
        return secret !== undefined && isSameStart ? this.#restart() : undefined;
      case "busy":
        return secret === undefined && isSameStart ? this.#serverIsBusy() : undefined;
      case "hello":
        return secret === undefined && isSameStart ? this.#greeted(handshake, body) : undefined;
      case "sealed":
        if (secret !== undefined && isSameStart) this.#opened(secret.opener, datagram, body.number);
    }
  }

  #serverIsBusy() {
    const now = this.#environment.monotonicClock();
    // a copy of an answer that was handled
    if (now < this.#busy.retryAt) return;
    if (this.#busy.busy(now)) return this.#requests.pause(this.#busy.retryAt - now);
    this.#requests.fail(new BusyError(busyText(this.#environment.server), false));
  }

  #opened(opener: Opener, datagram: Uint8Array, number: number) {
    const plain = opener.open(datagram, number);
    if (typeof plain === "string") return;
    this.#requests.received();
    const isOfSession = plain[0]! >= 0x30 && plain[0]! <= 0x39;
    if (isOfSession) {
      if (this.#isLoggedIn) this.#session.received(this.#withHeader(plain));
      return;
    }
    if (isControl(plain)) return this.#session.control?.(plain);
    const [, kind = "", k, rest = ""] = /^(\w+),(\d+)(?:,(.*))?$/.exec(new TextDecoder().decode(plain)) ?? [];
    if (Number(k) === this.#k) this.#requests.answered({ kind, rest });
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
    const isEnding = this.#isClosed || this.#isLeaving;
    if (isEnding || this.#establishing !== undefined) return this.#requests.fail(new RetryHandshake());
    this.#establish().catch((error) => {
      if (this.#isClosed) return;
      this.#session.fail((sent) => {
        if (error instanceof LoginError) return new LoginError(error.message, sent, error.reason);
        if (error instanceof BusyError) return new BusyError(error.message, sent);
        if (error instanceof ServerTimeoutError) return this.#givenUp(sent);
        return new LoginError(error.message, sent, "not the server");
      });
    });
  }

  #establish(): Promise<void> {
    return this.#establishing ??= this.#tryToEstablish().finally(() => this.#establishing = undefined);
  }

  async #tryToEstablish() {
    this.#isLoggedIn = false;
    for (let handshakes = 1;; handshakes++) {
      try {
        const id = this.#id;
        await this.#establishOnce(id);
        // the session may have begun anew since
        if (id === this.#id) break;
      } catch (error) {
        if (!(error instanceof RetryHandshake)) throw error;
        if (handshakes >= MAX_HANDSHAKES || this.#isClosed) throw this.#givenUp(false);
      }
    }
    if (this.#isClosed) return;
    this.#isLoggedIn = true;
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
    const key = sealKey(this.#environment.random(32));
    const handshake = this.#handshake = { key, header: { id: sealId(key.public), startId: "", cookie: "" } };
    this.#k = 0;
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
      const keys = clientKeys({ service, id, startId }, handshake.key, key, server);
      if (!isSame(confirm, keys.confirm)) return;
      handshake.secret = {
        sealer: new Sealer(">", keys.toServer),
        opener: new Opener(keys.toClient),
        binding: keys.binding,
      };
      this.#requests.received();
      this.#requests.answered(encodePublicKey(server));
    } catch {
      // the shared secret is zero: the key was made up
    }
  }

  #request(kind: string, text: string): Promise<LoginAnswer> {
    const body = new TextEncoder().encode([kind, ++this.#k, ...text === "" ? [] : [text]].join(","));
    return this.#requests.request<LoginAnswer>(() => this.#seal(body));
  }

  #seal(body: Uint8Array): Promise<void> | void {
    const { header, secret } = this.#handshake!;
    this.#sentAt = this.#environment.monotonicClock();
    return this.#environment.send(secret!.sealer.seal(header, body));
  }

  #keepAlive() {
    if (!this.#environment.keepAlive) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#environment.setTimer(KEEP_ALIVE_MS, () => {
      if (!this.#isLoggedIn) return;
      const isSilent = this.#environment.monotonicClock() - this.#sentAt >= KEEP_ALIVE_MS;
      if (isSilent) this.#seal(new TextEncoder().encode("here"));
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
    if (this.#isLoggedIn && !this.#isClosed) {
      this.#isLoggedIn = false;
      this.#isLeaving = true;
      const cancel = this.#environment.setTimer(limit, () => this.#requests.fail(new RetryHandshake()));
      await this.#request("bye", "").catch(() => {});
      cancel();
    }
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#requests.fail(this.#givenUp(false));
  }
}
