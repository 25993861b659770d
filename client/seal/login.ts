/**
 * The client half of a log-in, under a seal. `protocol/README.md`, "Log-in", is the specification.
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
  verifierOf,
} from "../../protocol/scram.ts";
import { LoginError } from "../session/errors.ts";

/** Who logs in. */
export interface Credentials {
  name: string;
  /** The password, or who asks for it: `isNew` where the name has no account yet. It is called once for each. */
  password: string | ((isNew: boolean) => Promise<string> | string);
  /** Whether an account is made where the name has none. */
  make?: boolean;
  /** Is told that an account was made, and whether it covers the mailbox of the name, or the forum alone. */
  made?(covers: { mailbox: boolean }): Promise<void> | void;
}

/** An answer of the server to a request of a log-in. */
export interface LoginAnswer {
  kind: string;
  rest: string;
}

export interface LoginOptions {
  credentials: Credentials;
  /** Whether an account may be made, where the credentials say so. */
  mayMake: boolean;
  /** The session that is logged in. */
  session: string;
  /** The channel binding. */
  binding: Uint8Array;
  environment: {
    random(bytes: number): Uint8Array;
    saltPassword?(
      password: string,
      salt: Uint8Array<ArrayBuffer>,
      iterations: number,
    ): Promise<Uint8Array>;
  };
  /** Asks the server until it answers. */
  request(kind: "first" | "final" | "make" | "change", text: string): Promise<LoginAnswer>;
  sleep(ms: number): Promise<void>;
}

/** How often a log-in begins anew, because the server says that there is no account, or no such account any more. */
const MAX_TRIES = 4;

/** Milliseconds in all for which a log-in is put off, and the longest of these waits. */
const MAX_WAIT = 300_000, LONGEST_WAIT = 60_000;

/** What a server says of a new account where not everybody may make one. */
const CLOSED = "closed";

/** What it says of one that does not cover the mailbox. */
const FORUM_ALONE = "forum";

/** Passwords that were asked for, and keys that were computed of them: a log-in made again needs neither again. */
const remembered = new WeakMap<
  Credentials,
  { passwords: Map<boolean, string>; keys: Map<string, ClientKeys> }
>();

/**
 * Logs in, and makes an account before that where it is wanted.
 *
 * @throws {LoginError} The server refuses it, or could not prove that it knows the account.
 */
export async function logIn(options: LoginOptions): Promise<void> {
  const { credentials: { name, make }, mayMake, session, binding, request } = options;
  if (!isName(name)) throw new LoginError(`Cannot log in as '${name}': it is no name`, false, "bad name");
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const nonce = options.environment.random(NONCE_BYTES).toBase64();
    const bare = clientFirstBare(name, nonce);
    // the session, because a name that is active in it is active in no other place
    const first = await request("first", `${session},${GS2_HEADER}${bare}`);
    if (first.kind === "none") {
      if (!make || !mayMake) throw failed(name, "no account has this name", "no account");
      // before its password is asked for
      if (first.rest === CLOSED) throw closed(name);
      await makeAccount(options);
      continue;
    }
    if (first.kind === "active" || first.kind === "refused") throw refused(name, first);
    const server = first.kind === "first" ? parseServerFirst(first.rest, nonce) : undefined;
    if (server === undefined) throw failed(name, `the server says '${first.kind}'`, "refused");
    const { salt, iterations } = server;
    if (iterations < ITERATIONS || iterations > MAX_ITERATIONS) {
      throw failed(name, `the server wants a password hashed ${iterations} times`, "refused");
    }
    const keys = await keysOf(options, false, salt, iterations);
    const final = clientFinalBare(server.nonce, binding);
    const message = authMessage(bare, first.rest, final);
    const proof = `${session},${final},p=${clientProof(keys, message)}`;
    const answer = await patiently(options, () => request("final", proof));
    if (answer.kind === "none") continue;
    if (answer.kind === "final" && isServerFinal(answer.rest, keys, message)) return;
    throw refused(name, answer);
  }
  throw failed(name, "the server says again and again that no account has this name", "refused");
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
  const { credentials: { name, made }, environment, request } = options;
  const salt = Uint8Array.from(environment.random(SALT_BYTES));
  const keys = await keysOf(options, true, salt, ITERATIONS);
  const verifier = encodeVerifier(verifierOf(keys, salt, ITERATIONS));
  const { kind, rest } = await patiently(
    options,
    () => request("make", `${encodeName(name)},${verifier}`),
  );
  if (kind === "made") return await made?.({ mailbox: rest !== FORUM_ALONE });
  if (kind === "exists") return;
  if (kind === "refused" && rest === CLOSED) throw closed(name);
  const why = kind === "full"
    ? "the server has as many accounts as it can hold"
    : kind === "storage"
    ? "the server's disk takes nothing"
    : rest || kind;
  throw new LoginError(`Cannot make an account for '${name}': ${why}`, false, "refused");
}

