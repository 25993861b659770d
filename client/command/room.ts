import { connectRoom, type LoginOptions } from "../room.ts";
import { escapeControls } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { displayOf } from "./chat/display.ts";
import { RoomTalk } from "./chat/room_talk.ts";
import { runTerminalChat } from "./chat/terminal_chat.ts";
import { isTyped, LIVE_CHAT_ABOUT, LIVE_CHAT_OPTIONS, readServer, runLiveChat } from "./live_chat.ts";
import { passwordFor, selfOf } from "./self.ts";
import { serviceAddress } from "./server_option.ts";

/** `wirepost room`. */
export const command: Command = {
  name: "room",
  summary: "Talk in the room of a server",
  isMore: true,
  usage: ["[OPTION…]", "HOST PORT [OPTION…]"],
  about: [
    "The room knows no names: you are shown by your address. With --as NAME it logs in to the account of that name, and you\n" +
    "are shown by it. The password travels as it is: a server takes it from its own machine alone, or by a tunnel to it\n" +
    "(ssh -L).",
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
  const server = host === undefined ? await serviceAddress(args, "room") : readServer(args, host, port, more);
  const as = await accountOf(args);
  const texts = {
    prompt: "<You> ",
    cannotConnect: "Unable to connect to server",
    connected: "Connected to server. Start sending messages",
    disconnected: "Disconnected from the server",
  };
  if (isTyped()) {
    const display = displayOf(args);
    return await runTerminalChat({ ...texts, talk: new RoomTalk(server, display, as), display });
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
