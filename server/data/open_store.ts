/**
 * Opens the store of a server, and logs what an operator should know of it.
 *
 * @module
 */

import { maxTaken } from "../../protocol/mailbox.ts";
import { describeOwner } from "../quota/owner.ts";
import { type Log, mailboxName } from "../report/log.ts";
import { SqliteStore } from "../store/journal/sqlite.ts";
import { StoreLocked } from "../store/errors.ts";
import type { ForumLimits, StoreLimits } from "../store/limits.ts";
import type { Store, StoreEvent } from "../store/store.ts";
import { readRunning } from "./data_directory.ts";

export interface OpenStoreOptions {
  /** The data directory; undefined to keep everything in memory. */
  data: string | undefined;
  limits: StoreLimits;
  forumLimits: { threads: ForumLimits };
  /** Longest datagram of the original wire, in bytes. */
  maxDatagram: number;
  /** Largest database file, in bytes. */
  maxFileBytes: number | undefined;
  /** Milliseconds that every commit takes longer. */
  commitDelay: number;
}

/** What the services do when something happens in the store. */
export interface StoreHandlers {
  /** A mailbox that is watched has a message. */
  ready(mailbox: string): void;
  /** No file has these contents any more. */
  unused(contents: string[]): void;
}

/** @throws {Error} Another process has it open, or it can't be opened. */
export async function openStore(
  { data, limits, maxDatagram, forumLimits, maxFileBytes, commitDelay }: OpenStoreOptions,
  log: Log,
  handlers: StoreHandlers,
): Promise<Store> {
  try {
    return await SqliteStore.open({
      directory: data,
      limits,
      takeBytesMax: maxTaken(maxDatagram),
      forumLimits: forumLimits.threads,
      maxFileBytes,
      commitDelayMs: commitDelay,
      onEvent: (event) => {
        if (event.kind === "ready") handlers.ready(event.mailbox);
        else if (event.kind === "unused") handlers.unused(event.contents);
        else report(log, event);
      },
    });
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    const running = await readRunning(data!);
    const process = running ? `the server with process id ${running.pid}` : "another process";
    throw new Error(`Cannot use data directory ${data}: ${process} has it open`);
  }
}

function report(log: Log, event: Exclude<StoreEvent, { kind: "ready" | "unused" }>) {
  switch (event.kind) {
    case "full": {
      const { owner, limit, mailbox } = event;
      const what = owner === undefined
        ? `${full(mailbox)} full at ${limit}: further messages are refused`
        : `${describeOwner(owner)} has its share, ${limit}: further messages of it are refused`;
      return log.warn({ service: "mailbox", what, kind: "a full mailbox" });
    }
    case "long": {
      const what = `${mailboxName(event.mailbox)} has a message that is too long for the original wire: ` +
        "it stays for 'wirepost receive'";
      return log.warn({ service: "mailbox", what, kind: "a message that is too long for the original wire" });
    }
    case "room": {
      const { owner, refused, mailbox } = event;
      const has = owner === undefined
        ? `${full(mailbox)} no longer full`
        : `${describeOwner(owner)} has some of its share left again`;
      const what = `${has}; ${refused} messages were refused`;
      return log.warn({ service: "mailbox", what, kind: "a mailbox that is no longer full" });
    }
    case "storage failed": {
      const what = `cannot write to disk (${event.reason}): messages are refused, what is stored can be read`;
      return log.error({ service: "store", what });
    }
    case "storage works": {
      const refused = `${event.refused} ${event.refused === 1 ? "request was" : "requests were"} refused`;
      return log.warn({ service: "store", what: `can write to disk again: ${refused} meanwhile` });
    }
  }
}

function full(mailbox: string | undefined): string {
  return mailbox === undefined ? "all mailboxes together are" : `${mailboxName(mailbox)} is`;
}
