/**
 * The server half of a log-in, under one seal. `protocol/README.md`, "What is sealed" and "Log-in".
 *
 * @module
 */

import { formatAddress } from "../../../protocol/address.ts";
import {
  authMessage,
  clientFinalBare,
  decodeName,
  decodeVerifier,
  encodeVerifier,
  isClientProof,
  NONCE_BYTES,
  parseClientFinal,
  parseClientFirst,
  serverFinal,
  serverFirst,
  type Verifier,
} from "../../../protocol/scram.ts";
import type { Accounts } from "../../service/accounts.ts";
import { type LogEvent, quoted } from "../../report/log.ts";
import type { Seal } from "./seal.ts";
import type { Address } from "./session_service.ts";

export interface LoginOptions<A extends Address> {
  accounts: Accounts;
  random(bytes: number): Uint8Array;
  /** Milliseconds until there may be room for a session of this user; 0 where there is. */
  logInWait(seal: Seal<A>, user: string, session: string): number;
  /** Takes the log-in, or tells why it is none. */
  logIn(seal: Seal<A>, user: string, session: string): "denied" | "active" | undefined;
  bye(seal: Seal<A>): void;
  /** Whether the name is active in another session than this, where it may be in one alone. */
  isElsewhere(user: string, session: string): boolean;
  /** A name that is no account's here. */
  reserved?: string;
  /** Is told that a name without an account was asked for, where not everybody may make one. */
  onClosed(seal: Seal<A>): void;
  /** Is told of a log-in, or of an account to be made, that was refused. */
  onRefused(seal: Seal<A>, name: string, why: LoginRefusal): void;
}

/** Why a log-in was refused, in words. */
export type LoginRefusal =
  | "wrong password"
  | "too many wrong passwords"
  | "too many sessions"
  | "not under its own seal"
  | "the session is of another account"
  | "the name is active"
  | "no account";

/** How a refused log-in is logged. */
export function refusedLogin(service: string, name: string, why: LoginRefusal, from: Address): LogEvent {
  return {
    service,
    peer: formatAddress(from),
    what: `log-in as ${quoted(name)} refused: ${why}`,
    kind: `log-in refused: ${why}`,
  };
}

/** What was agreed on by `first`. */
interface Exchange {
  name: string;
  nonce: string;
  clientFirst: string;
  serverFirst: string;
  verifier: Verifier;
}

const REQUEST = /^(first|final|make|change|bye),([1-9]\d{0,8})(?:,(.*))?$/;
const SESSION = /^[\w-]{22},/, SESSION_LENGTH = 22;

const decoder = new TextDecoder();

export class Login<A extends Address> {
  readonly #seal: Seal<A>;
  readonly #options: LoginOptions<A>;
  /** The last request's number, and its answer once there is one. */
  #k = 0;
  #answer: string | undefined;
  #exchange: Exchange | undefined;

  constructor(seal: Seal<A>, options: LoginOptions<A>) {
    this.#seal = seal;
    this.#options = options;
  }

  /** Takes what came under the seal and is no session's. Returns whether it was anything. */
  received(plain: Uint8Array): boolean {
    const text = decoder.decode(plain);
    if (text === "here") {
      this.#seal.send("here");
      return true;
    }
    const [, kind, number, rest = ""] = REQUEST.exec(text) ?? [];
    if (kind === undefined) return false;
    const k = Number(number);
    // a late one, or the same again
    if (k <= this.#k) {
      if (k === this.#k && this.#answer !== undefined) this.#seal.send(this.#answer);
      return true;
    }
    const isInside = kind === "change" || kind === "bye";
    if (this.#seal.user === undefined ? kind === "change" : !isInside) return false;
    this.#k = k;
    this.#answer = undefined;
    switch (kind) {
      case "first":
        this.#say(this.#first(rest));
        break;
      case "final":
        this.#say(this.#final(rest));
        break;
      case "make":
        this.#make(k, rest);
        break;
      case "change":
        this.#change(k, this.#seal.user!, rest);
        break;
      case "bye":
        this.#say("bye");
        this.#options.bye(this.#seal);
    }
    return true;
  }

  /** Answers the last request: `kind`, or `kind,more`. */
  #say(answer: string) {
    const [kind = "", ...more] = answer.split(",");
    this.#answer = [kind, this.#k, ...more].join(",");
    this.#seal.send(this.#answer);
  }

  /** @param rest The message, behind the session that is to be logged in, where it is named. */
  #first(rest: string): string {
    const { accounts, random, reserved, isElsewhere, onRefused } = this.#options;
    this.#exchange = undefined;
    const isNamed = SESSION.test(rest), session = isNamed ? rest.slice(0, SESSION_LENGTH) : "";
    const first = parseClientFirst(isNamed ? rest.slice(SESSION_LENGTH + 1) : rest);
    if (first === undefined) return "refused,bad message";
    if (first.name === reserved) return "refused,bad name";
    const verifier = accounts.verifier(first.name);
    if (verifier === undefined) return accounts.open ? "none" : this.#closed(first.name, "none");
    // before a password is asked for
    if (isElsewhere(first.name, session)) {
      onRefused(this.#seal, first.name, "the name is active");
      return "active";
    }
    const nonce = `${first.nonce}${random(NONCE_BYTES).toBase64()}`;
    const answer = serverFirst(nonce, verifier);
    this.#exchange = { name: first.name, nonce, clientFirst: first.bare, serverFirst: answer, verifier };
    return `first,${answer}`;
  }

  /** The administrator alone makes accounts. */
  #closed(name: string, kind: "none" | "refused"): string {
    this.#options.onClosed(this.#seal);
    this.#options.onRefused(this.#seal, name, "no account");
    return `${kind},closed`;
  }

