import { dim } from "@std/fmt/colors";
import { ADMIN, checkId } from "../../protocol/mailbox.ts";
import type { Line } from "../../protocol/line.ts";
import { escapeControls } from "../terminal/output.ts";
import type { LineEditor } from "../terminal/line_editor.ts";
import { openLineEditor } from "../terminal/open_line_editor.ts";
import { onEndSignal } from "../terminal/signals.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { type Correspondence, SessionCorrespondence } from "./mailbox/session.ts";
import { BasicCorrespondence } from "./mailbox/original.ts";
import { BUSY, connect, connectOriginal, SERVER_OPTIONS } from "./server_option.ts";

const HELP =
  `Lines are sent to the one you write to, and are stored when the prompt is there again. What is sent to you
is shown as it comes. Lines that begin with / are commands:
  /as ID       write and receive as ID
  /to ID       write to ID
  /receive     receive what is there, and hear that there is no more (/r)
  /quit        leave (/q)
A line that is to begin with / begins with //.
`;

const BASIC_HELP = `Lines are sent to the one you write to. Lines that begin with / are commands:
  /as ID       write and receive as ID
  /to ID       write to ID
  /receive     receive your next message (/r)
  /all         receive all of your messages
  /quit        leave (/q)
A line that is to begin with / begins with //.
`;

/** `wirepost mailbox`. */
export const command: Command = {
  name: "mailbox",
  summary: "Write and receive messages by hand, as one person or as several.",
  usage: ["[OPTION…]"],
  about: [
    HELP.trimEnd(),
    "With --basic, a message comes when it is asked for: /receive brings the next one, and /all all of them. What the\n" +
    "network loses on the way is lost.",
  ],
  options: {
    as: { value: "ID", help: "Begin as ID" },
    to: { value: "ID", help: "Begin by writing to ID" },
    basic: { help: "Use the original wire" },
    ...SERVER_OPTIONS,
  },
  examples: ["wirepost mailbox --as alice --to bob"],
  run,
};

interface State {
  as: string | undefined;
  to: string | undefined;
}

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError(`Unexpected argument '${args.positionals[0]}'`);
  const state: State = { as: args.text("as"), to: args.text("to") };
  try {
    if (state.as !== undefined) checkAs(state.as);
    if (state.to !== undefined) checkId(state.to);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const basic = args.flag("basic");
  await using editor = openLineEditor({ prompt: promptOf(state), endsOnSignal: false });
  const onBusy = (busy: boolean) => busy && void editor.notify(BUSY);
  await using correspondence: Correspondence = basic
    ? new BasicCorrespondence(await connectOriginal(args), editor)
    : new SessionCorrespondence(() => connect(args, { onBusy }), editor);
  // what is waited for is withdrawn before the program ends
  const { promise: ended, resolve } = Promise.withResolvers<number>();
  using _ = onEndSignal(resolve);
  const conversation = new Conversation(correspondence, editor, state, basic ? BASIC_HELP : HELP);
  return await Promise.race([ended, conversation.run(ended)]);
}

/** Who writes, and whom to. */
function promptOf({ as = "?", to = "?" }: State): string {
  return dim(`${as} → ${to}: `);
}

function checkAs(id: string) {
  checkId(id);
  if (id === ADMIN) throw new Error(`Cannot write as '${ADMIN}': the name is the administrator's`);
}

/** Carries out what is typed, line by line. */
class Conversation {
  readonly #correspondence: Correspondence;
  readonly #editor: LineEditor;
  readonly #state: State;
  readonly #help: string;
  #failed = false;

  constructor(correspondence: Correspondence, editor: LineEditor, state: State, help: string) {
    this.#correspondence = correspondence;
    this.#editor = editor;
    this.#state = state;
    this.#help = help;
  }

  /** Goes on until there are no more lines, or `ended` gives the exit code. */
  async run(ended: Promise<number>): Promise<number> {
    const editor = this.#editor, { as } = this.#state;
    if (editor.isTerminal) await editor.print("/help tells the commands.");
    if (as !== undefined) await this.#try(() => this.#correspondence.become(as));
    for (;;) {
      editor.prompt = promptOf(this.#state);
      const line = await Promise.race([editor.read(), this.#correspondence.broken, ended]);
      if (typeof line === "number") return line;
      if (line === undefined) break;
      if (await this.#try(() => this.#perform(line))) return this.#code();
    }
    if (!editor.isTerminal) await this.#try(() => this.#correspondence.finish());
    return this.#code();
  }

  /** A mistake in a terminal was seen. */
  #code(): number {
    return this.#failed && !this.#editor.isTerminal ? 1 : 0;
  }

  /** One mistake ends nothing, but a script learns of it. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.#failed = true;
      await this.#editor.notify(`${escapeControls((error as Error).message)}\n`);
    }
  }

  /** Carries out a line, and returns whether it is the last. */
  async #perform(typed: Line): Promise<boolean> {
    if ("error" in typed) throw new Error(`Cannot send a line that is ${typed.error}`);
    const line = typed.text, { as, to } = this.#state;
    if (line === "") return false;
    if (!line.startsWith("/") || line.startsWith("//")) {
      if (as === undefined || to === undefined) {
        throw new Error("Say first who you are and whom to write to: /as ID, /to ID");
      }
      await this.#correspondence.send(to, as, line.startsWith("//") ? line.slice(1) : line);
      return false;
    }
    const [name, ...rest] = line.split(" ");
    const id = rest.join(" ").trim();
    switch (name) {
      case "/as":
        checkAs(id);
        this.#state.as = id;
        await this.#correspondence.become(id);
        break;
      case "/to":
        checkId(id);
        this.#state.to = id;
        break;
      case "/receive":
      case "/r":
      case "/all":
        if (as === undefined) throw new Error("Say first who you are: /as ID");
        await this.#correspondence.receive(as, name === "/all" ? "all" : "next");
        break;
      case "/help":
        await this.#editor.print(this.#help);
        break;
      case "/quit":
      case "/q":
        return true;
      default:
        throw new Error(`Unknown command '${name}': /help tells the commands`);
    }
    return false;
  }
}
