import { DatabaseSync } from "node:sqlite";
import type { Context } from "../database/context.ts";
import { assertConsistent } from "../database/consistency.ts";
import { databasePath, isBusy, openDatabase, openError } from "../database/database.ts";
import { FreePages } from "../database/free_pages.ts";
import { Transaction } from "../database/transaction.ts";
import { StoreLocked } from "../errors.ts";
import type { Counts } from "../requests/message.ts";
import type { Configuration, Configure } from "../requests/upkeep.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";
import { Accounts } from "./account/accounts.ts";
import { AccountNetworks } from "./account/networks.ts";
import { Channels } from "./channels.ts";
import { ConfigurationRow } from "./state/configuration.ts";
import { configurationLine, dumpRows, lineOf } from "./dump.ts";
import { EPOCH_BYTES, EpochRow } from "./state/epoch.ts";
import { type Handlers, requestHandlers } from "./handlers.ts";
import { Measures } from "./measures.ts";
import { KeyedRequests } from "./key/keyed_requests.ts";
import { Messages } from "./message/messages.ts";
import { RequestKeys } from "./key/request_keys.ts";
import { type Position, PositionRow } from "./state/position.ts";
import { changesNothing } from "./reads.ts";
import { RecordRandom } from "./record_random.ts";
import { Reports } from "./reports.ts";
import { Sessions } from "./session/sessions.ts";
import { Threads } from "./thread/threads.ts";
import { UncheckedRows } from "./unchecked_rows.ts";
import { assertVersion, ENGINE_VERSIONS, type EngineVersion, VersionRow } from "./state/version.ts";

export interface EngineOptions {
  /** Where the database is; undefined: in memory. */
  directory: string | undefined;
  /** Which versions there are; those of this program by default. */
  versions?: readonly EngineVersion[] | undefined;
}

/** What a record says beside its requests. */
export interface RecordStart {
  number: number;
  /** Whether what needs space may be stored (store 6.2). */
  canStore: boolean;
  /** Milliseconds since 1970, and of the monotonic clock (store 4.3 and 4.4). */
  wallClock: number;
  monotonicClock: number;
  /** 32 bytes. */
  random: Uint8Array;
}

/** Rows that are removed, sessions that are forgotten, and messages that become ready, by one record: about a millisecond. */
const SWEEP_ROWS = 512, FORGET_ROWS = 512, TICK_ROWS = 256;

/**
 * The state machine of the store: applies one record after the other (store section 4). Its state is what the database
 * holds, and what memory has of the records since the last checkpoint.
 *
 * Invariants:
 * - What `apply` does depends on the state and on the record alone.
 * - `apply` does not fail: after an error it cannot be relied on any more, and the process has to end.
 * - When `flush` and `checkpoint` are called changes no outcome.
 */
export class Engine {
  /** Which there are; the last one is the newest. */
  readonly versions: readonly EngineVersion[];
  /** Up to which record the database's state goes. */
  position: Position;
  /** The ID of the journal that the database belongs to. */
  readonly journalId: Uint8Array;
  readonly #db: DatabaseSync;
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #keys: RequestKeys;
  readonly #threads: Threads;
  readonly #sessions: Sessions;
  readonly #channels: Channels;
  readonly #configuration: ConfigurationRow;
  readonly #epoch: EpochRow;
  readonly #versionRow: VersionRow;
  readonly #handlers: Handlers;
  readonly #positionRow: PositionRow;
  readonly #freePages: FreePages;
  readonly #unchecked: UncheckedRows;
  readonly #random = new RecordRandom();
  /** How requests are carried out, if the state is not at the newest version. */
  #rules: EngineVersion["apply"];
  /** The record that is being applied. */
  #record: RecordStart;
  #events: StoreEvent[] = [];

