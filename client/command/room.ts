import { connectRoom } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import type { Arguments, Command } from "./command.ts";
import { serviceAddress } from "./server_option.ts";
import { LIVE_CHAT_ABOUT, LIVE_CHAT_OPTIONS, readServer, runLiveChat } from "./live_chat.ts";

/** The room knows no names. */
const { as: _, ...ROOM_OPTIONS } = LIVE_CHAT_OPTIONS;

/** `wirepost room`. */
export const command: Command = {
  name: "room",
  summary: "Talk in the room of a server",
  isMore: true,
  usage: ["[OPTION…]", "HOST PORT [OPTION…]"],
  about: LIVE_CHAT_ABOUT,
  options: ROOM_OPTIONS,
  examples: ["wirepost room", "echo hello | wirepost room 127.0.0.1 6000 --linger 0s"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...more] = args.positionals;
  const server = host === undefined ? await serviceAddress(args, "room") : readServer(args, host, port, more);
  return await runLiveChat(args, () => connectRoom({ ...server, keepReturn: true }), {
    prompt: "<You> ",
    cannotConnect: "Unable to connect to server",
    connected: "Connected to server. Start sending messages",
    disconnected: "Disconnected from the server",
    // messages are written as they came
    live: { beforeMessage: "", beforeLast: "\n" },
    show,
  });
}

/** Without a line editor, the CR before a line lets a terminal write over the prompt. */
function show(line: string, isTerminal: boolean): string {
  const text = escapeControls(line.replace(/^\r/, ""));
  return line.startsWith("\r") && !isTerminal ? `\r${text}` : text;
}
