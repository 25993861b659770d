/** Lists and events of a server that is malicious: a terminal obeys nothing of them, and none is read without an end. */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { printResults } from "../../../client/command/forum/commands.ts";
import type { Forum } from "../../../client/forum.ts";
import { report } from "../../../client/terminal/output.ts";
import { patched } from "../../faults/fuzz/client/patched.ts";
import { remove } from "../../../client/command/admin/removal.ts";
import { allRows, pagesOf, skipping, timeIn } from "../../../client/command/admin/pages.ts";
import { readStatus } from "../../../client/command/status/report.ts";
import { statusText } from "../../../client/command/status/tables.ts";
import type { WatchEvent } from "../../../protocol/watch.ts";
import { EventLines } from "../../../client/command/watch/event_line.ts";

const EVENT: WatchEvent = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "mailbox",
  peer: "1.2.3.4:5",
  what: "put",
};

Deno.test("an event of watch shows control characters in its service and its peer as text", () => {
  setColorEnabled(false);
  const lines = new EventLines(() => Infinity);
  const shown = lines.format({ ...EVENT, service: "\x1b[2J" as "mailbox", peer: "\x9b2J\u202e" });
  assertEquals(shown.slice(shown.indexOf("→")), "→ ^[[2J    ^[[2J<U+202E>   put\n");
});

Deno.test("a peer of any length moves the columns of further events by no more than an address", () => {
  setColorEnabled(false);
  const lines = new EventLines(() => Infinity);
  lines.format({ ...EVENT, peer: "x".repeat(60_000) });
  assertLess(lines.format(EVENT).length, 100);
});

Deno.test("status shows control characters in the names of services as text", async () => {
  setColorEnabled(false);
  const answers: Record<string, string[]> = {
    status: ["up 1s"],
    services: ["\x1b[2J,u\x9b,1.2.3.4:5\x1b]0;"],
  };
  const report = await readStatus((command) => Promise.resolve(answers[command] ?? []));
  assertEquals(statusText(report, 0), "wirepost , up 1s\n\nServices\n  ^[[2J  u^[[  1.2.3.4:5^[]0;\n");
});

Deno.test("a list that is longer than any server has, and one that is too long to be kept, is an error", async () => {
  const endless = () => Promise.resolve(new Array<string>(1_000_000).fill(""));
  await assertRejects(
    async () => {
      for await (const _ of pagesOf(endless, ...skipping("status")));
    },
    Error,
    "Cannot read on: the server sends a list without an end",
  );
  const long = () => Promise.resolve(["x".repeat(60_000)]);
  await assertRejects(() => allRows(long, ...skipping("bans")), Error, "a list without an end");
});

Deno.test("a server that goes back while it requeues, or says nothing, is an error", async () => {
  for (const answer of [["1", "0", "7"], ["1"], []]) {
    const requeue = () => remove(() => Promise.resolve(answer), { name: "requeue", which: "all" }, false);
    await assertRejects(requeue, Error, "Cannot read the server's answer");
  }
});

Deno.test("a time that is none is an error that quotes the row", async () => {
  const time = async () => await Promise.resolve(timeIn("7,bob,soon", "soon"));
  await assertRejects(time, Error, "Cannot read the server's answer: '7,bob,soon'");
});

Deno.test("why a transfer is tried again, and what a server refuses, is shown as text", async () => {
  let shown = "";
  const stderr = {
    isTerminal: () => false,
    write: (bytes: Uint8Array) => Promise.resolve((shown += new TextDecoder().decode(bytes), bytes.length)),
  };
  const forum = {
    download(_: string, __: string, ___: string, { onRetry }: { onRetry(reason: string): void }) {
      onRetry("the server answers: \x1b[2J");
      return Promise.resolve();
    },
  } as unknown as Forum;
  using _ = patched({ stderr });
  const signal = new AbortController().signal, command = { kind: "DWN", title: "t", file: "a.txt" } as const;
  await printResults(forum, command, { json: false, signal }, () => Promise.resolve());
  await report("admin", "\x9b2J\n");
  assertEquals(
    shown,
    "wirepost forum: the server answers: ^[[2J; trying again\nwirepost admin: ^[[2J^J\n",
  );
});
