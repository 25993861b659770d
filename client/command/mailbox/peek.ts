import { bold } from "@std/fmt/colors";
import { type Mailbox, type SeenMessage, SHARED_QUEUE } from "../../mailbox.ts";
import { escapeControls, outputLine, report, terminalSize, write } from "../../terminal/output.ts";
import { cutToWidth, tableLines } from "../../terminal/table.ts";
import { type Arguments, checkIdArgument, type Command, EMPTY, expectArguments } from "../command.ts";
import { reportEmpty } from "./empty_mailbox.ts";
import { connectHttp, HTTP_ABOUT, HTTP_OPTIONS, httpServer } from "../options/http_server.ts";
import { logInAs, requireSelf, type Self, SELF_ABOUT, SELF_OPTIONS, selfOf } from "../options/self.ts";
import { connect, SERVER_OPTIONS } from "../options/server_option.ts";

/** Messages that are shown by default. */
const DEFAULT_COUNT = 100;

/** Messages that are shown in one table, so that its columns are aligned and the first of many are seen at once. */
const TABLE_ROWS = 64;

const HEADINGS = ["id", "state", "when", "from", "text"];

/** Messages older than this are shown with their date. */
const DAY_MS = 86_400_000;

type PeekingMailbox = Pick<Mailbox, "peek"> & AsyncDisposable;

/** `wirepost peek`. */
export const command: Command = {
  name: "peek",
  summary: "Show a mailbox and take nothing",
  usage: ["[ID] [OPTION…]", "--shared [OPTION…]"],
  about: [
    "Prints a line for each message, the oldest first: its number, whether it is ready, leased or delayed, when the\n" +
    "server received it, its sender, and how its text begins. Messages stay as they are. Exits with 3 if there are none.\n" +
    "Without an ID it is your own mailbox.",
    SELF_ABOUT,
    HTTP_ABOUT,
  ],
  options: {
    count: { value: "N", help: `Show the first N messages (${DEFAULT_COUNT})` },
    json: { help: "Print an object a line: id, state, attempts, time, sender, bytes, text" },
    shared: { help: "Show the shared queue" },
    ...SELF_OPTIONS,
    ...SERVER_OPTIONS,
    ...HTTP_OPTIONS,
  },
  completes: { names: "mailboxes" },
  examples: ["wirepost peek bob", "wirepost peek bob --json --count 1000", "wirepost peek --shared"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const id = mailboxOf(args), self = selfOf(args);
  const count = args.integer("count", 1) ?? DEFAULT_COUNT, json = args.flag("json");
  await using mailbox = await connectTo(args, id, self);
  const { shown, isMore } = await show(mailbox, id, count, json);
  if (isMore) await report("peek", `there are more: --count ${count * 10} shows up to ${count * 10}`);
  if (shown > 0) return 0;
  await reportEmpty("peek", id, "messages");
  return EMPTY;
}

/** A connection on the wire that the server's name says. */
async function connectTo(args: Arguments, id: string, self: Self | undefined): Promise<PeekingMailbox> {
  const isOwn = id === self?.name, url = httpServer(args);
  if (url !== undefined) {
    if (id === SHARED_QUEUE) args.refuse("--server URL", "shared");
    return await connectHttp(args, url, self, { isOwn });
  }
  const as = await logInAs(args, self, { isOwn });
  return await connect(args, as === undefined ? {} : { as });
}

/** @throws {UsageError} No mailbox is given and nothing says who one is, or more than one is given. */
function mailboxOf(args: Arguments): string {
  if (args.flag("shared")) {
    expectArguments(args.positionals);
    return SHARED_QUEUE;
  }
  const [id = requireSelf(args).name, ...more] = args.positionals;
  expectArguments(more);
  checkIdArgument(id);
  return id;
}

/** Prints the first `count` messages. Returns how many, and whether there are more. */
async function show(mailbox: PeekingMailbox, id: string, count: number, json: boolean) {
  let shown = 0, isMore = false, rows: SeenMessage[] = [];
  const print = async () => {
    if (rows.length > 0) await write(json ? rows.map(jsonLine).join("") : table(rows, shown === 0));
    shown += rows.length;
    rows = [];
  };
  for await (const message of mailbox.peek(id)) {
    if (shown + rows.length === count) {
      isMore = true;
      break;
    }
    rows.push(message);
    if (rows.length === TABLE_ROWS) await print();
  }
  await print();
  return { shown, isMore };
}

function jsonLine({ id, state, attempts, time, sender, bytes, text }: SeenMessage): string {
  const fields = { id, state, attempts, time: new Date(time).toISOString(), sender, bytes, text };
  return outputLine(JSON.stringify(fields));
}

/** A table: on a terminal cut to its width, with headings in bold; in a pipe whole, without headings. */
function table(messages: readonly SeenMessage[], isFirst: boolean): string {
  const isTerminal = Deno.stdout.isTerminal(), now = Date.now();
  const rows = messages.map(({ id, state, attempts, time, sender, bytes, text }) => [
    `${id}`,
    attempts === 0 ? state : `${state}, ${attempts} failed`,
    when(time, now),
    escapeControls(sender),
    escapeControls(text) + (bytes > new TextEncoder().encode(text).length ? "…" : ""),
  ]);
  // they are as wide as columns, so only those that are shown may be there
  const [id, ...words] = isTerminal ? HEADINGS : HEADINGS.map(() => "");
  const headings = [{ heading: id!, align: "right" as const }, ...words.map((heading) => ({ heading }))];
  const [heading = "", ...lines] = tableLines(headings, rows);
  const { columns } = terminalSize(), fit = (line: string) => isTerminal ? cutToWidth(line, columns) : line;
  const shown = isTerminal && isFirst ? [bold(fit(heading)), ...lines.map(fit)] : lines.map(fit);
  return shown.map((line) => `${line}\n`).join("");
}

/** The local time of a message of the last day, the date of an older one. */
function when(time: number, now: number): string {
  const two = (number: number) => `${number}`.padStart(2, "0"), date = new Date(time);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return Math.abs(now - time) < DAY_MS ? clock : day;
}
