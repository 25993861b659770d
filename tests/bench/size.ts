/**
 * Measures a program that `deno task compile` has made: `deno run --no-check -A tests/bench/size.ts [PROGRAM]`. Its size, how
 * long it takes to start, and its memory when nothing is done, and with so many members of channels.
 *
 * @module
 */

import { write } from "../../client/terminal/output.ts";
import { runCommand, ServerProcess, temporaryDirectory } from "../program.ts";
import { residentMiB } from "../faults/form.ts";
import { withFiles } from "./peers.ts";

const ROUNDS = 7, MEMBERS = 10_000, FRAME_BYTES = 200;

/** After this a server that was started, or got new members, has done what there was to do. */
const SETTLED_MS = 10_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The median time that this takes, in milliseconds. What it returns is done after each. */
async function medianMs(what: () => Promise<() => Promise<unknown>>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now(), after = await what();
    times.push(performance.now() - before);
    await after();
  }
  return times.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
}

async function connect(port: number): Promise<Deno.Conn[]> {
  const members: Deno.Conn[] = [];
  while (members.length < MEMBERS) {
    const member = await Deno.connect({ hostname: "127.0.0.1", port });
    await member.write(new TextEncoder().encode(`m${members.length}`.padEnd(FRAME_BYTES)));
    members.push(member);
  }
  return members;
}

const [program = "dist/wirepost"] = Deno.args, path = await Deno.realPath(program);
await using directory = await temporaryDirectory();
const SERVICES = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0"];
const start = () =>
  ServerProcess.start(["--data", `${directory.path}/data`, ...SERVICES], { command: withFiles([path]) });
const print = (what: string, value: number, unit: string) =>
  write(`${what.padEnd(28)}${value.toFixed(1)} ${unit}\n`);

await print("size", (await Deno.stat(path)).size / 1e6, "MB");
const version = async () => {
  await runCommand([path, "--version"]);
  return () => Promise.resolve();
};
await print("--version", await medianMs(version), "ms");
const begin = async () => {
  const server = await start();
  return () => server.end();
};
await print("start to the first address", await medianMs(begin), "ms");
await using server = await start();
await pause(SETTLED_MS);
await print("memory, idle", await residentMiB(server.pid), "MiB");
const members = await connect(await server.ready("channels"));
await pause(SETTLED_MS);
await print(`memory, ${MEMBERS} members`, await residentMiB(server.pid), "MiB");
for (const member of members) member.close();
