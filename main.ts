/**
 * Wirepost keeps messages and passes them on. This is the table of its commands; each is loaded when it is used. It
 * alone joins client and server.
 *
 * @module
 */

import { bold, red, setColorEnabled } from "@std/fmt/colors";
import { Arguments, asksForHelp, type Command, helpOf, UsageError } from "./client/command/command.ts";
import { escapeControls, isDumb, write, writeError } from "./client/terminal/output.ts";
import { INTERRUPTED, InterruptedError } from "./client/terminal/signals.ts";
import config from "./deno.json" with { type: "json" };

/** The server's code goes to the commands that need it: the client imports nothing of it. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () =>
    (await import("./client/command/serve.ts")).serveCommand(await import("./server/server.ts")),
  send: async () => (await import("./client/command/send.ts")).command,
  receive: async () => (await import("./client/command/receive.ts")).command,
  mailbox: async () => (await import("./client/command/mailbox.ts")).command,
  chat: async () => (await import("./client/command/chat.ts")).command,
  room: async () => (await import("./client/command/room.ts")).command,
  forum: async () => (await import("./client/command/forum.ts")).command,
  account: async () =>
    (await import("./client/command/account.ts")).accountCommand({
      ...await import("./server/data/directory.ts"),
      ...await import("./server/offline_accounts.ts"),
    }),
  "known-servers": async () => (await import("./client/command/known_servers.ts")).command,
  admin: async () =>
    (await import("./client/command/admin.ts")).adminCommand(await import("./server/data/directory.ts")),
  bench: async () => (await import("./client/command/bench.ts")).command,
};

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "Usage: wirepost COMMAND [ARG…]",
    "",
    "Keeps messages and passes them on.",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${bold(name.padEnd(width))}  ${summary}`),
    "",
    "'wirepost COMMAND --help' shows the help of a command, 'wirepost --version' the version.",
    "",
    "Example:",
    "  wirepost serve",
    "",
  ].join("\n");
}

/** Runs one command line. Returns its exit code: 0 done, 1 failed, 2 wrong usage, 3 too few messages (`receive`). */
async function main(args: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = args;
  const colour = (stream: { isTerminal(): boolean }) =>
    setColorEnabled(stream.isTerminal() && !Deno.env.get("NO_COLOR") && !isDumb());
  colour(Deno.stdout);
  try {
    if (name === "--version") {
      await write(`wirepost ${config.version}\n`);
      return 0;
    }
    if (name === "--help" || name === "-h" || name === "help") {
      await write(await overview());
      return args.length === 0 ? 2 : 0;
    }
    if (!Object.hasOwn(COMMANDS, name)) {
      throw new UsageError(`Unknown ${name.startsWith("-") ? "option" : "command"} '${name}'`);
    }
    const command = await COMMANDS[name]!();
    if (asksForHelp(rest)) {
      await write(helpOf(command));
      return 0;
    }
    return await command.run(new Arguments(command, rest));
  } catch (thrown) {
    // the first error matters more than a later one while cleaning up
    const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
    // nobody reads the results any more
    if (error instanceof Deno.errors.BrokenPipe) return 1;
    if (error instanceof InterruptedError) return INTERRUPTED;
    colour(Deno.stderr);
    const usage = error instanceof UsageError;
    const known = Object.hasOwn(COMMANDS, name) ? `wirepost ${name}` : "wirepost";
    await writeError(
      `${red(`${known}:`)} ${escapeControls(error instanceof Error ? error.message : `${error}`)}\n`,
    );
    if (usage) await writeError(`See '${known} --help'\n`);
    return usage ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
