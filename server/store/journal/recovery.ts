/**
 * Reads the journal at a start (store 5.4 to 5.9): which segments count, which records are in them, and where it ends. It
 * changes nothing.
 *
 * Invariants:
 * - What was durable is taken, or it is damage. What was not may be taken or not, and is never damage.
 * - After a record that is not taken, none is.
 *
 * @module
 */

import {
  ALIGNMENT,
  alignRecord,
  findRecord,
  hashRecord,
  HEAD_BYTES,
  isRecordBegun,
  mayBeRecord,
  type RecordInfo,
} from "./codec/record.ts";
import { decide, type Decision, type Position } from "./decision.ts";
import type { JournalFolder } from "./folder.ts";
import type { JournalPosition } from "./journal.ts";
import { decodeSegmentHead, seedOf, SEGMENT_HEAD_BYTES, type SegmentHead, sequenceOf } from "./segment.ts";

/** The journal cannot be used as it is (store 5.9). */
export class JournalDamaged extends Error {
  override name = "JournalDamaged";

  /** `offset` is where in the file; undefined if it is about all of it. */
  constructor(readonly path: string, readonly offset: number | undefined, readonly why: string) {
    const place = offset === undefined ? path : `${path}, byte ${offset}`;
    super(
      `Cannot use the journal: ${place}: ${why}. Nothing was changed; 'wirepost check' says more. ` +
        "Copy the directory before you try anything, or restore a backup",
    );
  }
}

/** A segment that counts. */
export interface KeptSegment {
  name: string;
  head: SegmentHead;
  /** Numbers of the first record in it, and of the one after the last. Equal if it has none. */
  first: number;
  until: number;
}

export interface Recovery {
  /** The last record of the journal, and its hash. */
  end: JournalPosition;
  /** Segments that hold what the database may not have on disk yet, in order: those with numbers up to its number. */
  kept: KeptSegment[];
  /** Names of segments of which all that counts is in `replay`. */
  replayed: string[];
  /** Names of segments in which nothing counts, the last one first: in this order each can go by itself. */
  unused: string[];
  /** The records after the database's number, each with its bytes. */
  replay: { info: RecordInfo; bytes: Uint8Array }[];
  /** The highest sequence number in use; 0 if there is none. */
  sequence: number;
  /** Where the journal ends, if the next record begins there and is not whole; undefined if nothing of it is there. */
  torn: { name: string; at: number } | undefined;
}

/** Receives a record, in the bytes of its segment. */
export type RecordVisitor = (info: RecordInfo, bytes: Uint8Array, segment: string) => void;

/** A segment, whose bytes are in memory only while they are needed. */
class SegmentFile {
  #bytes: Uint8Array | undefined;
  #view: DataView | undefined;

  constructor(
    readonly folder: JournalFolder,
    readonly name: string,
    readonly head: SegmentHead,
    readonly seed: number,
  ) {}

  get bytes(): Uint8Array {
    return this.#bytes ??= this.folder.read(this.name);
  }

