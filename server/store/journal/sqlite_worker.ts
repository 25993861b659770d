/**
 * The SQLite store's Worker: one engine, which is given batches in turn and answers each when it is durable.
 *
 * @module
 */

/// <reference lib="deno.worker" />
import { DATABASE_FILE, isDatabaseError, openError } from "../database/database.ts";
import { type BatchResult, Engine, type EngineOptions } from "../engine/engine.ts";
import { type PackedRequests, unpackRequests } from "./packed.ts";
import { uptime } from "../../clock/uptime.ts";
import type { Counts } from "../requests/message.ts";
import type { StoreEvent } from "../store.ts";
import { StoreLocked } from "../errors.ts";

/** Milliseconds between two looks at what has become due. */
const TICK = 100;

/** Milliseconds between two looks for sessions that are old: each reads all of them. */
const FORGET_INTERVAL = 60_000;

/** What of the options can be handed to a Worker. */
export type SqliteOptions = Omit<EngineOptions, "onEvent" | "now" | "clock" | "random">;

/** To the Worker. The first is `open`, the last is `close`. */
export type ToWorker =
  | { kind: "open"; options: SqliteOptions }
  | { kind: "apply"; requests: PackedRequests }
  | { kind: "close" };

/** From the Worker: one for each of its orders, in their order, and events at any time before the answer. */
export type FromWorker =
  | { kind: "opened"; counts: Counts }
  | { kind: "not opened"; locked: boolean; message: string }
  | { kind: "applied"; result: BatchResult }
  | { kind: "lost"; message: string }
  | { kind: "closed" }
  | { kind: "event"; event: StoreEvent };

let engine: Engine | undefined;
let beating: ReturnType<typeof uptime.start> | undefined;
let ticking: ReturnType<typeof setTimeout> | undefined;
let sweeping: ReturnType<typeof setTimeout> | undefined;
let forgetting: ReturnType<typeof setTimeout> | undefined;

const answer = (message: FromWorker) => self.postMessage(message);

function open(options: SqliteOptions): FromWorker {
  try {
    beating = uptime.start();
    engine = new Engine({
      ...options,
      monotonicClock: uptime.now,
      onEvent: (event) => answer({ kind: "event", event }),
    });
    sweepLater();
    tickLater(TICK);
    forget();
    return { kind: "opened", counts: engine.counts };
  } catch (error) {
    const path = `${options.directory}/${DATABASE_FILE}`;
    const { message } = isDatabaseError(error) ? openError(path, error) : error as Error;
    return { kind: "not opened", locked: error instanceof StoreLocked, message };
  }
}

/** Between two batches, so that clearing a large mailbox holds nobody up. */
function sweepLater() {
  if (!engine?.hasCleared) return;
  sweeping ??= setTimeout(() => {
    sweeping = undefined;
    if (engine?.sweep()) sweepLater();
  }, 0);
}

/** After a while, or at once where a piece has left more to be done: what many have put to one time is not late then. */
function tickLater(delay: number) {
  if (!engine?.isTimed) return;
  ticking ??= setTimeout(() => {
    ticking = undefined;
    try {
      tickLater(engine?.tick() ? 0 : TICK);
    } catch (error) {
      answer({ kind: "lost", message: (error as Error).message });
    }
  }, delay);
}

/** Forgets what sessions are old, and looks again later: often enough that there is always room for new ones. */
function forget() {
  const delay = engine!.forgetSessions() ? 0 : FORGET_INTERVAL;
  forgetting = setTimeout(() => {
    try {
      forget();
    } catch (error) {
      answer({ kind: "lost", message: (error as Error).message });
    }
  }, delay);
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  try {
    if (data.kind === "open") {
      answer(open(data.options));
    } else if (data.kind === "apply") {
      answer({ kind: "applied", result: engine!.apply(unpackRequests(data.requests)) });
      sweepLater();
      tickLater(TICK);
    } else {
      beating?.close();
      clearTimeout(sweeping);
      clearTimeout(ticking);
      clearTimeout(forgetting);
      engine!.close();
      answer({ kind: "closed" });
    }
  } catch (error) {
    answer({ kind: "lost", message: (error as Error).message });
  }
};
