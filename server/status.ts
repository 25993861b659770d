/**
 * What `wirepost admin status` prints: a line `name value` for each metric.
 *
 * @module
 */

import { format as formatDuration } from "@std/fmt/duration";
import type { ForumService } from "./forum_service.ts";
import type { HttpService } from "./http_service.ts";
import type { HubService } from "./hub_service.ts";
import type { MailboxService } from "./mailbox_service.ts";
import { LOOPBACK, type TableUsage } from "./quota/fair_table.ts";
import type { MeasuredValues, MetricName, Metrics, TableName } from "./report/metrics.ts";
import type { Accounts } from "./service/account/accounts.ts";
import type { ContentFiles } from "./store/files/files.ts";
import type { GroupCommit } from "./store/journaled/group.ts";
import type { StoreFigures } from "./store/journaled/figures.ts";
import type { JournaledStore } from "./store/journaled/journaled_store.ts";

/** What is measured; a service that doesn't run is undefined. */
export interface StatusSources {
  version: string;
  /** When the server started, in milliseconds since 1970. */
  startTime: number;
  store: GroupCommit;
  opened: Pick<JournaledStore, "dropped" | "figures">;
  accounts: Accounts;
  metrics: Metrics;
  mailbox?: MailboxService;
  hub?: HubService;
  http?: HttpService;
  forum?: ForumService;
  /** The forum's. */
  files?: ContentFiles;
}

/** The lines, in an order that clients may rely on. */
export async function status(sources: StatusSources): Promise<string[]> {
  const { version, startTime, store, opened, accounts, metrics, mailbox, hub, http, forum, files } = sources;
  const { messages, bytes, mailboxes } = await store.ask({ kind: "count" });
  const { sessions, leases } = await store.ask({ kind: "usage" });
  const seconds = Math.floor((Date.now() - startTime) / 1000);
  const values: [MetricName, number | string][] = [
    ["up", formatDuration(seconds * 1000, { style: "narrow", ignoreZero: true }) || "0s"],
    ["messages", messages],
    ["bytes", bytes],
    ["mailboxes", mailboxes],
    ["dropped", opened.dropped],
    ["accounts", accounts.count],
  ];
  if (files !== undefined) {
    const { threads, entries, bytes } = await store.ask({ kind: "thread counts" });
    values.push(["forum threads", threads], ["forum entries", entries], ["forum bytes", bytes]);
    values.push(["forum files", files.counts.files], ["forum file bytes", files.counts.bytes]);
  }
  return [
    `version ${version}`,
    ...lines(values),
    ...tableLines("kept sessions", sessions),
    ...tableLines("leases", leases),
    ...mailbox?.sessions.tables.flatMap(([name, usage]) => tableLines(`mailbox ${name}`, usage)) ?? [],
    ...forum?.sessions.tables.flatMap(([name, usage]) => tableLines(`forum ${name}`, usage)) ?? [],
    ...lines(hub?.status() ?? []),
    ...lines(http?.status() ?? []),
    ...lines(journalValues(opened.figures)),
    ...lines(metrics.entries()),
  ];
}

/** All that is measured now, as numbers: what Prometheus is given. */
export async function values(sources: StatusSources): Promise<MeasuredValues> {
  const { startTime, store, opened, accounts, metrics, mailbox, hub, http, forum, files } = sources;
  const { messages, bytes, mailboxes } = await store.ask({ kind: "count" });
  const { sessions, leases } = await store.ask({ kind: "usage" });
  const { dead } = await store.ask({ kind: "fullest" });
  const oldest = await store.ask({ kind: "oldest", limit: 1 });
  const since = Array.isArray(oldest) ? oldest[0]?.time : undefined;
  const tables: [TableName, TableUsage][] = [
    ["kept sessions", sessions],
    ["leases", leases],
    ...mailbox?.sessions.tables.map(([name, usage]): [TableName, TableUsage] => [`mailbox ${name}`, usage]) ??
      [],
    ...forum?.sessions.tables.map(([name, usage]): [TableName, TableUsage] => [`forum ${name}`, usage]) ?? [],
  ];
  const all: [MetricName, number][] = [
    ["up", (Date.now() - startTime) / 1000],
    ["messages", messages],
    ["bytes", bytes],
    ["mailboxes", mailboxes],
    ["oldest message", since === undefined ? 0 : Math.max(0, Date.now() - since) / 1000],
    ["dead letters", dead.letters],
    ["dropped", opened.dropped],
    ["accounts", accounts.count],
    ...tables.flatMap(([name, { anonymous, loggedIn }]): [MetricName, number][] => [
      [name, anonymous],
      [`${name} logged in`, loggedIn],
    ]),
    ...hub?.status() ?? [],
    ...hub === undefined ? [] : [["waiting bytes", hub.sending.total.bytes]] as [MetricName, number][],
    ...http?.status() ?? [],
    ...journalValues(opened.figures),
    ...metrics.entries(),
  ];
  if (files !== undefined) {
    const { threads, entries, bytes } = await store.ask({ kind: "thread counts" });
    all.push(["forum threads", threads], ["forum entries", entries], ["forum bytes", bytes]);
    all.push(["forum files", files.counts.files], ["forum file bytes", files.counts.bytes]);
  }
  return { values: new Map(all), histograms: new Map([["journal sync", opened.figures.syncTimes]]) };
}

function journalValues(figures: StoreFigures): [MetricName, number][] {
  const { records, bytes, syncs, syncMs, segments, backlog, checkpoints } = figures;
  return [
    ["journal records", records],
    ["journal bytes", bytes],
    ["journal syncs", syncs],
    ["journal sync time", syncMs],
    ["journal segments", segments],
    ["backlog", backlog.bytes],
    ["backlog time", Math.round(backlog.workMs)],
    ["checkpoints", checkpoints],
  ];
}

function lines(values: readonly [MetricName, number | string][]): string[] {
  return values.map(([name, value]) => `${name} ${value}`);
}

/** The two halves of a table, clients without and with an account, each with its limit and who has most of it. */
function tableLines(name: TableName, { networks, accounts, ...usage }: TableUsage): string[] {
  return [
    `${name} ${usage.anonymous}/${usage.mostAnonymous}`,
    ...networks.map(([network, count]) =>
      `${name} at ${network === LOOPBACK ? "loopback" : network} ${count}`
    ),
    `${name} logged in ${usage.loggedIn}/${usage.mostLoggedIn}`,
    ...accounts.map(([account, count]) => `${name} of ${account} ${count}`),
  ];
}
