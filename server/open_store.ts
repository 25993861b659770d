import type { ClientLog } from "./client_log.ts";
import { readRunning } from "./data_directory.ts";
import { maxTaken } from "../protocol/mailbox.ts";
import { mailboxName } from "./mailbox.ts";
import type { ServeOptions } from "./serve.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { type Store, type StoreEvent, StoreLocked } from "./store/store.ts";

/**
 * Opens the store, and has what it tells logged.
 *
 * @param clients Takes lines that anybody may cause.
 * @param ready Is told that a mailbox has a message.
 * @param unused Is told which contents no file has any more.
 * @throws {Error} Another process has it open, or it can't be opened.
 */
export async function openStore(
  options: ServeOptions,
  clients: Pick<ClientLog, "line">,
  ready: (mailbox: string) => void,
  unused: (contents: string[]) => void,
): Promise<Store> {
  const { data, limits, maxDatagram, forumLimits, maxFileBytes, commitDelay, log } = options;
  try {
    return await SqliteStore.open({
      directory: data,
      limits,
      takenBytes: maxTaken(maxDatagram),
      forumLimits: forumLimits.threads,
      maxFileBytes,
      commitDelay,
      onEvent: (event) => {
        if (event.kind === "ready") ready(event.mailbox);
        else if (event.kind === "unused") unused(event.contents);
        else if (event.kind !== "storage failed" && event.kind !== "storage works") {
          clients.line(`mailbox: ${describe(event)}`);
        } else log.line(`store: ${describe(event)}`);
      },
    });
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    const running = await readRunning(data!);
    throw new Error(
      `Cannot use data directory ${data}: ${
        running ? `the server with process id ${running.pid}` : "another process"
      } has it open`,
    );
  }
}

function describe(event: Exclude<StoreEvent, { kind: "ready" | "unused" }>): string {
  switch (event.kind) {
    case "full":
      return `${full(event.mailbox)} full at ${event.limit}: further messages are refused`;
    case "long":
      return `${mailboxName(event.mailbox)} has a message that is too long for the original wire: ` +
        "it stays for 'parley receive'";
    case "room":
      return `${full(event.mailbox)} no longer full; ${event.refused} messages were refused`;
    case "storage failed":
      return `the disk takes nothing (${event.reason}): messages are refused, what is stored can be read`;
    case "storage works":
      return `the disk takes messages again; ${event.refused} were refused`;
  }
}

function full(mailbox: string | undefined): string {
  return mailbox === undefined ? "all mailboxes together are" : `${mailboxName(mailbox)} is`;
}
