/**
 * Wirepost keeps messages and passes them on. This is the table of its commands; each is loaded when it is used. It
 * alone joins client and server.
 *
 * @module
 */

import { type Commands, runProgram } from "./client/command/program.ts";
import config from "./deno.json" with { type: "json" };

/** The server's code goes to the commands that need it: the client imports nothing of it. */
const COMMANDS: Commands = {
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

/** Runs one command line, and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(COMMANDS, config.version, args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
