/**
 * Where a server that keeps everything in memory, and is to be administered all the same, has its secret and its
 * addresses: in a data directory, where it uses nothing else.
 *
 * @module
 */

import { readRunning, type Running } from "./directory.ts";

/** The directory, made if need be; undefined if another server runs there, whose addresses must stay. */
export async function openControlDirectory(directory: string): Promise<string | undefined> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const running = await readRunning(directory);
  return running !== undefined && isTaken(running) ? undefined : directory;
}

/** Whether somebody listens at the address of its mailbox, or of its administrator: a server that was killed does not. */
function isTaken({ services }: Running): boolean {
  const match = /^\[?(.+?)\]?:(\d+)$/.exec((services.mailbox ?? services.admin)?.[0] ?? "");
  if (match === null) return false;
  try {
    Deno.listenDatagram({ transport: "udp", hostname: match[1]!, port: Number(match[2]) }).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.AddrInUse;
  }
}
