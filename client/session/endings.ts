/**
 * How a session ends: for each reason the error of a request that was sent, or not.
 *
 * @module
 */

import {
  ClosedError,
  LoginError,
  NotLoggedInError,
  OutcomeUnknownError,
  type SessionEndError,
} from "./errors.ts";

type Ending = new (message: string, sent: boolean, reason: string) => SessionEndError;

const ending = (Ending: Ending, text: string) => (sent: boolean) =>
  new Ending(`${text}: ${sent ? "outcome unknown" : "nothing was sent"}`, sent, "denied");

export const closed = ending(ClosedError, "The session is closed");
export const notLoggedIn = ending(NotLoggedInError, "The server requires a log-in");
export const owned = ending(LoginError, "The session belongs to an account");
export const unknownOutcome = ending(OutcomeUnknownError, "The server does not know the session any more");