  get view(): DataView {
    const { bytes } = this;
    return this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The good record that begins at this place, if there is one. */
  recordAt(at: number): RecordInfo | undefined {
    return findRecord(this.bytes, this.view, at, this.seed);
  }

  /** Whether such a record may begin at this place: see {@linkcode mayBeRecord}. */
  mayHaveRecord(at: number, min: number, max: number): boolean {
    return mayBeRecord(this.view, at, min, max);
  }

  /** Whether the record that follows one with this hash was begun at this place, be it whole or not. */
  isBegun(at: number, number: number, chain: Uint8Array | undefined): boolean {
    return isRecordBegun(this.bytes, this.view, at, number, chain);
  }

  /** Its bytes are not needed for now. */
  forget() {
    this.#bytes = this.#view = undefined;
  }
}

/**
 * Reads the journal in `folder`.
 *
 * @param position The number and the chain of the database.
 * @param isNew The database says that it has no journal yet: what is there is left over from a start that was cut off.
 * @param onRecord Is given each record that is taken, with its bytes, and the name of its segment.
 * @throws {JournalDamaged}
 */
export function recoverJournal(
  folder: JournalFolder,
  id: Uint8Array,
  position: JournalPosition,
  isNew: boolean,
  onRecord?: RecordVisitor,
): Recovery {
  const all = readSegments(folder);
  const sequence = all.at(-1)?.head.sequence ?? 0;
  if (isNew) {
    const used = all.find((segment) => {
      const first = segment.recordAt(SEGMENT_HEAD_BYTES);
      segment.forget();
      return first !== undefined;
    });
    if (used) {
      throw damage(folder, used, SEGMENT_HEAD_BYTES, "it has records, and the database has no journal");
    }
    const unused = all.map(({ name }) => name).reverse();
    return { end: position, kept: [], replayed: [], unused, replay: [], sequence, torn: undefined };
  }
  const segments = linkedSegments(folder, all);
  if (segments.length === 0) throw new JournalDamaged(folder.path, undefined, "the journal is not there");
  const stranger = segments.find(({ head }) => head.id.some((byte, i) => byte !== id[i]));
  if (stranger) throw damage(folder, stranger, undefined, "it belongs to another database");
  const walk = new Walk(folder, segments, position, onRecord);
  walk.run();
  const kept = walk.entered.filter(({ first }) => first <= position.number);
  const replayed = walk.entered.filter(({ first }) => first > position.number).map(({ name }) => name);
  const entered = new Set(walk.entered.map(({ name }) => name));
  const unused = all.map(({ name }) => name).filter((name) => !entered.has(name)).reverse();
  const end = { number: walk.next - 1, chain: walk.chain! };
  return { end, kept, replayed, unused, replay: walk.replay, sequence, torn: walk.torn };
}

function damage(folder: JournalFolder, { name }: SegmentFile, offset: number | undefined, why: string) {
  return new JournalDamaged(`${folder.path}/${name}`, offset, why);
}

/** All segments, by their sequence numbers. */
function readSegments(folder: JournalFolder): SegmentFile[] {
  return folder.list().filter((name) => sequenceOf(name) !== undefined).sort().map((name) => {
    const bytes = folder.read(name, SEGMENT_HEAD_BYTES);
    const head = decodeSegmentHead(bytes);
    if (typeof head === "string") throw new JournalDamaged(`${folder.path}/${name}`, 0, head);
    if (head.sequence !== sequenceOf(name)) {
      throw new JournalDamaged(`${folder.path}/${name}`, 0, `its head says that it is ${head.sequence}`);
    }
    return new SegmentFile(folder, name, head, seedOf(bytes));
  });
}

/** The last segment, the one before it, and so on, in the order of their records. */
function linkedSegments(folder: JournalFolder, all: readonly SegmentFile[]): SegmentFile[] {
  const bySequence = new Map(all.map((segment) => [segment.head.sequence, segment]));
  const linked: SegmentFile[] = [];
  for (let segment = all.at(-1); segment;) {
    linked.unshift(segment);
    const { sequence, back } = segment.head;
    segment = back === 0 ? undefined : bySequence.get(sequence - back);
  }
  const first = linked[0];
  // it is released only when the one after it has a durable record, or begins anew
  if (first && first.head.first === 0 && first.recordAt(SEGMENT_HEAD_BYTES) === undefined) {
    throw damage(folder, first, SEGMENT_HEAD_BYTES, "its first record had been synced, and cannot be read");
  }
  return linked;
}

/** Goes from record to record. */
class Walk {
  readonly #folder: JournalFolder;
  readonly #segments: readonly SegmentFile[];
  readonly #database: JournalPosition;
  readonly #onRecord: RecordVisitor | undefined;
  /** The index of the segment, and where in it the next record is expected. */
  #index = 0;
  #at = SEGMENT_HEAD_BYTES;
  /** The number that is expected next. */
  next: number;
  /** The hash of the record before; undefined if it is not known. */
  chain: Uint8Array | undefined;
  readonly entered: KeptSegment[] = [];
  readonly replay: Recovery["replay"] = [];

  constructor(
    folder: JournalFolder,
    segments: readonly SegmentFile[],
    database: JournalPosition,
    onRecord?: RecordVisitor,
  ) {
    this.#folder = folder;
    this.#onRecord = onRecord;
    this.#segments = segments;
    this.#database = database;
    const first = segments[0]!;
    this.next = first.head.first || first.recordAt(SEGMENT_HEAD_BYTES)!.number;
    if (this.next > database.number + 1) {
      const why = `it begins with record ${this.next}, and the database has come to ${database.number}`;
      throw damage(folder, first, SEGMENT_HEAD_BYTES, why);
    }
    this.#enter(0);
    this.#join();
  }

