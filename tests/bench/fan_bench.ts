/**
 * Measures how many messages a second the server passes on to the members of a channel, on both wires. The load runs in
 * this process, beside the server's, so the figures are those of both together.
 */

import { encodeFrames } from "../../protocol/frame.ts";
import { FROM_SOURCE, ServerProcess } from "../program.ts";

const RUNS = 5, DELIVERIES = 1_000_000, IN_FLIGHT = 64;
const TEXT = "hello world this is a chat message 012345";
const [deno = "", ...rest] = FROM_SOURCE;
const command = ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"', deno, ...rest];

/** Deliveries a second of one run. `bytes` is how many one message comes to at a member. */
async function run(
  conns: readonly Deno.TcpConn[],
  message: Uint8Array,
  bytes: number,
): Promise<number> {
  const [sender, ...members] = conns as [Deno.TcpConn, ...Deno.TcpConn[]];
  const count = Math.ceil(DELIVERIES / members.length);
  const burst = new Uint8Array(message.length * IN_FLIGHT);
  for (let i = 0; i < IN_FLIGHT; i++) burst.set(message, i * message.length);
  const buffers = members.map(() => new Uint8Array(65_536));
  const begun = performance.now();
  for (let sent = 0; sent < count; sent += IN_FLIGHT) {
    for (let from = 0; from < burst.length;) from += await sender.write(burst.subarray(from));
    await Promise.all(members.map(async (member, i) => {
      for (let left = bytes * IN_FLIGHT; left > 0;) {
        const length = await member.read(buffers[i]!.subarray(0, left));
        if (length === null) throw new Error("Server closed");
        left -= length;
      }
    }));
  }
  const sent = Math.ceil(count / IN_FLIGHT) * IN_FLIGHT;
  return sent * members.length / (performance.now() - begun) * 1000;
}

/** Reads the notes about clients that joined. */
async function quiet(conn: Deno.TcpConn, bytes: number) {
  const buffer = new Uint8Array(65_536);
  for (let left = bytes; left > 0;) left -= await conn.read(buffer.subarray(0, left)) ?? left;
}

for (const count of [10, 100, 1000]) {
  for (const wire of ["channels", "room"] as const) {
    const rates: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      await using server = await ServerProcess.start([wire, "0", "--memory"], { command });
      const conns: Deno.TcpConn[] = [];
      const notes = new Array<number>(count + 1).fill(0);
      for (let member = 0; member <= count; member++) {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
        conn.setNoDelay(true);
        conns.push(conn);
        const { port } = conn.localAddr as Deno.NetAddr;
        if (wire === "channels") {
          const join = member === 0 ? "/create load" : "/join load";
          await conn.write(new Uint8Array([...encodeFrames(`u${member}`), ...encodeFrames(join)]));
        }
        const note = wire === "channels" ? 200 : `[127.0.0.1:${port}] entered room\n`.length;
        for (let before = 0; before < member; before++) notes[before]! += note;
        // one after the other: so the first has come when the second does
        if (member > 0) await quiet(conns[0]!, note);
        else if (wire === "channels") {
          await conn.write(encodeFrames("/list"));
          await quiet(conn, 200);
        }
      }
      await Promise.all(conns.slice(1).map((conn, i) => quiet(conn, notes[i + 1]!)));
      const { port } = conns[0]!.localAddr as Deno.NetAddr;
      const message = wire === "channels" ? encodeFrames(TEXT) : new TextEncoder().encode(`${TEXT}\n`);
      const prefix = `\r<('127.0.0.1', ${port})> `;
      rates.push(await run(conns, message, wire === "channels" ? 200 : prefix.length + message.length));
      for (const conn of conns) conn.close();
      await server.end();
    }
    const [slowest, , median, , fastest] = rates.toSorted((a, b) => a - b).map(Math.round);
    await Deno.stdout.write(new TextEncoder().encode(
      `${wire}, ${count} members: ${median} deliveries/s (${slowest} to ${fastest})\n`,
    ));
  }
}
