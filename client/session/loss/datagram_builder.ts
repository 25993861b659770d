import { utf8Length } from "../../../protocol/mailbox.ts";
import { MAX_HEADER_BYTES, MAX_SESSION_DATAGRAM_BYTES } from "../../../protocol/session.ts";
import type { Sendable } from "./in_flight.ts";

/** Most bytes of one line, the separator before it included. */
export const MAX_LINE_BYTES = MAX_SESSION_DATAGRAM_BYTES - MAX_HEADER_BYTES;

/** A datagram that is being filled with requests. */
export class DatagramBuilder {
  readonly lines: string[] = [];
  readonly requests: Sendable[] = [];
  #bytesLeft = MAX_LINE_BYTES;

  /** Adds the request's line, which has this many bytes, or returns false if it does not fit. */
  add(request: Sendable, line: string, bytes: number = utf8Length(line)): boolean {
    if (bytes + 1 > this.#bytesLeft) return false;
    this.#bytesLeft -= bytes + 1;
    this.lines.push(line);
    this.requests.push(request);
    return true;
  }
}
