/**
 * The server's log on standard error: one line for each event, and the console lines of the original systems.
 *
 * A line is `TIME LEVEL SERVICE PEER WHAT`, with `-` if it is about no client, or one JSON object. Events that clients
 * can cause are limited by their kind, and those left out are counted in a line. The log never waits for a terminal or
 * a pipe that is stuck.
 *
 * @module
 */

import { networkOf } from "../quota/address.ts";
import { RateLimit, type RateLimitOptions } from "../quota/rate_limit.ts";
import type { Environment } from "../quota/uptime.ts";
import type { Limit } from "./limit.ts";

/** From what an operator has to act on, to what is needed only to find an error. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** `journal` is for systemd's: that has the time itself, and the level from the number in front (sd-daemon(3)). */
export const LOG_FORMATS = ["text", "json", "journal"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** Something that happened. */
export interface LogEvent {
  /** The part of the server: `mailbox`, `channels`, `room`, `forum`, `admin`, `store` or `server`. */
  service: string;
  /** Address of the client that it is about. */
  peer?: string;
  /** What happened, with what a client chose as {@linkcode quoted} writes it; no secret, and no text of a message. */
  what: string;
  /** Set if clients can cause the event as often as they like: events of one kind are limited together. */
  kind?: string;
}

export interface LogOptions extends Partial<Pick<Environment, "wallClock" | "monotonicClock" | "setTimer">> {
  format?: LogFormat;
  /** Events of a lower level are left out. At `debug` nothing is limited. */
  level?: LogLevel;
  /** Takes the console lines of the original systems as they are; by default they stand in the log. */
  console?: ((bytes: Uint8Array) => Promise<unknown>) | undefined;
}

/**
 * Events of one kind that one network causes and that are logged at once, and milliseconds until one more is (log.md
 * section 4).
 */
const KIND_LIMIT = { burst: 50, intervalMs: 200 };

/** The same for the console lines of one service, which the originals print for every request (log.md 3.3). */
const CONSOLE_LIMIT = { burst: 50, intervalMs: 20 };

/** All networks together have so many times as much, so that none of them can use it up. */
const NETWORKS_TOGETHER = 4;

/** Milliseconds after which the events that were left out are counted in a line. */
const SUMMARY_MS = 10_000;

/** Characters that may wait to be written. */
const MAX_PENDING_CHARACTERS = 1024 * 1024;

/** Of syslog (RFC 5424, section 6.2.1). */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

const encoder = new TextEncoder();

export class Log {
  /** Events of a lower level are left out. */
  level: LogLevel;
  readonly #lines: LineQueue;
  /** Where console lines go, if not into the log. */
  readonly #consoleLines: LineQueue | undefined;
  readonly #options: Required<Omit<LogOptions, "level" | "console">>;
  readonly #kindLimit: SharedLimit;
  readonly #consoleLimit: SharedLimit;
  /** Events that were left out, by their kind: how many, and what adds the line that says so. */
  readonly #omitted = new Map<string, { count: number; summarize: (count: number) => void }>();
  readonly error = (event: LogEvent) => this.#log("error", event);
  readonly warn = (event: LogEvent) => this.#log("warn", event);
  readonly info = (event: LogEvent) => this.#log("info", event);
  readonly debug = (event: LogEvent) => this.#log("debug", event);
  #stopTimer: (() => void) | undefined;

  /** @param write Takes all of the bytes. */
  constructor(write: (bytes: Uint8Array) => Promise<unknown>, options: LogOptions = {}) {
    const {
      level = "info",
      format = "text",
      wallClock = Date.now,
      monotonicClock = () => performance.now(),
    } = options;
    this.level = level;
    const lost = (count: number) => {
      const what = `${count} lines left out: standard error took them too slowly`;
      return this.#encode("warn", { service: "server", what });
    };
    this.#lines = new LineQueue(write, lost);
    this.#consoleLines = options.console && new LineQueue(options.console, (count) => `(${count} more)`);
    this.#options = { format, wallClock, monotonicClock, setTimer: options.setTimer ?? setUnrefTimer };
    this.#kindLimit = new SharedLimit({ ...KIND_LIMIT, monotonicClock });
    this.#consoleLimit = new SharedLimit({ ...CONSOLE_LIMIT, monotonicClock });
  }

  /** What one address has used of the lines that are limited, with its limit. */
  limits(): Limit[] {
    return [
      { name: "characters of the log that wait", used: this.#lines.waiting, limit: MAX_PENDING_CHARACTERS },
      { name: "log lines of one address", used: this.#kindLimit.mostTaken, limit: KIND_LIMIT.burst },
      {
        name: "console lines of one address",
        used: this.#consoleLimit.mostTaken,
        limit: CONSOLE_LIMIT.burst,
      },
    ];
  }

  /** Whether every request is logged. If not, nothing has to be computed for it. */
  get isDebug(): boolean {
    return this.level === "debug";
  }

  /**
   * Adds a line of an original system's console exactly as that printed it, at any level.
   *
   * @param by The client that caused it, if clients can do so as often as they like.
   */
  console(service: string, line: string, by?: { hostname: string }) {
    const add = (line: string) => {
      if (this.#consoleLines !== undefined) this.#consoleLines.add(escaped(line));
      else this.#lines.add(this.#console(service, line));
    };
    const summarize = (count: number) => add(`(${count} more like this)`);
    if (by === undefined || this.#take(this.#consoleLimit, service, networkOf(by.hostname), summarize)) {
      add(line);
    }
  }

  /** Counts what was left out. Resolves when all is written. */
  async flush() {
    this.#summarize();
    await Promise.all([this.#lines.flush(), this.#consoleLines?.flush()]);
  }

  #log(level: LogLevel, event: LogEvent) {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(this.level)) return;
    const { service, kind, peer = "" } = event;
    const summarize = (count: number) =>
      this.#lines.add(this.#encode(level, { service, what: `${count} more like this: ${kind}` }));
    if (
      kind === undefined || this.#take(this.#kindLimit, `${service} ${kind}`, networkOfPeer(peer), summarize)
    ) this.#lines.add(this.#encode(level, event));
  }

  /** Whether one more of this kind is logged; otherwise it is counted. */
  #take(limit: SharedLimit, kind: string, network: string, summarize: (count: number) => void): boolean {
    if (this.isDebug || limit.tryTake(kind, network)) return true;
    const omitted = this.#omitted.get(kind);
    if (omitted === undefined) this.#omitted.set(kind, { count: 1, summarize });
    else omitted.count++;
    this.#stopTimer ??= this.#options.setTimer(SUMMARY_MS, () => this.#summarize());
    return false;
  }

  #summarize() {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const { count, summarize } of this.#omitted.values()) summarize(count);
    this.#omitted.clear();
  }

  get #time(): string {
    return new Date(this.#options.wallClock()).toISOString();
  }

  #encode(level: LogLevel, { service, peer, what }: LogEvent): string {
    const { format } = this.#options;
    if (format === "json") return json({ time: this.#time, level, service, peer, what });
    const begin = format === "journal" ? `<${SEVERITIES[level]}>` : `${this.#time} ${level} `;
    return escaped(`${begin}${service} ${peer ?? "-"} ${what}`);
  }

  #console(service: string, line: string): string {
    if (this.#options.format === "json") {
      return json({ time: this.#time, level: "info", service, console: line });
    }
    return escaped(this.#options.format === "journal" ? `<${SEVERITIES.info}>${service} - ${line}` : line);
  }
}

/** A limit of each kind for each network, and a higher one for all networks together. */
class SharedLimit {
  readonly #ofNetwork: RateLimit;
  readonly #ofKind: RateLimit;

  constructor({ burst, intervalMs, monotonicClock }: RateLimitOptions) {
    this.#ofNetwork = new RateLimit({ burst, intervalMs, monotonicClock });
    this.#ofKind = new RateLimit({
      burst: NETWORKS_TOGETHER * burst,
      intervalMs: intervalMs / NETWORKS_TOGETHER,
      monotonicClock,
    });
  }

  /** The most that one network has used of a kind. */
  get mostTaken(): number {
    return this.#ofNetwork.mostTaken;
  }

  /** Whether one more of this kind may be logged. */
  tryTake(kind: string, network: string): boolean {
    if (this.#ofKind.waitMs(kind) > 0) return false;
    return this.#ofNetwork.tryTake(`${kind} ${network}`) && this.#ofKind.tryTake(kind);
  }
}

/** The network of an address with its port, as it is logged; `""` if the event is about no client. */
function networkOfPeer(peer: string): string {
  return networkOf(peer.slice(0, Math.max(0, peer.lastIndexOf(":"))).replace(/^\[|\]$/g, ""));
}

/** Lines that wait to be written. It never waits itself: what is too much is left out, and counted in a line. */
class LineQueue {
  readonly #write: (bytes: Uint8Array) => Promise<unknown>;
  readonly #lostLine: (count: number) => string;
  #pending = "";
  #lost = 0;
  #writing: Promise<void> | undefined;

  /** @param lostLine The line about so many that were left out. */
  constructor(write: (bytes: Uint8Array) => Promise<unknown>, lostLine: (count: number) => string) {
    this.#write = write;
    this.#lostLine = lostLine;
  }

  /** Characters that wait to be written. */
  get waiting(): number {
    return this.#pending.length;
  }

  add(line: string) {
    if (this.#pending.length + line.length > MAX_PENDING_CHARACTERS) {
      this.#lost++;
      return;
    }
    this.#pending += `${line}\n`;
    this.#writing ??= this.#drain();
  }

  /** Resolves when all is written. */
  async flush() {
    await this.#writing;
  }

  async #drain() {
    while (this.#pending !== "") {
      if (this.#lost > 0) this.#pending += `${this.#lostLine(this.#lost)}\n`;
      const text = this.#pending;
      this.#pending = "";
      this.#lost = 0;
      try {
        await this.#write(encoder.encode(text));
      } catch {
        // the lines have no reader any more; the service goes on
      }
    }
    this.#writing = undefined;
  }
}

/** What a client chose, in quotation marks. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** A mailbox as log lines name it; the empty name is that of the shared queue. */
export function mailboxName(mailbox: string): string {
  return mailbox === "" ? "the shared queue" : `mailbox ${quoted(mailbox)}`;
}

/** Control characters, line breaks, and what changes the direction of the text after it (log.md 2.1). */
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

/** A timer that keeps no process running. */
function setUnrefTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  Deno.unrefTimer(timer);
  return () => clearTimeout(timer);
}
