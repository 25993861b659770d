import type { StatementSync } from "node:sqlite";
import type { Context } from "../../database/context.ts";

/** How many that hold nothing keep their rows, so that filling and emptying one costs no insert and delete. */
const EMPTY_KEPT = 1024;

/** What a {@linkcode NameTable} keeps by its name. It has a row if it holds something at a flush, or did lately. */
export abstract class Named {
  /** Its number in the database; 0: it has no row. */
  id = 0;
  /** Messages refused since it became full; undefined while it has room. */
  refused: number | undefined;

  constructor(readonly name: string) {}

  abstract get isEmpty(): boolean;
}

/** Invariant: those that hold nothing are in `#empty`. */
export abstract class NameTable<T extends Named> {
  protected readonly context: Context;
  readonly #add: StatementSync;
  readonly #drop: StatementSync;
  #byName = new Map<string, T>();
  /** The one that has been empty longest comes first. */
  #empty = new Set<T>();
  /** Those that were full and have changed since: they may have room again. */
  readonly eased = new Set<T>();

  /** @param add The statement that gives one of this name a row in `table`. */
  constructor(context: Context, table: "mailbox" | "owner", add: string) {
    this.context = context;
    this.#add = context.db.prepare(add);
    this.#drop = context.db.prepare(`DELETE FROM ${table} WHERE id = ?`);
  }

  get(name: string): T | undefined {
    return this.#byName.get(name);
  }

  /** All that hold something, or did lately. */
  all(): IterableIterator<T> {
    return this.#byName.values();
  }

  /** How many hold something. */
  protected get size(): number {
    return this.#byName.size - this.#empty.size;
  }

  /** Takes one more, with its row if it has one. */
  protected insert(thing: T): T {
    this.#byName.set(thing.name, thing);
    if (thing.isEmpty) this.#empty.add(thing);
    return thing;
  }

  /** Forgets all at once, and returns them: takes the same time for any number. */
  protected removeAll(): Map<string, T> {
    const all = this.#byName;
    this.#byName = new Map();
    this.#empty = new Set();
    this.eased.clear();
    return all;
  }

  protected remove(thing: T) {
    this.#byName.delete(thing.name);
    this.#empty.delete(thing);
    this.eased.delete(thing);
  }

  /** Has to be called after each change of what it holds. */
  protected changed(thing: T, wasEmpty: boolean) {
    if (thing.isEmpty) this.#empty.add(thing);
    else if (wasEmpty) this.#empty.delete(thing);
    if (thing.refused !== undefined) this.eased.add(thing);
  }

  /** Its number in the database. It gets a row if it has none. */
  idOf(thing: T): number {
    if (thing.id === 0) {
      thing.id = Number(this.context.transaction.run(this.#add, thing.name).lastInsertRowid);
    }
    return thing.id;
  }

  /** How much {@linkcode forgetEmpty} has to do, about. */
  get forgettable(): number {
    return Math.max(0, this.#empty.size - EMPTY_KEPT);
  }

  /** Forgets up to `count` of those that have been empty longest, if there are many, with their rows. Returns how many. */
  forgetEmpty(count: number): number {
    let forgotten = 0;
    for (const thing of this.#empty) {
      if (this.#empty.size <= EMPTY_KEPT || forgotten >= count) break;
      this.remove(thing);
      if (thing.id !== 0) this.context.transaction.run(this.#drop, thing.id);
      forgotten++;
    }
    return forgotten;
  }
}
