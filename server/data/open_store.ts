/**
 * Opens the store of a server, and logs what an operator should know of it.
 *
 * @module
 */

import { describeOwner } from "../quota/owner.ts";
import { type Log, mailboxName } from "../report/log.ts";
import type { BatchOptions } from "../store/engine/batch_engine.ts";
import { StoreLocked } from "../store/errors.ts";
import { SqliteStore } from "../store/journal/sqlite.ts";
import type { Store, StoreEvent } from "../store/store.ts";
import { readRunning } from "./directory.ts";

/** What the services do when something happens in the store. */
export interface StoreHandlers {
  /** A mailbox that a lease has subscribed to has a message. */
  ready(mailbox: string): void;
  /** No file has these contents any more. */
  unused(contents: string[]): void;
}

/** @throws {Error} Another process has it open, or it can't be opened. */
export async function openStore(
  options: Omit<BatchOptions, "onEvent">,
  log: Log,
  handlers: StoreHandlers,
): Promise<Store> {
  try {
    return await SqliteStore.open({
      ...options,
      onEvent: (event) => {
        if (event.kind === "ready") handlers.ready(event.mailbox);
        else if (event.kind === "unused") handlers.unused(event.contents);
        else report(log, event);
      },
    });
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    const running = await readRunning(options.directory!);
    const process = running ? `the server with process id ${running.pid}` : "another process";
    throw new Error(`Cannot use data directory ${options.directory}: ${process} has it open`);
  }
}

function report(log: Log, event: Exclude<StoreEvent, { kind: "ready" | "unused" }>) {
  const warn = (what: string, kind: string) => log.warn({ service: "mailbox", what, kind });
  switch (event.kind) {
    case "full": {
      const { owner, limit, mailbox } = event;
      const what = owner === undefined
        ? `${nameOf(mailbox)} full at ${limit}: further messages are refused`
        : `${describeOwner(owner)} has its share, ${limit}: further messages of it are refused`;
      return warn(what, "a full mailbox");
    }
    case "long": {
      const what = `${mailboxName(event.mailbox)} has a message that is too long for the original wire: ` +
        "it stays for 'wirepost receive'";
      return warn(what, "a message that is too long for the original wire");
    }
    case "room": {
      const { owner, refused, mailbox } = event;
      const what = owner === undefined
        ? `${nameOf(mailbox)} no longer full`
        : `${describeOwner(owner)} has some of its share left again`;
      return warn(`${what}; ${refused} messages were refused`, "a mailbox that is no longer full");
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

function nameOf(mailbox: string | undefined): string {
  return mailbox === undefined ? "all mailboxes together are" : `${mailboxName(mailbox)} is`;
}