/**
 * Gives the account that is logged in to another password.
 *
 * @throws {LoginError} The server refuses it.
 */
export async function changePassword(
  options: Pick<LoginOptions, "credentials" | "environment" | "request" | "sleep">,
  password: string,
): Promise<void> {
  const { credentials: { name }, environment, request } = options;
  const salt = Uint8Array.from(environment.random(SALT_BYTES)), prepared = preparePassword(password);
  const keys = clientKeysOf(await (environment.saltPassword ?? saltPassword)(prepared, salt, ITERATIONS));
  const verifier = encodeVerifier(verifierOf(keys, salt, ITERATIONS));
  const { kind, rest } = await patiently(options, () => request("change", verifier));
  if (kind === "changed") return;
  const why = kind === "none"
    ? "no account has this name"
    : kind === "storage"
    ? "the server's disk takes nothing"
    : rest || kind;
  throw new LoginError(`Cannot change the password of '${name}': ${why}`, false, "refused");
}

/** Asks again after a while, for as long as the server wants that, up to 5 minutes. */
async function patiently(
  { credentials: { name }, sleep }: Pick<LoginOptions, "credentials" | "sleep">,
  ask: () => Promise<LoginAnswer>,
): Promise<LoginAnswer> {
  for (let waited = 0;;) {
    const answer = await ask();
    if (answer.kind !== "wait") return answer;
    if (waited >= MAX_WAIT) {
      throw failed(name, "the server wants it to be tried later, again and again", "refused");
    }
    const wait = Math.min(Math.max(Number(answer.rest) || 0, 100), LONGEST_WAIT, MAX_WAIT - waited);
    waited += wait;
    await sleep(wait);
  }
}

async function keysOf(
  { credentials, environment }: LoginOptions,
  isNew: boolean,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<ClientKeys> {
  let known = remembered.get(credentials);
  if (known === undefined) remembered.set(credentials, known = { passwords: new Map(), keys: new Map() });
  const id = `${salt.toBase64()} ${iterations}`, before = known.keys.get(id);
  if (before !== undefined) return before;
  const { password } = credentials, { passwords } = known;
  // whoever has just made the account need not be asked again
  let text = typeof password === "string" ? password : passwords.get(isNew) ?? passwords.get(true);
  if (text === undefined) passwords.set(isNew, text = await (password as (isNew: boolean) => string)(isNew));
  const salted = await (environment.saltPassword ?? saltPassword)(preparePassword(text), salt, iterations);
  const keys = clientKeysOf(salted);
  known.keys.clear();
  known.keys.set(id, keys);
  return keys;
}

function closed(name: string): LoginError {
  const why = "the administrator alone makes accounts";
  return new LoginError(`Cannot make an account for '${name}': ${why}`, false, CLOSED);
}

function failed(name: string, why: string, reason: string): LoginError {
  return new LoginError(`Cannot log in as '${name}': ${why}`, false, reason);
}
