/**
 * An account's password, changed by its owner.
 *
 * On Deno it needs the unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`,
 * on Node nothing.
 *
 * @module
 */

import { MAILBOX_PORT } from "../protocol/mailbox.ts";
import type { Credentials } from "./session/seal/login.ts";
import { type ConnectOptions, SessionConnection } from "./session/seal/session_connection.ts";
import { Session } from "./session/session.ts";

export { type KnownServer, KnownServers, ServerKeyError } from "./session/seal/known_servers.ts";
export type { OnBusy } from "./session/busy_backoff.ts";
export * from "./session/errors.ts";
export type { SessionResume, SessionState } from "./session/identity.ts";
export type { ConnectOptions, Credentials };

/**
 * Sets another password for an account: logs in with the current one, then asks for the new one.
 *
 * @throws {Error} There is no server of that name.
 * @throws {LoginError} The server refuses the log-in or the password, or could not prove that it knows the account.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was sent to it.
 * @throws {ServerTimeoutError} There was no answer.
 */
export async function setPassword(
  options: ConnectOptions & { as: Credentials },
  newPassword: () => Promise<string>,
): Promise<void> {
  const served = { service: "mailbox", port: MAILBOX_PORT } as const;
  const connection = await SessionConnection.open(
    options,
    served,
    (environment) => new Session(environment, () => undefined),
  );
  try {
    await connection.setPassword(await newPassword());
  } finally {
    await connection.close();
  }
}
