/**
 * The client's half of a log-in, which is sealed. seal.md section 5 is the specification.
 *
 * @module
 */

import {
  authMessage,
  clientFinalBare,
  clientFirstBare,
  type ClientKeys,
  clientKeysOf,
  clientProof,
  encodeName,
  encodeVerifier,
  GS2_HEADER,
  isName,
  isServerFinal,
  ITERATIONS,
  MAX_ITERATIONS,
  NONCE_BYTES,
  parseServerFirst,
  preparePassword,
  SALT_BYTES,
  saltPassword,
  TOKEN_ITERATIONS,
  tokenId,
  verifierOf,
} from "../../../protocol/seal/scram.ts";
import { LoginError } from "../errors.ts";
import { toBase64 } from "../../../protocol/syntax/binary_text.ts";

/** Who logs in. */
export interface Credentials {
  /** The account. */
  name: string;
  /** The password, or a function that asks for it: `isNew` if the name has no account yet. It is called once for each. */
  password: string | ((isNew: boolean) => Promise<string> | string);
  /** Whether to make an account if the name has none. */
  make?: boolean;
  /** Called when an account was made. It covers the mailbox of the name, or the forum alone. */
  made?(covers: { mailbox: boolean }): Promise<void> | void;
}

/** SaltedPassword of RFC 5802. */
export type SaltPassword = (
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
) => Promise<Uint8Array>;

/** An answer of the server to a request of a log-in. */
export interface LoginAnswer {
  kind: string;
  rest: string;
}

/** What a log-in, or another password, needs. */
interface PasswordOptions {
  credentials: Credentials;
  environment: { random(bytes: number): Uint8Array; readonly saltPassword?: SaltPassword };
  /** Sends a request until it is answered. */
  request(kind: "first" | "final" | "make" | "change", text: string): Promise<LoginAnswer>;
  sleep(ms: number): Promise<void>;
}

export interface LoginOptions extends PasswordOptions {
  /** Whether an account may be made if the credentials say so. */
  mayMake: boolean;
  /** ID of the session to log in. */
  session: string;
  /** The channel binding. */
  binding: Uint8Array;
}

/** How often a log-in begins anew because the server answers that there is no such account (seal.md 2.17). */
const MAX_TRIES = 4;

/** Time in all for which the server may delay a log-in, and the longest of these waits (seal.md 2.17). */
const MAX_WAITS_MS = 300_000, MAX_PAUSE_MS = 60_000;

/** Why a token is refused. */
const NO_TOKEN = "the account has no such token, or it is over";

/** The server's word if nobody but the administrator may make an account. */
const CLOSED = "closed";

/** Its word for an account that does not cover the mailbox. */
const FORUM_ALONE = "forum";

/** Passwords that were asked for, and keys that were computed: a repeated log-in needs neither again. */
const remembered = new WeakMap<
  Credentials,
  { passwords: Map<boolean, string>; keys: Map<string, ClientKeys> }
>();

/**
 * Logs in. Makes an account before that if the credentials say so.
 *
 * @throws {LoginError} The server refuses it, or could not prove that it knows the account.
 */
export async function logIn(options: LoginOptions): Promise<void> {
  const { credentials: { name, make }, mayMake, session, binding, request } = options;
  if (!isName(name)) throw new LoginError(`Cannot log in as '${name}': it is no name`, false, "bad name");
  let token: string | undefined;
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const nonce = toBase64(options.environment.random(NONCE_BYTES));
    const bare = clientFirstBare(name, nonce, token);
    // the session, because a name can be active in one session only
    const first = await request("first", `${session},${GS2_HEADER}${bare}`);
    if (first.kind === "none") {
      if (!make || !mayMake) throw failed(name, "no account has this name", "no account");
      // before its password is asked for
      if (first.rest === CLOSED) throw closed(name);
      await makeAccount(options);
      continue;
    }
    if (first.kind === "refused" && first.rest === "no token") throw failed(name, NO_TOKEN, "wrong password");
    if (first.kind === "active" || first.kind === "refused") throw refused(name, first);
    const server = first.kind === "first" ? parseServerFirst(first.rest, nonce) : undefined;
    if (server === undefined) throw failed(name, `the server says '${first.kind}'`, "refused");
    const { salt, iterations } = server;
    if (iterations < (token === undefined ? ITERATIONS : TOKEN_ITERATIONS) || iterations > MAX_ITERATIONS) {
      throw failed(name, `the server wants a password hashed ${iterations} times`, "refused");
    }
    // a token says so itself, once it is there
    if (token === undefined && (token = tokenId(await passwordOf(options, false))) !== undefined) continue;
    const keys = await keysOf(options, false, salt, iterations);
    const final = clientFinalBare(server.nonce, binding);
    const message = authMessage(bare, first.rest, final);
    const proof = `${session},${final},p=${clientProof(keys, message)}`;
    const answer = await requestUntilAllowed(options, "final", proof);
    if (answer.kind === "none") continue;
    if (answer.kind === "final" && isServerFinal(answer.rest, keys, message)) return;
    throw refused(name, answer);
  }
  throw failed(name, "the server repeatedly answers that no account has this name", "refused");
}

