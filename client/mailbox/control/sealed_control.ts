/**
 * Control messages under a seal, for an account with the role `admin` (admin.md section 8).
 *
 * @module
 */

import type { Address } from "../../../protocol/syntax/address.ts";
import type { SessionEndError } from "../../session/errors.ts";
import { type ConnectOptions, SessionConnection } from "../../session/seal/session_connection.ts";
import type { DatagramChannel } from "./request_socket.ts";
import { toBase64url } from "../../../protocol/syntax/binary_text.ts";

/** What a seal carries here: no session but an ID for one, which is logged in. */
class ControlSession {
  readonly state = {
    id: toBase64url(crypto.getRandomValues(new Uint8Array(16))),
    startTime: "",
    next: 1,
    low: 1,
  };
  readonly receivers = new Set<(message: Uint8Array) => void>();
  failure: Error | undefined;

  received() {}

  control(message: Uint8Array) {
    for (const receive of this.receivers) receive(message);
  }

  fail(error: (sent: boolean) => SessionEndError) {
    this.failure = error(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A seal that is logged in, on which control messages travel. */
export class SealedControl {
  readonly #connection: SessionConnection<ControlSession>;

  private constructor(connection: SessionConnection<ControlSession>) {
    this.#connection = connection;
  }

  /**
   * Logs in.
   *
   * @throws {LoginError} The server refuses it, or could not prove that it knows the account.
   * @throws {ServerTimeoutError} The server does not answer.
   */
  static async open(options: ConnectOptions & Required<Pick<ConnectOptions, "as">>, port: number) {
    const served = { service: "mailbox", port, keepAlive: true } as const;
    return new SealedControl(await SessionConnection.open(options, served, () => new ControlSession()));
  }

  get server(): Address {
    return this.#connection.server;
  }

  /** A way for requests: what is sent on it, and comes, is inside the seal. */
  channel(received: (message: Uint8Array) => void): DatagramChannel {
    const { session } = this.#connection;
    session.receivers.add(received);
    return {
      send: async (message) => {
        if (session.failure !== undefined) throw session.failure;
        await this.#connection.control(message);
      },
      close: () => {
        session.receivers.delete(received);
        return Promise.resolve();
      },
    };
  }

  close(): Promise<void> {
    return this.#connection.close(1000);
  }
}
