import { SHARED_QUEUE } from "../../../protocol/mailbox.ts";
import { report } from "../../terminal/output.ts";
import { onEndSignal } from "../../terminal/signals.ts";
import { type Arguments, checkIdArgument, type Command, EMPTY, expectArguments } from "../command.ts";
import { reportEmpty } from "../mailbox/empty_mailbox.ts";
import { EXEC_OPTIONS, execOf } from "./exec.ts";
import { receiveOriginal } from "./original.ts";
import { Receiver } from "./receiver.ts";
import { WaitLimit } from "./wait_limit.ts";
import { connectHttp, HTTP_ABOUT, HTTP_OPTIONS, httpServer, reportOutage } from "../options/http_server.ts";
import { logInAs, requireSelf, SELF_ABOUT, SELF_OPTIONS, selfOf } from "../options/self.ts";
import { BUSY, connect, EITHER_WIRE_OPTIONS } from "../options/server_option.ts";

/** Exit code: the command of `--exec` failed. */
const FAILED = 1;

/** The notice about a busy server with `--follow`, which never gives up. */
const BUSY_FOLLOWED = "the server is busy; trying again";

/** `wirepost receive`. */
export const command: Command = {
  name: "receive",
  summary: "Take messages from a mailbox",
  usage: ["[ID] [OPTION…]", "--shared [OPTION…]"],
  about: [
    "Prints the text of one message, or of as many as wanted, a line each. Exits with 3 if there were fewer. Without an\n" +
    "ID it is your own mailbox.",
    "A message is removed once it is printed, or once CMD exits with 0. If CMD fails, the message waits at the server\n" +
    "before it comes again, 1 s at first, doubled each time, up to 5 min; other messages go on. After 5 attempts it is a\n" +
    "dead letter: see 'wirepost admin dead'. Without --follow the exit code is 1 then. CMD finds WIREPOST_ID,\n" +
    "WIREPOST_SENDER, WIREPOST_RECEIVER, WIREPOST_TIME and WIREPOST_ATTEMPT in its environment.",
    "A signal such as Ctrl-C also ends CMD, which has 2 s for that, and messages that are not finished are given out again\n" +
    "at once.",
    SELF_ABOUT,
    HTTP_ABOUT,
    "With --basic, the server removes a message when it sends it. A request without an answer is repeated. A message is\n" +
    "lost if the network loses the answer, or if it can't be printed.",
  ],
  options: {
    count: { value: "N", help: "Receive N messages (1)" },
    all: { help: "Receive until there are none" },
    follow: { help: "Receive until Ctrl-C, also when the server stops and starts again" },
    wait: {
      value: "DURATION",
      help: "How long to wait in all for messages that are not there yet; with --follow, for each",
    },
    ...EXEC_OPTIONS,
    json: { help: "Print an object a line: id, sender, receiver, time, attempt, text" },
    shared: { help: "Receive from the shared queue" },
    basic: { help: "Use the original wire" },
    ...SELF_OPTIONS,
    ...EITHER_WIRE_OPTIONS,
    ...HTTP_OPTIONS,
  },
  completes: { names: "mailboxes" },
  examples: [
    "wirepost receive",
    "wirepost receive bob --all --json",
    "wirepost receive jobs --follow --exec ./work --parallel 4",
    "wirepost receive bob --follow --exec 'mail -s \"a message\" bob@example.org'",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const exec = execOf(args), mailbox = mailboxOf(args), self = selfOf(args);
  const all = args.flag("all"), follow = args.flag("follow"), json = args.flag("json");
  args.exclude("all", "count", "follow");
  args.exclude("follow", "count");
  args.exclude("basic", "follow", "exec");
  const count = all || follow ? Infinity : args.integer("count", 1) ?? 1;
  const waitMs = args.duration("wait") ?? (follow ? Infinity : 0);
  /** The exit code: whether as many messages were received as wanted. */
  const codeFor = async (received: number) => {
    if (received >= (follow ? 0 : all ? 1 : count)) return 0;
    if (received === 0) await reportEmpty("receive", mailbox, "messages that are ready");
    return EMPTY;
  };
  const isOwn = mailbox === self?.name, url = httpServer(args);
  if (args.flag("basic")) {
    await logInAs(args, self, { isOwn });
    return await codeFor(await receiveOriginal(args, { mailbox, count, waitMs, json }));
  }
  let isBusy = false;
  const onBusy = (busy: boolean) => {
    // once for all connections, until there is room
    if (busy && !isBusy) report("receive", follow ? BUSY_FOLLOWED : BUSY);
    isBusy = busy;
  };
  const overUdp = async () => {
    const as = await logInAs(args, self, { isOwn, onBusy });
    return await connect(args, { onBusy, ...as === undefined ? {} : { as: limit.credentials(as) } });
  };
  const onDelay = reportOutage(args);
  const overHttp = () =>
    connectHttp(args, url!, self, { isOwn, limit, ...follow ? { timeout: Infinity, onDelay } : {} });
  const receiver = new Receiver({ mailbox, count, waitMs, follow, json, exec });
  using limit = new WaitLimit(waitMs);
  using _ = onEndSignal((code) => receiver.stop(code));
  await receiver.run(url === undefined ? overUdp : overHttp, limit);
  if (receiver.code !== undefined) return receiver.code;
  if (receiver.hasFailed && !follow) return FAILED;
  return await codeFor(receiver.received);
}

/** @throws {UsageError} No mailbox is given and nothing says who one is, or more than one is given. */
function mailboxOf(args: Arguments): string {
  if (args.flag("shared")) {
    expectArguments(args.positionals);
    return SHARED_QUEUE;
  }
  const [mailbox = requireSelf(args).name, ...more] = args.positionals;
  expectArguments(more);
  checkIdArgument(mailbox);
  return mailbox;
}
