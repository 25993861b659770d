/**
 * Many readers of events over HTTP, of whom some read nothing: these are cut off, and cost the others nothing.
 * WIREPOST_FAULTS=full runs it with 1,000, and measures how late events come.
 */

import { assertEquals, assertLess } from "@std/assert";
import { LoadProcess } from "../bench/load_process.ts";
import { HttpPeer, httpRequest } from "../http.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../program.ts";
import { FULL, report, residentMiB } from "./form.ts";

const READERS = FULL ? 900 : 27, SILENT = FULL ? 100 : 3;

/** Messages of a request, and how long each is: the system keeps megabytes for a client that does not read. */
const LINES = 15, LINE_LENGTH = 4000;

/** What may wait for one client, in KiB, and how much more memory all of it may take, in MiB. */
const MAX_PENDING_KIB = 256, MAX_MIB = 300;

/** Messages a second that are well below what can be delivered, and how long they come, in milliseconds. */
const RATE = 50, RATE_MS = 5000;

/** A server with as many descriptors as there are, and its HTTP port. */
async function start(data: string): Promise<ServerProcess> {
  const [deno = "", ...rest] = FROM_SOURCE;
  const command = ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"', deno, ...rest];
  const args = ["channels", "0", "--http", "0", "--data", data, "--max-pending", `${MAX_PENDING_KIB}KiB`];
  return await ServerProcess.start(args, { command });
}

/** A reader behind the head of its answer. */
async function connectReader(port: number): Promise<HttpPeer> {
  const peer = await HttpPeer.connect(port);
  await peer.send("GET /events?channel=load");
  while (await peer.line() !== "") { /* the head */ }
  return peer;
}

/** Reads messages numbered from 0 until one is the last, and returns how many: each has come once and in order. */
async function readAll({ conn }: HttpPeer): Promise<number> {
  const buffer = new Uint8Array(262_144), decoder = new TextDecoder();
  let rest = "", next = 0;
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) throw new Error(`closed behind message ${next - 1}`);
    const events = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      const [, text] = /"text":"(\w+)/.exec(event) ?? [];
      if (text === "last") return next;
      if (text !== undefined && Number(text) !== next++) throw new Error(`expected ${next - 1}, got ${text}`);
    }
  }
}

/** How many readers were cut off, by the server's metrics. */
async function cutOff(port: number): Promise<number> {
  const { body } = await httpRequest(port, "GET /metrics");
  const counts = body.matchAll(/^wirepost_http_cut_off\w* (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

// http.md 9.10
Deno.test("readers of events get every message in order, and those that read nothing are cut off", async () => {
  await using data = await temporaryDirectory();
  await using server = await start(data.path);
  const port = await server.ready("http");
  await httpRequest(port, "PUT /channel/load");
  using stack = new DisposableStack();
  const readers: HttpPeer[] = [];
  for (let i = 0; i < READERS + SILENT; i++) {
    const peer = stack.use(await connectReader(port));
    if (i < READERS) readers.push(peer);
  }
  const before = await residentMiB(server.pid), read = Promise.all(readers.map(readAll));
  // it is awaited below
  read.catch(() => {});
  using sender = await HttpPeer.connect(port);
  const say = async (body: string) => {
    const { status } = await sender.request("POST /channel/load", { body });
    assertEquals(status, 201);
  };
  let said = 0, peak = before;
  while (await cutOff(port) < SILENT) {
    const lines = Array.from({ length: LINES }, () => `${said++}`.padEnd(LINE_LENGTH, " x"));
    await say(lines.join("\n"));
    peak = Math.max(peak, await residentMiB(server.pid));
  }
  await say("last");
  assertEquals(new Set(await read), new Set([said]));
  report(
    `${READERS} readers beside ${SILENT} that read nothing: ${said} messages of ${LINE_LENGTH} bytes; ` +
      `${Math.round(before)} MiB, at most ${Math.round(peak)} MiB`,
  );
  assertLess(peak, before + MAX_MIB);
  assertEquals(await cutOff(port), SILENT);
});

Deno.test("a hundred readers that read nothing at most double how late events come to the others", {
  ignore: !FULL || Deno.build.os !== "linux",
}, async () => {
  await using data = await temporaryDirectory();
  await using server = await start(data.path);
  const ports = [await server.ready("http"), await server.ready("channels")],
    { signal } = new AbortController();
  await using load = new LoadProcess({ script: "http/events.ts" }, [
    `${ports[0]}`,
    "wirepost",
    `${ports[1]}`,
  ]);
  const late = async (stalled: number, rate?: number) => {
    const order = {
      measure: "deliver",
      members: READERS + SILENT - stalled,
      stalled,
      ms: RATE_MS,
      pid: server.pid,
    };
    return await load.measure({ ...order, ...rate === undefined ? {} : { rate } }, RATE_MS, signal);
  };
  // its code is compiled when it counts
  await late(0);
  for (const rate of [RATE, undefined]) {
    const alone = await late(0, rate), beside = await late(SILENT, rate);
    const at = rate === undefined ? "as many messages as there can be" : `${rate} messages/s`;
    report(
      `${at}: p99 ${alone.p99!.toFixed(1)} ms, beside ${SILENT} that read nothing ${
        beside.p99!.toFixed(1)
      } ms`,
    );
    assertLess(beside.p99! / alone.p99!, 2);
  }
});
