/**
 * Lines of the forum's file transfer, in words: without tickets, hashes and proofs.
 *
 * @module
 */

import { decodeTransferRequest, type TransferAnswer } from "../transfer.ts";
import type { Described } from "../watch.ts";
import { refusal, type RefusalReason } from "./refusals.ts";
import { bytesOf, count } from "./words.ts";

/** A client's line; undefined if it was longer than a line may be, or not UTF-8. */
export function describeTransferLine(line: string | undefined): Described {
  const request = line === undefined ? undefined : decodeTransferRequest(line);
  switch (request?.kind) {
    case "upload":
      return { what: "file: upload, with a ticket" };
    case "sealed":
      return { what: "file: everything that follows is sealed, with a ticket" };
    case "download":
      return { what: `file: download, with a ticket, from byte ${request.offset}` };
    case "from":
      return { what: `file: its content from byte ${request.offset} on follows` };
    case "sum":
      return { what: "file: the proof of what was sent" };
    case undefined:
      // a ticket may be in it
      return {
        what: `file: a line of ${line === undefined ? "too many bytes" : bytesOf(line)}`,
        ...refusal("files malformed"),
      };
  }
}

/** The server's line. */
export function describeTransferAnswer(answer: TransferAnswer): Described {
  switch (answer.kind) {
    case "from":
      return { what: `file: from byte ${answer.offset}` };
    case "wait":
      return { what: "file: wait, the server works on it" };
    case "stored":
      return { what: "file: stored, it is in its thread" };
    case "no": {
      const { why, ...more } = refusal(`files ${answer.code}`);
      return { what: `file: no ${answer.code}`, ...more, why: answer.text || why || answer.code };
    }
  }
}

/**
 * The end of a connection, with the bytes that went either way.
 *
 * @param why Why the server has closed it, if not because its transfer or its client ended.
 */
export function describeTransferEnd(received: number, sent: number, why?: RefusalReason): Described {
  const what = `file: disconnected, ${count(received, "byte")} received, ${count(sent, "byte")} sent`;
  return { what, ...why === undefined ? {} : refusal(why) };
}
