/**
 * A data directory with many messages, made by the engine alone, which is faster than a server.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE } from "../../server/store/database/database.ts";
import { maxTaken } from "../../protocol/mailbox.ts";
import { DEFAULT_OPTIONS } from "../default_options.ts";
import { DEFAULT_LIMITS } from "../../server/store/limits.ts";
import type { Put } from "../../server/store/requests/message.ts";
import { BatchEngine } from "../batch_engine.ts";

/** The messages are in so many mailboxes. */
export const MAILBOXES = 1000;

/** Messages that are put at a time. */
const BATCH = 4096;

export const mailboxOf = (i: number) => `mailbox-${i % MAILBOXES}`;

export function put(i: number): Put {
  const text = `message ${i} of about forty bytes`.padEnd(40, ".");
  return { kind: "put", mailbox: mailboxOf(i), sender: "alice", time: Date.now(), text, bytes: 40 };
}

/** What a take gives at most, as a server says it. */
const takeBytesMax = maxTaken(DEFAULT_OPTIONS.maxDatagramBytes);

export const openEngine = (directory: string) =>
  new BatchEngine({
    directory,
    limits: DEFAULT_LIMITS,
    takeBytesMax,
    onEvent: ({ kind }) => assert(false, kind),
  });

/** Puts so many messages into a directory, which is made. */
export function fill(directory: string, messages: number) {
  Deno.mkdirSync(directory);
  const engine = openEngine(directory);
  for (let i = 0; i < messages; i += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, messages - i) }, (_, j) => put(i + j));
    assert(engine.apply(batch).outcomes.every((outcome) => outcome === "stored"));
  }
  assertEquals(engine.counts.messages, messages);
  engine.close();
}

/** The engine had no journal: a server begins one. */
export function forgetRecords(directory: string) {
  const db = new DatabaseSync(`${directory}/${DATABASE_FILE}`);
  db.exec("UPDATE position SET number = 0, checksum = NULL");
  db.close();
}