  /**
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It cannot be opened, it is of a version that this program does not have, or a row without which there is no state
   * is damaged.
   */
  constructor({ directory, versions = ENGINE_VERSIONS }: EngineOptions) {
    this.versions = versions;
    const path = databasePath(directory), db = this.#db = new DatabaseSync(path);
    const transaction = this.#transaction = new Transaction(db);
    try {
      openDatabase(db, () => assertVersion(db, versions));
      this.#positionRow = new PositionRow(db);
      this.#configuration = new ConfigurationRow(db, transaction);
      this.#epoch = new EpochRow(db, transaction);
      this.#versionRow = new VersionRow(db, transaction);
      assertConsistent(db);
    } catch (error) {
      db.close();
      if (isBusy(error)) throw new StoreLocked(`Cannot open ${path}: another process has it open`);
      throw openError(path, error);
    }
    this.#rules = versions[this.version - 1]?.apply;
    const { journalId, position } = this.#positionRow, configuration = this.#configuration;
    this.journalId = journalId;
    this.position = position;
    this.#record = { ...position, canStore: true, random: new Uint8Array(32) };
    const context: Context = {
      db,
      transaction,
      configuration: configuration.now,
      limits: configuration.now.limits,
      onEvent: (event) => this.#events.push(event),
      // times in rows are whole numbers
      wallClock: () => Math.floor(this.#record.wallClock),
      monotonicClock: () => this.#record.monotonicClock,
      random: this.#random.next,
    };
    this.#freePages = new FreePages(db, transaction);
    this.#unchecked = new UncheckedRows(db, transaction);
    const messages = this.#messages = new Messages(context);
    const keys = this.#keys = new RequestKeys(context);
    const networks = new AccountNetworks(context);
    const threads = this.#threads = new Threads(context, networks);
    const sessions = this.#sessions = new Sessions(context, messages, threads);
    const channels = this.#channels = new Channels(context);
    this.#handlers = requestHandlers({
      messages,
      keys,
      keyedRequests: new KeyedRequests(messages, threads, keys),
      threads,
      sessions,
      accounts: new Accounts(context, messages, networks),
      channels,
      measures: new Measures(context),
      reports: new Reports(context, messages, threads, keys),
      configuration: configuration.now,
      configure: (wanted) => this.#configure(wanted),
      start: () => this.#start(),
      upgrade: (version) => this.#upgrade(version),
      beginLineage: (epoch) => this.#beginLineage(epoch),
    });
  }

  /** Messages, bytes and mailboxes that are there. */
  get counts(): Counts {
    return this.#messages.counts;
  }

  /** Whether a mailbox holds something, or did lately: that is no part of the state. */
  isMailbox(name: string): boolean {
    return this.#messages.tables.mailboxes.get(name) !== undefined;
  }

  /** Messages that were dropped for newer ones since it was opened. */
  get dropped(): number {
    return this.#messages.dropped;
  }

  /** Which lineage the state is of (store 9.1); empty before the first start. */
  get epoch(): string {
    return this.#epoch.id;
  }

  /** The version of the rules that hold (store 8.1). */
  get version(): number {
    return this.#versionRow.version;
  }

  /** The options that outcomes depend on, as the last `configure` has set them. */
  get configuration(): Readonly<Configuration> {
    return this.#configuration.now;
  }

  /** Pages that the database has, and how many of them are free. */
  get pages(): { all: number; free: number } {
    return { all: this.#freePages.all, free: this.#freePages.count };
  }

  /**
   * Whether the request would change nothing of the state now: then it is answered by {@linkcode query}, and is in no
   * record (store 2.4).
   */
  isRead(request: StoreRequest): boolean {
    return changesNothing(request, this.#messages, this.#sessions);
  }

  /** Answers a request that changes nothing. */
  query(request: StoreRequest): Outcome {
    // nothing is ready there: to look for it would find what is damaged, and change that
    if (request.kind === "take") return "empty";
    return this.#carryOut(request, false);
  }

  /** Begins to apply a record: its requests follow, one by one. */
  begin(record: RecordStart) {
    this.#finishRecord();
    this.#record = record;
    this.#random.begin(record.random);
  }

  /** Carries out one request of the record. */
  apply(request: StoreRequest): Outcome {
    const { canStore } = this.#record;
    if (this.#rules === undefined) return this.#carryOut(request, canStore);
    return this.#rules(request, (request) => this.#carryOut(request, canStore));
  }

  #carryOut(request: StoreRequest, canStore: boolean): Outcome {
    // not in the table: to look the most frequent kinds up would make batches of them a tenth slower
    if (request.kind === "put") {
      if (!canStore) return "storage";
      const result = this.#messages.put(request);
      if (result === "stored") return result;
      return result.of === "share" ? "full share" : "full";
    }
    if (request.kind === "take") return this.#messages.take(request.mailbox);
    const handler = this.#handlers[request.kind] as (request: StoreRequest, canStore: boolean) => Outcome;
    return handler(request, canStore);
  }

  #configure(wanted: Omit<Configure, "kind">) {
    this.#configuration.set(wanted);
    this.#messages.configure();
  }

  #start() {
    this.#messages.start();
    if (this.epoch === "") this.#epoch.set(this.#random.next(EPOCH_BYTES).toHex());
  }

  #upgrade(version: number) {
    this.#versionRow.set(version);
    this.#rules = this.versions[version - 1]?.apply;
  }

  #beginLineage(epoch: string) {
    this.#messages.leased.releaseAll();
    this.#sessions.forgetAll();
    // what numbers named in the other lineage is not known here: the hub gives every channel a new history ID
    this.#channels.setComplete(false);
    this.#epoch.set(epoch);
  }

  #finishRecord() {
    this.#messages.endRecord();
    const contents = this.#threads.endRecord();
    if (contents.length > 0) this.#events.push({ kind: "unused", contents });
  }

  /** Takes over what another engine of the same state has reported, and was to report: that is no part of the state. */
  takeReports(other: Engine) {
    this.#messages.takeReports(other.#messages);
  }

  /** The events since the last call. They are given out when the record is durable (store 4.8). */
  takeEvents(): StoreEvent[] {
    this.#finishRecord();
    // the array itself is filled further
    if (this.#events.length === 0) return [];
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /**
   * A request that is due by itself at these clocks, and has to be recorded; undefined if nothing is. `not yet`: it has to
   * be called again, for what is due is looked for a piece at a time.
   */
  due(wallClock: number, monotonicClock: number): StoreRequest | "not yet" | undefined {
    const rows = this.#messages.due.rows(Math.floor(wallClock), monotonicClock, TICK_ROWS);
    if (rows === "not yet") return rows;
    if (rows > 0) return { kind: "tick", rows };
    if (this.hasCleared) return { kind: "sweep", rows: SWEEP_ROWS };
    if (this.#sessions.isDue(monotonicClock) || this.#keys.isDue(monotonicClock)) {
      return { kind: "forget", rows: FORGET_ROWS };
    }
    return undefined;
  }

  /** About how many rows of what only memory has there are to {@linkcode flush}. */
  get unflushed(): number {
    return this.#messages.unflushed + this.#sessions.unflushed + this.#keys.unflushed;
  }

  /** Writes up to about `rows` rows of what only memory has into the open transaction. Returns whether anything is left. */
  flush(rows: number): boolean {
    const isMore = [this.#messages, this.#sessions, this.#keys].map((part) => part.flush(rows));
    return isMore.includes(true);
  }

  /** Writes all that only memory has, and commits it as the state of this position (store 5.1). */
  checkpoint(position: Position) {
    this.#finishRecord();
    while (this.flush(Infinity));
    if (position.number !== this.position.number) {
      this.#transaction.begin();
      this.#positionRow.set(position);
    }
    this.#transaction.commit();
    this.position = position;
  }

  /** Whether rows of cleared mailboxes or removed threads may be left to a `sweep`. */
  get hasCleared(): boolean {
    return this.#messages.hasCleared || this.#threads.hasRemoved;
  }

  /** Whether much of the file is free, and can be given back to the disk by {@linkcode shrink}. */
  get hasFreePages(): boolean {
    return !this.hasCleared && this.#freePages.isTooMany;
  }

  /** Makes the file a piece smaller, in the open transaction. */
  shrink() {
    this.#freePages.shrink();
  }

  /** Whether there may be rows without a checksum, which {@linkcode addChecksums} gives one. */
  get hasUnchecked(): boolean {
    return this.#unchecked.isLeft;
  }

  /** Reads up to so many rows, and gives a checksum to those that have none, in the open transaction. */
  addChecksums(rows: number) {
    this.#unchecked.check(rows);
  }

  /** The whole state as text, in pieces, without what only the database's layout needs (store 4.7). */
  *dump(): Generator<string> {
    this.#finishRecord();
    while (this.flush(Infinity));
    const { number, wallClock, monotonicClock } = this.#record;
    yield lineOf("record", [number, wallClock, monotonicClock]);
    yield configurationLine(this.configuration);
    yield* dumpRows(this.#db);
  }

  /** Closes the database as it was at the last checkpoint. A second call does nothing. */
  close() {
    if (this.#db.isOpen) this.#db.close();
  }
}
