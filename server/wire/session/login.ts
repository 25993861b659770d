/**
 * The server's half of a log-in under one seal. `protocol/seal.md`, sections 4 to 6, is the specification.
 *
 * @module
 */

import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
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
} from "../../../protocol/seal/scram.ts";
import type { Origin } from "../../quota/fair_table.ts";
import { networkName } from "../../quota/owner.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import { type LogEvent, quoted } from "../../report/log.ts";

/** The seal under which a client logs in. */
export interface LoginSeal {
  /** The network that the handshake began in. */
  readonly network: string;
  /** Where it is counted. */
  readonly origin: Origin;
  /** The channel binding. */
  readonly binding: Uint8Array;
  /** The account that is logged in, or `""`. */
  readonly account: string;
  /** The ID of the token by which it logged in; undefined if that was the password. */
  token: string | undefined;
  /** Whether the account is being given another password, which does not end this log-in. */
  isChanging: boolean;
  send(text: string): void;
}

export interface LoginOptions<S extends LoginSeal> extends Pick<Environment, "random"> {
  accounts: Accounts;
  /** A name that can't log in here. */
  reservedName: string | undefined;
  /** Whether the administrator has banned a name. */
  isBanned(name: string): boolean;
  /** Milliseconds until there may be room for a session of this account; 0 if there is. */
  roomWait(seal: S, account: string, session: string): number;
  /** Logs in with a proof that was right. Returns why it is refused all the same. */
  logIn(seal: S, account: string, session: string): "denied" | "active" | undefined;
  logOut(seal: S): void;
  /** Whether the account is logged in to this session, under an earlier seal. */
  isLoggedIn(account: string, session: string): boolean;
  /** Whether the account is logged in to another session, and may be in one only. */
  isElsewhere(account: string, session: string): boolean;
  /** Called when the name has no account, and only the administrator makes one. */
  onClosed(seal: S): void;
  /** Called when a log-in, or making an account, is refused. */
  onRefused(seal: S, name: string, why: LoginRefusal): void;
}

/** Why a log-in was refused, as it is logged. */
export type LoginRefusal =
  | "wrong password"
  | "too many wrong passwords"
  | "too many sessions"
  | "not under its own seal"
  | "the session is of another account"
  | "the name is active"
  | "no account"
  | "banned";

/** The log line of a refused log-in. */
export function refusedLogin(service: string, name: string, why: LoginRefusal, from: Address): LogEvent {
  return {
    service,
    peer: formatAddress(from),
    what: `log-in as ${quoted(name)} refused: ${why}`,
    kind: `log-in refused: ${why}`,
  };
}

/** A log-in between `first` and `final`. */
interface Exchange {
  name: string;
  token: string | undefined;
  nonce: string;
  clientFirst: string;
  serverFirst: string;
  verifier: Verifier;
}

const REQUEST = /^(first|final|make|change|bye),([1-9]\d{0,8})(?:,(.*))?$/;
const SESSION = /^[\w-]{22},/, SESSION_LENGTH = 22;

const decoder = new TextDecoder();

export class Login<S extends LoginSeal> {
  readonly #seal: S;
  readonly #options: LoginOptions<S>;
  /** The last request's number, and its answer once there is one. */
  #k = 0;
  #answer: string | undefined;
  #exchange: Exchange | undefined;

  constructor(seal: S, options: LoginOptions<S>) {
    this.#seal = seal;
    this.#options = options;
  }

  /** Takes what was sealed and is no datagram of a session. Returns whether it is a request that may come now. */
  received(plain: Uint8Array): boolean {
    const text = decoder.decode(plain);
    if (text === "here") {
      this.#seal.send("here");
      return true;
    }
    const [, kind, number, rest = ""] = REQUEST.exec(text) ?? [];
    if (kind === undefined) return false;
    const k = Number(number);
    // late, or repeated
    if (k <= this.#k) {
      if (k === this.#k && this.#answer !== undefined) this.#seal.send(this.#answer);
      return true;
    }
    const isLoggedIn = this.#seal.account !== "";
    if (isLoggedIn ? kind !== "change" && kind !== "bye" : kind === "change") return false;
    this.#k = k;
    this.#answer = undefined;
    switch (kind) {
      case "first":
        this.#reply(this.#first(rest));
        break;
      case "final":
        this.#reply(this.#final(rest));
        break;
      case "make":
        this.#make(k, rest);
        break;
      case "change":
        this.#change(k, this.#seal.account, rest);
        break;
      case "bye":
        this.#reply("bye");
        this.#options.logOut(this.#seal);
    }
    return true;
  }

  /** Answers the last request: `kind`, or `kind,more`. */
  #reply(answer: string) {
    const [kind = "", ...more] = answer.split(",");
    this.#answer = [kind, this.#k, ...more].join(",");
    this.#seal.send(this.#answer);
  }

