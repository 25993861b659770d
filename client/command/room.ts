import { connectRoom } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import type { Arguments, Command } from "./command.ts";
import { displayOf } from "./chat/display.ts";
import { RoomTalk } from "./chat/room_talk.ts";
import { runTerminalChat } from "./chat/terminal_chat.ts";
import {
  isTyped,
  LIVE_CHAT_ABOUT,
  LIVE_CHAT_OPTIONS,
  readServer,
  reportConnecting,
  runLiveChat,
} from "./live_chat.ts";
import { withTls } from "./chat/tls_option.ts";
import { serviceAddress } from "./server_option.ts";

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
  const service = args.flag("tls") ? "room-tls" : "room";
  const address = host === undefined
    ? await serviceAddress(args, service)
    : readServer(args, host, port, more);
  const server = await withTls(args, address, host === undefined);
  const texts = {
    prompt: "<You> ",
    cannotConnect: "Unable to connect to server",
    connected: "Connected to server. Start sending messages",
    disconnected: "Disconnected from the server",
  };
  if (isTyped()) {
    const display = displayOf(args);
    return await runTerminalChat({
      ...texts,
      talk: new RoomTalk(server, display),
      display,
      reportConnecting: (error) => reportConnecting(args, error, texts.cannotConnect),
    });
  }
  return await runLiveChat(args, () => connectRoom({ ...server, keepReturn: true }), {
    ...texts,
    // messages are written as they came
    live: { beforeMessage: "", beforeLast: "\n" },
    show,
  });
}

/** The CR before a line has a terminal write over the prompt. */
function show(line: string): string {
  const text = escapeControls(line.replace(/^\r/, ""));
  return line.startsWith("\r") ? `\r${text}` : text;
}
