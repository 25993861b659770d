/**
 * Wirepost: keeps and passes on messages. This file is the table of its commands; each is loaded when it is used.
 *
 * @module
 */

import { bold, red, setColorEnabled } from "@std/fmt/colors";
import { Arguments, asksForHelp, type Command, helpOf, UsageError } from "./client/command/command.ts";
import { escapeControls, isDumb, write, writeError } from "./client/terminal/output.ts";
import { INTERRUPTED, InterruptedError } from "./client/terminal/signals.ts";
import config from "./deno.json" with { type: "json" };

const COMMANDS: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  async serve() {
    const { serveCommand } = await import("./client/command/serve.ts");
    return { command: serveCommand(await import("./server/server.ts")) };
  },
  send: () => import("./client/command/send.ts"),
  receive: () => import("./client/command/receive.ts"),
  mailbox: () => import("./client/command/mailbox.ts"),
  chat: () => import("./client/command/chat.ts"),
  room: () => import("./client/command/room.ts"),
  forum: () => import("./client/command/forum.ts"),
  async account() {
    const { accountCommand } = await import("./client/command/account.ts");
    const code = {
      ...await import("./server/data/directory.ts"),
      ...await import("./server/offline_accounts.ts"),
    };
    return { command: accountCommand(code) };
  },
  "known-servers": () => import("./client/command/known_servers.ts"),
  async admin() {
    const { adminCommand } = await import("./client/command/admin.ts");
    return { command: adminCommand(await import("./server/data/directory.ts")) };
  },
  bench: () => import("./client/command/bench.ts"),
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
    ...commands.map(({ command }) => `  ${bold(command.name.padEnd(width))}  ${command.summary}`),
    "",
    "'wirepost COMMAND --help' tells more. 'wirepost --version' prints the version.",
    "",
    "Example:",
    "  wirepost serve",
    "",
  ].join("\n");
}

/** Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong usage; 3 nothing there (`receive`). */
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
    const { command } = await COMMANDS[name]!();
    if (asksForHelp(rest)) {
      await write(helpOf(command));
      return 0;
    }
    return await command.run(new Arguments(command, rest));
  } catch (thrown) {
    // what failed first says more than that the end failed too
    const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
    // the reader of our results has gone: there is nobody left to tell
    if (error instanceof Deno.errors.BrokenPipe) return 1;
    if (error instanceof InterruptedError) return INTERRUPTED;
    colour(Deno.stderr);
    const usage = error instanceof UsageError;
    const known = Object.hasOwn(COMMANDS, name) ? `wirepost ${name}` : "wirepost";
    await writeError(
      `${red(`${known}:`)} ${escapeControls(error instanceof Error ? error.message : `${error}`)}\n`,
    );
    if (usage) await writeError(`'${known} --help' tells how it is used\n`);
    return usage ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
