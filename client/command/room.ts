import { connectRoom, type LoginOptions } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
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
import { passwordFor, selfOf } from "./options/self.ts";
import { serviceAddress } from "./options/server_option.ts";

/** `wirepost room`. */
export const command: Command = {
  name: "room",
  summary: "Talk in the room of a server",
  isMore: true,
  usage: ["[OPTION…]", "HOST PORT [OPTION…]"],
  about: [
    "The room knows no names: you are shown by your address. With --as NAME it logs in to the account of that name, and you\n" +
    "are shown by it. A server takes the password with --tls, from its own machine, or by a tunnel to it (ssh -L).",
    ...LIVE_CHAT_ABOUT,
  ],
  options: { ...LIVE_CHAT_OPTIONS, as: { value: "NAME", help: "An account to log in to (WIREPOST_AS)" } },
  examples: [
    "wirepost room",
    "wirepost room --as alice",
    "echo hello | wirepost room 127.0.0.1 6000 --linger 0s",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [host, port, ...more] = args.positionals;
  const service = args.flag("tls") ? "room-tls" : "room";
  const address = host === undefined
    ? await serviceAddress(args, service)
    : readServer(args, host, port, more);
  const server = await withTls(args, address, host === undefined);
  const as = await accountOf(args);
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
      talk: new RoomTalk(server, display, as),
      display,
      reportConnecting: (error) => reportConnecting(args, error, texts.cannotConnect),
    });
  }
  return await runLiveChat(
    args,
    () => connectRoom({ ...server, ...as === undefined ? {} : { as }, keepReturn: true }),
    {
      ...texts,
      // messages are written as they came
      live: { beforeMessage: "", beforeLast: "\n" },
      show,
    },
  );
}

/** The account to log in to; none if the user has not said who it is, or only the environment has and no password is given. */
async function accountOf(args: Arguments): Promise<LoginOptions | undefined> {
  const self = selfOf(args);
  if (self === undefined || !self.isNamed) {
    if (args.flag("password-file")) throw new UsageError("--password-file needs --as NAME");
    return undefined;
  }
  const password = await passwordFor(args, self, args.flag("as"));
  return password === undefined ? undefined : { name: self.name, password };
}

/** The CR before a line has a terminal write over the prompt. */
function show(line: string): string {
  const text = escapeControls(line.replace(/^\r/, ""));
  return line.startsWith("\r") ? `\r${text}` : text;
}