  /** @param rest The message, after the session that is to be logged in if that is named. */
  #first(rest: string): string {
    const { accounts, random, reservedName, isElsewhere, onRefused } = this.#options;
    this.#exchange = undefined;
    const isNamed = SESSION.test(rest), session = isNamed ? rest.slice(0, SESSION_LENGTH) : "";
    const first = parseClientFirst(isNamed ? rest.slice(SESSION_LENGTH + 1) : rest);
    if (first === undefined) return "refused,bad message";
    if (first.name === reservedName) return "refused,bad name";
    if (this.#options.isBanned(first.name)) {
      onRefused(this.#seal, first.name, "banned");
      return "refused,banned";
    }
    const verifier = accounts.verifier(first.name, first.token);
    if (verifier === undefined && accounts.has(first.name)) return "refused,no token";
    if (verifier === undefined) return accounts.open ? "none" : this.#closed(first.name, "none");
    // before the client has to prove anything
    if (isElsewhere(first.name, session)) {
      onRefused(this.#seal, first.name, "the name is active");
      return "active";
    }
    const nonce = `${first.nonce}${random(NONCE_BYTES).toBase64()}`;
    const answer = serverFirst(nonce, verifier);
    this.#exchange = {
      name: first.name,
      token: first.token,
      nonce,
      clientFirst: first.bare,
      serverFirst: answer,
      verifier,
    };
    return `first,${answer}`;
  }

  /** Answers that only the administrator makes accounts. */
  #closed(name: string, kind: "none" | "refused"): string {
    this.#options.onClosed(this.#seal);
    this.#options.onRefused(this.#seal, name, "no account");
    return `${kind},closed`;
  }

  #final(rest: string): string {
    const { accounts, logIn, roomWait, onRefused } = this.#options, { network, binding } = this.#seal;
    const exchange = this.#exchange, final = parseClientFinal(rest.slice(SESSION_LENGTH + 1));
    if (!SESSION.test(rest) || final === undefined) return "refused,bad message";
    if (exchange === undefined || final.nonce !== exchange.nonce) return "final,e=other-error";
    const { name, token, verifier, nonce } = exchange;
    const session = rest.slice(0, SESSION_LENGTH);
    // who guesses does not know the session: new keys for it wait for nobody (seal.md 6.7)
    const wait = this.#options.isLoggedIn(name, session) ? 0 : accounts.loginWaitMs(name, network);
    if (wait > 0) {
      onRefused(this.#seal, name, "too many wrong passwords");
      return `wait,${wait}`;
    }
    const noRoom = roomWait(this.#seal, name, session);
    if (noRoom > 0) {
      onRefused(this.#seal, name, "too many sessions");
      return `wait,${noRoom}`;
    }
    this.#exchange = undefined;
    // the account may have been removed or changed meanwhile
    const now = accounts.verifier(name, token);
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
    if (refusal === undefined) this.#seal.token = token;
    if (refusal === undefined) return `final,${serverFinal(verifier, message)}`;
    const isActive = refusal === "active";
    onRefused(this.#seal, name, isActive ? "the name is active" : "the session is of another account");
    return refusal;
  }

  async #make(k: number, rest: string) {
    const { accounts } = this.#options;
    const comma = rest.indexOf(",");
    const name = decodeName(rest.slice(0, comma)), verifier = decodeVerifier(rest.slice(comma + 1));
    if (comma < 0 || name === undefined || name === this.#options.reservedName) {
      return this.#reply("refused,bad name");
    }
    if (verifier === undefined) return this.#reply("refused,bad verifier");
    if (this.#options.isBanned(name)) return this.#reply("refused,banned");
    if (accounts.has(name)) return this.#reply("exists");
    if (!accounts.open) return this.#reply(this.#closed(name, "refused"));
    const wait = accounts.addWaitMs(this.#seal.network);
    if (wait > 0) return this.#reply(`wait,${wait}`);
    const outcome = await accounts.add(
      name,
      encodeVerifier(verifier),
      networkName(this.#seal.origin.network),
    );
    // unless the client has gone on meanwhile
    if (k === this.#k) this.#reply(answerToMake(outcome));
  }

  /** Changes the password. The client has proved by its log-in that it has the old one. */
  async #change(k: number, name: string, text: string) {
    const { accounts } = this.#options, seal = this.#seal, verifier = decodeVerifier(text);
    if (seal.token !== undefined) return this.#reply("refused,logged in by a token");
    if (verifier === undefined) return this.#reply("refused,bad verifier");
    const wait = accounts.addWaitMs(seal.network);
    if (wait > 0) return this.#reply(`wait,${wait}`);
    seal.isChanging = true;
    const outcome = await accounts.setVerifier(name, encodeVerifier(verifier));
    seal.isChanging = false;
    if (k === this.#k) this.#reply(outcome === "unknown" ? "none" : outcome);
  }
}

/** The answer to making an account. */
function answerToMake(outcome: Awaited<ReturnType<Accounts["add"]>>): string {
  if (typeof outcome !== "object") return outcome;
  return outcome.mailbox ? "made" : "made,forum";
}
