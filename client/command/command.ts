/**
 * What a command is, and how its arguments are read. A wrong argument is a {@linkcode UsageError}.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { format as formatBytes } from "@std/fmt/bytes";
import { nearest } from "./nearest.ts";
import type { DataDirectoryCode } from "./data/data_directory.ts";
import { ADMIN, checkId as checkMailboxId } from "../../protocol/mailbox.ts";

/** Exit code of `receive` and `peek`: there was no message, or fewer than wanted. */
export const EMPTY = 3;

/** Longest time of a timer, in milliseconds: what `setTimeout` takes. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** An option. Without `value` it is a flag. */
export interface Option {
  /** The name of its value in the help: `HOST:PORT`. */
  value?: string;
  /** May be given more than once, and is read by {@linkcode Arguments.texts}. */
  many?: true;
  /** An older name, which still works and is not in the help. */
  hidden?: true;
  help: string;
}

/** A word that is the first argument of a command, such as a command of `admin`. */
export interface Word {
  name: string;
  /** What follows it: `ID`, `[PORT]`. */
  argument?: string;
  help: string;
}

/** Names that only a server knows. */
export type NameKind = "mailboxes" | "channels";

/** What completes an argument in a shell: fixed words, names of files, names that a server knows, or nothing. */
export type Completion =
  | { words: readonly string[] }
  | { files: true }
  | { names: NameKind }
  | undefined;

/** A command of `wirepost`. */
export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Whether the list names it only among others. */
  isMore?: true;
  /** The arguments, one line for each form. */
  usage: readonly string[];
  /** What the first argument may be. */
  words?: { heading: string; list: readonly Word[] };
  /** Paragraphs of the help. Lines that begin with a space are kept, others are broken anew. */
  about?: readonly string[];
  options: Readonly<Record<string, Option>>;
  /** What completes its arguments in a shell; by default its `words`. */
  completes?: Completion;
  /** Complete command lines. */
  examples: readonly string[];
  /** Returns the exit code. */
  run(args: Arguments): Promise<number>;
}

/** The options of a command that its help names. */
export function listedOptions({ options }: Pick<Command, "options">): Record<string, Option> {
  return Object.fromEntries(Object.entries(options).filter(([, { hidden }]) => !hidden));
}

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A duration such as `250ms`, `30s`, `5m`, `12h` or `1d`, in milliseconds. */
function parseDuration(text: string): number | undefined {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  return match ? Math.round(Number(match[1]) * units[match[2] as keyof typeof units]) : undefined;
}

/** A size such as `512`, `64KiB`, `1.5MiB` or `10GB`, in bytes. */
function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s?(?:([kmgt])(i?))?b?$/i.exec(text);
  if (!match) return undefined;
  const power = match[2] ? "kmgt".indexOf(match[2].toLowerCase()) + 1 : 0;
  const bytes = Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `HOST:PORT` or `[IPv6]:PORT`, with a port from 1, which may be left out if there is a usual one. */
export function parseAddress(
  text: string,
  usualPort?: number,
): { hostname: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? usualPort);
  return match && port >= 1 && port <= 65535 ? { hostname: (match[1] ?? match[2])!, port } : undefined;
}

/** The arguments of one command line. Every method that reads one throws a {@linkcode UsageError} if it is wrong. */
export class Arguments {
  /** The name of the command. */
  readonly command: string;
  /** The server's code about data directories. */
  readonly dataCode: DataDirectoryCode;
  readonly positionals: readonly string[];
  /** As they were given. */
  readonly words: readonly string[];
  /** The values of each option that is given; a flag has one empty value. */
  readonly #values = new Map<string, string[]>();

  constructor(command: Command, args: readonly string[], dataCode: DataDirectoryCode) {
    this.command = command.name;
    this.dataCode = dataCode;
    this.words = args;
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const names = Object.keys(command.options);
    const isFlag = (name: string) => names.includes(name) && command.options[name]!.value === undefined;
    const withValue = names.filter((name) => !isFlag(name));
    const { _, ...values } = parseArgs(args.slice(0, end).map((arg) => withFlagValue(arg, isFlag)), {
      // "_" keeps `007` from becoming 7
      string: [...withValue, "_"],
      boolean: names.filter(isFlag),
      collect: withValue,
      unknown(arg, key) {
        if (key === undefined) return;
        throw new UsageError(`Unknown option '${arg}'${optionHint(arg, command)}`);
      },
    });
    this.positionals = [..._, ...args.slice(end + 1)];
    for (const name of names) {
      const given = values[name];
      if (given === true) this.#values.set(name, [""]);
      if (!Array.isArray(given) || given.length === 0) continue;
      if (given.includes("")) throw new UsageError(`Option --${name} needs a value`);
      if (given.length > 1 && !command.options[name]!.many) {
        throw new UsageError(`Option --${name} is given more than once`);
      }
      this.#values.set(name, given);
    }
  }

