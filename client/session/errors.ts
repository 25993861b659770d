import { NOT_CONFIRMED } from "../../protocol/session.ts";

/** What a reason says by itself too little about. */
const TEXTS: Readonly<Record<string, string>> = {
  [NOT_CONFIRMED]:
    "the account covers the forum alone, until an administrator runs 'wirepost account confirm NAME' " +
    "beside the server",
};

/** The server can never carry the request out. */
export class RefusedError extends Error {
  override name = "RefusedError";
  /** Why, as the server says it. */
  readonly reason: string;

  constructor(reason: string, message = `The server refuses it: ${TEXTS[reason] ?? reason}`) {
    super(message);
    this.reason = reason;
  }
}

/** The message was withdrawn before it was stored: there was no room for it, or it was not wanted any more. */
export class FullError extends Error {
  override name = "FullError";
  /** The limit that the server named, `storage` where the disk took nothing, or `""` where it was not asked. */
  readonly limit: string;

  constructor(message: string, limit: string) {
    super(message);
    this.limit = limit;
  }
}

/** The server has answered what the specification does not allow. */
export class WrongAnswerError extends Error {
  override name = "WrongAnswerError";
}

/** The session has ended, and the request with it. */
export class SessionEndError extends Error {
  override name = "SessionEndError";
  /** Whether the request was sent, so that it may have been carried out. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** The server does not know the session any more, so nobody can tell what became of the request. */
export class OutcomeUnknownError extends SessionEndError {
  override name = "OutcomeUnknownError";
}

/** The server does not know who asks. */
export class NotLoggedInError extends SessionEndError {
  override name = "NotLoggedInError";
}

/** The server has not been heard for too long. */
export class ServerGoneError extends SessionEndError {
  override name = "ServerGoneError";
}

/** The server has had no room for this client for too long. */
export class BusyError extends SessionEndError {
  override name = "BusyError";
}

/** The session was closed before there was an answer. */
export class ClosedError extends SessionEndError {
  override name = "ClosedError";
}

/** The log-in was refused, or the server was: it is not the one it should be. */
export class LoginError extends SessionEndError {
  override name = "LoginError";
  /** `no account`, `wrong password`, `active`, `not the server`, `denied`, `bad name`, `closed` or `refused`. */
  readonly reason: string;

  constructor(message: string, sent: boolean, reason: string) {
    super(message, sent);
    this.reason = reason;
  }
}
