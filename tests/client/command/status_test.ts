/** `wirepost status`: what a real server reports, and how it is shown. */

import { assert, assertEquals, assertLessOrEqual, assertMatch, assertStringIncludes } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { readLimits, readStatus, type StatusReport } from "../../../client/command/status/report.ts";
import { ratesOf, screenLines } from "../../../client/command/status/screen.ts";
import { age, limitsText, statusText } from "../../../client/command/status/tables.ts";
import { connectMailbox } from "../../../client/mailbox.ts";
import { textWidth } from "../../../client/terminal/table.ts";
import { OPTIONS } from "../../../server/options/options.ts";
import { FROM_SOURCE, lacks, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Terminal } from "../../e2e/terminal.ts";
import { withAdministrator } from "../../server/administrator.ts";

setColorEnabled(false);

// admin.md 4.3, 4.9
Deno.test("status shows services, what is held, and the mailboxes of the oldest messages", () =>
  withAdministrator({}, async ({ control, port }) => {
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    for (const [to, text] of [["carol", "first"], ["bob", "a"], ["carol", "b"]]) {
      await mailbox.send(to!, "alice", text!);
    }
    await mailbox.send("dora", "alice", "later", { delay: 60_000 });
    const report = await readStatus(control);
    assertEquals(report.oldest.map(({ mailbox, messages }) => `${mailbox} ${messages}`), [
      "carol 2",
      "bob 1",
    ]);
    assertEquals(report.services.map(({ name, transport }) => `${name} ${transport}`), [
      ...["mailbox udp", "channels tcp", "room tcp", "forum udp", "forum tcp", "http tcp"],
    ]);
    const text = statusText(report, Date.now());
    assertMatch(text, /^wirepost 0, up \S+\n\nServices\n +mailbox +udp +127\.0\.0\.1:\d+\n/);
    assertMatch(text, /\nHolds\n +messages +4\n +bytes +12 B\n +mailboxes +3\n/);
    assertMatch(text, /\nOldest messages\n +age +messages +mailbox\n +\ds +2 +carol\n +\ds +1 +bob\n/);
    assertMatch(text, /\n +mailbox sessions +1 +of 100,000\n/);
    assert(!text.includes("Refused"), text);
  }));

// admin.md 4.8
Deno.test("limits are those of the options, each with its use", () =>
  withAdministrator(
    { limits: { mailboxes: 8, ownerBytes: 1000, ownerMailboxes: 2 } },
    async ({ control, port }) => {
      await using mailbox = await connectMailbox({ port: port("mailbox") });
      await mailbox.send("bob", "alice", "x".repeat(500));
      const limits = await readLimits(control),
        find = (name: string) => limits.find((one) => one.name === name);
      const options = limits.flatMap(({ option }) => option ?? []);
      assertEquals(options.filter((option) => !Object.hasOwn(OPTIONS, option)), []);
      // every option that is a limit has its line
      const limiting = Object.keys(OPTIONS).filter((name) =>
        /^max-|^(share|history|file-)|-bytes$/.test(name)
      );
      assertEquals(limiting.filter((name) => !options.includes(name)), []);
      assertEquals(find("mailboxes"), { name: "mailboxes", option: "max-mailboxes", used: 1, limit: 8 });
      assertEquals(find("one address's bytes"), {
        ...{ name: "one address's bytes", option: "address-bytes", used: 500, limit: 1000 },
      });
      assertEquals(find("mailboxes of one address")?.limit, 2);
      assertEquals(find("database bytes")?.limit, null);
      assertEquals(find("datagram bytes")?.used, null);
      assertEquals(find("mailbox sessions")?.used, 1);
      const text = limitsText(limits);
      assertMatch(text, /\n *500 B +1000 B +50% +one address's bytes +--address-bytes\n/);
      assertMatch(text, /\n *\S+ KiB +no limit +database bytes +--max-file\n/);
      for (const line of text.split("\n")) assertLessOrEqual(textWidth(line), 80, line);
    },
  ));

const report = (values: Record<string, number>, oldest: StatusReport["oldest"] = []): StatusReport => ({
  ...{ version: "1", up: "3m 5s", services: [], oldest },
  values: Object.entries(values).map(([name, count]) => ({ name, count })),
});

Deno.test("rates are what happened between two looks, a second", () => {
  const before = { report: report({ messages: 5, received: 10, stored: 3, empty: 1 }), at: 1000 };
  const look = { report: report({ messages: 9, received: 40, stored: 4, empty: 1, forwarded: 1 }), at: 3000 };
  assertEquals(ratesOf(before, look), [
    { name: "received", perSecond: 15, total: 40 },
    { name: "stored", perSecond: 0.5, total: 4 },
    { name: "forwarded", perSecond: 0.5, total: 1 },
  ]);
  // started anew meanwhile
  assertEquals(ratesOf(look, before), []);
});

Deno.test("the screen fits 80 columns and 24 rows, and smaller ones, with names of any length", () => {
  const now = 1_700_000_000_000;
  const names = ["messages", "bytes", "mailboxes", "accounts", "channels", "members", "connections"];
  const values = Object.fromEntries(
    [...names, "received", "stored", "refused malformed"].map((n, i) => [n, i]),
  );
  const oldest = Array.from({ length: 16 }, (_, i) => ({
    time: new Date(now - i * 1_000_000),
    messages: 10 ** i,
    mailbox: "漢字".repeat(i),
  }));
  const look = { report: report(values, oldest), at: 1 };
  for (const [columns, rows] of [[80, 24], [200, 50], [40, 10], [20, 5]] as const) {
    const rates = [{ name: "received", perSecond: 12.34, total: 9 }];
    const lines = screenLines("127.0.0.1:21001", look, rates, { columns, rows }, undefined, now);
    assertLessOrEqual(lines.length, rows);
    for (const line of lines) assertLessOrEqual(textWidth(line), columns, line);
  }
  const lines = screenLines("h:1", look, [], { columns: 80, rows: 24 }, "No answer from h:1", now);
  assertEquals(lines[1], "No answer from h:1");
  assertStringIncludes(lines.join("\n"), "Oldest messages");
});

Deno.test("an age has its two largest units", () => {
  const now = 1_700_000_000_000, of = (seconds: number) => age(new Date(now - seconds * 1000), now);
  assertEquals([0, 59, 60, 3605, 90_000, -5].map(of), ["0s", "59s", "1m", "1h", "1d 1h", "0s"]);
});

Deno.test({
  name: "status --watch draws a screen of its own, ends on q, and leaves the terminal as it was",
  ignore: await lacks("tmux"),
  async fn() {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", "d"], { cwd: directory.path });
    const status = [...FROM_SOURCE, "status", "--watch", "--data", "d"].map((arg) => `'${arg}'`).join(" ");
    await using terminal = await Terminal.open(
      `cd ${directory.path}; stty -g; ${status}; stty -g; echo "exit $?"; cat`,
    );
    await terminal.shows("Each second");
    await terminal.shows("received");
    await terminal.holds("Holds\n  messages");
    await terminal.type("", "q");
    await terminal.shows("exit 0");
    const screen = await terminal.screen(), settings = screen.match(/^[0-9a-f]+:\S+/gm)!;
    assert(!screen.includes("Holds"), screen);
    assertEquals(settings.length >= 2 && settings[0] === settings.at(-1), true, screen);
    assertEquals(server.err.includes("error"), false);
  },
});
