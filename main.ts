/**
 * Wirepost keeps messages and passes them on. This is the table of its commands, in the order of the help; each is
 * loaded when it is used. It alone joins client and server.
 *
 * @module
 */

import { type Commands, loadCommands, runProgram } from "./client/command/program.ts";
import config from "./deno.json" with { type: "json" };
import * as dataDirectory from "./server/data/directory.ts";

/** The server's code goes to the commands that need it: the client imports nothing of it. */
export const COMMANDS: Commands = {
  serve: async () => {
    const { serveCommand } = await import("./client/command/serve/serve.ts");
    const server = await import("./server/server.ts");
    return serveCommand({
      ...server,
      serve: async (options, output) => {
        const { webPage } = await import("./client/page/files.ts");
        return await server.serve({ ...options, page: await webPage() }, output);
      },
    });
  },
  send: async () => (await import("./client/command/send/send.ts")).command,
  receive: async () => (await import("./client/command/receive/receive.ts")).command,
  peek: async () => (await import("./client/command/mailbox/peek.ts")).command,
  chat: async () => (await import("./client/command/chat/chat.ts")).command,
  forum: async () => (await import("./client/command/forum/forum.ts")).command,
  watch: async () => (await import("./client/command/watch/watch.ts")).watchCommand(dataDirectory),
  status: async () => (await import("./client/command/status/status.ts")).statusCommand(dataDirectory),
  admin: async () => (await import("./client/command/admin/admin.ts")).adminCommand(dataDirectory),
  account: async () =>
    (await import("./client/command/account/account.ts")).accountCommand({
      ...dataDirectory,
      ...await import("./server/offline_accounts.ts"),
    }),
  backup: async () =>
    (await import("./client/command/data/backup.ts")).backupCommand({
      ...dataDirectory,
      ...await import("./server/data/backup.ts"),
    }),
  // the help only names these
  mailbox: async () => (await import("./client/command/mailbox/mailbox.ts")).command,
  room: async () => (await import("./client/command/room.ts")).command,
  bench: async () => (await import("./client/command/bench/bench.ts")).command,
  check: async () =>
    (await import("./client/command/data/check.ts")).checkCommand(
      await import("./server/data/offline_check.ts"),
    ),
  restore: async () =>
    (await import("./client/command/data/restore.ts")).restoreCommand(
      await import("./server/data/restore.ts"),
    ),
  cert: async () => (await import("./client/command/cert/cert.ts")).command,
  "known-servers": async () => (await import("./client/command/known_servers.ts")).command,
  completions: async () =>
    (await import("./client/command/completions/completions.ts")).completionsCommand(() =>
      loadCommands(COMMANDS)
    ),
};

/** Runs one command line, and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram({ version: config.version, commands: COMMANDS, dataCode: dataDirectory }, args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
