/**
 * Wirepost keeps messages and passes them on. This is the table of its commands; each is loaded when it is used. It
 * alone joins client and server.
 *
 * @module
 */

import { type Commands, runProgram } from "./client/command/program.ts";
import config from "./deno.json" with { type: "json" };
import * as dataDirectory from "./server/data/directory.ts";

/** The server's code goes to the commands that need it: the client imports nothing of it. */
const COMMANDS: Commands = {
  serve: async () =>
    (await import("./client/command/serve.ts")).serveCommand(await import("./server/server.ts")),
  send: async () => (await import("./client/command/send.ts")).command,
  receive: async () => (await import("./client/command/receive.ts")).command,
  peek: async () => (await import("./client/command/peek.ts")).command,
  mailbox: async () => (await import("./client/command/mailbox.ts")).command,
  chat: async () => (await import("./client/command/chat.ts")).command,
  room: async () => (await import("./client/command/room.ts")).command,
  forum: async () => (await import("./client/command/forum.ts")).command,
  account: async () =>
    (await import("./client/command/account.ts")).accountCommand({
      ...dataDirectory,
      ...await import("./server/offline_accounts.ts"),
    }),
  "known-servers": async () => (await import("./client/command/known_servers.ts")).command,
  admin: async () => (await import("./client/command/admin.ts")).adminCommand(dataDirectory),
  watch: async () => (await import("./client/command/watch.ts")).watchCommand(dataDirectory),
  bench: async () => (await import("./client/command/bench.ts")).command,
  completions: async () =>
    (await import("./client/command/completions.ts")).completionsCommand(() =>
      Promise.all(Object.values(COMMANDS).map((load) => load()))
    ),
};

if (import.meta.main) Deno.exit(await runProgram(COMMANDS, config.version, dataDirectory, Deno.args));
