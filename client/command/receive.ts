import { type BasicMailbox, type Mail, SHARED_QUEUE } from "../mailbox.ts";
import { isId } from "../../protocol/mailbox.ts";
import { shown, write } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { connect, SERVER_OPTIONS } from "./server_option.ts";

/** Exit code where there was nothing, or less than was asked for. */
const EMPTY = 3;

/** Wait between two questions to an empty mailbox, in milliseconds; doubled each time, up to the last. */
const FIRST_WAIT = 50, LAST_WAIT = 1000;

/** `parley receive`. */
export const command: Command = {
  name: "receive",
  summary: "Receive messages from a mailbox.",
  usage: ["ME [OPTION…]", "--shared [OPTION…]"],
  about: [
    "Prints the text of one message, or of as many as asked for, a line each. Exits with 3 where there were fewer.",
    "This is the original wire: the server removes a message when it sends it. A request that got no answer is\n" +
    "repeated; an answer that the network loses on the way is a message lost, and so is one that could not be\n" +
    "printed. On one machine, the network loses nothing.",
  ],
  options: {
    count: { value: "N", help: "Receive so many messages (1)" },
    all: { help: "Receive until there are none" },
    wait: { value: "DURATION", help: "Wait so long for each message that is not there yet" },
    json: { help: "Print an object a line: from, to, time, message" },
    shared: { help: "Receive from the shared queue" },
    basic: { help: "Use the original wire; there is no other yet" },
    ...SERVER_OPTIONS,
  },
  examples: ["parley receive bob", "parley receive bob --all --json", "parley receive bob --wait 30s"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const shared = args.flag("shared");
  const [me, more] = shared ? [SHARED_QUEUE, ...args.rest] : args.rest;
  if (me === undefined) throw new UsageError("Missing ME: the ID of the receiver");
  if (more !== undefined) throw new UsageError(`Unexpected argument '${more}'`);
  if (!shared && !isId(me)) throw new UsageError(`Cannot use '${me}' as an ID`);
  const all = args.flag("all");
  if (all && args.text("count") !== undefined) throw new UsageError("--all and --count exclude each other");
  const count = all ? Infinity : args.integer("count", 1) ?? 1;
  const wait = args.duration("wait") ?? 0;
  const json = args.flag("json");
  const forOutput = Deno.stdout.isTerminal() ? shown : (text: string) => text;

  await using mailbox = await connect(args);
  let received = 0;
  const print = async (mail: Mail) => {
    received++;
    await write(`${forOutput(json ? toJson(me, mail) : mail.message)}\n`);
  };
  while (received < count) {
    const mail = await receive(mailbox, me, wait);
    if (mail === undefined) break;
    await print(mail);
  }
  // the server has removed them already
  for (const mail of await mailbox.late(me)) await print(mail);
  return received >= (all ? 1 : count) ? 0 : EMPTY;
}

async function receive(mailbox: BasicMailbox, me: string, wait: number): Promise<Mail | undefined> {
  const end = performance.now() + wait;
  for (let pause = FIRST_WAIT;; pause = Math.min(2 * pause, LAST_WAIT)) {
    const mail = await mailbox.receive(me);
    const left = end - performance.now();
    if (mail !== undefined || left <= 0) return mail;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
  }
}

function toJson(to: string, { sender, time, message }: Mail): string {
  return JSON.stringify({
    ...to === SHARED_QUEUE ? {} : { from: sender, to },
    ...Number.isNaN(time) ? {} : { time: new Date(time).toISOString() },
    message,
  });
}
