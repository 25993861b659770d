/**
 * The client's half of a log-in on channels and room (channels.md section 9).
 *
 * @module
 */

import { CHANNELS_TEXTS } from "../../protocol/channels.ts";
import {
  encodeLogin,
  LOGIN_COMMAND,
  LOGIN_DEMANDS,
  LOGIN_REFUSALS,
  LOGIN_TEXTS,
  type LoginRefusal,
} from "../../protocol/channels/login.ts";
import { preparePassword } from "../../protocol/seal/scram.ts";

/** How long a server may take to answer, in milliseconds. */
const LOGIN_TIMEOUT_MS = 10_000;

/** Texts that are kept while it is waited for the answer: many times what others say in that time. */
const MAX_OTHERS = 10_000;

/** An account to log in to. */
export interface LoginOptions {
  /** The account; one is shown by this name afterwards. */
  name: string;
  /** Its password, or a function that asks for it. */
  password: string | (() => Promise<string> | string);
}

/** The log-in was refused, or the server has none. */
export class LoginRefusedError extends Error {
  /** Why; `no log-in` if the server does not know it. */
  readonly reason: LoginRefusal | "no log-in";

  /** Takes the reason. */
  constructor(message: string, reason: LoginRefusal | "no log-in") {
    super(message);
    this.name = "LoginRefusedError";
    this.reason = reason;
  }
}

/** A connection on which texts go both ways. */
interface Texts {
  send(text: string): Promise<void>;
  receive(): Promise<string | undefined>;
  close(): void;
}

const NO_LOGIN = new Set<string>([CHANNELS_TEXTS.unknownCommand(LOGIN_COMMAND)]);

/**
 * Logs in. Returns what came meanwhile and is no answer.
 *
 * @throws {LoginRefusedError} The server refuses it, or has no log-in.
 * @throws {TypeError|RangeError} It can't be a password, or not on this wire.
 */
export async function logIn(texts: Texts, { name, password }: LoginOptions): Promise<string[]> {
  const others: string[] = [];
  /** Sends a request, and waits for one of the texts that may answer it. */
  const ask = async (request: string, isAnswer: (text: string) => boolean) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      texts.close();
    }, LOGIN_TIMEOUT_MS);
    try {
      await texts.send(request);
      for (let text = await texts.receive(); text !== undefined; text = await texts.receive()) {
        if (isAnswer(text)) return text;
        if (LOGIN_DEMANDS.has(text)) continue;
        if (others.push(text) > MAX_OTHERS) {
          texts.close();
          throw new Error(`Cannot log in as '${name}': the server does not answer, and sends other texts`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
    if (isLate) {
      throw new LoginRefusedError(`Cannot log in as '${name}': the server has no log-in`, "no log-in");
    }
    throw new Error(`Cannot log in as '${name}': the server has closed the connection`);
  };
  // the password must not go to a server that would relay it or send it back (channels.md 9.10)
  const knows = await ask(LOGIN_COMMAND, (text) => LOGIN_REFUSALS.has(text) || NO_LOGIN.has(text));
  if (NO_LOGIN.has(knows)) {
    throw new LoginRefusedError(`Cannot log in as '${name}': the server has no log-in`, "no log-in");
  }
  if (knows !== LOGIN_TEXTS.usage) throw refused(name, knows);
  const secret = preparePassword(typeof password === "string" ? password : await password());
  const loggedIn = LOGIN_TEXTS.loggedIn(name);
  const answer = await ask(
    encodeLogin(name, secret),
    (text) => text === loggedIn || LOGIN_REFUSALS.has(text),
  );
  if (answer !== loggedIn) throw refused(name, answer);
  return others;
}

function refused(name: string, text: string): LoginRefusedError {
  const why = text.replace(/^Not logged in: /, "");
  return new LoginRefusedError(`Cannot log in as '${name}': ${why}`, LOGIN_REFUSALS.get(text)!);
}
