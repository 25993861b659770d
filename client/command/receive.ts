import { BusyError, LoginError, type Mailbox, type ReceivedMessage, SessionEndError } from "../mailbox.ts";
import { isId, SHARED_QUEUE } from "../../protocol/mailbox.ts";
import { escapeControls, tryWrite, writeError } from "../terminal/output.ts";
import { INTERRUPTED, onEndSignal } from "../terminal/signals.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { receiveBasic } from "./receive/original.ts";
import { type Exec, EXEC_OPTIONS, execOf, Executor } from "./receive/exec.ts";
import { credentialsOf, LOGIN_OPTIONS } from "./password.ts";
import { BUSY, connect, SERVER_OPTIONS } from "./server_option.ts";
import { WaitLimit } from "./receive/wait_limit.ts";

/** Exit code where CMD failed; and where there was nothing, or less than was asked for. */
const FAILED = 1, EMPTY = 3;

/** Milliseconds that are spent on leaving after a signal, and before that on a reader that does not read. */
const LEAVING = 2000, LAST_WRITE = 500;

/** Messages that are asked for at a time, where many are wanted; of how many times acknowledgements may be under way. */
const PREFETCH = 1024, MAX_ACKS = 2;

/** Wait before a server that is gone is asked again, in milliseconds. */
const RETRY = 1000;

/** What the user is told of a busy server with --follow, which never gives up. */
const BUSY_FOLLOWED = "the server is busy; trying again";

