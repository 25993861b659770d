import { bold, dim } from "@std/fmt/colors";
import type { BasicMailbox } from "../basic_mailbox.ts";
import { ADMIN, isId, MAX_DATAGRAM } from "../../protocol/mailbox.ts";
import { readLines } from "../terminal/input.ts";
import { shown, write, writeError } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { connectBasic, SERVER_OPTIONS } from "./server_option.ts";

const HELP = `Lines are sent to the one you write to. Lines that begin with / are commands:
  /as ID       write and receive as ID
  /to ID       write to ID
  /receive     receive your next message (/r)
  /all         receive all of your messages
  /quit        leave (/q)
A line that is to begin with / begins with //.
`;

/** `parley mailbox`. */
export const command: Command = {
  name: "mailbox",
  summary: "Write and receive messages by hand, as one person or as several.",
  usage: ["[OPTION…]"],
  about: [HELP.trimEnd()],
  options: {
    as: { value: "ID", help: "Begin as ID" },
    to: { value: "ID", help: "Begin by writing to ID" },
    ...SERVER_OPTIONS,
  },
  examples: ["parley mailbox --as alice --to bob"],
  run,
};

interface State {
  as: string | undefined;
  to: string | undefined;
}

async function run(args: Arguments): Promise<number> {
  if (args.rest.length > 0) throw new UsageError(`Unexpected argument '${args.rest[0]}'`);
  const state: State = { as: args.text("as"), to: args.text("to") };
  try {
    if (state.as !== undefined) checkAs(state.as);
    if (state.to !== undefined) checkId(state.to);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  await using mailbox = await connectBasic(args);
  const terminal = Deno.stdin.isTerminal();
  const prompt = () => terminal ? write(dim(`${state.as ?? "?"} → ${state.to ?? "?"}: `)) : undefined;
  if (terminal) await write("/help tells the commands.\n");
  await prompt();
  let failed = false;
  // a mistake in a terminal was seen
  const code = () => failed && !terminal ? 1 : 0;
  for await (const line of readLines(MAX_DATAGRAM)) {
    try {
      if ("error" in line) throw new Error(`Cannot send a line that is ${line.error}`);
      if (await perform(mailbox, state, line.text)) return code();
    } catch (error) {
      // one mistake ends nothing, but a script learns of it
      failed = true;
      await writeError(`${shown((error as Error).message)}\n`);
    }
    await prompt();
  }
  if (terminal) await write("\n");
  return code();
}

function checkId(id: string) {
  if (!isId(id)) throw new Error(`Cannot use '${id}' as an ID`);
}

function checkAs(id: string) {
  checkId(id);
  if (id === ADMIN) throw new Error(`Cannot write as '${ADMIN}': the name is the administrator's`);
}

/** Carries out a line, and returns whether it is the last. */
async function perform(mailbox: BasicMailbox, state: State, line: string): Promise<boolean> {
  if (line === "") return false;
  if (!line.startsWith("/") || line.startsWith("//")) {
    const { as, to } = state;
    if (as === undefined || to === undefined) {
      throw new Error("Say first who you are and whom to write to: /as ID, /to ID");
    }
    await mailbox.send(to, as, line.startsWith("//") ? line.slice(1) : line);
    await mailbox.flush();
    return false;
  }
  const [name, ...rest] = line.split(" ");
  const id = rest.join(" ").trim();
  switch (name) {
    case "/as":
      checkAs(id);
      state.as = id;
      break;
    case "/to":
      checkId(id);
      state.to = id;
      break;
    case "/receive":
    case "/r":
      await receive(mailbox, state, 1);
      break;
    case "/all":
      await receive(mailbox, state, Infinity);
      break;
    case "/help":
      await write(HELP);
      break;
    case "/quit":
    case "/q":
      return true;
    default:
      throw new Error(`Unknown command '${name}': /help tells the commands`);
  }
  return false;
}

async function receive(mailbox: BasicMailbox, { as }: State, count: number) {
  if (as === undefined) throw new Error("Say first who you are: /as ID");
  for (let i = 0; i < count; i++) {
    const mail = await mailbox.receive(as);
    if (mail === undefined) {
      if (i === 0) await write(`${dim("no message")}\n`);
      return;
    }
    const time = Number.isNaN(mail.time) ? "" : `${dim(new Date(mail.time).toLocaleTimeString())} `;
    await write(`${time}${bold(shown(mail.sender))}: ${shown(mail.message)}\n`);
  }
}
