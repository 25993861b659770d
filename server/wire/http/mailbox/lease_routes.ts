/**
 * Acknowledges, extends and releases leases by their IDs. http.md 8.5, 8.6.
 *
 * @module
 */

import { type LeaseId, parseLeaseId } from "../../../../protocol/http/lease_id.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import type { MAILBOX_ROUTES } from "../../../../protocol/http/routes/mailbox.ts";
import { isFailure } from "../../../../protocol/session/mailbox_requests.ts";
import type { Metrics } from "../../../report/metrics.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import type { Settle } from "../../../store/requests/keyed.ts";
import type { Handlers, HttpAnswer, HttpClient } from "../exchange.ts";

/** How long an extended lease runs, where nothing is said. */
const EXTEND_MS = 30_000;

/** After so many attempts a message becomes a dead letter, where nothing is said; and why, where nothing is said. */
const ATTEMPTS = 5, REASON = "released";

type LeaseRoutes = Pick<typeof MAILBOX_ROUTES, "extend" | "release" | "acknowledge">;

export function leaseHandlers(store: Pick<GroupCommit, "submit">, metrics: Metrics): Handlers<LeaseRoutes> {
  return {
    extend: ({ path, query: { lease: duration = EXTEND_MS }, client }) =>
      settle(store, path.lease, client, { kind: "extend", duration }),
    release({ path, query: { delay, reason, attempts }, client }) {
      const isFailed = delay !== undefined || reason !== undefined || attempts !== undefined;
      if (!isFailed) return settle(store, path.lease, client, { kind: "back" });
      const failure = { delay: delay ?? 0, attempts: attempts ?? ATTEMPTS, reason: reason ?? REASON };
      if (!isFailure(failure)) {
        throw new Refusal("bad query", "query parameter 'reason': expected 1 to 64 bytes without a comma");
      }
      return settle(store, path.lease, client, { kind: "fail", ...failure });
    },
    async acknowledge({ path, client }) {
      const answer = await settle(store, path.lease, client, { kind: "ack" });
      metrics.add("http taken");
      return answer;
    },
  };
}

async function settle(
  store: Pick<GroupCommit, "submit">,
  text: string,
  { account }: HttpClient,
  what: Settle["what"],
): Promise<HttpAnswer> {
  const id: LeaseId | undefined = parseLeaseId(text);
  if (id === undefined) throw new Refusal("not found", `'${text}' is no lease's ID`);
  const outcome = await new Promise<"done" | "lost" | "denied" | "storage" | "overload">((resolve) => {
    if (!store.submit({ kind: "settle", ...id, account, what }, resolve)) resolve("overload");
  });
  switch (outcome) {
    case "done":
      return { status: 204 };
    case "lost":
      throw new Refusal("lease lost");
    case "denied":
      throw new Refusal(account === "" ? "account" : "not your mailbox");
    default:
      throw new Refusal(outcome, undefined, { retryAfter: 1 });
  }
}
