import type { StoreRequest } from "../store.ts";
import type { Messages } from "./message/messages.ts";
import type { Sessions } from "./session/sessions.ts";

/** Kinds of requests that never change anything. */
const READS: ReadonlySet<StoreRequest["kind"]> = new Set([
  "count",
  "list",
  "stat",
  "peek",
  "latest start",
  "usage",
  "threads",
  "read",
  "file",
  "contents",
  "thread counts",
  "find key",
  "channels",
  "fullest",
  "oldest",
  // subscriptions are no part of the state: they end with the process
  "unsubscribe",
]);

/** Whether a request would change nothing of the state. It may say no where nothing would change, and never the reverse. */
export function changesNothing(request: StoreRequest, messages: Messages, sessions: Sessions): boolean {
  switch (request.kind) {
    // the most frequent ones first
    case "put":
    case "session":
      return false;
    case "take":
      return messages.readyCount(request.mailbox) === 0;
    case "lease":
      return messages.leased.leases.of(request.session, request.tag) !== undefined ||
        messages.readyCount(request.mailbox) === 0;
    case "confirm": {
      const lease = messages.leased.leases.of(request.session, request.tag);
      return lease === undefined || lease.confirmed;
    }
    case "release":
      return messages.leased.leases.of(request.session, request.tag) === undefined;
    case "clear":
      return messages.count(request.mailbox).messages === 0;
    case "open":
    case "end":
      return !sessions.isUsedBy(request);
    case "dead":
    case "account":
      return request.what === "list";
    case "measure":
      return request.action === "list";
    case "unused":
      return request.gone.length === 0;
    default:
      return READS.has(request.kind);
  }
}
