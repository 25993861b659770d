import type { EngineVersion } from "../engine/state/version.ts";

/** Something that a check of a data directory has found. */
export interface Finding {
  /** Whether it is damage. If not, a start copes with it by itself. */
  isDamage: boolean;
  /** The file, from the directory on. */
  file: string;
  /** Where in it: a byte, or a row by its table and key; empty if it is about all of it. */
  place: string;
  /** What it is, and what it means. */
  what: string;
  /** What to do. */
  todo: string;
}

/** What a check has read. */
export interface CheckTotals {
  damage: number;
  /** Messages that the database has, delayed ones and dead letters too. */
  messages: number;
  /** Version of the engine that the state is at, with the journal; undefined if it cannot be read. */
  engine: number | undefined;
  /** Records of the journal. */
  records: number;
  /** Contents of the forum's files. */
  files: number;
  /** Bytes of everything that was read. */
  bytes: number;
}

/** Takes findings, and counts what is read. */
export interface Check {
  readonly directory: string;
  readonly totals: CheckTotals;
  /** Versions of the engine that there are. */
  readonly versions: readonly EngineVersion[];
  /** Reports damage. */
  damage(file: string, place: string, what: string, todo?: string): void;
  /** Reports what is no damage. */
  note(file: string, place: string, what: string, todo: string): void;
}

/** What helps against most damage. */
export const RESTORE = "restore a backup, or keep a copy of the directory before you go on";
