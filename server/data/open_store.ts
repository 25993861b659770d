/**
 * Opens the store of a server, and logs what an operator should know of it.
 *
 * @module
 */

import { describeOwner } from "../quota/owner.ts";
import { type Log, mailboxName } from "../report/log.ts";
import { isDatabaseError } from "../store/database/database.ts";
import { FileFailed, StoreLocked, systemCode } from "../store/errors.ts";
import type { JournaledStore } from "../store/journaled/journaled_store.ts";
import { DirectoryLock } from "../store/journaled/directory_lock.ts";
import { openJournaledStore, type StoreOptions } from "../store/journaled/open.ts";
import type { StoreEvent } from "../store/store.ts";
import { readRunning } from "./directory.ts";
import { checkStart } from "./start_check.ts";

/** What the services do when something happens in the store. */
export interface StoreHandlers {
  /** A mailbox that a lease has subscribed to has a message. */
  ready(mailbox: string): void;
  /** No file has these contents any more. */
  unused(contents: string[]): void;
  /** A row is damaged, and is not handed out; that is logged already. */
  damaged?(): void;
  /** Whether what needs space is refused, because the disk takes nothing; that is logged already. */
  isStorageFailing?: boolean;
  /** The store cannot be relied on any more. */
  lost(error: Error): void;
}

export interface OpenStoreOptions extends Omit<StoreOptions, "lock" | "onEvent" | "onLost"> {
  /** Whether a new database was asked for. */
  beginNew: boolean;
}

/**
 * Opens the store; its directory is made if need be, and locked before anything in it is read.
 *
 * @throws {Error} Another process has it open, or it can't be opened.
 */
export async function openStore(
  { beginNew, ...options }: OpenStoreOptions,
  log: Log,
  handlers: StoreHandlers,
): Promise<JournaledStore> {
  const { directory } = options;
  try {
    await using opening = new AsyncDisposableStack();
    const lock = directory === undefined ? undefined : await lockDirectory(directory);
    opening.defer(() => lock?.release());
    if (directory !== undefined) await checkStart(directory, beginNew);
    const store = await openJournaledStore({
      ...options,
      lock,
      onLost: (error) => handlers.lost(error),
      onEvent: (event) => {
        if (event.kind === "ready") handlers.ready(event.mailbox);
        else if (event.kind === "unused") handlers.unused(event.contents);
        else report(log, event);
        if (event.kind === "damaged") handlers.damaged?.();
        if (event.kind === "storage failed") handlers.isStorageFailing = true;
        else if (event.kind === "storage works") handlers.isStorageFailing = false;
      },
    });
    // the store releases it
    opening.move();
    return store;
  } catch (error) {
    throw directory === undefined ? error : await startError(directory, error);
  }
}

/** Says which directory it is where an error of the system or of SQLite does not. */
async function startError(directory: string, error: unknown): Promise<unknown> {
  const cannotUse = (why: string) =>
    new Error(`Cannot use data directory ${directory}: ${why}`, { cause: error });
  if (error instanceof StoreLocked) {
    const running = await readRunning(directory);
    return cannotUse(
      `${running ? `the server with process id ${running.pid}` : "another process"} has it open`,
    );
  }
  if (error instanceof FileFailed) return error;
  return systemCode(error) !== undefined || isDatabaseError(error)
    ? cannotUse((error as Error).message)
    : error;
}

async function lockDirectory(directory: string): Promise<DirectoryLock> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return await DirectoryLock.acquire(directory);
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
    case "damaged": {
      const what = event.table === "mailbox"
        ? `${
          mailboxName(event.key)
        } counts messages that cannot be found in the database: 'wirepost check' says more`
        : `row ${event.key} of ${event.table} is damaged: it is not handed out`;
      return log.error({ service: "store", what });
    }
    case "torn": {
      const what =
        `the journal ends at byte ${event.offset} of ${event.path}, where a record is not whole: it was not ` +
        "acknowledged if the server or the machine was stopped in the middle of it; if not, the file is damaged";
      return log.warn({ service: "store", what });
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
