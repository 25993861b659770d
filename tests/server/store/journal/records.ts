/**
 * Records for the tests of the journal.
 *
 * @module
 */

import type { JournalPosition, JournalRecord, NewRecord } from "../../../../server/store/journal/journal.ts";
import type { Put } from "../../../../server/store/requests/message.ts";

/** The ID of the journals in tests, and where they begin. */
export const JOURNAL_ID = new Uint8Array(16).fill(7);
export const BEGINNING: JournalPosition = { number: 0, chain: new Uint8Array(16) };

export function put(text: string, fields: Partial<Put> = {}): Put {
  const bytes = new TextEncoder().encode(text).length;
  return { kind: "put", mailbox: "bob", sender: "alice", time: 1_700_000_000_000, text, bytes, ...fields };
}

/** A record with one put of this text. */
export function record(text: string): NewRecord {
  return {
    engine: 3,
    canStore: true,
    shard: 0,
    term: 0n,
    leader: new Uint8Array(16),
    wallClock: 1_700_000_000_000.5,
    monotonicClock: 12_345.25,
    random: new Uint8Array(32).fill(text.length),
    requests: [put(text)],
  };
}

/** The texts of records that {@linkcode record} has made, with their numbers: `1 a`. */
export function texts(records: Iterable<JournalRecord>): string[] {
  return [...records].map(({ number, requests }) => `${number} ${(requests[0] as Put).text}`);
}
