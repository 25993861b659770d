/**
 * Every limit with its use now, as an administrator asks for it: what stands for it in `OPTIONS`, and how much is used.
 *
 * @module
 */

import type { ForumService } from "./forum_service.ts";
import type { HttpService } from "./http_service.ts";
import type { HubService } from "./hub_service.ts";
import type { MailboxService } from "./mailbox_service.ts";
import type { ServeOptions } from "./options/serve_options.ts";
import type { Handshakes } from "./net/tls/handshakes.ts";
import type { Creations } from "./quota/creations.ts";
import { LOOPBACK, type TableUsage } from "./quota/fair_table.ts";
import { ownerLimit } from "./quota/share.ts";
import type { Limit } from "./report/limit.ts";
import type { Log } from "./report/log.ts";
import type { Accounts } from "./service/account/accounts.ts";
import { MAX_MEASURES, type Moderation } from "./service/moderation.ts";
import { KEYS_MAX, OWNER_KEYS_MAX } from "./store/engine/key/request_keys.ts";
import { MAX_OWNERS } from "./store/engine/mailbox/owners.ts";
import { DEAD_LIMITS } from "./store/engine/message/dead_letters.ts";
import type { ContentFiles } from "./store/files/files.ts";
import type { Hold } from "./store/checkpoint/hold.ts";
import { BACKLOG_BYTES, BACKLOG_REQUESTS, type GroupCommit } from "./store/journaled/group.ts";
import type { Fullest } from "./store/requests/report.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import type { Watchers } from "./wire/admin/watchers.ts";

/** What is limited; a service that doesn't run is undefined. */
export interface LimitSources {
  options: ServeOptions;
  store: GroupCommit;
  accounts: Accounts;
  moderation: Moderation;
  watchers: Watchers;
  admin: Admin;
  /** The store, as it was opened. */
  opened: { hold: Pick<Hold, "isOn"> };
  log: Log;
  creations: Pick<Creations, "usage" | "unprovedUsage">;
  /** Of TLS. */
  handshakes: Handshakes | undefined;
  mailbox?: MailboxService;
  hub?: HubService;
  http?: HttpService;
  forum?: ForumService;
  /** The forum's. */
  files?: ContentFiles;
}

/** All of the services that run. */
export async function limits(sources: LimitSources): Promise<Limit[]> {
  const { options, store, accounts, moderation, watchers, admin, opened, log } = sources;
  const { mailbox, hub, forum, http, handshakes, creations } = sources;
  const fullest = await store.ask({ kind: "fullest" });
  const { sessions, leases } = await store.ask({ kind: "usage" });
  return [
    ...mailbox === undefined ? [] : await mailboxLimits(sources, fullest),
    { name: "creations of one address", option: "creation-rate", ...creations.usage },
    { name: "original creations per address", option: "creation-rate", ...creations.unprovedUsage },
    { name: "database bytes", option: "max-file", used: fullest.databaseBytes, limit: options.maxFileBytes },
    { name: "requests that wait for the disk", used: store.waiting, limit: BACKLOG_REQUESTS },
    { name: "waiting bytes for the disk", used: store.waitingBytes, limit: BACKLOG_BYTES },
    { name: "holds for a backup", used: Number(opened.hold.isOn), limit: 1 },
    ...accounts.limits(),
    ...log.limits(),
    { name: "bans and mutes", used: moderation.list().length, limit: MAX_MEASURES },
    ...watchers.limits(),
    admin.limit,
    ...tableLimits("kept sessions", sessions),
    ...tableLimits("leases", leases),
    ...mailbox?.sessions.tables.flatMap(([name, usage]) => tableLimits(`mailbox ${name}`, usage)) ?? [],
    ...hub?.limits() ?? [],
    ...handshakes?.limits() ?? [],
    ...http?.limits() ?? [],
    { name: "remembered request keys", used: fullest.requestKeys.keys, limit: KEYS_MAX },
    { name: "request keys per owner", used: fullest.requestKeys.ofOwner, limit: OWNER_KEYS_MAX },
    ...forum === undefined ? [] : await forumLimits(sources, fullest),
  ];
}

