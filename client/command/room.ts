import { connectRoom } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import type { Arguments, Command } from "./command.ts";
import { LIVE_CHAT_ABOUT, LIVE_CHAT_OPTIONS, readServer, runLiveChat } from "./live_chat.ts";

/** `wirepost room`. */
export const command: Command = {
  name: "room",
  summary: "Talk in the room of a server.",
  usage: ["HOST PORT [OPTION…]"],
  about: LIVE_CHAT_ABOUT,
  options: LIVE_CHAT_OPTIONS,
  examples: ["wirepost room 127.0.0.1 6000", "echo hello | wirepost room 127.0.0.1 6000 --linger 0s"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...more] = args.positionals;
  const server = readServer(host, port, more);
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
