import type { Journal, JournalRecord, NewRecord } from "./journal.ts";

const NO_CHAIN = new Uint8Array(16);

/** A {@linkcode Journal} that is gone with the process: for a server that keeps its messages in memory, and for tests. */
export class MemoryJournal implements Journal {
  #last = 0;
  #durable = 0;
  /** Those that were not released, in order. */
  #records: JournalRecord[] = [];
  readonly chain = NO_CHAIN;
  readonly bytes = 0;
  readonly segments = 0;
  readonly lost = undefined;
  readonly room = Infinity;

  get last(): number {
    return this.#last;
  }

  get durable(): number {
    return this.#durable;
  }

  makeRoom(): Promise<void> {
    return Promise.resolve();
  }

  append(record: NewRecord): number {
    this.#records.push({ ...record, number: ++this.#last });
    return this.#last;
  }

  sync(): Promise<number> {
    return Promise.resolve(this.syncNow());
  }

  syncNow(): number {
    return this.#durable = this.#last;
  }

  *read(from: number): Iterable<JournalRecord> {
    for (const record of this.#records) {
      if (record.number >= from && record.number <= this.#durable) yield record;
    }
  }

  release(before: number) {
    const first = this.#records.findIndex(({ number }) => number >= before);
    this.#records = first < 0 ? [] : this.#records.slice(first);
  }

  close(): Promise<void> {
    this.#durable = this.#last;
    return Promise.resolve();
  }
}