function refused(name: string, { kind, rest }: LoginAnswer): LoginError {
  switch (kind === "final" ? rest : kind) {
    case "e=invalid-proof":
      return failed(name, "the password is wrong", "wrong password");
    case "e=channel-bindings-dont-match":
      return failed(name, "somebody is between this client and the server", "not the server");
    case "active":
      return failed(name, "the name is active elsewhere", "active");
    case "denied":
      return failed(name, "the session is not this account's", "denied");
    case "refused":
      return failed(name, `the server refuses it: ${rest}`, "refused");
  }
  if (kind === "final" && rest.startsWith("v=")) {
    return failed(name, "the server could not prove that it knows the account", "not the server");
  }
  return failed(name, `the server says '${kind}'`, "refused");
}

async function makeAccount(options: LoginOptions) {
  const { credentials: { name, made }, environment } = options;
  // a token is no password that anybody could remember
  if (tokenId(await passwordOf(options, true)) !== undefined) {
    throw failed(name, "no account has this name", "no account");
  }
  const salt = Uint8Array.from(environment.random(SALT_BYTES));
  const keys = await keysOf(options, true, salt, ITERATIONS);
  const verifier = encodeVerifier(verifierOf(keys, salt, ITERATIONS));
  const { kind, rest } = await requestUntilAllowed(options, "make", `${encodeName(name)},${verifier}`);
  if (kind === "made") return await made?.({ mailbox: rest !== FORUM_ALONE });
  if (kind === "exists") return;
  if (kind === "refused" && rest === CLOSED) throw closed(name);
  const why = reason(kind, rest, {
    full: "the server has as many accounts as it can hold, or as this address may make",
  });
  throw new LoginError(`Cannot make an account for '${name}': ${why}`, false, "refused");
}

/**
 * Sets another password for the account that is logged in.
 *
 * @throws {LoginError} The server refuses it.
 */
export async function changePassword(options: PasswordOptions, password: string): Promise<void> {
  const { credentials: { name }, environment } = options;
  const salt = Uint8Array.from(environment.random(SALT_BYTES));
  const keys = await computeKeys(options, password, salt, ITERATIONS);
  const verifier = encodeVerifier(verifierOf(keys, salt, ITERATIONS));
  const { kind, rest } = await requestUntilAllowed(options, "change", verifier);
  if (kind === "changed") return;
  const why = reason(kind, rest, { none: "no account has this name" });
  throw new LoginError(`Cannot change the password of '${name}': ${why}`, false, "refused");
}

function reason(kind: string, rest: string, texts: Record<string, string>): string {
  return { storage: "the server cannot write to disk", ...texts }[kind] ?? (rest || kind);
}

/** Sends the request again after a while, as long as the server says so, up to 5 minutes. */
async function requestUntilAllowed(
  { credentials: { name }, request, sleep }: PasswordOptions,
  ...message: Parameters<PasswordOptions["request"]>
): Promise<LoginAnswer> {
  for (let waitedMs = 0;;) {
    const answer = await request(...message);
    if (answer.kind !== "wait") return answer;
    if (waitedMs >= MAX_WAITS_MS) {
      throw failed(name, "the server asked to try later too often", "refused");
    }
    const ms = Math.min(Math.max(Number(answer.rest) || 0, 100), MAX_PAUSE_MS, MAX_WAITS_MS - waitedMs);
    waitedMs += ms;
    await sleep(ms);
  }
}

async function keysOf(
  options: LoginOptions,
  isNew: boolean,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<ClientKeys> {
  const known = knownOf(options.credentials);
  const id = `${toBase64(salt)} ${iterations}`, before = known.keys.get(id);
  if (before !== undefined) return before;
  const keys = await computeKeys(options, await passwordOf(options, isNew), salt, iterations);
  known.keys.clear();
  known.keys.set(id, keys);
  return keys;
}

function knownOf(credentials: Credentials) {
  let known = remembered.get(credentials);
  if (known === undefined) remembered.set(credentials, known = { passwords: new Map(), keys: new Map() });
  return known;
}

async function passwordOf({ credentials }: LoginOptions, isNew: boolean): Promise<string> {
  const { password } = credentials, { passwords } = knownOf(credentials);
  // the password of an account that was just made is known
  let text = typeof password === "string" ? password : passwords.get(isNew) ?? passwords.get(true);
  if (text === undefined) passwords.set(isNew, text = await (password as (isNew: boolean) => string)(isNew));
  return text;
}

async function computeKeys(
  { environment }: PasswordOptions,
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<ClientKeys> {
  const salted = environment.saltPassword ?? saltPassword;
  return clientKeysOf(await salted(preparePassword(password), salt, iterations));
}

function closed(name: string): LoginError {
  const why = "the administrator alone makes accounts";
  return new LoginError(`Cannot make an account for '${name}': ${why}`, false, CLOSED);
}

function failed(name: string, why: string, reason: string): LoginError {
  return new LoginError(`Cannot log in as '${name}': ${why}`, false, reason);
}
