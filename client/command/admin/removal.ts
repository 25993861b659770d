/**
 * The commands of `wirepost admin` that take something away or give it out again: of one by its name, and of all only
 * where that was said, and confirmed.
 *
 * @module
 */

import { isId } from "../../../protocol/mailbox.ts";
import { RefusedCommandError } from "../../original_mailbox.ts";
import { canConfirm, confirm } from "../../terminal/ask.ts";
import { write, writeError } from "../../terminal/output.ts";
import type { Control } from "./lists.ts";
import { type Arguments, UsageError } from "../command.ts";

/** What is to be done: to these by their names, or to all or the shared queue at once. */
export interface Removal {
  name: "clear" | "requeue" | "delete";
  /** One ID for `clear`; numbers of dead letters otherwise. */
  which: readonly string[] | "all" | "shared";
}

/** Names of the commands; and of the server's that do much at once, which nobody is to send by accident. */
const NAMES = ["clear", "requeue", "delete"] as const;
const AT_ONCE: Readonly<Record<string, Removal>> = {
  "clear-all": { name: "clear", which: "all" },
  "clear-shared": { name: "clear", which: "shared" },
  "requeue-all": { name: "requeue", which: "all" },
  "delete-all": { name: "delete", which: "all" },
};

/** What is asked where everything is to go; {@linkcode Removal.which} and its name. */
const QUESTIONS: Readonly<Record<string, string>> = {
  "clear all": "Remove all messages of all mailboxes?",
  "clear shared": "Remove all messages of the shared queue?",
  "requeue all": "Give all dead letters out again?",
  "delete all": "Remove all dead letters?",
};

/**
 * The removal that was asked for; undefined where it is another command.
 *
 * @throws {UsageError} It is not said what is to be removed, or it can't be that.
 */
export function removalOf(args: Arguments): Removal | undefined {
  const [command = "", ...rest] = args.positionals;
  const all = args.flag("all"), shared = args.flag("shared");
  const known = Object.hasOwn(AT_ONCE, command) ? AT_ONCE[command] : undefined;
  if (known !== undefined && rest.length === 0) return known;
  const name = NAMES.find((name) => name === command);
  if (name === undefined) {
    for (const option of ["all", "shared", "yes"]) {
      if (args.flag(option)) throw new UsageError(`--${option} does not go with '${command}'`);
    }
    return undefined;
  }
  const forms = name === "clear" ? "ID, --shared or --all" : "ID or --all";
  if (shared && name !== "clear") throw new UsageError(`--shared does not go with '${name}'`);
  if (Number(all) + Number(shared) + Number(rest.length > 0) > 1) {
    throw new UsageError(`Only one of ${forms} can be given`);
  }
  if (all || shared) return { name, which: all ? "all" : "shared" };
  if (rest.length === 0) throw new UsageError(`Missing ${forms}: which are meant?`);
  if (name === "clear" && rest.length > 1) throw new UsageError(`Unexpected argument '${rest[1]}'`);
  const wrong = rest.find((id) => name === "clear" ? !isId(id) : !/^\d{1,15}$/.test(id));
  if (wrong !== undefined) throw new UsageError(`Cannot use '${wrong}' as the ID of a ${NOUNS[name]}`);
  return { name, which: rest };
}

const NOUNS = { clear: "mailbox", requeue: "dead letter", delete: "dead letter" };

/**
 * Has somebody at the terminal confirm what concerns all; elsewhere `--yes` has to. Returns whether to go on.
 *
 * @throws {UsageError} Nobody can be asked.
 */
export async function isConfirmed({ name, which }: Removal, args: Arguments): Promise<boolean> {
  if (typeof which !== "string" || args.flag("yes")) return true;
  if (!canConfirm()) {
    throw new UsageError(`'${name} --${which}' needs --yes where nobody can be asked`);
  }
  if (await confirm(QUESTIONS[`${name} ${which}`]!)) return true;
  await writeError("wirepost admin: nothing was done\n");
  return false;
}

/** Does it, and prints how many they were. Returns the exit code. */
export async function remove(control: Control, { name, which }: Removal): Promise<number> {
  if (which === "all" && name === "requeue") return await requeueAll(control);
  if (typeof which === "string") return await printCount(control(`${name}-${which}`));
  if (name === "clear") return await printCount(control(`clear, ${which[0]}`));
  let done = 0;
  for (const id of which) {
    try {
      await control(`${name}, ${id}`);
      done++;
    } catch (error) {
      // the others are no worse for it; where the server is gone, each of them would wait for it
      if (!(error instanceof RefusedCommandError)) throw error;
      await writeError(`wirepost admin: ${error.message}\n`);
    }
  }
  await write(`${done}\n`);
  return done === which.length ? 0 : 1;
}

async function printCount(answer: Promise<string[]>): Promise<number> {
  const [count] = await answer;
  await write(`${count}\n`);
  return 0;
}

/** A command gives out as many as take the server some milliseconds. */
async function requeueAll(control: Control): Promise<number> {
  let done = 0, full = 0;
  for (let page = "requeue-all";;) {
    const [requeued, refused, last] = (await control(page)).map(Number) as [number, number, number];
    done += requeued;
    full += refused;
    if (last === 0) break;
    page = `requeue-all, ${last}`;
  }
  await write(`${done}\n`);
  if (full === 0) return 0;
  await writeError(`wirepost admin: ${full} are left, because there is no room in their mailboxes\n`);
  return 1;
}
