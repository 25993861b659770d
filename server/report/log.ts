/**
 * The server's log on standard error: one line an event, and between them the console lines of the original systems.
 *
 * A line is `TIME LEVEL SERVICE PEER WHAT`, with `-` where it is about no client, or one JSON object. What clients can
 * cause is limited by its kind, and summed up. Nothing here waits for a terminal or a pipe that is stuck.
 *
 * @module
 */

import { RateLimit } from "../quota/rate_limit.ts";

/** From what an operator has to act on to what only a search for an error needs. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** Something that happened. */
export interface LogEvent {
  /** The part of the server: `mailbox`, `channels`, `room`, `forum`, `admin`, `store` or `server`. */
  service: string;
  /** Address of the client that it is about. */
  peer?: string;
  /** What happened, with what a client chose as {@linkcode quoted} writes it; no secret, and no text of a message. */
  what: string;
  /** Given where clients can cause the event as often as they like: those of one kind are limited together. */
  kind?: string;
}

export interface LogOptions {
  format?: LogFormat;
  /** Events of a lower level are left out. At `debug` nothing is limited. */
  level?: LogLevel;
  /** Milliseconds since 1970. */
  wallClock?(): number;
  /** Milliseconds of a clock that is never set. */
  monotonicClock?(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer?(ms: number, callback: () => void): () => void;
}

/** Events of one kind that are logged at once, and milliseconds for one more. */
const KIND_BURST = 50, KIND_EVERY_MS = 200;

/** The same for the console lines of one service: the originals print one for each thing that a client does. */
const CONSOLE_BURST = 50, CONSOLE_EVERY_MS = 20;

/** Milliseconds after which events that were left out are summed up. */
const SUM_UP_MS = 10_000;

/** Characters of log that may wait to be written. */
const PENDING_MAX = 1024 * 1024;

const encoder = new TextEncoder();

export class Log {
  /** Events of a lower level are left out. */
  level: LogLevel;
  readonly #write: (bytes: Uint8Array) => Promise<unknown>;
  readonly #options: Required<Omit<LogOptions, "level">>;
  readonly #kinds: RateLimit;
  readonly #consoles: RateLimit;
  /** Events that were left out, by their kind: how many, and how that is written. */
  readonly #omitted = new Map<string, { count: number; sumUp: (count: number) => string }>();
  #stopTimer: (() => void) | undefined;
  #pending = "";
  /** Lines that did not fit into what may wait. */
  #lost = 0;
  #writing: Promise<void> | undefined;

  /** @param write Takes all of the bytes. */
  constructor(write: (bytes: Uint8Array) => Promise<unknown>, options: LogOptions = {}) {
    const {
      level = "info",
      format = "text",
      wallClock = Date.now,
      monotonicClock = () => performance.now(),
    } = options;
    this.level = level;
    this.#write = write;
    this.#options = { format, wallClock, monotonicClock, setTimer: options.setTimer ?? setUnrefTimer };
    this.#kinds = new RateLimit({ burst: KIND_BURST, intervalMs: KIND_EVERY_MS, monotonicClock });
    this.#consoles = new RateLimit({ burst: CONSOLE_BURST, intervalMs: CONSOLE_EVERY_MS, monotonicClock });
  }

  /** Whether every request is logged: what only makes such events can be left out otherwise. */
  get isDebug(): boolean {
    return this.level === "debug";
  }

  error(event: LogEvent) {
    this.#log("error", event);
  }

  warn(event: LogEvent) {
    this.#log("warn", event);
  }

  info(event: LogEvent) {
    this.#log("info", event);
  }

  debug(event: LogEvent) {
    this.#log("debug", event);
  }

  /**
   * Adds a line of an original system's console, exactly as that printed it, at any level.
   *
   * @param limited Whether clients can cause it as often as they like.
   */
  console(service: string, line: string, limited = false) {
    const encode = (line: string) => this.#console(service, line);
    if (
      limited && !this.#take(this.#consoles, service, () => (count) => encode(`(${count} more like this)`))
    ) {
      return;
    }
    this.#add(encode(line));
  }

  /** Sums up what was left out. Resolves when all is written. */
  async flush() {
    this.#sumUp();
    await this.#writing;
  }

  #log(level: LogLevel, event: LogEvent) {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(this.level)) return;
    const { service, kind } = event;
    const sumUp = () => (count: number) =>
      this.#encode(level, { service, what: `${count} more like this: ${kind}` });
    if (kind !== undefined && !this.#take(this.#kinds, `${service} ${kind}`, sumUp)) return;
    this.#add(this.#encode(level, event));
  }

  /** Whether one more of this kind is logged; otherwise it is counted. */
  #take(chances: RateLimit, kind: string, sumUp: () => (count: number) => string): boolean {
    if (this.isDebug) return true;
    if (chances.waitMs(kind) === 0) {
      chances.take(kind);
      return true;
    }
    const omitted = this.#omitted.get(kind);
    if (omitted === undefined) this.#omitted.set(kind, { count: 1, sumUp: sumUp() });
    else omitted.count++;
    this.#stopTimer ??= this.#options.setTimer(SUM_UP_MS, () => this.#sumUp());
    return false;
  }

  #sumUp() {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const { count, sumUp } of this.#omitted.values()) this.#add(sumUp(count));
    this.#omitted.clear();
  }

  get #time(): string {
    return new Date(this.#options.wallClock()).toISOString();
  }

  #encode(level: LogLevel, { service, peer, what }: LogEvent): string {
    if (this.#options.format === "json") return json({ time: this.#time, level, service, peer, what });
    return escaped(`${this.#time} ${level} ${service} ${peer ?? "-"} ${what}`);
  }

  #console(service: string, line: string): string {
    if (this.#options.format === "json") {
      return json({ time: this.#time, level: "info", service, console: line });
    }
    return escaped(line);
  }

  #add(line: string) {
    if (this.#pending.length + line.length > PENDING_MAX) {
      this.#lost++;
      return;
    }
    this.#pending += `${line}\n`;
    this.#writing ??= this.#drain();
  }

  async #drain() {
    while (this.#pending !== "") {
      if (this.#lost > 0) {
        const what = `${this.#lost} lines left out: standard error took them too slowly`;
        this.#pending += `${this.#encode("warn", { service: "server", what })}\n`;
      }
      const text = this.#pending;
      this.#pending = "";
      this.#lost = 0;
      try {
        await this.#write(encoder.encode(text));
      } catch {
        // nobody reads the log any more; the service goes on
      }
    }
    this.#writing = undefined;
  }
}

/** What a client chose, so that where it ends can be seen. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** A mailbox as log lines name it; the empty name is that of the shared queue. */
export function mailboxName(mailbox: string): string {
  return mailbox === "" ? "the shared queue" : `mailbox ${quoted(mailbox)}`;
}

/** Control characters, what breaks lines, and what changes the direction of the text behind it. */
const UNSAFE = /\p{Cc}|[\u2028-\u202e\u2066-\u2069]/gu;

function escaped(text: string): string {
  return text.replace(UNSAFE, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code}`;
  });
}

function json(object: Record<string, string | undefined>): string {
  return JSON.stringify(object).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A timer for which no process goes on. */
function setUnrefTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  Deno.unrefTimer(timer);
  return () => clearTimeout(timer);
}
