/**
 * The errors of a session.
 *
 * @module
 */

import { LOG_IN_FIRST, NOT_CONFIRMED } from "../../protocol/session.ts";

/** Longer texts for reasons that explain too little. */
const TEXTS: Readonly<Record<string, string>> = {
  [LOG_IN_FIRST]: "nobody is let in without a log-in",
  [NOT_CONFIRMED]:
    "the account covers the forum alone, until an administrator runs 'wirepost account confirm NAME' " +
    "beside the server",
};

/** The server can never perform the request. */
export class RefusedError extends Error {
  /** The reason, as the server names it. */
  readonly reason: string;

  /** Takes the server's reason. */
  constructor(reason: string, message = `The server refuses it: ${TEXTS[reason] ?? reason}`) {
    super(message);
    this.name = new.target.name;
    this.reason = reason;
  }
}

/** The message was withdrawn before it was stored: there was no room for it, or its signal was aborted. */
export class FullError extends Error {
  /** The limit that the server named, `storage` if it could not write to disk, or `""` if it was not asked. */
  readonly limit: string;

  /** Takes the limit that the server named. */
  constructor(message: string, limit: string) {
    super(message);
    this.name = new.target.name;
    this.limit = limit;
  }
}

/** The server's answer is not what the specification allows. */
export class WrongAnswerError extends Error {
  /** The name of the class. */
  override name = "WrongAnswerError";
}

/** The session has ended, and the request with it. */
export class SessionEndError extends Error {
  /** Whether the request was sent, so that it may have been performed. */
  readonly sent: boolean;

  /** Takes whether the request was sent. */
  constructor(message: string, sent: boolean) {
    super(message);
    this.name = new.target.name;
    this.sent = sent;
  }
}

/** The server does not know the session any more, so the outcome of the request can't be known. */
export class OutcomeUnknownError extends SessionEndError {}

/** The server requires a log-in. */
export class NotLoggedInError extends SessionEndError {}

/** The server has not answered in time, or it answers and makes no progress. */
export class ServerTimeoutError extends SessionEndError {}

/** The server has had no room for this client for too long. */
export class BusyError extends SessionEndError {}

/** The session was closed before there was an answer. */
export class ClosedError extends SessionEndError {}

/** The log-in was refused, or the server is not the right one. */
export class LoginError extends SessionEndError {
  /** `no account`, `wrong password`, `active`, `not the server`, `denied`, `bad name`, `closed` or `refused`. */
  readonly reason: string;

  /** Takes one of the reasons above. */
  constructor(message: string, sent: boolean, reason: string) {
    super(message, sent);
    this.reason = reason;
  }
}
