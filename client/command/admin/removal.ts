/**
 * The commands of `wirepost admin` that remove messages or give them out again. For all of them at once, that must be
 * said, and confirmed.
 *
 * @module
 */

import { isId } from "../../../protocol/mailbox.ts";
import { RefusedCommandError } from "../../original_mailbox.ts";
import { canConfirm, confirm } from "../../terminal/ask.ts";
import { report } from "../../terminal/output.ts";
import { type Control, printFields } from "./lists.ts";
import { unreadable } from "./pages.ts";
import { type Arguments, expectArguments, UsageError } from "../command.ts";

interface Removal {
  name: "clear" | "requeue" | "delete";
  /** One mailbox for `clear`, otherwise numbers of dead letters; or everything at once. */
  which: readonly string[] | "all" | "shared";
}

/** What `NAME ID` removes. */
const NOUNS = { clear: "mailbox", requeue: "dead letter", delete: "dead letter" } as const;

/** The server's commands for everything at once, and the questions about them. */
const QUESTIONS = {
  "clear-all": "Remove all messages of all mailboxes?",
  "clear-shared": "Remove all messages of the shared queue?",
  "requeue-all": "Give all dead letters out again?",
  "delete-all": "Remove all dead letters?",
} as const;

/** Commands that concern everything at once: `clear-all` is the same as `clear --all`. */
export const AT_ONCE: readonly string[] = Object.keys(QUESTIONS);

/**
 * The removal on the command line; undefined if it is another command.
 *
 * @throws {UsageError} It is not clear what to remove.
 */
export function removalOf(args: Arguments): Removal | undefined {
  const [command = "", ...ids] = args.positionals;
  if (Object.hasOwn(QUESTIONS, command) && ids.length === 0) {
    const [name, which] = command.split("-") as [Removal["name"], "all" | "shared"];
    return { name, which };
  }
  if (!Object.hasOwn(NOUNS, command)) {
    args.refuse(command, "all", "shared", ...["ban", "mute"].includes(command) ? [] : ["yes"]);
    return undefined;
  }
  const name = command as Removal["name"], isClear = name === "clear";
  if (!isClear) args.refuse(name, "shared");
  const forms = isClear ? "ID, --shared or --all" : "ID or --all";
  const all = args.flag("all"), shared = args.flag("shared");
  const given = Number(all) + Number(shared) + Number(ids.length > 0);
  if (given === 0) throw new UsageError(`Missing ${forms}`);
  if (given > 1) throw new UsageError(`Only one of ${forms} can be given`);
  if (all || shared) return { name, which: all ? "all" : "shared" };
  if (isClear) expectArguments(ids, "ID");
  const wrong = ids.find((id) => isClear ? !isId(id) : !/^\d{1,15}$/.test(id));
  if (wrong !== undefined) throw new UsageError(`Cannot use '${wrong}' as the ID of a ${NOUNS[name]}`);
  return { name, which: ids };
}

/**
 * Asks at the terminal to confirm what concerns everything, unless `--yes` is given. Returns whether to go on.
 *
 * @throws {UsageError} There is no terminal to ask at.
 */
export async function isConfirmed({ name, which }: Removal, args: Arguments): Promise<boolean> {
  if (typeof which !== "string" || args.flag("yes")) return true;
  if (!canConfirm()) throw new UsageError(`'${name} --${which}' needs --yes without a terminal`);
  if (await confirm(QUESTIONS[`${name}-${which}` as keyof typeof QUESTIONS])) return true;
  await report("admin", "nothing was done");
  return false;
}

/** Removes, and prints how many. Returns the exit code. */
export async function remove(control: Control, { name, which }: Removal, json: boolean): Promise<number> {
  const print = (count: number) => printFields([`${count}`], json ? name : undefined);
  if (which === "all" && name === "requeue") return await requeueAll(control, print);
  if (typeof which === "string" || name === "clear") {
    const [count] = await control(typeof which === "string" ? `${name}-${which}` : `clear, ${which[0]}`);
    await print(Number(count));
    return 0;
  }
  let done = 0;
  for (const id of which) {
    try {
      await control(`${name}, ${id}`);
      done++;
    } catch (error) {
      // goes on with the others, unless the server is gone
      if (!(error instanceof RefusedCommandError)) throw error;
      await report("admin", error.message);
    }
  }
  await print(done);
  return done === which.length ? 0 : 1;
}

/** One command gives out as many as the server can in some milliseconds. */
async function requeueAll(control: Control, print: (count: number) => Promise<void>): Promise<number> {
  let done = 0, full = 0;
  for (let after = 0, isDone = false; !isDone;) {
    const page = await control(after === 0 ? "requeue-all" : `requeue-all, ${after}`);
    const [requeued = NaN, refused = NaN, last = NaN] = page.map(Number);
    isDone = last === 0;
    // a server that goes back would have no end
    if (!isDone && !(last > after)) throw unreadable(page.join(", "));
    done += requeued;
    full += refused;
    after = last;
  }
  await print(done);
  if (full === 0) return 0;
  await report("admin", `${full} are left, because there is no room in their mailboxes`);
  return 1;
}
