import { formatAddress } from "../../../protocol/syntax/address.ts";
import { CHANNELS_TEXTS, MAX_CHANNEL_NAME_BYTES } from "../../../protocol/channels.ts";
import { type Channels, connectChannels, isClientName } from "../../channels.ts";
import { escapeControls, write } from "../../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { ChannelsTalk } from "./channels_talk.ts";
import { displayOf } from "./display.ts";
import { Positions } from "./positions.ts";
import { runTerminalChat } from "./terminal_chat.ts";
import {
  isTyped,
  LIVE_CHAT_ABOUT,
  LIVE_CHAT_OPTIONS,
  readServer,
  reportConnecting,
  runLiveChat,
} from "../live_chat.ts";
import { type StreamServer, withTls } from "./tls_option.ts";
import { passwordFor, requireSelf, type Self } from "../options/self.ts";
import { serviceInfo } from "../options/server_option.ts";

/** How long a server may take to let one into a channel, in milliseconds: as long as for a log-in (channels.md 9.10). */
const ENTER_TIMEOUT_MS = 10_000;

/** `wirepost chat`. */
export const command: Command = {
  name: "chat",
  summary: "Talk in channels",
  usage: ["[CHANNEL] [OPTION…]", "NAME HOST PORT [OPTION…]"],
  about: [
    "With a CHANNEL it joins that channel, and makes it if there is none of that name.",
    "What was said in a channel since you were last there is shown when you join it.",
    "Lines that begin with / are for the server:\n" +
    "  /create CHANNEL   make a channel and join it\n" +
    "  /join CHANNEL     join a channel, and leave the one before\n" +
    "  /list             list the channels",
    "It logs in if your name has an account for more than the forum, or a password is given. A server takes the password\n" +
    "with --tls, from its own machine, or by a tunnel to it (ssh -L).",
    ...LIVE_CHAT_ABOUT,
  ],
  options: {
    ...LIVE_CHAT_OPTIONS,
    notify: { help: "Ring the bell when a message has your name in it, on a terminal" },
  },
  completes: { names: "channels" },
  examples: [
    "wirepost chat lounge --as Alice",
    "wirepost chat lounge --server chat.example.org --tls",
    "printf '/join lounge\\nhello\\n' | wirepost chat Alice 127.0.0.1 55555 --linger 0s",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const { self, channel, server, isProtected } = await placeOf(args), { name } = self;
  const password = await passwordFor(args, self, isProtected);
  const who = { name, ...password === undefined ? {} : { password } };
  const texts = {
    prompt: "[Me] ",
    cannotConnect: `Unable to connect to ${formatAddress(server)}`,
    disconnected: `Server at ${formatAddress(server)} has disconnected`,
  };
  if (isTyped()) {
    const display = displayOf(args), positions = new Positions(formatAddress(server), name);
    const isRinging = args.flag("notify");
    const talk = new ChannelsTalk({ ...who, server, channel, display, positions, isRinging });
    return await runTerminalChat({
      ...texts,
      talk,
      display,
      reportConnecting: (error) => reportConnecting(args, error, texts.cannotConnect),
    });
  }
  const connect = async () => {
    const channels = await connectChannels({ ...who, ...server });
    if (channel !== undefined) await enterChannel(channels, channel);
    return channels;
  };
  return await runLiveChat(args, connect, {
    ...texts,
    live: { beforeMessage: WIPE, beforeLast: WIPE },
    show,
  });
}

/**
 * Who talks, where, and in which channel. One argument alone is a channel: a name is given by `--as`.
 *
 * @throws {UsageError} There are two arguments, or more than three.
 */
async function placeOf(
  args: Arguments,
): Promise<{ self: Self; channel: string | undefined; server: StreamServer; isProtected: boolean }> {
  const [first, host, port, ...more] = args.positionals;
  if (first !== undefined && host !== undefined) {
    if (args.flag("as")) throw new UsageError("--as and NAME HOST PORT exclude each other");
    checkName(first);
    const self = { name: first, isNamed: true },
      server = await withTls(args, readServer(args, host, port, more), false);
    // such a server is asked nothing
    return { self, channel: undefined, server, isProtected: false };
  }
  const self = requireSelf(args);
  checkName(self.name);
  if (first !== undefined) checkChannel(first);
  const { address, isProtected } = await serviceInfo(args, "channels", self.name);
  return { self, channel: first, server: await withTls(args, address, true), isProtected };
}

/** @throws {UsageError} It can't be the name of a client. */
function checkName(name: string) {
  if (isClientName(name)) return;
  throw new UsageError(
    `Cannot use '${name}' as a name: expected 1 to 200 bytes, no control character, no space at an end`,
  );
}

/** @throws {UsageError} It can't be the name of a channel. */
function checkChannel(channel: string) {
  const bytes = new TextEncoder().encode(channel).length;
  if (/[\p{Cc}\s]/u.test(channel) || bytes < 1 || bytes > MAX_CHANNEL_NAME_BYTES) {
    throw new UsageError(
      `Cannot use '${channel}' as a channel: expected 1 to ${MAX_CHANNEL_NAME_BYTES} bytes, no white space, ` +
        "no control character",
    );
  }
}

/**
 * Makes the channel, or joins the one of that name. The server does not answer what succeeds, so a request follows
 * whose answer is certain.
 *
 * @throws {Error} It is not answered in time.
 */
async function enterChannel(channels: Channels, channel: string) {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    channels.close();
  }, ENTER_TIMEOUT_MS);
  try {
    await channels.send(`/create ${channel}`);
    await channels.send("/create");
    for await (const text of channels) {
      if (text === CHANNELS_TEXTS.createWithoutName) return;
      if (text === CHANNELS_TEXTS.alreadyExists(channel)) await channels.send(`/join ${channel}`);
      else await write(`${show(text)}\n`);
    }
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw new Error(`Cannot enter '${channel}': the server does not answer`);
}

/** Removes the prompt from the screen. */
const WIPE = "\r    \r";

/** A list of channels has a line for each. A member's message is one line: with more, it could look like another's. */
function show(message: string): string {
  return message.startsWith("[")
    ? escapeControls(message)
    : message.split("\n").map(escapeControls).join("\n");
}
