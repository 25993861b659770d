/**
 * The chat on a terminal, in channels and in the room, against a server that says what a script says. Its first line is
 * `channels` or `room`; then `say TEXT` is a frame or a line of the server, `many TEXT` two hundred of them, `raw BYTES` are
 * bytes, `type KEYS` is typed by the user, and `end` ends the connection.
 *
 * @module
 */

import { ChannelsTalk } from "../../../../client/command/chat/channels_talk.ts";
import { Display } from "../../../../client/command/chat/display.ts";
import { Positions } from "../../../../client/command/chat/positions.ts";
import { RoomTalk } from "../../../../client/command/chat/room_talk.ts";
import { chat } from "../../../../client/command/chat/terminal_chat.ts";
import { TerminalEditor } from "../../../../client/terminal/line_editor/terminal_editor.ts";
import type { Tty } from "../../../../client/terminal/line_editor/tty.ts";
import { encodeFrames } from "../../../../protocol/syntax/frame.ts";
import type { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, holds, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { turn } from "../server/datagram_server.ts";
import { listen, throwUncaught } from "../server/lives.ts";
import { FuzzedStream } from "../server/stream.ts";
import { patched } from "./patched.ts";
import { checkShown } from "./terminal_output.ts";

/** Milliseconds within which the chat ends after Ctrl-C, steps of a script, and bytes that are shown. */
const MAX_END_MS = 30_000, MAX_STEPS = 60, MAX_SHOWN = 8 * 1024 * 1024;

/** A terminal that looks at what is written to it. */
class CheckedTty implements Tty {
  shown = 0;
  fault: Error | undefined;
  #typed: (Uint8Array | null)[] = [];
  #wake: (() => void) | undefined;

  type(bytes: Uint8Array) {
    this.#typed.push(bytes);
    this.#wake?.();
  }

  raw() {}
  restore() {}
  unread() {}
  suspend() {}

  async read(signal: AbortSignal): Promise<Uint8Array | null> {
    const abort = () => this.#wake?.();
    signal.addEventListener("abort", abort);
    while (this.#typed.length === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    signal.removeEventListener("abort", abort);
    return this.#typed.shift() ?? null;
  }

  write(text: string): Promise<void> {
    this.shown += text.length;
    try {
      checkShown(text, true);
    } catch (error) {
      this.fault ??= error as Error;
    }
    return Promise.resolve();
  }

  size = () => ({ columns: 40, rows: 10 });
  watch = () => ({ [Symbol.dispose]() {} });
}

type Wire = "channels" | "room";

/** A chat whose every connection is `connect`'s. */
export async function startChat(wire: Wire, connect: () => Promise<unknown>) {
  using _ = patched({ connect });
  const display = new Display({ hasColour: true, hasTimes: true }),
    server = { hostname: "127.0.0.1", port: 1 };
  const positions = new Positions("127.0.0.1:1", "Eve", "/dev/null/none");
  const talk = wire === "room"
    ? new RoomTalk(server, display)
    : new ChannelsTalk({ name: "Eve", server, channel: "tea", display, positions, isRinging: true });
  await talk.connect();
  const tty = new CheckedTty(), editor = new TerminalEditor(tty, "[Me] ", 1000);
  return { tty, ended: chat({ talk, display, disconnected: "disconnected" }, editor) };
}

async function run(script: Bytes) {
  listen();
  const [wire = "", ...steps] = textOf(script).split("\n");
  if (wire !== "channels" && wire !== "room") return;
  const streams: FuzzedStream[] = [];
  const connect = () => {
    const stream = new FuzzedStream("127.0.0.1", 55_555);
    streams.push(stream);
    return Promise.resolve(
      Object.assign(stream, { setNoDelay() {}, closeWrite: () => Promise.resolve(stream.end()) }),
    );
  };
  using _ = patched({ connect });
  const { tty, ended } = await startChat(wire, connect);
  for (const step of steps.slice(0, MAX_STEPS)) {
    const [, what, rest = ""] = /^(\S+) ?(.*)$/s.exec(step) ?? [], bytes = unescaped(rest);
    const stream = streams.at(-1)!;
    // what the user types is shown as it is
    // deno-lint-ignore no-control-regex -- control characters
    if (what === "type") tty.type(bytesOf(textOf(bytes).replace(/[^\x00-\x7e]/g, "")));
    else if (stream.isClosed) continue;
    else if (what === "end") stream.end();
    else if (what === "raw") stream.send(bytes);
    else if (what === "say" || what === "many") {
      const said = wire === "room" ? new Uint8Array([...bytes, 10]) : encodeFrames(textOf(bytes));
      for (let i = 0; i < (what === "many" ? 200 : 1); i++) stream.send(said);
    }
    for (let i = 0; i < 3; i++) await turn();
  }
  tty.type(bytesOf("\x03"));
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, MAX_END_MS, "late"));
  const code = await Promise.race([ended, late]).finally(() => clearTimeout(timer));
  for (const stream of streams) if (!stream.isClosed) stream.cut();
  if (tty.fault !== undefined) throw tty.fault;
  throwUncaught();
  holds(code !== "late", () => `it has not ended ${MAX_END_MS} ms after Ctrl-C`);
  holds(tty.shown < MAX_SHOWN, () => `${tty.shown} characters were shown`);
}