async function mailboxLimits(
  { options, store, mailbox: service }: LimitSources,
  fullest: Fullest,
): Promise<Limit[]> {
  const { limits, maxDatagramBytes } = options, { mailbox, owner, dead, apart } = fullest;
  const { share, ownerBytes, ownerMailboxes } = limits;
  const counts = await store.ask({ kind: "count" });
  return [
    { name: "messages", option: "max-messages", used: counts.messages, limit: limits.messages },
    { name: "text bytes", option: "max-bytes", used: counts.bytes, limit: limits.bytes },
    { name: "mailboxes", option: "max-mailboxes", used: counts.mailboxes, limit: limits.mailboxes },
    {
      name: "messages of one mailbox",
      option: "mailbox-messages",
      used: mailbox.messages,
      limit: mailbox.messagesMax,
    },
    { name: "one mailbox's bytes", option: "mailbox-bytes", used: mailbox.bytes, limit: limits.mailboxBytes },
    {
      name: "messages of one address",
      option: "share",
      used: owner.messages,
      limit: ownerLimit(limits.messages, share),
    },
    {
      name: "one address's bytes",
      option: ownerBytes === undefined ? "share" : "address-bytes",
      used: owner.bytes,
      limit: ownerLimit(limits.bytes, share, ownerBytes),
    },
    {
      name: "mailboxes of one address",
      option: ownerMailboxes === undefined ? "share" : "address-mailboxes",
      used: owner.mailboxes,
      limit: ownerLimit(limits.mailboxes, share, ownerMailboxes),
    },
    { name: "dead letters", used: dead.letters, limit: DEAD_LIMITS.letters },
    { name: "dead letters' bytes", used: dead.bytes, limit: DEAD_LIMITS.bytes },
    { name: "messages set apart", used: apart.letters, limit: DEAD_LIMITS.letters },
    { name: "set-apart messages' bytes", used: apart.bytes, limit: DEAD_LIMITS.bytes },
    { name: "addresses and users with messages", used: fullest.owners, limit: MAX_OWNERS },
    { name: "datagram bytes", option: "max-datagram", limit: maxDatagramBytes },
    ...service!.limits(),
  ];
}

async function forumLimits(
  { options, store, forum, files }: LimitSources,
  fullest: Fullest,
): Promise<Limit[]> {
  const { threads: limits, files: fileLimits } = options.forumLimits, { user, threadEntries } = fullest;
  const { share, userBytes } = limits, shareOption = userBytes === undefined ? "share" : "address-bytes";
  const counts = await store.ask({ kind: "thread counts" });
  const { files: fileCount, bytes: fileBytes } = files!.counts, fullestUser = files!.fullest;
  const ofOne = (name: string, used: number, limit: number): Limit => (
    { name, option: "share", used, limit: ownerLimit(limit, share) }
  );
  return [
    { name: "threads", option: "max-threads", used: counts.threads, limit: limits.threads },
    { name: "thread entries", option: "max-entries", used: counts.entries, limit: limits.entries },
    { name: "thread bytes", option: "max-posts", used: counts.bytes, limit: limits.bytes },
    {
      name: "entries of one thread",
      option: "thread-entries",
      used: threadEntries,
      limit: limits.threadEntries,
    },
    ofOne("threads of one user", user.threads, limits.threads),
    ofOne("entries of one user", user.entries, limits.entries),
    {
      name: "one user's thread bytes",
      option: shareOption,
      used: user.bytes,
      limit: ownerLimit(limits.bytes, share, userBytes),
    },
    { name: "files", option: "max-files", used: fileCount, limit: fileLimits.files },
    { name: "file bytes", option: "max-file-bytes", used: fileBytes, limit: fileLimits.bytes },
    ofOne("files of one user", fullestUser.files, fileLimits.files),
    {
      name: "one user's file bytes",
      option: shareOption,
      used: fullestUser.bytes,
      limit: ownerLimit(fileLimits.bytes, share, userBytes),
    },
    { name: "one file's bytes", option: "file-size", limit: fileLimits.fileBytes },
    ...files!.limits(),
    ...forum!.limits(),
    ...forum!.sessions.limits(),
    ...forum!.sessions.tables.flatMap(([name, usage]) => tableLimits(`forum ${name}`, usage)),
  ];
}

/** The two halves of a table, clients without and with an account, and what one address or account has of them. */
function tableLimits(name: string, usage: TableUsage): Limit[] {
  const most = (counts: [string, number][]) => Math.max(0, ...counts.map(([, count]) => count));
  // this machine's have no limit of their own
  const networks = usage.networks.filter(([network]) => network !== LOOPBACK);
  return [
    { name, used: usage.anonymous, limit: usage.mostAnonymous },
    { name: `${name} of one address`, used: most(networks), limit: usage.mostOfNetwork },
    { name: `${name} logged in`, used: usage.loggedIn, limit: usage.mostLoggedIn },
    { name: `${name} logged in at one address`, used: usage.loggedInOfOne, limit: usage.mostLoggedInOfOne },
    { name: `${name} of one account`, used: most(usage.accounts), limit: usage.mostOfAccount },
  ];
}