  #final(rest: string): string {
    const { accounts, logIn, logInWait, onRefused } = this.#options, { network, binding } = this.#seal;
    const exchange = this.#exchange, final = parseClientFinal(rest.slice(SESSION_LENGTH + 1));
    if (!SESSION.test(rest) || final === undefined) return "refused,bad message";
    if (exchange === undefined || final.nonce !== exchange.nonce) return "final,e=other-error";
    const { name, verifier, nonce } = exchange;
    const session = rest.slice(0, SESSION_LENGTH);
    const wait = accounts.loginWaitMs(name, network);
    if (wait > 0) {
      onRefused(this.#seal, name, "too many wrong passwords");
      return `wait,${wait}`;
    }
    const roomWait = logInWait(this.#seal, name, session);
    if (roomWait > 0) {
      onRefused(this.#seal, name, "too many sessions");
      return `wait,${roomWait}`;
    }
    this.#exchange = undefined;
    // the account may have been removed, and made anew, meanwhile
    const now = accounts.verifier(name);
    if (now === undefined || encodeVerifier(now) !== encodeVerifier(verifier)) return "none";
    if (final.bare !== clientFinalBare(nonce, binding)) {
      onRefused(this.#seal, name, "not under its own seal");
      return "final,e=channel-bindings-dont-match";
    }
    const message = authMessage(exchange.clientFirst, exchange.serverFirst, final.bare);
    if (!isClientProof(final.proof, verifier, message)) {
      accounts.loginFailed(name, network);
      onRefused(this.#seal, name, "wrong password");
      return "final,e=invalid-proof";
    }
    accounts.loginSucceeded(name, network);
    const refusal = logIn(this.#seal, name, session);
    if (refusal === undefined) return `final,${serverFinal(verifier, message)}`;
    const isActive = refusal === "active";
    onRefused(this.#seal, name, isActive ? "the name is active" : "the session is of another account");
    return refusal;
  }

  async #make(k: number, rest: string) {
    const { accounts } = this.#options;
    const comma = rest.indexOf(",");
    const name = decodeName(rest.slice(0, comma)), verifier = decodeVerifier(rest.slice(comma + 1));
    if (comma < 0 || name === undefined || name === this.#options.reserved) {
      return this.#say("refused,bad name");
    }
    if (verifier === undefined) return this.#say("refused,bad verifier");
    if (accounts.has(name)) return this.#say("exists");
    if (!accounts.open) return this.#say(this.#closed(name, "refused"));
    const wait = accounts.addWaitMs(this.#seal.network);
    if (wait > 0) return this.#say(`wait,${wait}`);
    const outcome = await accounts.add(name, encodeVerifier(verifier), "client");
    // unless the client has gone on meanwhile
    if (k === this.#k) this.#say(answerToMake(outcome));
  }

  /** Whoever is logged in has proved that he has the old password. */
  async #change(k: number, name: string, text: string) {
    const { accounts } = this.#options, seal = this.#seal, verifier = decodeVerifier(text);
    if (verifier === undefined) return this.#say("refused,bad verifier");
    const wait = accounts.addWaitMs(seal.network);
    if (wait > 0) return this.#say(`wait,${wait}`);
    seal.isChanging = true;
    const outcome = await accounts.change(name, encodeVerifier(verifier));
    seal.isChanging = false;
    if (k === this.#k) this.#say(outcome === "unknown" ? "none" : outcome);
  }
}

/** What is said of a new account, or of none. */
function answerToMake(outcome: Awaited<ReturnType<Accounts["add"]>>): string {
  if (typeof outcome !== "object") return outcome;
  return outcome.mailbox ? "made" : "made,forum";
}
