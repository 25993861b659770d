/**
 * What a start makes of each position in the journal (store 5.6): a table of what can be true of it.
 *
 * @module
 */

/** A position is where the record with the next number is expected: behind the one before it, in the same segment. */
export interface Position {
  /** A good record stands here. */
  here: boolean;
  /** A good record stands at the beginning of the segment that goes on behind this one. */
  there: boolean;
  /** What the number of the record is that stands here, or else there. */
  number: "expected" | "higher" | "lower";
  /** Its chain is the hash of the record before. */
  fits: boolean;
  /** The expected number is known to have been durable. */
  known: boolean;
}

/**
 * - `take`: the record is part of the journal.
 * - `turn`: the rest of the segment is free; the record at the beginning of the next one is part of the journal.
 * - `end`: the journal ends here. What follows was never acknowledged, and does not count.
 * - `damage`: something that was acknowledged cannot be read, or the files are not what this program writes.
 */
export type Decision = "take" | "turn" | "end" | "damage";

/** A row of the table holds if all that it names is so. */
export interface Row extends Partial<Omit<Position, "number">> {
  number?: readonly Position["number"][];
  decision: Decision;
  /** Why, for the user. */
  why: string;
}

/** Exactly one row holds for every position. */
export const DECISIONS: readonly Row[] = [
  { here: true, number: ["expected"], fits: true, decision: "take", why: "it follows the record before" },
  {
    here: true,
    number: ["expected"],
    fits: false,
    decision: "damage",
    why: "it does not belong to the record before it",
  },
  {
    here: true,
    number: ["higher", "lower"],
    decision: "damage",
    why: "a record with another number stands there",
  },
  {
    here: false,
    there: true,
    number: ["expected"],
    fits: true,
    decision: "turn",
    why: "it follows in the next segment",
  },
  {
    here: false,
    there: true,
    number: ["expected"],
    fits: false,
    decision: "damage",
    why: "the one in the next segment does not belong to the record before it",
  },
  {
    here: false,
    there: true,
    number: ["lower"],
    decision: "damage",
    why: "the next segment begins with a record that was there already",
  },
  {
    here: false,
    there: true,
    number: ["higher"],
    known: true,
    decision: "damage",
    why: "it had been synced, and cannot be read",
  },
  {
    here: false,
    there: true,
    number: ["higher"],
    known: false,
    decision: "end",
    why: "a later record reached the disk before it",
  },
  {
    here: false,
    there: false,
    known: true,
    decision: "damage",
    why: "it had been synced, and cannot be read",
  },
  { here: false, there: false, known: false, decision: "end", why: "no record follows" },
];

/** Whether a row holds for a position. */
export function holds(row: Row, position: Position): boolean {
  return (row.here ?? position.here) === position.here && (row.there ?? position.there) === position.there &&
    (row.fits ?? position.fits) === position.fits && (row.known ?? position.known) === position.known &&
    (row.number === undefined || row.number.includes(position.number));
}

/** The row that holds for a position. */
export function decide(position: Position): Row {
  const row = DECISIONS.find((row) => holds(row, position));
  if (row === undefined) throw new Error(`No row for ${JSON.stringify(position)}`);
  return row;
}
