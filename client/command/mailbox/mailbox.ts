import { dim } from "@std/fmt/colors";
import type { Line } from "../../../protocol/syntax/line.ts";
import type { Credentials } from "../../mailbox.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import { openLineEditor } from "../../terminal/line_editor/open_line_editor.ts";
import { escapeControls } from "../../terminal/output.ts";
import { onEndSignal } from "../../terminal/signals.ts";
import { type Arguments, checkIdArgument, checkSender, type Command, expectArguments } from "../command.ts";
import { completionOf, SeenNames } from "./completion.ts";
import { OriginalMailboxWire } from "./original.ts";
import { SessionWire } from "./session.ts";
import type { MailboxWire } from "./wire.ts";
import { didYouMean } from "../nearest.ts";
import { logInAs, SELF_ABOUT, SELF_OPTIONS, selfOf } from "../options/self.ts";
import {
  BUSY,
  connect,
  connectOriginal,
  EITHER_WIRE_OPTIONS,
  onBusy as reportBusy,
} from "../options/server_option.ts";

const HELP = `Each line is sent as a message, and is stored when the prompt is there again.
Messages for you are shown as they come. Lines that begin with / are commands:
  /as ID       write and receive as ID
  /to ID       write to ID
  /receive     receive all messages that are there (/r)
  /quit        leave (/q)
To send a line that begins with /, begin it with //. Tab completes commands,
and names that were seen; Up and Ctrl-R bring back earlier lines.
`;

const ORIGINAL_HELP = `Each line is sent as a message. Lines that begin with / are commands:
  /as ID       write and receive as ID
  /to ID       write to ID
  /receive     receive the next message (/r)
  /all         receive all messages
  /quit        leave (/q)
To send a line that begins with /, begin it with //. Tab completes commands,
and names that were seen; Up and Ctrl-R bring back earlier lines.
`;

/** The commands of a line, those of the original wire too, and those that a name belongs behind. */
const COMMANDS = ["/as", "/to", "/receive", "/help", "/quit"], ORIGINAL_COMMANDS = [...COMMANDS, "/all"];
const WITH_NAME = ["/as", "/to"];

/** `wirepost mailbox`. */
export const command: Command = {
  name: "mailbox",
  summary: "Write and receive messages by hand, as one person or as several",
  isMore: true,
  usage: ["[OPTION…]"],
  about: [
    HELP.trimEnd(),
    SELF_ABOUT,
    "With --basic, /receive receives the next message and /all receives all. A message that the network loses is lost.",
  ],
  options: {
    to: { value: "ID", help: "Begin by writing to ID" },
    basic: { help: "Use the original wire" },
    ...SELF_OPTIONS,
    ...EITHER_WIRE_OPTIONS,
  },
  examples: ["wirepost mailbox --as alice --to bob"],
  run,
};

/** The IDs to write as and to. */
interface Ids {
  as: string | undefined;
  to: string | undefined;
}

async function run(args: Arguments): Promise<number> {
  expectArguments(args.positionals);
  const self = selfOf(args), ids: Ids = { as: self?.name, to: args.text("to") };
  if (ids.as !== undefined) checkSender(ids.as);
  if (ids.to !== undefined) checkIdArgument(ids.to);
  const isOriginal = args.flag("basic");
  // the password is asked for before the lines are
  const as = await typedNow(await logInAs(args, self, { onBusy: reportBusy(args) }));
  // a wrong password ends it
  const first = as === undefined ? undefined : await connect(args, { as });
  await using editor = openLineEditor({ prompt: promptOf(ids), endsOnSignal: false });
  const names = new SeenNames(), commands = isOriginal ? ORIGINAL_COMMANDS : COMMANDS;
  for (const name of [ids.as, ids.to]) names.add(name);
  editor.complete = completionOf(commands, WITH_NAME, names);
  const onBusy = (busy: boolean) => busy && void editor.notify(BUSY);
  await using wire: MailboxWire = isOriginal
    ? new OriginalMailboxWire(await connectOriginal(args), editor, names)
    : new SessionWire(
      () => connect(args, { onBusy, ...as === undefined ? {} : { as } }),
      editor,
      names,
      first,
    );
  // a pending request is withdrawn before the program ends
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  using _ = onEndSignal(resolve);
  const help = isOriginal ? ORIGINAL_HELP : HELP;
  const shell = new MailboxShell(wire, editor, ids, { help, commands, names });
  return await Promise.race([ended, shell.run(ended)]);
}

