/**
 * What `status` tells of what is stored.
 *
 * @module
 */

import { format as formatDuration } from "@std/fmt/duration";
import type { Accounts } from "./service/accounts.ts";
import type { ContentFiles } from "./store/files/files.ts";
import type { GroupCommit } from "./store/journal/group.ts";
import { tableStatus } from "./table_status.ts";
import type { Store } from "./store/store.ts";

export interface StatusOptions {
  version: string;
  /** When the server started, in milliseconds since 1970. */
  started: number;
  store: Store;
  group: GroupCommit;
  accounts: Accounts;
  /** The forum's, where it runs. */
  files: ContentFiles | undefined;
}

/** The fields `name value`, but for what the services have done. */
export async function storeStatus(
  { version, started, store, group, accounts, files }: StatusOptions,
): Promise<string[]> {
  const { messages, bytes, mailboxes } = await group.ask({ kind: "count" });
  const { sessions, leases } = await group.ask({ kind: "usage" });
  const up = formatDuration(Math.floor((Date.now() - started) / 1000) * 1000, {
    style: "narrow",
    ignoreZero: true,
  });
  const status = [
    `version ${version}`,
    `up ${up || "0s"}`,
    `messages ${messages}`,
    `bytes ${bytes}`,
    `mailboxes ${mailboxes}`,
    `dropped ${store.dropped}`,
    `accounts ${accounts.count}`,
  ];
  const kept = tableStatus([["kept sessions", sessions], ["leases", leases]]);
  if (files === undefined) return [...status, ...kept];
  const { threads, entries, bytes: text } = await group.ask({ kind: "thread counts" });
  return [
    ...status,
    `forum threads ${threads}`,
    `forum entries ${entries}`,
    `forum bytes ${text}`,
    `forum files ${files.counts.files}`,
    `forum file bytes ${files.counts.bytes}`,
    ...kept,
  ];
}
