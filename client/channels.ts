/**
 * Talks in the channels of a server, in 200-byte frames.
 *
 * On Deno it needs `--allow-net`.
 *
 * ```ts
 * import { connectChannels } from "wirepost/channels";
 *
 * await using channels = await connectChannels({ name: "Alice" });
 * await channels.send("/create lounge");
 * await channels.send("Is anybody here?");
 * for await (const message of channels) console.log(message); // [Bob] I am
 * ```
 *
 * @module
 */

import { CHANNELS_PORT, MAX_CLIENT_NAME_BYTES } from "../protocol/channels.ts";
import { isLogin, LOGIN_COMMAND } from "../protocol/channels/login.ts";
import { concatBytes } from "../protocol/syntax/bytes.ts";
import { decodeFrame, encodeFrames, FRAME_BYTES, FrameDecoder } from "../protocol/syntax/frame.ts";
import { type ConnectOptions, type KnownCertificates, type TlsOptions } from "./stream/connection.ts";
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

const encoder = new TextEncoder();

/** Whether the text can be the name of a client: 1 to 200 bytes, no control character, white space at neither end. */
export function isClientName(name: string): boolean {
  return name !== "" && name === name.trim() && !/\p{Cc}/u.test(name) &&
    isWithin(name, MAX_CLIENT_NAME_BYTES);
}

function isWithin(text: string, bytes: number): boolean {
  return text.length <= bytes && encoder.encode(text).length <= bytes;
}

/** Where the channels are, and who one is. */
export interface ChannelsOptions extends ConnectOptions {
  /** The name that others see. */
  name: string;
  /** The password of the account of this name, or a function that asks for it: it logs in. */
  password?: LoginOptions["password"];
}

/**
 * Connects, sends the name, and logs in if there is a password. The server does not acknowledge it; one that refuses it closes the connection.
 *
 * @throws {TypeError} The name is not one that {@linkcode isClientName} allows.
 * @throws {ServerCertificateError} It is to be reached with TLS, and its certificate is not trusted.
 * @throws {LoginRefusedError} The server refuses the log-in, or has none.
 * @throws {Error} The server cannot be reached.
 */
export async function connectChannels(options: ChannelsOptions): Promise<Channels> {
  const { name, password, port = CHANNELS_PORT, signal } = options;
  if (!isClientName(name)) {
    throw new TypeError(
      `Cannot use '${name}' as a name: expected 1 to ${MAX_CLIENT_NAME_BYTES} bytes, no control character, no space at an end`,
    );
  }
  const connection = await connectStream({ ...options, port });
  const channels = new Channels(connection, signal);
  try {
    await connection.write(encodeFrames(name));
  } catch (error) {
    channels.close();
    throw new Error(`Cannot send to the server: ${(error as Error).message}`);
  }
  if (password === undefined) return channels;
  try {
    await channels.logIn({ name, password });
  } catch (error) {
    channels.close();
    throw error;
  }
  return channels;
}

/**
 * A client of the channels, in one of them or in none. It receives the texts of whole frames: `[Bob] text` from other
 * members of its channel, and the server's own texts. On the wire both look alike.
 */
export class Channels extends StreamClient {
  readonly #decoder = new FrameDecoder();

  /**
   * Sends a message to the channel, or a control message, which begins with `/`. A message over 200 bytes is sent as
   * several, and none of them begins with `/`. This wire loses white space at the end. Resolves as fast as the server reads.
   *
   * @throws {RangeError} A control message is longer than a frame.
   * @throws {Error} The connection is broken.
   */
  override async send(text: string): Promise<void> {
    const control = text.startsWith("/"), trimmed = text.trimEnd();
    if (control && !isWithin(trimmed, FRAME_BYTES)) {
      throw new RangeError(
        `Cannot send a control message over ${FRAME_BYTES} bytes: '${
          text.slice(0, isLogin(text) ? LOGIN_COMMAND.length : 16)
        }…'`,
      );
    }
    await this.write(control ? encodeFrames(trimmed) : encodeMessage(text));
  }

  /** See {@linkcode StreamClient}. */
  protected override decode(bytes: Uint8Array): string[] {
    return this.#decoder.decode(bytes);
  }

  /** See {@linkcode StreamClient}. */
  protected override decodeEnd(): Iterable<string> {
    // a frame that is not complete is no message
    return [];
  }
}

/** Only white space, which a receiver strips at the end of a frame. */
const BLANK = /^[\t-\r ]*$/;

/**
 * The messages as which a line is sent: each fits into a frame. If one after the first would begin with `/`, it begins with
 * a space (channels.md 3.2).
 */
export function messagesOf(line: string): string[] {
  const messages: string[] = [];
  for (let rest = line; messages.length === 0 || !BLANK.test(rest);) {
    // more than fits into one frame
    const frame = encodeFrames(rest.slice(0, 2 * FRAME_BYTES)).subarray(0, FRAME_BYTES);
    const message = decodeFrame(frame);
    messages.push(message);
    rest = rest.slice(message.length || FRAME_BYTES);
    if (rest.startsWith("/")) rest = ` ${rest}`;
  }
  return messages;
}

function encodeMessage(text: string): Uint8Array<ArrayBuffer> {
  return concatBytes(...messagesOf(text).map((message) => encodeFrames(message)));
}
