/**
 * Requests that the store makes itself: what happens as time passes, at a start, and when an option changes. They are in
 * records like all others, so that the same records lead to the same state (store 4.2).
 *
 * @module
 */

import type { TableLimits } from "../../quota/fair_table.ts";
import type { ForumLimits, StoreLimits } from "../limits.ts";

/** The options that an outcome may depend on. They are part of the state (store 4.5). */
export interface Configuration {
  limits: StoreLimits;
  /** Most bytes of sender and text of a message that a take gives. */
  takeBytesMax: number;
  forumLimits: ForumLimits;
  /** How many sessions are kept. */
  sessionLimits: TableLimits;
  /** How many leases run. */
  leaseLimits: TableLimits;
}

/** What a record sets of them. One of an earlier version says nothing about leases, which then are not shared out. */
export type Configure = { kind: "configure" } & Omit<Configuration, "leaseLimits"> & Partial<Configuration>;

/**
 * The state is of another lineage from now on: all sessions are forgotten, all leases released, and every channel gets a
 * new history ID (store 9.2).
 */
export interface Lineage {
  kind: "lineage";
  /** What the lineage is called. */
  epoch: string;
}

/** By kind: the request and its outcome. `rows` is how much is done at once. */
export interface UpkeepOperations {
  /** Ends leases, makes delayed messages ready and removes expired ones, as far as it is time. */
  tick: [{ kind: "tick"; rows: number }, "done"];
  /** Removes rows of what was cleared or removed. */
  sweep: [{ kind: "sweep"; rows: number }, "done"];
  /** Forgets sessions that are old. */
  forget: [{ kind: "forget"; rows: number }, "done"];
  configure: [Configure, "set"];
  /** A start of the server: it prolongs every lease. */
  start: [{ kind: "start" }, "started"];
  lineage: [Lineage, "begun"];
  /** From now on the rules of this version of the engine hold (store 8.1). It is the first request of its record. */
  upgrade: [{ kind: "upgrade"; version: number }, "upgraded"];
}
