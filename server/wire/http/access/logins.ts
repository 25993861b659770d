/**
 * Who asks: the account of a request's password, token or cookie. http.md section 4.
 *
 * Invariant: a secret is looked at only where nobody on the way could read it, and none is kept or logged.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  cookieName,
  encodeCookie,
  parseAuthorization,
  parseClaim,
  parseCookie,
  signedPart,
} from "../../../../protocol/http/credentials.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import { tokenId } from "../../../../protocol/seal/scram.ts";
import { formatAddress } from "../../../../protocol/syntax/address.ts";
import type { Environment } from "../../../quota/uptime.ts";
import { type Log, quoted } from "../../../report/log.ts";
import type { Accounts } from "../../../service/account/accounts.ts";
import type { Moderation } from "../../../service/moderation.ts";

/** How long the page's cookie holds, in seconds. */
const COOKIE_SECONDS = 7 * 86_400;

/** Passwords and tokens that were right lately, and how long each is remembered, in milliseconds. */
const MAX_KNOWN = 10_000, KNOWN_MS = 300_000;

/** Where a request comes from. */
export interface RequestOrigin {
  readonly hostname: string;
  readonly port: number;
  readonly network: string;
  readonly isTls: boolean;
  /** Whether nobody on the way can read what is sent. */
  readonly isPrivate: boolean;
}

export interface HttpLoginsOptions extends Pick<Environment, "monotonicClock" | "wallClock" | "random"> {
  accounts: Accounts;
  moderation: Pick<Moderation, "isBannedName">;
  /** The administrator's secret, if there is one: it signs the cookies, so that they hold across a restart. */
  secret: Uint8Array | undefined;
  log: Log;
}

/** A password or a token that was right. */
interface Known {
  readonly account: string;
  readonly token: string | undefined;
  readonly untilMs: number;
}

export class HttpLogins {
  readonly #options: HttpLoginsOptions;
  /** Signs cookies. */
  readonly #cookieKey: Uint8Array;
  /** By the keyed hash of the header that carried it: looking at a password costs a tenth of a second. */
  readonly #known = new Map<string, Known>();
  readonly #hashKey: Uint8Array;
  /** Checks that run, by the same hash and the network: connections that begin together with one header share one. */
  readonly #checking = new Map<string, Promise<string>>();

  constructor(options: HttpLoginsOptions) {
    this.#options = options;
    const { secret, random, accounts } = options;
    this.#cookieKey = createHmac("sha256", secret ?? random(32)).update("wirepost http cookie").digest();
    this.#hashKey = random(32);
    accounts.onEvent((name) => this.#forget((known) => known.account === name));
    accounts.onTokenEnd((name, id) => this.#forget((known) => known.account === name && known.token === id));
  }

  #forget(isMeant: (known: Known) => boolean) {
    // nobody shares a check that may have begun before
    this.#checking.clear();
    for (const [hash, known] of this.#known) if (isMeant(known)) this.#known.delete(hash);
  }

  /**
   * The account of a request; `""` if it has neither a password, a token nor a cookie that holds.
   *
   * @throws {Refusal} `in clear`, `wrong log-in`, `too many wrong log-ins` or `banned`.
   */
  identify({ headers }: IncomingMessage, origin: RequestOrigin): string | Promise<string> {
    const { authorization, cookie } = headers;
    if (authorization !== undefined) return this.#authorized(authorization, origin);
    if (cookie === undefined || !origin.isPrivate) return "";
    const value = parseCookie(cookie, cookieName(origin.isTls));
    return value === undefined ? "" : this.#accountOf(value);
  }

  #authorized(header: string, origin: RequestOrigin): string | Promise<string> {
    if (!origin.isPrivate) throw new Refusal("in clear");
    const hash = createHash("sha256").update(this.#hashKey).update(header).digest("base64");
    const known = this.#known.get(hash);
    if (known !== undefined && known.untilMs > this.#options.monotonicClock()) {
      return this.#admitted(known.account);
    }
    const credentials = parseAuthorization(header);
    if (credentials === undefined) throw new Refusal("bad header", "the header Authorization can't be read");
    const key = `${hash} ${origin.network}`, running = this.#checking.get(key);
    if (running !== undefined) return running;
    const checking = this.#check(credentials, origin).then((account) => {
      this.#remember(hash, account, "token" in credentials ? credentials.token : credentials.password);
      return account;
    }).finally(() => this.#checking.delete(key));
    this.#checking.set(key, checking);
    return checking;
  }

  #remember(hash: string, account: string, password: string) {
    if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    const untilMs = this.#options.monotonicClock() + KNOWN_MS;
    this.#known.set(hash, { account, token: tokenId(password), untilMs });
  }

