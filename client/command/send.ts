import { type BasicMailbox, NoAnswerError, SHARED_QUEUE } from "../mailbox.ts";
import { ADMIN, isId } from "../../protocol/mailbox.ts";
import { readLines } from "../terminal/input.ts";
import { writeError } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { connect, SERVER_OPTIONS } from "./server_option.ts";

/** Longest line of standard input that is read at all; whether it fits into a message is told when it is sent. */
const MAX_LINE = 65_536;

/** `parley send`. */
export const command: Command = {
  name: "send",
  summary: "Send messages to a mailbox.",
  usage: ["TO [MESSAGE…] --from ME", "--shared [MESSAGE…]"],
  about: [
    "Each MESSAGE is one message; with none, every line of standard input is one. Text that begins with '-' comes\n" +
    "after '--'.",
    "This is the original wire: the server says that it keeps up, and if it is not there that is an error, but a\n" +
    "message that the network loses on the way is lost without a word. On one machine, nothing is.",
  ],
  options: {
    from: { value: "ME", help: "ID of the sender" },
    shared: { help: "Send to the shared queue, which has no receiver and no sender" },
    basic: { help: "Use the original wire; there is no other yet" },
    ...SERVER_OPTIONS,
  },
  examples: ["parley send bob 'How are you?' --from alice", "seq 1000000 | parley send bob --from alice"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const shared = args.flag("shared");
  const [to, ...messages] = shared ? [SHARED_QUEUE, ...args.rest] : args.rest;
  const from = args.text("from");
  if (to === undefined) throw new UsageError("Missing TO: the ID of the receiver");
  if (shared && from !== undefined) throw new UsageError("--shared and --from exclude each other");
  if (!shared) {
    if (from === undefined) throw new UsageError("Missing --from ME: the ID of the sender");
    for (const id of [to, from]) if (!isId(id)) throw new UsageError(`Cannot use '${id}' as an ID`);
    if (from === ADMIN) throw new UsageError(`Cannot send as '${ADMIN}': the name is the administrator's`);
  }
  await using mailbox = await connect(args);
  if (messages.length === 0) return await sendLines(mailbox, to, from ?? "");
  for (const message of messages) await mailbox.send(to, from ?? "", message);
  return 0;
}

async function sendLines(mailbox: BasicMailbox, to: string, from: string): Promise<number> {
  if (Deno.stdin.isTerminal()) await writeError("One message a line; end with Ctrl-D\n");
  const progress = new Progress();
  let number = 0, wrong: string | undefined;
  try {
    for await (const line of readLines(MAX_LINE)) {
      if ("error" in line) throw new Error(`Cannot send a line that is ${line.error}`);
      await mailbox.send(to, from, line.text);
      number++;
      await progress.show(() => `${number} messages sent`);
    }
  } catch (error) {
    if (error instanceof NoAnswerError) throw error;
    wrong = (error as Error).message;
  } finally {
    await progress.clear();
  }
  await mailbox.flush();
  if (wrong !== undefined) {
    await writeError(`parley send: line ${number + 1}: ${wrong}\n`);
    await writeError(`parley send: ${number} messages were sent before it\n`);
    return 1;
  }
  if (Deno.stderr.isTerminal()) await writeError(`${number} messages sent\n`);
  return 0;
}