/** `wirepost receive`. */
export const command: Command = {
  name: "receive",
  summary: "Receive messages from a mailbox.",
  usage: ["ME [OPTION…]", "--as NAME [OPTION…]", "--shared [OPTION…]"],
  about: [
    "Prints the text of one message, or of as many as asked for, a line each. Exits with 3 where there were fewer.",
    "A message is removed once it was printed, or once CMD ended with 0. Where CMD fails, the message waits at the\n" +
    "server before it comes again, 1 s at first, doubled each time, up to 5 min, and those behind it go on; after 5\n" +
    "attempts it is a dead letter: see 'wirepost admin dead'. Without --follow the exit code is 1 then. CMD finds\n" +
    "WIREPOST_ID, WIREPOST_SENDER, WIREPOST_RECEIVER, WIREPOST_TIME and WIREPOST_ATTEMPT in its environment.",
    "A signal that ends it, as Ctrl-C does, ends a CMD too, and what is not done with is given out again at once.",
    "With --basic, the server removes a message when it sends it. A request that got no answer is repeated; an answer\n" +
    "that the network loses on the way is a message lost, and so is one that could not be printed.",
  ],
  options: {
    count: { value: "N", help: "Receive so many messages (1)" },
    all: { help: "Receive until there are none" },
    follow: { help: "Receive without an end, also when the server goes and comes again" },
    wait: {
      value: "DURATION",
      help: "Wait so long in all for messages that are not there yet; with --follow, for each",
    },
    ...EXEC_OPTIONS,
    json: { help: "Print an object a line: id, sender, receiver, time, attempt, text" },
    shared: { help: "Receive from the shared queue" },
    basic: { help: "Use the original wire" },
    ...LOGIN_OPTIONS,
    ...SERVER_OPTIONS,
  },
  examples: [
    "wirepost receive bob",
    "wirepost receive bob --all --json",
    "wirepost receive bob --follow --exec 'mail -s \"a message\" bob@example.org'",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const shared = args.flag("shared"), as = credentialsOf(args);
  const [me = as?.name, more] = shared ? [SHARED_QUEUE, ...args.positionals] : args.positionals;
  if (me === undefined) throw new UsageError("Missing ME: the ID of the receiver");
  if (more !== undefined) throw new UsageError(`Unexpected argument '${more}'`);
  if (!shared && !isId(me)) throw new UsageError(`Cannot use '${me}' as an ID`);
  const all = args.flag("all"), follow = args.flag("follow"), exec = execOf(args);
  const modes = [all && "--all", follow && "--follow", args.text("count") !== undefined && "--count"].filter(
    Boolean,
  );
  if (modes.length > 1) throw new UsageError(`${modes.join(" and ")} exclude each other`);
  const count = all || follow ? Infinity : args.integer("count", 1) ?? 1;
  const wait = args.duration("wait") ?? (follow ? Infinity : 0);
  const json = args.flag("json");
  const forOutput = Deno.stdout.isTerminal() ? escapeControls : (text: string) => text;
  if (args.flag("basic")) {
    for (const [name, given] of Object.entries({ follow, exec, as })) {
      if (given) throw new UsageError(`--basic and --${name} exclude each other`);
    }
    const received = await receiveBasic(args, { me, count, wait, json, forOutput });
    return received >= (all ? 1 : count) ? 0 : EMPTY;
  }

  const receiver = new Receiver(me, { count, wait, follow, json, exec, forOutput });
  using limit = new WaitLimit(wait);
  const credentials = as && limit.credentials(as);
  using _ = onEndSignal((code) => receiver.stop(code));
  let isBusy = false;
  const onBusy = (busy: boolean) => {
    // over all connections, and until there is room, once
    if (busy && !isBusy) writeError(`wirepost receive: ${follow ? BUSY_FOLLOWED : BUSY}\n`);
    isBusy = busy;
  };
  const options = { onBusy, ...credentials === undefined ? {} : { as: credentials } };
  await receiver.run(() => connect(args, options), limit);
  if (receiver.code !== undefined && !follow) return receiver.code;
  if (receiver.hasFailed && !follow) return FAILED;
  return receiver.received >= (all ? 1 : follow ? 0 : count) ? 0 : EMPTY;
}

interface Wanted {
  count: number;
  /** Milliseconds in all, or for each message of those that are followed. */
  wait: number;
  follow: boolean;
  json: boolean;
  exec: Exec | undefined;
  forOutput(text: string): string;
}

class Receiver {
  received = 0;
  /** The exit code of the signal that has stopped it. */
  code: number | undefined;
  readonly #me: string;
  readonly #wanted: Wanted;
  readonly #executor: Executor | undefined;
  readonly #abort = new AbortController();
  readonly #stopped = Promise.withResolvers<undefined>();
  /** Aborted when a command is to end, and resolved when nothing is waited for any more. */
  readonly #commandEnd = new AbortController();
  readonly #left = Promise.withResolvers<void>();
  /** Resolves when a reader that does not read has had its time. */
  readonly #writeEnd = Promise.withResolvers<void>();
  readonly #acks = new Set<Promise<unknown>>();
  #failed: unknown;

  constructor(me: string, wanted: Wanted) {
    this.#me = me;
    this.#wanted = wanted;
    this.#executor = wanted.exec && new Executor(me, wanted.exec);
  }

  /** Whether the command failed for a message that it has not done since. */
  get hasFailed(): boolean {
    return this.#executor?.hasFailed ?? false;
  }

  /** A signal has come that is to end it; with the second one, a command that does not end is left to itself. */
  stop(code: number) {
    if (this.code !== undefined) this.#left.resolve();
    // Ctrl-C has reached the command by itself
    if (this.code !== undefined || code !== INTERRUPTED) this.#commandEnd.abort();
    if (this.code !== undefined) return;
    this.code = code;
    setTimeout(this.#writeEnd.resolve, LAST_WRITE);
    this.#abort.abort();
    this.#stopped.resolve(undefined);
  }

  /** Receives what is wanted; where it follows, over as many connections as that takes. */
  async run(connect: () => Promise<Mailbox>, limit: WaitLimit) {
    while (this.code === undefined) {
      try {
        return await this.#connected(connect, limit);
      } catch (error) {
        if (this.code !== undefined) return;
        if (!this.#wanted.follow || !(error instanceof SessionEndError) || error instanceof LoginError) {
          throw error;
        }
        if (!(error instanceof BusyError)) {
          await writeError(`wirepost receive: ${error.message}; trying again\n`);
        }
        await this.#pause(RETRY);
      }
    }
  }

  async #connected(connect: () => Promise<Mailbox>, limit: WaitLimit) {
    const connecting = limit.connect(connect());
    const mailbox = await Promise.race([connecting, this.#stopped.promise]);
    // nothing was asked for yet
    if (mailbox === undefined) return void connecting.then((late) => late.close(0), () => {});
    try {
      await this.#receive(mailbox, limit);
    } finally {
      await mailbox.close(this.code === undefined ? undefined : LEAVING);
    }
  }

  /** Waits, unless it is stopped. */
  async #pause(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([promise, this.#stopped.promise]);
    clearTimeout(timer);
  }

  async #receive(mailbox: Mailbox, limit: WaitLimit) {
    const { count, wait, follow } = this.#wanted, executor = this.#executor;
    const signal = AbortSignal.any([this.#abort.signal, limit.signal]);
    const options = {
      count: count - this.received,
      wait,
      signal,
      prefetch: executor === undefined ? PREFETCH : 1,
    };
    this.#failed = undefined;
    try {
      for await (const batch of mailbox.batches(this.#me, options)) {
        limit.stop();
        if (executor === undefined) await this.#print(batch);
        else for (const message of batch) await this.#execute(message, executor);
        if (this.#acks.size > MAX_ACKS) await Promise.race(this.#acks);
        if (this.#failed !== undefined) throw this.#failed;
        if (follow) limit.reset();
        limit.start();
      }
    } finally {
      limit.start();
      // the end of the connection waits for them too, but not for ever
      await Promise.race([Promise.all(this.#acks), this.#stopped.promise]);
    }
    if (limit.signal.aborted && (this.#failed !== undefined || !mailbox.hasAnswered)) throw limit.error;
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Prints what has arrived in one write, and acknowledges what standard output has taken. */
  async #print(batch: readonly ReceivedMessage[]) {
    const { json, forOutput } = this.#wanted;
    const lines = batch.map((message) => `${forOutput(json ? toJson(this.#me, message) : message.text)}\n`);
    const { taken, error } = await tryWrite(lines, this.#writeEnd.promise);
    this.received += taken;
    this.#ack(batch.slice(0, taken));
    if (error === undefined) return;
    // whoever reads next gets them
    await Promise.all(batch.slice(taken).map((message) => message.back()));
    throw error;
  }

  async #execute(message: ReceivedMessage, executor: Executor) {
    const end = {
      signal: this.#commandEnd.signal,
      isOver: () => this.code !== undefined,
      left: this.#left.promise,
    };
    if (!await executor.run(message, end)) return;
    this.received++;
    this.#ack([message]);
  }

  /** Acknowledges, and goes on meanwhile. */
  #ack(batch: readonly ReceivedMessage[]) {
    const ack = Promise.all(batch.map(async (message) => {
      if (await message.ack()) return;
      await writeError(`wirepost receive: message ${message.id} was given out again meanwhile\n`);
    })).catch((error) => this.#failed ??= error).finally(() => this.#acks.delete(ack));
    this.#acks.add(ack);
  }
}

function toJson(to: string, { id, sender, time, attempt, text }: ReceivedMessage): string {
  return JSON.stringify({
    id,
    ...to === SHARED_QUEUE ? {} : { sender, receiver: to },
    time: new Date(time).toISOString(),
    attempt,
    text,
  });
}