  run() {
    for (;;) {
      this.#beginAnew();
      const { decision, info } = this.#decide();
      if (decision === "end") return;
      if (decision === "turn") this.#enter(this.#index + 1);
      this.#take(info!);
    }
  }

  get #segment(): SegmentFile {
    return this.#segments[this.#index]!;
  }

  /** The segment behind this one, unless the journal begins anew there. */
  get #following(): SegmentFile | undefined {
    const following = this.#segments[this.#index + 1];
    return following?.head.first === 0 ? following : undefined;
  }

  #enter(index: number) {
    if (index !== this.#index) this.#segment.forget();
    this.#index = index;
    this.#at = SEGMENT_HEAD_BYTES;
    const { name, head } = this.#segment;
    this.entered.push({ name, head, first: this.next, until: this.next });
  }

  /** Where the next record was begun, if it is not whole. */
  get torn(): Recovery["torn"] {
    const segment = this.#segment, at = this.#at;
    return segment.isBegun(at, this.next, this.chain) ? { name: segment.name, at } : undefined;
  }

  /** Where the journal begins anew with the next number, it goes on there. */
  #beginAnew() {
    while (this.#segments[this.#index + 1]?.head.first === this.next) this.#enter(this.#index + 1);
  }

  /** What the table says of the position. @throws {JournalDamaged} */
  #decide(): { decision: Decision; info: RecordInfo | undefined } {
    const here = this.#segment.recordAt(this.#at), following = this.#following;
    const there = here ? undefined : following?.recordAt(SEGMENT_HEAD_BYTES);
    const info = here ?? there;
    const position: Position = {
      here: here !== undefined,
      there: there !== undefined,
      number: !info || info.number === this.next ? "expected" : info.number > this.next ? "higher" : "lower",
      fits: info !== undefined && this.#fits(info),
      known: here === undefined && this.#isKnown(),
    };
    const { decision, why } = decide(position);
    if (decision === "damage") {
      throw damage(this.#folder, this.#segment, this.#at, `record ${this.next} is expected: ${why}`);
    }
    return { decision, info };
  }

  #fits({ chain }: RecordInfo): boolean {
    return this.chain === undefined || chain.every((byte, i) => byte === this.chain![i]);
  }

  /** Whether the next number is known to have been durable. */
  #isKnown(): boolean {
    if (this.next <= this.#database.number) return true;
    let before = 0;
    return this.#segments.some((segment, i) => {
      if (segment.head.synced >= this.next) return true;
      if (i < this.#index) return false;
      const start = i === this.#index ? this.#at : SEGMENT_HEAD_BYTES,
        isKnown = this.#saysKnown(segment, start, before);
      before += segment.head.size - start;
      return isKnown;
    });
  }

  /**
   * Whether a good record from `start` on says so, at whatever place. A number is no higher than so many records could
   * have brought it to.
   *
   * @param before Bytes between the position and `start`.
   */
  #saysKnown(segment: SegmentFile, start: number, before: number): boolean {
    const first = Math.max(this.next, segment.head.first);
    for (let at = start; at < segment.bytes.length; at += ALIGNMENT) {
      const max = first + (before + at - start) / HEAD_BYTES;
      if (!segment.mayHaveRecord(at, this.next, max)) continue;
      const info = segment.recordAt(at);
      if (info && info.synced >= this.next) return true;
    }
    if (segment !== this.#segment) segment.forget();
    return false;
  }

  #take(info: RecordInfo) {
    const { bytes, name } = this.#segment;
    this.#onRecord?.(info, bytes, name);
    this.chain = hashRecord(bytes, info.start, info.end);
    this.#at = alignRecord(info.end);
    this.entered.at(-1)!.until = ++this.next;
    if (info.number > this.#database.number) {
      this.replay.push({ info, bytes: bytes.subarray(info.start, info.end) });
    }
    this.#join();
  }

  /** Where the database stands, its chain is that of the journal. */
  #join() {
    const { number, chain } = this.#database;
    if (this.next !== number + 1) return;
    if (this.chain && this.chain.some((byte, i) => byte !== chain[i])) {
      throw damage(
        this.#folder,
        this.#segment,
        this.#at,
        `record ${number} is not the one that the database has`,
      );
    }
    this.chain = chain;
  }
}
