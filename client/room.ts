/**
 * Talks in the room of a server, in plain lines.
 *
 * On Deno it needs `--allow-net`.
 *
 * ```ts
 * import { connectRoom } from "wirepost/room";
 *
 * await using room = await connectRoom();
 * await room.send("Is anybody here?");
 * for await (const line of room) console.log(line); // <('127.0.0.1', 60602)> I am
 * ```
 *
 * @module
 */

import { ROOM_PORT, ROOM_TLS_PORT } from "../protocol/room.ts";
import { LineDecoder } from "../protocol/syntax/line.ts";
import {
  type Connection,
  type ConnectOptions,
  type KnownCertificates,
  type TlsOptions,
} from "./stream/connection.ts";
import { connectStream } from "./session/connect_stream.ts";
import { ServerCertificateError } from "./stream/tls/certificate_trust.ts";
import { type LoginOptions, LoginRefusedError } from "./stream/login.ts";
import { CLOSE_TIMEOUT_MS, StreamClient } from "./stream/stream_client.ts";

export type { LoginRefusal } from "../protocol/channels/login.ts";
export {
  CLOSE_TIMEOUT_MS,
  type ConnectOptions,
  type KnownCertificates,
  type LoginOptions,
  LoginRefusedError,
  ServerCertificateError,
  StreamClient,
  type TlsOptions,
};
export { type KnownServer, KnownServers } from "./session/seal/known_servers.ts";

/** Longest line that is received: many times what a Wirepost server sends. */
const MAX_LINE_BYTES = 65_536;

const encoder = new TextEncoder();

/** Where a room is, and what its lines are like. */
export interface RoomOptions extends ConnectOptions {
  /** An account to log in to: one is shown by its name instead of one's address. */
  as?: LoginOptions;
  /** Whether lines keep the CR before them, with which a terminal writes over a prompt. */
  keepReturn?: boolean;
}

/**
 * Connects, and is in the room with that. With TLS the usual port is 6001.
 *
 * @throws {ServerCertificateError} It is to be reached with TLS, and its certificate is not trusted.
 * @throws {LoginRefusedError} The server refuses the log-in, or has none.
 * @throws {Error} The server cannot be reached.
 */
export async function connectRoom(options: RoomOptions = {}): Promise<Room> {
  const { signal, keepReturn = false, tls = false, as } = options;
  const port = tls === false ? ROOM_PORT : ROOM_TLS_PORT;
  const room = new Room(await connectStream({ port, ...options }), signal, keepReturn);
  if (as === undefined) return room;
  try {
    await room.logIn(as);
  } catch (error) {
    room.close();
    throw error;
  }
  return room;
}

/** A client of the room. It receives lines, without the CR before and the line end after them. */
export class Room extends StreamClient {
  readonly #decoder = new LineDecoder(MAX_LINE_BYTES, "replace");
  readonly #keepReturn: boolean;
  #dropped = 0;

  /** @ignore */
  constructor(connection: Connection, signal: AbortSignal | undefined, keepReturn: boolean) {
    super(connection, signal);
    this.#keepReturn = keepReturn;
  }

  /** Lines that were received and dropped because they are over 65,536 bytes. */
  override get dropped(): number {
    return this.#dropped;
  }

  /**
   * Sends a line. Resolves as fast as the server reads. A line over the server's limit is answered with an error line.
   *
   * @throws {TypeError} The line has a line end in it.
   * @throws {Error} The connection is broken.
   */
  override async send(line: string): Promise<void> {
    if (line.includes("\n")) throw new TypeError("Cannot send a line with a line end in it");
    await this.write(encoder.encode(`${line}\n`));
  }

  /** See {@linkcode StreamClient}. */
  protected override decode(bytes: Uint8Array): string[] {
    return this.#read(this.#decoder.decode(bytes));
  }

  /** See {@linkcode StreamClient}. */
  protected override decodeEnd(): string[] {
    return this.#read(this.#decoder.end());
  }

  #read(lines: ReturnType<LineDecoder["decode"]>): string[] {
    const texts: string[] = [];
    for (const line of lines) {
      // with the CR, a terminal writes over the prompt of a telnet user
      if ("text" in line) texts.push(this.#keepReturn ? line.text : line.text.replace(/^\r/, ""));
      else this.#dropped++;
    }
    return texts;
  }
}
