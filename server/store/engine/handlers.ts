/**
 * The table of requests: which part of the engine carries each out. A put and a take are not in it (see `engine.ts`).
 *
 * @module
 */

import type { Configuration, Configure } from "../requests/upkeep.ts";
import type { Operations } from "../store.ts";
import type { Accounts } from "./account/accounts.ts";
import type { Channels } from "./channels.ts";
import type { Measures } from "./measures.ts";
import type { KeyedRequests } from "./key/keyed_requests.ts";
import type { Messages } from "./message/messages.ts";
import type { RequestKeys } from "./key/request_keys.ts";
import type { Reports } from "./reports.ts";
import type { Sessions } from "./session/sessions.ts";
import type { Threads } from "./thread/threads.ts";

export type Handlers = {
  [K in Exclude<keyof Operations, "put" | "take">]: (
    request: Operations[K][0],
    canStore: boolean,
  ) => Operations[K][1];
};

interface EngineParts {
  messages: Messages;
  keys: RequestKeys;
  keyedRequests: KeyedRequests;
  threads: Threads;
  sessions: Sessions;
  accounts: Accounts;
  channels: Channels;
  measures: Measures;
  reports: Reports;
  /** The options that outcomes depend on, and how they are set. */
  configuration: Readonly<Configuration>;
  configure(wanted: Omit<Configure, "kind">): void;
  /** A server has started on this state. */
  start(): void;
  /** The rules of this version hold from now on. */
  upgrade(version: number): void;
  /** The state is of another lineage from now on. */
  beginLineage(epoch: string): void;
}

export function requestHandlers(parts: EngineParts): Handlers {
  const {
    messages,
    keys,
    keyedRequests,
    threads,
    sessions,
    accounts,
    channels,
    measures,
    reports,
    configuration,
  } = parts;
  const { leased } = messages;
  return {
    clear: (request) => messages.clear(request.mailbox),
    count: (request) => messages.count(request.mailbox),
    list: (request) => messages.list(request),
    stat: (request) => messages.stat(request.mailbox),
    peek: (request) => messages.peek(request),
    dead: (request) => messages.dead(request),
    limit: (request) => {
      const limits = { ...configuration.limits, mailboxMessages: request.messages };
      parts.configure({ ...configuration, limits });
      return "set";
    },
    lease: (request) => messages.lease(request),
    unsubscribe: ({ mailbox }) => messages.events.unsubscribe(mailbox),
    confirm: ({ session, tag }) => leased.confirm(session, tag),
    release: ({ session, tag }) => leased.release(session, tag),
    "put once": (request, canStore) => keyedRequests.put(request, canStore),
    "find key": (request) => keys.answer(request),
    settle: (request) => leased.settle(request),
    session: (request, canStore) => sessions.carryOut(request, canStore),
    open: (request) => sessions.open(request),
    end: (request) => sessions.end(request),
    "latest start": () => sessions.latestStart,
    usage: () => ({ sessions: sessions.table.usage, leases: leased.leases.table.usage }),
    thread: (request, canStore) => keyedRequests.change(request, canStore),
    threads: (request) => threads.list(request),
    read: (request) => threads.read(request),
    file: (request) => threads.findFile(request),
    attach: (request, canStore) => canStore ? threads.attach(request) : "storage",
    contents: (request) => threads.known(request.contents),
    unused: (request) => threads.unused(request.gone, request.limit),
    "thread counts": () => threads.counts,
    account: (request, canStore) => accounts.request(request, canStore),
    channel: (request, canStore) => {
      if (!canStore) return "storage";
      keys.addNew(request.keys ?? []);
      return channels.change(request);
    },
    "remove channel": ({ name }) => channels.remove(name),
    channels: () => channels.list(),
    "channels complete": ({ complete }) => channels.setComplete(complete),
    measure: (request, canStore) => measures.request(request, canStore),
    fullest: () => reports.fullest(),
    oldest: ({ limit, before }) => reports.oldest(limit, before),
    tick: ({ rows }) => messages.due.tick(rows),
    sweep: ({ rows }) => {
      // both: whether memory believes that something is left is no part of the state
      messages.sweep(rows);
      threads.sweep(rows);
      return "done";
    },
    forget: ({ rows }) => {
      keys.forgetOld(rows);
      return sessions.forgetOld(rows);
    },
    configure: (request) => {
      parts.configure(request);
      return "set";
    },
    start: () => {
      parts.start();
      return "started";
    },
    upgrade: ({ version }) => {
      parts.upgrade(version);
      return "upgraded";
    },
    lineage: ({ epoch }) => {
      parts.beginLineage(epoch);
      return "begun";
    },
  };
}
