/**
 * Requests about measures of the administrator against a name or a network.
 *
 * @module
 */

/** `ban`: its requests are not answered; `mute`: what it says is not passed on. */
export const MEASURES = ["ban", "mute"] as const;
export type MeasureKind = typeof MEASURES[number];

export interface Measure {
  what: MeasureKind;
  /** A name, or a network: see `server/quota/subject.ts`. */
  subject: string;
  /** When it was taken, in milliseconds since 1970. */
  since: number;
  /** When it ends, in milliseconds since 1970; null if it does not end by itself. */
  until: number | null;
}

/** Takes a measure, in place of an earlier one against the same subject; ends one; or lists all. */
export type MeasureRequest =
  & { kind: "measure" }
  & (
    | { action: "take"; measure: Measure }
    | { action: "end"; what: MeasureKind; subject: string }
    | { action: "list" }
  );

/** By kind: the request and its outcome. */
export interface MeasureOperations {
  measure: [MeasureRequest, "done" | "storage" | Measure[]];
}