const SAID = [
  ...[
    "\\x02wirepost 1 Eve",
    "\\x02channel a1 7 tea",
    "\\x02history a1 2 7",
    "\\x02message 6 1700000000000 3 Bob hi, Eve",
    "\\x02gap 4",
  ],
  ...[
    "\\x02message 7 9999999999999999 3 Bob x",
    "\\x02part 7 1 3 Bob hel",
    "\\x02sent 8 1700000000000",
    "\\x02refused",
    "\\x02gap",
  ],
  ...[
    "\\x02joined Carol",
    "\\x02left Bob",
    "\\x02members 2",
    "\\x02member Bob",
    "\\x02members 9999999999999999",
    "\\x02history a1 0 0",
  ],
  ...[
    "\\x02history a1 9999999999999999 9999999999999999",
    "\\x02message 7 1 9 Bo\\e[2Jb hi\\x9b2J",
    "\\x02joined \\e]0;x\\x07",
    "[Bob] hi",
  ],
  ...[
    "[Bo\\e[2Jb] h\\x9bi",
    "Bob has joined",
    "tea\\ncoffee\\e[2J",
    "Room tea already exists, so cannot be created.",
    "\u202eabc",
  ],
  ...[
    "/wirepost\\n1 is not a valid control message. Valid messages are /create, /list, and /join.",
    "\\x02wirepost 1 (a+)+$",
  ],
  ...[
    "No channel named tea exists. Try '/create tea'?",
    "Not currently in any channel. Must join a channel before sending messages.",
  ],
  ...[
    "\\r<('127.0.0.1', 60602)> hi",
    "[127.0.0.1:60602] entered room",
    "Client (127.0.0.1, 60602) is offline",
    "\\r<x> \\e[2J",
    "Eve: hi",
  ],
];

const TYPED = [
  "hello\\r",
  "/who\\r",
  "/history\\r",
  "/history 500\\r",
  "/list\\r",
  "/join tea\\r",
  "/create x\\r",
  "//x\\r",
  "b\\x09",
  "/join \\x09",
  "\\e[A",
  "\\x12h",
];

function step(random: Random): string {
  const what = pick(random, ["say", "say", "say", "say", "say", "say", "many", "type", "type", "raw", "end"]);
  if (what === "type") return `type ${pick(random, TYPED)}`;
  return what === "end" ? random.chance(0.2) ? "end" : "say x" : `${what} ${pick(random, SAID)}`;
}

export const CLIENT_CHAT: Target = {
  name: "client_chat",
  covers: ["client/", "protocol/"],
  words: [...SAID, ...TYPED, "\\e[2J", "\\x9b", "\u202e", "\\x02", " ", "\\n"],
  seeds: [
    [
      "channels",
      "say \\x02wirepost 1 Eve",
      "say \\x02wirepost 1 Eve",
      ...SAID.slice(1).map((text) => `say ${text}`),
    ],
    ["channels", ...SAID.slice(20).map((text) => `say ${text}`), ...TYPED.map((keys) => `type ${keys}`)],
    [
      "channels",
      ...SAID.slice(0, 4).map((text) => `say ${text}`),
      "type hello\\r",
      "say \\x02sent 8 1",
      "end",
      "many [Bob] x",
    ],
    ["room", ...SAID.slice(25).map((text) => `say ${text}`), ...TYPED.map((keys) => `type ${keys}`)],
  ].map((lines) => lines.join("\n")),
  maxBytes: 8192,
  shortInputs: 40,
  maxMs: MAX_END_MS,
  line: step,
  run,
};
