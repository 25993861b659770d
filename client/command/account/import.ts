/**
 * `wirepost account import`: adds the accounts of a file.
 *
 * @module
 */

import { isName, preparePassword } from "../../../protocol/seal/scram.ts";
import { type Line, LineDecoder } from "../../../protocol/syntax/line.ts";
import { fileError } from "../../file/file_error.ts";
import { escapeControls, write, writeError } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import type { Arguments } from "../command.ts";
import { reportSetApart } from "./coverage.ts";
import { type AccountCode, newVerifier, openAccounts, refused } from "./store.ts";

/** Longest line of the file, in bytes: name and password with much white space. */
const MAX_LINE_BYTES = 8192;

/** Adds the account of every good line, and reports each other line, and each that the server refuses. */
export async function importFile(args: Arguments, code: AccountCode, file: string): Promise<number> {
  const { good, bad } = parseCredentials(await readCredentials(file));
  await using accounts = await openAccounts(args, code);
  const progress = new Progress();
  let added = 0, next = 0;
  let failure: Error | undefined;
  const at = (number: number, why: string) => `${file}, line ${number}: ${why}`;
  const report = async (number: number, why: string) => {
    await progress.clear();
    await writeError(`wirepost account: ${escapeControls(at(number, why))}\n`);
  };
  for (const { number, why } of bad) await report(number, why);
  const worker = async () => {
    for (let line = good[next++]; line !== undefined; line = good[next++]) {
      const { number, name, password } = line;
      try {
        const outcome = await accounts.change("add", name, await newVerifier(password));
        if (outcome === "exists") await report(number, `'${name}' has an account, which was kept`);
        else if (typeof outcome === "string") throw refused("add", name, outcome);
        else {
          added++;
          await reportSetApart(name, outcome.apart);
        }
      } catch (error) {
        // no room, or no server: the other lines would fail too
        failure ??= new Error(at(number, (error as Error).message));
        next = good.length;
      }
      await progress.show(() => `${added} of ${good.length} added`);
    }
  };
  // hashing takes a tenth of a second of one processor each
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, worker));
  await progress.clear();
  await write(`${added} ${added === 1 ? "account" : "accounts"} added\n`);
  if (failure !== undefined) throw failure;
  return bad.length > 0 ? 1 : 0;
}

/** The lines of a file. */
async function readCredentials(file: string): Promise<Line[]> {
  try {
    const bytes = await Deno.readFile(file);
    const begin = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
    // a line ends with LF, or with the file
    const decoder = new LineDecoder(MAX_LINE_BYTES);
    return [...decoder.decode(begin), ...decoder.end()];
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${fileError(error)}`);
  }
}

interface Credentials {
  number: number;
  name: string;
  password: string;
}

/** Name and password of each good line, and what is wrong with each other line; blank lines are skipped. */
function parseCredentials(lines: readonly Line[]) {
  const good: Credentials[] = [], bad: { number: number; why: string }[] = [], names = new Set<string>();
  for (const [i, line] of lines.entries()) {
    const number = i + 1;
    try {
      if ("error" in line) throw new Error(`the line is ${line.error}`);
      if (line.text.trim() === "") continue;
      const [, name = "", password = ""] = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line.text) ?? [];
      if (!isName(name)) throw new Error(`Cannot use '${name}' as a name`);
      if (password === "") throw new Error(`Missing the password of '${name}'`);
      if (names.has(name)) throw new Error(`Cannot use '${name}' a second time`);
      names.add(name);
      good.push({ number, name, password: preparePassword(password) });
    } catch (error) {
      bad.push({ number, why: (error as Error).message });
    }
  }
  return { good, bad };
}
