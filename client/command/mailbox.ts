import { dim } from "@std/fmt/colors";
import { ADMIN, isId, MAX_DATAGRAM } from "../../protocol/mailbox.ts";
import type { Line } from "../../protocol/line.ts";
import { MAX_TEXT } from "../../protocol/session.ts";
import { shown } from "../terminal/output.ts";
import { PlainScreen, type Screen } from "../terminal/screen.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { type Correspondence, SessionCorrespondence } from "./correspondence.ts";
import { BasicCorrespondence } from "./correspondence_basic.ts";
import { connect, connectBasic, SERVER_OPTIONS } from "./server_option.ts";

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

/** `parley mailbox`. */
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
  const basic = args.flag("basic"), screen: Screen = new PlainScreen(basic ? MAX_DATAGRAM : MAX_TEXT);
  await using correspondence: Correspondence = basic
    ? new BasicCorrespondence(await connectBasic(args), screen)
    : new SessionCorrespondence(() => connect(args), screen);
  return await new Conversation(correspondence, screen, state, basic ? BASIC_HELP : HELP).run();
}

function checkId(id: string) {
  if (!isId(id)) throw new Error(`Cannot use '${id}' as an ID`);
}

function checkAs(id: string) {
  checkId(id);
  if (id === ADMIN) throw new Error(`Cannot write as '${ADMIN}': the name is the administrator's`);
}

/** Carries out what is typed, line by line. */
class Conversation {
  readonly #correspondence: Correspondence;
  readonly #screen: Screen;
  readonly #state: State;
  readonly #help: string;
  #failed = false;

  constructor(correspondence: Correspondence, screen: Screen, state: State, help: string) {
    this.#correspondence = correspondence;
    this.#screen = screen;
    this.#state = state;
    this.#help = help;
  }

  async run(): Promise<number> {
    const screen = this.#screen, lines = screen.lines(), { as } = this.#state;
    if (screen.interactive) await screen.print("/help tells the commands.\n");
    if (as !== undefined) await this.#try(() => this.#correspondence.become(as));
    for (;;) {
      await screen.prompt(dim(`${this.#state.as ?? "?"} → ${this.#state.to ?? "?"}: `));
      const { value: line, done } = await Promise.race([lines.next(), this.#correspondence.broken]);
      if (done) break;
      if (await this.#try(() => this.#perform(line))) return this.#code();
    }
    if (screen.interactive) await screen.print("\n");
    else await this.#try(() => this.#correspondence.finish());
    return this.#code();
  }

  /** A mistake in a terminal was seen. */
  #code(): number {
    return this.#failed && !this.#screen.interactive ? 1 : 0;
  }

  /** One mistake ends nothing, but a script learns of it. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.#failed = true;
      await this.#screen.tell(`${shown((error as Error).message)}\n`);
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
        await this.#screen.print(this.#help);
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
