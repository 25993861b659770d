/**
 * Runs a server under strace, with a load, and kills it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FROM_SOURCE, runCommand, ServerProcess } from "../../program.ts";
import type { Amount, Load, Ports } from "./load.ts";
import { type Call, readCalls, recorded } from "./trace.ts";

/** Why nothing can be recorded here, or undefined. */
export async function cannotRecord(): Promise<string | undefined> {
  try {
    const { code, err } = await runCommand([...recorded("/dev/null"), "true"]);
    return code === 0 ? undefined : err.trim();
  } catch (error) {
    return (error as Error).message;
  }
}

export interface Life {
  data: string;
  /** Where the recording is written. */
  trace: string;
  /** Ports of the life before. */
  ports: Ports;
  load: Load;
  amount: Amount;
}

/** Records a life of a server, which ends with SIGKILL. */
export async function record(life: Life): Promise<{ calls: Call[]; ports: Ports }> {
  const { data, trace, ports: { mailbox, channels, forum }, load, amount } = life;
  const services = ["mailbox", `${mailbox}`, "channels", `${channels}`, "forum", `${forum}`];
  const server = await ServerProcess.start([...services, "--data", data], {
    command: [...recorded(trace), ...FROM_SOURCE],
  });
  const ports = {
    mailbox: await server.ready("mailbox"),
    channels: await server.ready("channels"),
    forum: await server.ready("forum"),
  };
  try {
    await load.run(server, ports, amount);
  } finally {
    // strace ends with the server
    Deno.kill(JSON.parse(await Deno.readTextFile(`${data}/server.json`)).pid, "SIGKILL");
    await server.ended();
  }
  const errors = load.senders.concat(load.receivers).map(({ error }) => error);
  assertEquals(errors.filter((error) => error !== ""), [], "what sessions were answered");
  return { calls: await readCalls(trace), ports };
}