/** The same account, with the password, which is asked for if it is not given. */
async function typedNow(as: Credentials | undefined): Promise<Credentials | undefined> {
  if (typeof as?.password !== "function") return as;
  return { ...as, password: await as.password(false) };
}

function promptOf({ as = "?", to = "?" }: Ids): string {
  return dim(`${as} → ${to}: `);
}

/** What the shell needs beside the wire. */
interface ShellOptions {
  help: string;
  commands: readonly string[];
  names: SeenNames;
}

/** Carries out what is typed, line by line. */
class MailboxShell {
  readonly #wire: MailboxWire;
  readonly #editor: LineEditor;
  readonly #ids: Ids;
  readonly #options: ShellOptions;
  #hasFailed = false;

  constructor(wire: MailboxWire, editor: LineEditor, ids: Ids, options: ShellOptions) {
    this.#wire = wire;
    this.#editor = editor;
    this.#ids = ids;
    this.#options = options;
  }

  /** Runs until there are no more lines, or `ended` gives the exit code. */
  async run(ended: Promise<number>): Promise<number> {
    const editor = this.#editor, { as } = this.#ids;
    if (editor.isTerminal) await editor.print("/help shows the commands. Tab completes them, and names.");
    if (as !== undefined) await this.#try(() => this.#wire.receiveFor(as));
    let isLast: boolean | undefined;
    do {
      editor.prompt = promptOf(this.#ids);
      const line = await Promise.race([editor.read(), this.#wire.broken, ended]);
      if (typeof line === "number") return line;
      isLast = line === undefined || await this.#try(() => this.#perform(line));
      if (line === undefined && !editor.isTerminal) await this.#try(() => this.#wire.finish());
    } while (!isLast);
    // somebody at a terminal has seen the mistakes
    return this.#hasFailed && !editor.isTerminal ? 1 : 0;
  }

  /** A mistake does not end the program; the exit code reports it. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.#hasFailed = true;
      await this.#editor.notify(`${escapeControls((error as Error).message)}\n`);
    }
  }

  /** Carries out a line. Returns whether it is the last. */
  async #perform(typed: Line): Promise<boolean> {
    if ("error" in typed) throw new Error(`Cannot send a line that is ${typed.error}`);
    const line = typed.text;
    if (line === "") return false;
    if (line.startsWith("/") && !line.startsWith("//")) return await this.#command(line);
    const { as, to } = this.#ids;
    if (as === undefined || to === undefined) throw new Error("Missing sender or receiver: /as ID, /to ID");
    await this.#wire.send(to, as, line.startsWith("//") ? line.slice(1) : line);
    return false;
  }

  async #command(line: string): Promise<boolean> {
    const [name = "", ...rest] = line.split(" "), id = rest.join(" ").trim(), { as } = this.#ids;
    const { help, commands, names } = this.#options;
    switch (name) {
      case "/as":
        checkSender(id);
        this.#ids.as = id;
        names.add(id);
        await this.#wire.receiveFor(id);
        break;
      case "/to":
        checkIdArgument(id);
        this.#ids.to = id;
        names.add(id);
        break;
      case "/receive":
      case "/r":
      case "/all":
        if (as === undefined) throw new Error("Missing receiver: /as ID");
        await this.#wire.receive(as, name === "/all" ? "all" : "next");
        break;
      case "/help":
        await this.#editor.print(help);
        break;
      case "/quit":
      case "/q":
        return true;
      default:
        throw new Error(
          `Unknown command '${name}'${didYouMean(name, commands) || ": /help shows the commands"}`,
        );
    }
    return false;
  }
}
