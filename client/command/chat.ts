import { formatAddress } from "../../protocol/address.ts";
import { connectChannels, isClientName } from "../channels.ts";
import { escapeControls } from "../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { LIVE_CHAT_ABOUT, LIVE_CHAT_OPTIONS, readServer, runLiveChat } from "./live_chat.ts";

/** `wirepost chat`. */
export const command: Command = {
  name: "chat",
  summary: "Talk in the channels of a server.",
  usage: ["NAME HOST PORT [OPTION…]"],
  about: [
    "Lines that begin with / are for the server:\n" +
    "  /create CHANNEL   make a channel and join it\n" +
    "  /join CHANNEL     join a channel, and leave the one before\n" +
    "  /list             list the channels",
    ...LIVE_CHAT_ABOUT,
  ],
  options: LIVE_CHAT_OPTIONS,
  examples: [
    "wirepost chat Alice 127.0.0.1 55555",
    "printf '/join lounge\\nhello\\n' | wirepost chat Alice 127.0.0.1 55555 --linger 0s",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [name, host, port, ...more] = args.positionals;
  if (name === undefined) throw new UsageError("Missing NAME: what the others will call you");
  const server = readServer(host, port, more);
  if (!isClientName(name)) {
    throw new UsageError(
      `Cannot use '${name}' as a name: expected 1 to 200 bytes, no control character, no space at an end`,
    );
  }
  return await runLiveChat(args, () => connectChannels({ name, ...server }), {
    prompt: "[Me] ",
    cannotConnect: `Unable to connect to ${formatAddress(server)}`,
    disconnected: `Server at ${formatAddress(server)} has disconnected`,
    live: { beforeMessage: WIPE, beforeLast: WIPE },
    show,
  });
}

/** Removes the prompt from the screen. */
const WIPE = "\r    \r";

/** A list of channels has a line for each. A member's message is one line: with more, it could look like another's. */
function show(message: string): string {
  return message.startsWith("[")
    ? escapeControls(message)
    : message.split("\n").map(escapeControls).join("\n");
}
