import { getColorEnabled } from "@std/fmt/colors";
import { escapeControls } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";

export interface DisplayOptions {
  hasColour: boolean;
  hasTimes: boolean;
}

/** Colours of a terminal that are legible on dark and on light: none is black, white or grey. */
const COLOURS = [31, 32, 33, 34, 35, 36, 91, 92, 94, 95, 96];
const DIM = 2;

/** How the lines of a chat look on a terminal. All that comes from others is escaped here. */
export class Display {
  readonly #options: DisplayOptions;

  constructor(options: DisplayOptions) {
    this.#options = options;
  }

  /**
   * A message.
   *
   * @param around What stands before and after the name: `[`, `] `.
   */
  message(name: string, text: string, around: readonly [string, string], timeMs = Date.now()): string {
    return `${this.#time(timeMs)}${around[0]}${this.name(name)}${around[1]}${escapeControls(text)}`;
  }

  /**
   * What somebody did: `Bob has joined`.
   *
   * @param key The name by which the colour is chosen, if the name is written in another way here.
   */
  event(before: string, name: string, after: string, key = name): string {
    return `${this.#time(Date.now())}${before}${this.name(name, key)}${after}`;
  }

  /** What the server says: a list has a line for each name. */
  answer(text: string): string {
    return text.split("\n").map(escapeControls).join("\n");
  }

  /** What this program says. */
  notice(text: string): string {
    return this.#style(DIM, `-- ${escapeControls(text)}`);
  }

  /** A name in its colour, which it always has. */
  name(name: string, key = name): string {
    return this.#style(colourOf(key), escapeControls(name));
  }

  /** Stands before the prompt: the time of day, if times are shown. */
  get now(): string {
    return this.#time(Date.now());
  }

  /** The time of day, with the date unless it is today. */
  #time(timeMs: number): string {
    if (!this.#options.hasTimes) return "";
    const time = new Date(timeMs), [date, day] = [dateOf(time), dateOf(new Date())];
    const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
    return this.#style(DIM, date === day ? clock : `${date} ${clock}`) + " ";
  }

  #style(code: number, text: string): string {
    return this.#options.hasColour && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** The colour of a name: the same for everybody who sees it (FNV-1a). */
export function colourOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  // the low bits alone are alike for names that are alike
  return COLOURS[((hash ^ hash >>> 11) >>> 0) % COLOURS.length]!;
}

function dateOf(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

function two(number: number): string {
  return `${number}`.padStart(2, "0");
}

/** As the options and the terminal have it. */
export function displayOf(args: Arguments): Display {
  return new Display({ hasColour: getColorEnabled(), hasTimes: args.flag("timestamps") });
}
