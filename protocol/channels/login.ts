/**
 * Log-in on channels and room: a control message with the name of an account and its password. `protocol/channels.md`
 * section 9 is the specification.
 *
 * @module
 */

import { isName } from "../seal/scram.ts";

/** The control message without name and password: a server that knows it answers {@linkcode LOGIN_TEXTS.usage}. */
export const LOGIN_COMMAND = "/login";

/** White space, what is invisible, and what replaces bytes that are not UTF-8: none of it is part of a word. */
const BLANK = String.raw`\s\p{C}\ufffd`;

const LOGIN = new RegExp(`^[${BLANK}]*${LOGIN_COMMAND}(?![^${BLANK}])`, "u");

/** Whether the first word of a line is `/login`: then nobody but the server may see it (channels.md 9.1). */
export function isLogin(line: string): boolean {
  // most lines have no such word anywhere
  return line.includes(LOGIN_COMMAND) && LOGIN.test(line);
}

/** Name and password of a log-in, whose password is the rest of the line; undefined if one of them is missing. */
export function decodeLogin(line: string): { name: string; password: string } | undefined {
  const [, name = "", password = ""] = /^\s*\/login\s+(\S+)\s(.+)$/s.exec(line) ?? [];
  return isName(name) && password !== "" ? { name, password } : undefined;
}

/** The control message that {@linkcode decodeLogin} reads. */
export function encodeLogin(name: string, password: string): string {
  return `${LOGIN_COMMAND} ${name} ${password}`;
}

/**
 * The account that a client's name lays claim to: the name without what nobody sees, up to where a reader could take it
 * to end (channels.md 9.6).
 */
export function claimedName(name: string): string {
  return name.replace(/\p{C}/gu, "").split(/[\]>]/, 1)[0]!.trim();
}

/** How a client on a connection that others can read logs in. */
const ELSEWHERE =
  "a password is only taken over an encrypted connection. Use TLS, the server's own machine, or a tunnel to it (ssh -L).";

/** What a server answers, each text in a frame or line of its own. None has anything that was sent but the name of 9.3. */
export const LOGIN_TEXTS = {
  loggedIn: (name: string) => `Logged in as ${name}`,
  usage: "/login command must be followed by a name and its password.",
  wrong: "Not logged in: the name or the password is wrong.",
  unconfirmed: "Not logged in: the account covers the forum alone, and its name is free here.",
  tooMany: "Not logged in: too many wrong passwords. Try again later.",
  inClear: `Not logged in: ${ELSEWHERE}`,
  required: "This name has an account. Log in first: /login NAME PASSWORD",
  closed: "Nobody is let in here without a log-in: /login NAME PASSWORD",
  closedElsewhere: `Nobody is let in here without a log-in, and ${ELSEWHERE}`,
  requiredElsewhere: `This name has an account, and ${ELSEWHERE}`,
} as const;

/** What a client is answered that has to log in first. */
export const LOGIN_DEMANDS: ReadonlySet<string> = new Set([
  ...[LOGIN_TEXTS.required, LOGIN_TEXTS.requiredElsewhere, LOGIN_TEXTS.closed, LOGIN_TEXTS.closedElsewhere],
]);

/** Why a log-in is refused: the text for that. */
export type LoginRefusal = "usage" | "wrong" | "unconfirmed" | "tooMany" | "inClear";

/** The refusals, by their texts. */
export const LOGIN_REFUSALS: ReadonlyMap<string, LoginRefusal> = new Map(
  (["usage", "wrong", "unconfirmed", "tooMany", "inClear"] as const).map((why) => [LOGIN_TEXTS[why], why]),
);