  /** Takes the values of an option from other arguments, unless it is given in these. */
  supply(other: Arguments, name: string) {
    const values = other.#values.get(name);
    if (values !== undefined && !this.flag(name)) this.#values.set(name, values);
  }

  /** Whether the option is given. */
  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** @throws {UsageError} The option is given together with one of the others. */
  exclude(name: string, ...others: string[]) {
    for (const other of this.flag(name) ? others : []) {
      if (this.flag(other)) throw new UsageError(`--${name} and --${other} exclude each other`);
    }
  }

  /** @throws {UsageError} One of these options is given, and is not for this; `use` is the command or argument. */
  refuse(use: string, ...names: string[]) {
    for (const name of names) if (this.flag(name)) throw new UsageError(`Cannot use --${name} with '${use}'`);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  texts(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  /** One of these words. */
  word<W extends string>(name: string, words: readonly W[], byDefault: W): W {
    return this.#read(name, words.join(" or "), (text) => words.find((word) => word === text)) ?? byDefault;
  }

  /** A whole number between the bounds, inclusive. */
  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const what = max === Number.MAX_SAFE_INTEGER ? `a number from ${min}` : `a number from ${min} to ${max}`;
    return this.#read(name, what, (text) => {
      const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
      return number >= min && number <= max ? number : undefined;
    });
  }

  /** In milliseconds. */
  duration(name: string): number | undefined {
    return this.#read(name, "a duration such as 30s", parseDuration);
  }

  /** In bytes, at least `min`. */
  size(name: string, min = 1): number | undefined {
    const what = min > 1
      ? `a size from ${formatBytes(min, { binary: true }).replace("kiB", "KiB")}`
      : "a size such as 64KiB";
    return this.#read(name, what, (text) => {
      const bytes = parseSize(text);
      return bytes !== undefined && bytes >= min ? bytes : undefined;
    });
  }

  /** `HOST:PORT`, or `HOST` alone for the usual port. */
  address(name: string, usualPort: number): { hostname: string; port: number } | undefined {
    return this.#read(name, "HOST or HOST:PORT", (text) => parseAddress(text, usualPort));
  }

  #read<T>(name: string, what: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) throw new UsageError(`Cannot read --${name} '${text}': expected ${what}`);
    return value;
  }
}

const AFTER_DASHES = "text that begins with '-' comes after '--'";

/** The known option that is nearest to an unknown one. */
function optionHint(arg: string, command: Command): string {
  if (!/^--[a-z]/i.test(arg)) return `: ${AFTER_DASHES}`;
  const name = nearest(/^--([^=]*)/.exec(arg)![1]!, [...Object.keys(listedOptions(command)), "help"]);
  return name === undefined ? "" : `: did you mean '--${name}'?`;
}

/**
 * Gives a flag the value `true`, so that the next argument isn't taken for its value.
 *
 * @throws {UsageError} It has a value already.
 */
function withFlagValue(arg: string, isFlag: (name: string) => boolean): string {
  const [, name = "", assigned] = /^--([^=]*)(=.*)?$/s.exec(arg) ?? [];
  // the parser keeps what is no option under this name
  if (/^--?_/.test(arg)) throw new UsageError(`Unknown option '${arg}': ${AFTER_DASHES}`);
  if (!isFlag(name)) return arg;
  if (assigned !== undefined) throw new UsageError(`Option --${name} takes no value`);
  return `--${name}=true`;
}

/** @throws {UsageError} There are fewer or more arguments than names. */
export function expectArguments(given: readonly string[], ...names: string[]) {
  if (given.length < names.length) throw new UsageError(`Missing ${names[given.length]}`);
  if (given.length > names.length) throw new UsageError(`Unexpected argument '${given[names.length]}'`);
}

/** @throws {UsageError} It is not the ID of a mailbox. */
export function checkIdArgument(id: string) {
  try {
    checkMailboxId(id);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws {UsageError} Nobody can send under this ID. */
export function checkSender(id: string) {
  checkIdArgument(id);
  if (id === ADMIN) throw new UsageError(`Cannot send as '${ADMIN}': the name is the administrator's`);
}

/** Whether the help is wanted. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}
