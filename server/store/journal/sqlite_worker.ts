/**
 * The Worker of the SQLite store: one engine, which carries out one batch after the other and answers each when it is
 * durable.
 *
 * @module
 */

/// <reference lib="deno.worker" />
import { uptime } from "../../quota/uptime.ts";
import { DATABASE_FILE, isDatabaseError, openError } from "../database/database.ts";
import { BatchEngine, type BatchOptions, type BatchResult } from "../engine/batch_engine.ts";
import { StoreLocked } from "../errors.ts";
import type { Counts } from "../requests/message.ts";
import type { StoreEvent } from "../store.ts";
import { type PackedRequests, unpackRequests } from "./packed.ts";

/** How often the engine does what is due by time. */
const TICK_MS = 100;

/** Between two pieces of making the file smaller: the disk is free for others most of the time. */
const SHRINK_PAUSE_MS = 20;

/** The options that can be handed to a Worker. */
type SqliteOptions = Omit<BatchOptions, "onEvent" | "wallClock" | "monotonicClock" | "random">;

/** To the Worker. The first is `open`, the last is `close`. */
export type ToWorker =
  | { kind: "open"; options: SqliteOptions }
  | { kind: "apply"; requests: PackedRequests }
  | { kind: "close" };

/**
 * From the Worker: an answer to each message, in their order, and events at any time before it. `open` is answered with
 * {@linkcode Counts}, `apply` with a {@linkcode BatchResult}.
 */
export type FromWorker =
  | { kind: "done"; value: Counts | BatchResult | undefined }
  | { kind: "not opened"; locked: boolean; message: string }
  | { kind: "lost"; message: string }
  | { kind: "event"; event: StoreEvent };

let engine: BatchEngine | undefined;
let clock: ReturnType<typeof uptime.start> | undefined;
/** The timer of each kind of background work that will be done. */
const timers = new Map<() => void, ReturnType<typeof setTimeout>>();

const answer = (message: FromWorker) => self.postMessage(message);

/** Does some work; an error means that the store is lost. */
function attempt(work: () => void) {
  try {
    work();
  } catch (error) {
    answer({ kind: "lost", message: (error as Error).message });
  }
}

/** Does background work later, between two batches, if it is not going to be done already. */
function later(work: () => void, delayMs: number) {
  if (timers.has(work)) return;
  const timer = setTimeout(() => {
    timers.delete(work);
    attempt(work);
  }, delayMs);
  timers.set(work, timer);
}

function open(options: SqliteOptions): FromWorker {
  try {
    clock = uptime.start();
    const onEvent = (event: StoreEvent) => answer({ kind: "event", event });
    engine = new BatchEngine({ ...options, monotonicClock: uptime.now, onEvent });
    engine.work();
    scheduleWork();
    return { kind: "done", value: engine.counts };
  } catch (error) {
    const path = `${options.directory}/${DATABASE_FILE}`;
    const { message } = isDatabaseError(error) ? openError(path, error) : error as Error;
    return { kind: "not opened", locked: error instanceof StoreLocked, message };
  }
}

function scheduleWork() {
  later(tick, TICK_MS);
  if (engine!.hasFreePages) later(shrink, 0);
}

function shrink() {
  if (engine!.shrink()) later(shrink, SHRINK_PAUSE_MS);
}

/** Goes on at once while there is more to do: many messages may be due at one time. */
function tick() {
  later(tick, engine!.work() ? 0 : TICK_MS);
  if (engine!.hasFreePages) later(shrink, 0);
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) =>
  attempt(() => {
    if (data.kind === "open") {
      answer(open(data.options));
    } else if (data.kind === "apply") {
      answer({ kind: "done", value: engine!.apply(unpackRequests(data.requests)) });
      scheduleWork();
    } else {
      clock?.close();
      for (const timer of timers.values()) clearTimeout(timer);
      engine!.close();
      answer({ kind: "done", value: undefined });
    }
  });