  async #check(
    credentials: { name: string; password: string } | { token: string },
    origin: RequestOrigin,
  ): Promise<string> {
    if (!("token" in credentials)) return await this.#checkPassword(credentials, origin);
    const { token } = credentials, id = tokenId(token);
    if (id === undefined) throw wrong(false);
    // nearly always one: an ID is made at random. Without one, it counts as a wrong password
    const owners = this.#options.accounts.tokenOwners(id);
    for (const name of owners.length > 0 ? owners : [""]) {
      const outcome = await this.#options.accounts.checkPassword(name, token, origin.network);
      if (outcome === "wait") throw tooMany();
      if (outcome === "right") return this.#admitted(name);
    }
    throw wrong(false);
  }

  async #checkPassword(
    { name, password }: { name: string; password: string },
    origin: RequestOrigin,
  ): Promise<string> {
    const { accounts, log } = this.#options;
    const outcome = await accounts.checkPassword(name, password, origin.network);
    if (outcome === "right") return this.#admitted(name);
    if (accounts.has(name)) {
      const reason = outcome === "wrong" ? "wrong password" : "too many wrong passwords";
      log.warn({
        service: "http",
        peer: formatAddress(origin),
        what: `log-in as ${quoted(name)} refused: ${reason}`,
        kind: `log-in refused: ${reason}`,
      });
    }
    throw outcome === "wait" ? tooMany() : wrong(true);
  }

  #admitted(account: string): string {
    if (this.#options.moderation.isBannedName(account)) throw new Refusal("banned");
    return account;
  }

  /**
   * Logs the page in.
   *
   * @returns The header that sets its cookie.
   * @throws {Refusal} As {@linkcode identify}.
   */
  async logIn(name: string, password: string, origin: RequestOrigin): Promise<string> {
    if (!origin.isPrivate) throw new Refusal("in clear");
    const account = await this.#checkPassword({ name, password }, origin);
    const until = Math.floor(this.#options.wallClock() / 1000) + COOKIE_SECONDS;
    const claim = { account, token: tokenId(password) ?? "", until };
    return encodeCookie(origin.isTls, `${signedPart(claim)}.${this.#sign(claim)}`, COOKIE_SECONDS);
  }

  /** The header that removes the cookie. */
  logOut({ isTls }: RequestOrigin): string {
    return encodeCookie(isTls, "", 0);
  }

  /** The account of a cookie's value, as long as its password or token is the one with which it has logged in. */
  #accountOf(value: string): string {
    const { claim, signature } = parseClaim(value) ?? {};
    if (claim === undefined || claim.until * 1000 <= this.#options.wallClock()) return "";
    const right = this.#sign(claim);
    if (!timingSafeEqual(encoder.encode(right), encoder.encode(signature!))) return "";
    return this.#admitted(claim.account);
  }

  #sign(claim: { account: string; token: string; until: number }): string {
    const { storedKey } = this.#options.accounts.verifier(claim.account, claim.token || undefined) ?? {};
    // what nobody can sign, if the account or the token is gone
    if (storedKey === undefined) return "0".repeat(64);
    return createHmac("sha256", this.#cookieKey).update(storedKey).update(signedPart(claim)).digest("hex");
  }
}

const encoder = new TextEncoder();

function wrong(isPassword: boolean): Refusal {
  const what = isPassword ? "the name or the password is wrong" : "the token is wrong, or not good any more";
  return new Refusal("wrong log-in", what);
}

function tooMany(): Refusal {
  return new Refusal("too many wrong log-ins", undefined, { retryAfter: 10 });
}
