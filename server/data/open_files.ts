/**
 * Opens the forum's files: those that the store doesn't know are set aside, and those that it no longer uses removed.
 *
 * @module
 */

import { format as formatBytes } from "@std/fmt/bytes";
import type { Log } from "../report/log.ts";
import type { Hold } from "../store/checkpoint/hold.ts";
import { ContentFiles, type ContentFilesOptions } from "../store/files/files.ts";
import type { UnknownContents } from "../store/files/scan.ts";
import type { GroupCommit } from "../store/journaled/group.ts";

/** Unused contents that are removed at a time. */
const BATCH_CONTENTS = 256;

/** {@linkcode removeUnused} has to follow. */
export function openFiles(
  { log, ...options }: Omit<ContentFilesOptions, "onUnknown"> & { log: Log },
): Promise<ContentFiles> {
  return ContentFiles.open({ ...options, onUnknown: (unknown) => report(log, unknown) });
}

/** Removes the contents of removed threads that an earlier run of the server left. */
export async function removeUnused(
  files: ContentFiles,
  store: Pick<GroupCommit, "ask">,
  hold: Pick<Hold, "isOn">,
) {
  // a backup may need what is unused since it has begun; a later start removes it
  for (let gone: string[] = []; !hold.isOn;) {
    const unused = await store.ask({ kind: "unused", gone, limit: BATCH_CONTENTS });
    // if the disk is full, a later start removes them
    if (unused === "storage") return;
    gone = await removeAll(files, unused);
    if (gone.length === 0) return;
  }
}

/** Removes contents that no file has any more; while there is a hold for a backup, later (store 10.2). */
export class ContentRemoval {
  readonly #files: ContentFiles;
  readonly #store: Pick<GroupCommit, "ask">;
  readonly #hold: Pick<Hold, "isOn" | "onEnd">;
  /** Whether there are some that have to wait for the end of the hold. */
  #isLeft = false;
  #isClosed = false;
  #working: Promise<unknown> = Promise.resolve();

  constructor(files: ContentFiles, store: Pick<GroupCommit, "ask">, hold: Pick<Hold, "isOn" | "onEnd">) {
    this.#files = files;
    this.#store = store;
    this.#hold = hold;
    hold.onEnd(() => {
      // the store names them
      if (this.#isLeft) this.#begin(() => removeUnused(files, store, hold));
      this.#isLeft = false;
    });
  }

  readonly remove = (contents: readonly string[]) => {
    if (this.#hold.isOn) this.#isLeft = true;
    else this.#begin(() => this.#remove(contents));
  };

  async #remove(contents: readonly string[]) {
    const gone = await removeAll(this.#files, contents);
    if (gone.length > 0) await this.#store.ask({ kind: "unused", gone, limit: 0 });
  }

  /** What fails, or comes after the end, a later start does. */
  #begin(work: () => Promise<void>) {
    if (this.#isClosed) return;
    this.#working = Promise.all([this.#working, work().catch(() => {})]);
  }

  /** Waits for what it has begun, before the store is closed; nothing is removed after that. */
  async close() {
    this.#isClosed = true;
    await this.#working;
  }
}

/** Returns those that were removed. */
async function removeAll(files: ContentFiles, contents: readonly string[]): Promise<string[]> {
  const removed: string[] = [];
  for (const content of contents) if (await files.remove(content)) removed.push(content);
  return removed;
}

function report(log: Log, { directory, files, bytes, error }: UnknownContents) {
  if (files > 0) {
    const count = `${files} ${files === 1 ? "file" : "files"} (${formatBytes(bytes, { binary: true })})`;
    const why = "the database may be older than they are";
    log.warn({
      service: "forum",
      what: `set aside in ${directory}: ${count} that the database doesn't know; ${why}`,
    });
  }
  if (error !== undefined) {
    const what = `cannot set aside in ${directory} what the database doesn't know: ${error.message}`;
    log.error({ service: "forum", what });
  }
}
