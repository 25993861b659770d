import { SHARED_QUEUE } from "../../../protocol/mailbox.ts";
import type { SendOptions } from "../../mailbox.ts";
import { report, writeError } from "../../terminal/output.ts";
import { type Arguments, checkIdArgument, checkSender, type Command, UsageError } from "../command.ts";
import { logInAs, requireSelf, type Self, SELF_ABOUT, SELF_OPTIONS, selfOf } from "../options/self.ts";
import { LineSender, type LineTarget } from "./line_sender.ts";
import { sendOriginal } from "./original.ts";
import { HttpResume } from "./http_resume.ts";
import { Resume } from "./resume.ts";
import { connectHttp, HTTP_ABOUT, HTTP_OPTIONS, httpServer } from "../options/http_server.ts";
import { BUSY, connect, EITHER_WIRE_OPTIONS } from "../options/server_option.ts";

/** How long to wait while a mailbox is full. */
const WAIT_MS = 30_000;

/** `wirepost send`. */
export const command: Command = {
  name: "send",
  summary: "Send messages to a mailbox",
  usage: ["TO [MESSAGE…] [OPTION…]", "--shared [MESSAGE…] [OPTION…]"],
  about: [
    "Each MESSAGE is one message; without one, each line of standard input is a message. Text that begins with '-' comes\n" +
    "after '--'.",
    "If it exits with 0, every message is on the server's disk, once and in order. If it fails, the first lines of\n" +
    "standard input are stored; with --resume, running it again with the same input stores the rest.",
    SELF_ABOUT,
    HTTP_ABOUT,
    "With --basic, a message that the network loses is lost, and nothing reports it. On one machine nothing is lost.",
  ],
  options: {
    from: { value: "ME", hidden: true, help: "ID of the sender, without a log-in" },
    shared: { help: "Send to the shared queue, which has no receiver and no sender" },
    delay: { value: "DURATION", help: "Time before it can be received" },
    ttl: { value: "DURATION", help: "Time after which it is removed" },
    wait: { value: "DURATION", help: "How long to wait while the mailbox is full (30s)" },
    resume: { value: "NAME", help: "Remember under this name how far standard input was sent" },
    basic: { help: "Use the original wire" },
    ...SELF_OPTIONS,
    ...EITHER_WIRE_OPTIONS,
    ...HTTP_OPTIONS,
  },
  completes: { names: "mailboxes" },
  examples: [
    "wirepost send bob 'How are you?'",
    "seq 1000000 | wirepost send bob --as alice --resume numbers",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [receiver, ...texts] = args.flag("shared") ? [SHARED_QUEUE, ...args.positionals] : args.positionals;
  if (receiver === undefined) throw new UsageError("Missing TO: the ID of the receiver");
  const { sender, self } = senderOf(args, receiver);
  args.exclude("basic", "delay", "ttl", "wait", "resume");
  const delay = args.duration("delay"), ttl = args.duration("ttl"), wait = args.duration("wait") ?? WAIT_MS;
  const resumeName = args.text("resume");
  if (resumeName !== undefined && texts.length > 0) throw new UsageError("--resume is for standard input");
  if (texts.length === 0 && Deno.stdin.isTerminal()) {
    await writeError("One message a line; end with Ctrl-D\n");
  }
  const options: SendOptions = {
    ...delay === undefined ? {} : { delay },
    ...ttl === undefined ? {} : { ttl },
  };
  const url = httpServer(args);
  if (url !== undefined) {
    // while the server is silent nothing is full
    let refusal: string | undefined;
    const onDelay = (_: Error, code: string | undefined) => void (refusal = code);
    const mailbox = await connectHttp(args, url, self, { onDelay });
    return await sendAll({
      ...{ mailbox, receiver, sender, options, waitMs: wait },
      isBusy: () => refusal === undefined,
      refusal: () => refusal,
      resume: resumeName === undefined ? undefined : await HttpResume.load(resumeName),
    }, texts);
  }
  let isBusy = false;
  const onBusy = (busy: boolean) => {
    isBusy = busy;
    if (busy) report("send", BUSY);
  };
  const as = await logInAs(args, self, { onBusy });
  if (args.flag("basic")) return await sendOriginal(args, receiver, sender, texts);
  const resume = resumeName === undefined ? undefined : await Resume.load(resumeName, as !== undefined);
  const mailbox = await connect(args, {
    ...resume?.state ? { resume: resume.state } : {},
    ...resume === undefined ? {} : { onBegin: (state) => resume.began(state) },
    ...as === undefined ? {} : { as },
    onBusy,
  });
  return await sendAll(
    { mailbox, receiver, sender, options, waitMs: wait, isBusy: () => isBusy, resume: resume?.in(mailbox) },
    texts,
  );
}

/** Sends the texts, or the lines of standard input, and closes the connection. Returns the exit code. */
async function sendAll(target: LineTarget, texts: readonly string[]): Promise<number> {
  if (texts.length === 0) return await new LineSender(target).send();
  const { mailbox, receiver, sender, options, waitMs: wait } = target;
  await using _ = mailbox;
  for (const text of texts) await mailbox.send(receiver, sender, text, { ...options, wait });
  return 0;
}

/**
 * The sender of the messages, and who may have to log in for them.
 *
 * @throws {UsageError} Messages can't be sent to this receiver, or not by this sender.
 */
function senderOf(args: Arguments, receiver: string): { sender: string; self: Self | undefined } {
  args.exclude("shared", "from");
  // the shared queue names no senders
  if (args.flag("shared")) return { sender: "", self: selfOf(args)?.isNamed ? selfOf(args) : undefined };
  checkIdArgument(receiver);
  const from = args.text("from"), named = args.text("as");
  if (from !== undefined && named !== undefined && from !== named) {
    throw new UsageError("--as and --from exclude each other: the account's name is the sender");
  }
  const isSelf = from === undefined || named !== undefined, self = isSelf ? requireSelf(args) : undefined;
  const sender = self?.name ?? from!;
  checkSender(sender);
  return { sender, self };
}
