import { connectRoom } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import type { Arguments, Command } from "./command.ts";
import { CONVERSATION_ABOUT, CONVERSATION_OPTIONS, converse, readServer } from "./conversation.ts";

/** `wirepost room`. */
export const command: Command = {
  name: "room",
  summary: "Talk in the room of a server.",
  usage: ["HOST PORT [OPTION…]"],
  about: CONVERSATION_ABOUT,
  options: CONVERSATION_OPTIONS,
  examples: ["wirepost room 127.0.0.1 6000", "echo hello | wirepost room 127.0.0.1 6000 --linger 0s"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...more] = args.positionals;
  const server = readServer(host, port, more);
  return await converse(args, () => connectRoom({ ...server, keepReturn: true }), {
    prompt: "<You> ",
    unable: "Unable to connect to server",
    connected: "Connected to server. Start sending messages",
    disconnected: "Disconnected from the server",
    // what comes is written as it came
    live: { beforeMessage: "", beforeLast: "\n" },
    show,
  });
}

/** The CR before a line has a terminal write over the prompt, where nobody else takes that away. */
function show(line: string, isTerminal: boolean): string {
  const text = escapeControls(line.replace(/^\r/, ""));
  return line.startsWith("\r") && !isTerminal ? `\r${text}` : text;
}
