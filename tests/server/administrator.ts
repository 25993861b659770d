/** A server in this process, and its administrator. */

import { connectOriginalMailbox } from "../../client/original_mailbox.ts";
import type { Server } from "../../server/server.ts";
import { temporaryDirectory } from "../program.ts";
import { withServer } from "./serve.ts";

export interface Administered {
  server: Server;
  log: string[];
  /** Port of the first address of a service. */
  port(service: string): number;
  /** Sends a command. Returns the fields or rows of the answer. */
  control(command: string): Promise<string[]>;
}

export const SECRET = "a secret of an administrator";

/** Runs a server with all services, changed by `options`; or with those of `ports`. */
export async function withAdministrator(
  options: Parameters<typeof withServer>[0],
  use: (administered: Administered) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  const secretFile = `${directory.path}/secret`;
  await Deno.writeTextFile(secretFile, SECRET);
  const ports = { mailbox: 0, channels: 0, room: 0, forum: 0 };
  await withServer({ secretFile, ports, ...options }, async (server, log) => {
    const port = (service: string) =>
      server.listening.find(({ name }) => name === service)!.addresses[0]!.port;
    await using mailbox = await connectOriginalMailbox({ port: port("mailbox"), timeout: 30_000 });
    const control = (command: string) => mailbox.control(new TextEncoder().encode(SECRET), command);
    await use({ server, log, port, control });
  });
}
