/**
 * The file with options of `wirepost serve`, one a line as on the command line.
 *
 * @module
 */

import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import { fileError } from "../../file/file_error.ts";
import { Arguments, type Command, UsageError } from "../command.ts";

/** The file that is read if it is there and no other is named. */
export const SYSTEM_FILE = "/etc/wirepost.conf";

/** Longest file: a device, or a file that was named by mistake, must not fill the memory. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Options that only the command line has. */
const COMMAND_LINE_ONLY = /^(--config|--help|-h)(=|$)/;

/**
 * Adds the options of the file to those of the command line, which count more: also if both exclude each other.
 *
 * @param check Throws a `UsageError` if the value of an option can't be used.
 * @returns Whether there is such a file.
 * @throws {UsageError} The file can't be read, or has a line that is no option.
 */
export async function readOptionsFile(
  args: Arguments,
  command: Command,
  exclusive: readonly (readonly [string, string])[],
  check: (line: Arguments) => void,
): Promise<boolean> {
  const named = args.text("config"), file = named ?? SYSTEM_FILE;
  const text = await readText(file, named !== undefined);
  if (text === undefined) return false;
  const lines = new Map<string, number>();
  const words = text.split("\n").flatMap((line, i) => {
    try {
      const words = wordsOf(line, command, args, check), name = /^--([^=]*)/.exec(words[0] ?? "")?.[1];
      if (name === undefined) return words;
      const earlier = lines.get(name);
      if (earlier !== undefined && !command.options[name]?.many) {
        throw new UsageError(`Option --${name} stands in line ${earlier} too`);
      }
      lines.set(name, i + 1);
      return words;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${file}:${i + 1}: ${error.message}`);
    }
  });
  const options = new Arguments(command, words, args.dataCode);
  const names = Object.keys(command.options);
  const isExcluded = (name: string) =>
    exclusive.some(([one, other]) => one === name && args.flag(other) || other === name && args.flag(one));
  // first all, because what is supplied counts as given
  for (const name of names.filter((name) => !isExcluded(name))) args.supply(options, name);
  return true;
}

/** The text of the file; undefined if there is none and nobody has named it. */
async function readText(file: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readBytes(file));
  } catch (error) {
    if (!isNamed && error instanceof Deno.errors.NotFound) return undefined;
    const why = error instanceof TypeError
      ? "it is not UTF-8"
      : error instanceof RangeError
      ? error.message
      : fileError(error);
    throw new UsageError(`Cannot read the options in ${file}: ${why}`);
  }
}

/** @throws {RangeError} The file is too long. */
async function readBytes(file: string): Promise<Uint8Array> {
  using opened = await Deno.open(file);
  const pieces: Uint8Array[] = [], buffer = new Uint8Array(64 * 1024);
  let bytes = 0;
  for (let length; (length = await opened.read(buffer)) !== null;) {
    bytes += length;
    if (bytes > MAX_FILE_BYTES) throw new RangeError("it is longer than 1 MiB");
    pieces.push(buffer.slice(0, length));
  }
  return concatBytes(...pieces);
}

/** The option of a line, as words of a command line; none for an empty line and a comment. */
function wordsOf(
  line: string,
  command: Command,
  args: Arguments,
  check: (line: Arguments) => void,
): readonly string[] {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return [];
  const [, option = "", value = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  const [only] = COMMAND_LINE_ONLY.exec(option)?.slice(1) ?? [];
  if (only !== undefined) throw new UsageError(`${only} is for the command line`);
  // `--` alone would make words of what follows on the command line
  if (!/^--[^=]/.test(option)) {
    throw new UsageError(`Expected an option such as --host ADDRESS, got '${text}'`);
  }
  // an unknown option is named without its value
  if (!option.includes("=") && !Object.hasOwn(command.options, option.slice(2))) {
    new Arguments(command, [option], args.dataCode);
  }
  const words = value === "" ? [option] : [`${option}=${value}`];
  check(new Arguments(command, words, args.dataCode));
  return words;
}
