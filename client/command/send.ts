import { type Mailbox, type SendOptions, SessionEndError } from "../mailbox.ts";
import { ADMIN, isId, SHARED_QUEUE } from "../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import { readLines } from "../terminal/input.ts";
import { writeError } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { credentialsOf, LOGIN_OPTIONS } from "./password.ts";
import { Resume } from "./resume.ts";
import { sendBasic } from "./send_basic.ts";
import { BUSY, connect, SERVER_OPTIONS } from "./server_option.ts";

/** How long a full mailbox is waited for, in milliseconds. */
const WAIT = 30_000;

/** `wirepost send`. */
export const command: Command = {
  name: "send",
  summary: "Send messages to a mailbox.",
  usage: ["TO [MESSAGE…] --from ME", "TO [MESSAGE…] --as NAME", "--shared [MESSAGE…]"],
  about: [
    "Each MESSAGE is one message; with none, every line of standard input is one. Text that begins with '-' comes\n" +
    "after '--'.",
    "When it ends with 0, every message is on the server's disk, once, and in order. However it ends, what is stored\n" +
    "of standard input is its beginning; with --resume, running it again with the same input stores the rest.",
    "With --basic, a message that the network loses on the way is lost without a word. On one machine, nothing is.",
  ],
  options: {
    from: { value: "ME", help: "ID of the sender" },
    shared: { help: "Send to the shared queue, which has no receiver and no sender" },
    delay: { value: "DURATION", help: "Let it be received only after this time" },
    ttl: { value: "DURATION", help: "Let it be removed after this time" },
    wait: { value: "DURATION", help: "How long to wait while the mailbox is full (30s)" },
    resume: { value: "NAME", help: "Remember under this name how far standard input was sent" },
    basic: { help: "Use the original wire" },
    ...LOGIN_OPTIONS,
    ...SERVER_OPTIONS,
  },
  examples: [
    "wirepost send bob 'How are you?' --from alice",
    "seq 1000000 | wirepost send bob --from alice --resume numbers",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const shared = args.flag("shared");
  const [to, ...messages] = shared ? [SHARED_QUEUE, ...args.rest] : args.rest;
  const as = credentialsOf(args), from = args.text("from") ?? (shared ? "" : as?.name ?? "");
  if (to === undefined) throw new UsageError("Missing TO: the ID of the receiver");
  if (shared && from !== "") throw new UsageError("--shared and --from exclude each other");
  if (!shared) {
    if (from === "") throw new UsageError("Missing --from ME: the ID of the sender");
    if (as !== undefined && from !== as.name) {
      throw new UsageError("--as and --from exclude each other: who logs in sends under his name");
    }
    for (const id of [to, from]) if (!isId(id)) throw new UsageError(`Cannot use '${id}' as an ID`);
    if (from === ADMIN) throw new UsageError(`Cannot send as '${ADMIN}': the name is the administrator's`);
  }
  const delay = args.duration("delay"), ttl = args.duration("ttl"), wait = args.duration("wait") ?? WAIT;
  const name = args.text("resume");
  if (args.flag("basic")) {
    for (const option of ["delay", "ttl", "wait", "resume", "as"]) {
      if (args.text(option) !== undefined) throw new UsageError(`--basic and --${option} exclude each other`);
    }
  }
  if (name !== undefined && messages.length > 0) throw new UsageError("--resume is for standard input");
  if (messages.length === 0 && Deno.stdin.isTerminal()) {
    await writeError("One message a line; end with Ctrl-D\n");
  }
  if (args.flag("basic")) return await sendBasic(args, to, from, messages);

  const options = { ...delay === undefined ? {} : { delay }, ...ttl === undefined ? {} : { ttl } };
  const resume = name === undefined ? undefined : await Resume.load(name, as !== undefined);
  let isBusy = false;
  const mailbox = await connect(args, {
    ...resume?.state ? { resume: resume.state } : {},
    ...resume === undefined ? {} : { onBegin: (state) => resume.began(state) },
    ...as === undefined ? {} : { as },
    onBusy(busy) {
      isBusy = busy;
      if (busy) writeError(`wirepost send: ${BUSY}\n`);
    },
  });
  if (messages.length === 0) {
    return await new Lines(mailbox, to, from, options, wait, () => isBusy, resume).send();
  }
  await using _ = mailbox;
  for (const message of messages) await mailbox.send(to, from, message, { ...options, wait });
  return 0;
}

/** Sends the lines of standard input, many at a time, and stops at the first that is not stored. */
class Lines {
  readonly #mailbox: Mailbox;
  readonly #to: string;
  readonly #from: string;
  readonly #options: SendOptions;
  readonly #wait: number;
  /** Whether the server has no room for this client: then a full mailbox is not what keeps it. */
  readonly #isBusy: () => boolean;
  readonly #resume: Resume | undefined;
  readonly #progress = new Progress();
  readonly #failed = Promise.withResolvers<never>();
  #error: Error | undefined;
  /** Lines that were read, and of these, lines that are stored. */
  #read = 0;
  #stored = 0;
  #settled: PromiseWithResolvers<void> | undefined;

  constructor(
    mailbox: Mailbox,
    to: string,
    from: string,
    options: SendOptions,
    wait: number,
    isBusy: () => boolean,
    resume: Resume | undefined,
  ) {
    this.#mailbox = mailbox;
    this.#to = to;
    this.#from = from;
    this.#options = options;
    this.#wait = wait;
    this.#isBusy = isBusy;
    this.#resume = resume;
    this.#failed.promise.catch(() => {});
  }

  async send(): Promise<number> {
    const stopWatching = this.#watch();
    try {
      await this.#resume?.save(this.#mailbox.state, this.#resume.line);
      await this.#all();
      await this.#allStored();
    } catch (error) {
      this.#error ??= error as Error;
    } finally {
      stopWatching();
      // after a failure, what is not stored yet is not to be waited for
      await this.#mailbox.close(this.#error === undefined ? undefined : 0).catch(() => {});
      await this.#resume?.save(this.#mailbox.state, Math.max(this.#stored, this.#resume.line));
      await this.#progress.clear();
    }
    return await this.#tell();
  }

  async #all() {
    const skip = this.#resume?.line ?? 0;
    for await (const line of readLines(MAX_TEXT_BYTES)) {
      if (this.#read < skip) {
        this.#stored = ++this.#read;
        continue;
      }
      if ("error" in line) return await this.#refuse(`Cannot send a line that is ${line.error}`);
      await this.#one(line.text);
      if (this.#error !== undefined) return;
      await this.#progress.show(() => `${this.#stored} messages stored`);
    }
  }

  async #one(text: string) {
    let room: boolean;
    // what a session is asked for, it is remembered for
    const number = this.#resume === undefined ? 0 : this.#mailbox.state.next;
    try {
      room = this.#mailbox.post(this.#to, this.#from, text, (error) => this.#settle(error), this.#options);
    } catch (error) {
      return await this.#refuse((error as Error).message);
    }
    this.#read++;
    this.#resume?.sent(number);
    if (!room) await Promise.race([this.#mailbox.ready(), this.#failed.promise]);
  }

  /** Ends with what is wrong with the next line, once what comes before it is stored. */
  async #refuse(wrong: string): Promise<never> {
    await this.#allStored();
    throw new Error(`line ${this.#read + 1}: ${wrong}`);
  }

  #settle(error: Error | undefined) {
    if (error !== undefined) return this.#fail(error);
    if (this.#error !== undefined) return;
    this.#stored++;
    this.#resume?.stored(this.#mailbox.state, this.#stored);
    if (this.#stored === this.#read) this.#settled?.resolve();
  }

  #fail(error: Error) {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#failed.reject(error);
  }

  async #allStored() {
    while (this.#stored < this.#read) {
      this.#settled = Promise.withResolvers();
      await Promise.race([this.#settled.promise, this.#failed.promise]);
    }
  }

  /** Gives up when nothing was stored for as long as a full mailbox is waited for. */
  #watch(): () => void {
    let stored = 0, since = performance.now();
    const timer = setInterval(() => {
      if (this.#stored > stored || this.#stored === this.#read || this.#isBusy()) {
        stored = this.#stored;
        since = performance.now();
      } else if (performance.now() - since > this.#wait) {
        this.#fail(
          new Error(`line ${this.#stored + 1}: there was no room for it within ${this.#wait / 1000} s`),
        );
      }
    }, Math.min(200, this.#wait));
    return () => clearInterval(timer);
  }

  async #tell(): Promise<number> {
    const messages = (count: number) => count === 1 ? "1 message" : `${count} messages`;
    if (this.#error === undefined) {
      if (Deno.stderr.isTerminal()) await writeError(`${messages(this.#stored)} stored\n`);
      return 0;
    }
    await writeError(`wirepost send: ${this.#error.message}\n`);
    const open = this.#read > this.#stored && this.#error instanceof SessionEndError && this.#error.sent;
    const unknown = open ? `, and of lines ${this.#stored + 1} to ${this.#read} nobody can tell` : "";
    await writeError(
      `wirepost send: ${messages(this.#stored)} from the beginning of the input stored${unknown}\n`,
    );
    return 1;
  }
}
