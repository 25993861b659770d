import type { StatementSync } from "node:sqlite";
import type { Context } from "../../database/context.ts";

/** How many that hold nothing keep their rows, so that filling and emptying one costs no insert and delete. */
const EMPTY_KEPT = 1024;

/** What a {@linkcode Registry} keeps by its name. It has a row if it holds something, or did lately. */
export abstract class Registered {
  /** Its number in the database; 0: it has no row. */
  id = 0;
  /** Messages refused since it became full; undefined while it has room. */
  refused: number | undefined;
  /** The transaction that touched it last. */
  touchedIn = -1;

  constructor(readonly name: string) {}

  abstract get isEmpty(): boolean;

  /** What a rollback restores: field by field, since a copy of the whole costs as much as an insert. */
  abstract get state(): object;

  restore(before: object) {
    Object.assign(this, before);
  }
}

/** Invariant: those that hold nothing are in `#empty`. */
export abstract class Registry<T extends Registered> {
  protected readonly context: Context;
  readonly #add: StatementSync;
  readonly #drop: StatementSync;
  readonly #byName = new Map<string, T>();
  /** The one that has been empty longest comes first. */
  readonly #empty = new Set<T>();
  #touched: T[] = [];

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

  protected get size(): number {
    return this.#byName.size;
  }

  /** Those that this batch has touched. */
  get touched(): readonly T[] {
    return this.#touched;
  }

  /** Takes one more, with its row if it has one. */
  protected insert(thing: T): T {
    this.#byName.set(thing.name, thing);
    if (thing.isEmpty) this.#empty.add(thing);
    return thing;
  }

  protected remove(thing: T) {
    this.#byName.delete(thing.name);
    this.#empty.delete(thing);
  }

  /** Has to be called after each change of what it holds. */
  protected changed(thing: T, wasEmpty: boolean) {
    if (thing.isEmpty) this.#empty.add(thing);
    else if (wasEmpty) this.#empty.delete(thing);
  }

  /** Restores it if the batch is rolled back. */
  touch(thing: T) {
    const { transaction } = this.context;
    if (thing.touchedIn === transaction.number) return;
    thing.touchedIn = transaction.number;
    this.#touched.push(thing);
    transaction.onRollback(this.#restorerOf(thing));
  }

  /** Not in `touch`, which is called for every message and mostly has nothing to do: the closure would cost memory. */
  #restorerOf(thing: T): () => void {
    const before = thing.state;
    return () => {
      this.#touched = [];
      this.restore(thing, before);
    };
  }

  protected restore(thing: T, before: object) {
    const wasEmpty = thing.isEmpty;
    thing.restore(before);
    this.changed(thing, wasEmpty);
  }

  /** Its number in the database. It gets a row if it has none. */
  idOf(thing: T): number {
    if (thing.id === 0) {
      const { transaction } = this.context;
      thing.id = Number(transaction.run(this.#add, thing.name).lastInsertRowid);
      transaction.onRollback(() => thing.id = 0);
    }
    return thing.id;
  }

  /** Forgets those that have been empty longest, if there are many, with their rows. */
  forgetEmpty() {
    const { transaction } = this.context;
    for (const thing of this.#empty) {
      if (this.#empty.size <= EMPTY_KEPT) break;
      this.remove(thing);
      if (thing.id !== 0) transaction.run(this.#drop, thing.id);
      transaction.onRollback(() => this.insert(thing));
    }
  }

  /** To be called after a batch is committed. */
  commit() {
    if (this.#touched.length > 0) this.#touched = [];
  }
}
