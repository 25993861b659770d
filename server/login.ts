/**
 * The server half of a log-in, under one seal. `protocol/README.md`, "What is sealed" and "Log-in".
 *
 * @module
 */

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
} from "../protocol/scram.ts";
import type { Accounts } from "./accounts.ts";
import type { Seal } from "./seal.ts";
import type { Address } from "./session.ts";

export interface LoginOptions<A extends Address> {
  accounts: Accounts;
  random(bytes: number): Uint8Array;
  /** Milliseconds until there may be room for a session of this user; 0 where there is. */
  logInWait(seal: Seal<A>, user: string, session: string): number;
  /** Takes the log-in, or tells why it is none. */
  logIn(seal: Seal<A>, user: string, session: string): "denied" | "active" | undefined;
  bye(seal: Seal<A>): void;
  /** Is told that a name without an account was asked for, where not everybody may make one. */
  onClosed(seal: Seal<A>): void;
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
const SESSION = /^[\w-]{22},/;

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

  #first(message: string): string {
    const { accounts, random } = this.#options;
    this.#exchange = undefined;
    const first = parseClientFirst(message);
    if (first === undefined) return "refused,bad message";
    const verifier = accounts.verifier(first.name);
    if (verifier === undefined) return accounts.open ? "none" : this.#closed("none");
    const nonce = `${first.nonce}${random(NONCE_BYTES).toBase64()}`;
    const answer = serverFirst(nonce, verifier);
    this.#exchange = { name: first.name, nonce, clientFirst: first.bare, serverFirst: answer, verifier };
    return `first,${answer}`;
  }

  /** The administrator alone makes accounts. */
  #closed(kind: "none" | "refused"): string {
    this.#options.onClosed(this.#seal);
    return `${kind},closed`;
  }

  #final(rest: string): string {
    const { accounts, logIn, logInWait } = this.#options, { network, binding } = this.#seal;
    const exchange = this.#exchange, final = parseClientFinal(rest.slice(23));
    if (!SESSION.test(rest) || final === undefined) return "refused,bad message";
    if (exchange === undefined || final.nonce !== exchange.nonce) return "final,e=other-error";
    const { name, verifier, nonce } = exchange;
    const session = rest.slice(0, 22);
    const wait = Math.max(accounts.guessWait(name, network), logInWait(this.#seal, name, session));
    if (wait > 0) return `wait,${wait}`;
    this.#exchange = undefined;
    // the account may have been removed, and made anew, meanwhile
    const now = accounts.verifier(name);
    if (now === undefined || encodeVerifier(now) !== encodeVerifier(verifier)) return "none";
    if (final.bare !== clientFinalBare(nonce, binding)) return "final,e=channel-bindings-dont-match";
    const message = authMessage(exchange.clientFirst, exchange.serverFirst, final.bare);
    if (!isClientProof(final.proof, verifier, message)) {
      accounts.guessedWrong(name, network);
      return "final,e=invalid-proof";
    }
    accounts.guessedRight(name, network);
    return logIn(this.#seal, name, session) ?? `final,${serverFinal(verifier, message)}`;
  }

  async #make(k: number, rest: string) {
    const { accounts } = this.#options;
    const comma = rest.indexOf(",");
    const name = decodeName(rest.slice(0, comma)), verifier = decodeVerifier(rest.slice(comma + 1));
    if (comma < 0 || name === undefined) return this.#say("refused,bad name");
    if (verifier === undefined) return this.#say("refused,bad verifier");
    if (accounts.has(name)) return this.#say("exists");
    if (!accounts.open) return this.#say(this.#closed("refused"));
    const wait = accounts.makeWait(this.#seal.network);
    if (wait > 0) return this.#say(`wait,${wait}`);
    const outcome = await accounts.add(name, encodeVerifier(verifier));
    // unless the client has gone on meanwhile
    if (k === this.#k) this.#say(outcome === "added" ? "made" : outcome);
  }

  /** Whoever is logged in has proved that he has the old password. */
  async #change(k: number, name: string, text: string) {
    const { accounts } = this.#options, seal = this.#seal, verifier = decodeVerifier(text);
    if (verifier === undefined) return this.#say("refused,bad verifier");
    const wait = accounts.makeWait(seal.network);
    if (wait > 0) return this.#say(`wait,${wait}`);
    seal.isChanging = true;
    const outcome = await accounts.change(name, encodeVerifier(verifier));
    seal.isChanging = false;
    if (k === this.#k) this.#say(outcome === "unknown" ? "none" : outcome);
  }
}
