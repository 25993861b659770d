/** `wirepost bench`. */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { connectMailbox } from "../../client/mailbox.ts";
import { FROM_SOURCE, lacks, ServerProcess, wirepost } from "../program.ts";
import { Terminal } from "./terminal.ts";

/** Messages that the server has. */
async function left(server: ServerProcess): Promise<number | undefined> {
  await using mailbox = await connectMailbox({ port: server.port });
  return (await mailbox.stat()).messages;
}

const bench = (
  server: ServerProcess,
  ...args: string[]
) => ["bench", "mailbox", "--server", server.address, ...args];

Deno.test("wirepost bench mailbox measures puts, receipts and the way end to end, and leaves nothing", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const args = ["--count", "300", "--sessions", "3", "--size", "50", "--in-flight", "16"];
  const json = await wirepost(bench(server, ...args, "--runs", "2", "--json"));
  assertEquals(json.code, 0, json.err);
  assertMatch(
    json.err,
    /^1200 messages were put into mailboxes 'bench-\w{8}-…' and received again; none is left\n$/,
  );
  const lines = json.out.trimEnd().split("\n");
  assertEquals(lines.length, 2);
  for (const line of lines) {
    const { put, receive, endToEnd, ...of } = JSON.parse(line);
    assertEquals(of, { sessions: 3, inFlight: 16, count: 300, size: 50 });
    for (const { elapsed, rate } of [put, receive, endToEnd]) {
      assertGreater(elapsed, 0);
      assertEquals(Math.round(rate * elapsed / 1000), 300);
    }
    for (const { p50, p90, p99, p999, max, elapsed } of [put, endToEnd]) {
      const times = [p50, p90, p99, p999, max, elapsed];
      assertEquals(times, times.toSorted((a, b) => a - b), line);
      assertGreater(p50, 0);
    }
  }
  const text = await wirepost(bench(server, ...args, "--runs", "1"));
  assertEquals(text.code, 0, text.err);
  const times = ["p50", "p90", "p99", "p99\\.9", "max"].map((name) => `, ${name} \\d+ us`).join("");
  const run =
    ` {2}put +\\d+ messages/s${times}\n {2}receive +\\d+ messages/s\n {2}end to end +\\d+ messages/s${times}\n`;
  assertMatch(text.out, new RegExp(`^${run}median of 1: 3 sessions, 16 in flight, 50 bytes\n${run}$`));
  assertEquals(await left(server), 0);
});

Deno.test("wirepost bench mailbox --basic measures the original wire", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const args = bench(server, "--basic", "--count", "1000", "--runs", "1");
  const json = await wirepost([...args, "--json"]);
  assertEquals([json.code, json.err], [0, ""]);
  const result = JSON.parse(json.out);
  assertEquals([result.inFlight, result.count], [32, 1000]);
  for (const figure of ["elapsed", "rate", "p50", "p99"]) assertGreater(result[figure], 0);
  const text = await wirepost(args);
  assertEquals([text.code, text.err], [0, ""]);
  assertMatch(
    text.out,
    /^\d+ messages\/s, p50 \d+ us, p99 \d+ us, \d+ sent again\nmedian \d+ messages\/s, 32 in flight\n$/,
  );
});

Deno.test("wirepost bench mailbox takes out what it has put when its mailbox is full", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--mailbox-messages", "6"]);
  const { code, out, err } = await wirepost(bench(server, "--count", "100", "--runs", "1"));
  assertEquals([code, out], [1, ""]);
  assertMatch(
    err,
    /^6 messages were put .*; none is left\nwirepost bench: Cannot put the message: withdrawn while the server refused it: full\n$/,
  );
  assertEquals(await left(server), 0);
});

Deno.test("Ctrl-C ends wirepost bench mailbox with 130, and nothing is left", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const [program = "", ...args] = [
    ...FROM_SOURCE,
    ...bench(server, "--count", "2000", "--runs", "1000", "--json"),
  ];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const reader = child.stdout.getReader();
  // it is in the middle of the second run
  await reader.read();
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  const err = await new Response(child.stderr).text();
  assertMatch(
    err,
    /^\d+ messages were put into mailboxes 'bench-\w{8}-…' and received again; none is left\n$/,
  );
  assertEquals((await child.status).code, 130);
  assertEquals(await left(server), 0);
});

Deno.test("wirepost bench mailbox shows in a terminal how far it is", {
  ignore: Deno.build.os === "windows" || await lacks("tmux"),
}, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const args = [...FROM_SOURCE, ...bench(server, "--count", "5000", "--runs", "1")];
  await using terminal = await Terminal.open(`${args.map((arg) => `'${arg}'`).join(" ")}; read wait`);
  await terminal.shows("run 1 of 1 [..............................]   0 % put");
  await terminal.shows("] ");
  await terminal.shows(" % end to end");
  await terminal.shows("none is left");
});
