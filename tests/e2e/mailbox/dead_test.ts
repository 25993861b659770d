/** `wirepost admin`: dead letters, and commands on many messages. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import {
  FROM_SOURCE,
  lacks,
  type Result,
  ServerProcess,
  temporaryDirectory,
  wirepost,
} from "../../program.ts";
import { Terminal } from "../terminal.ts";

interface Subject {
  server: ServerProcess;
  data: string;
  admin(...args: string[]): Promise<Result>;
  /** Makes these messages dead letters, in their order. */
  bury(to: string, from: string, texts: readonly string[], reason?: string): Promise<void>;
}

async function withServer(use: (subject: Subject) => Promise<void>) {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  await use({
    server,
    data: data.path,
    admin: (...args) => wirepost(["admin", ...args, "--data", data.path]),
    async bury(to, from, texts, reason = "exit 3") {
      await using mailbox = await connectMailbox({ port: server.port });
      for (const text of texts) await mailbox.send(to, from, text);
      const options = { wait: 0, prefetch: 64 };
      for await (const batch of mailbox.batches(to, options)) {
        await Promise.all(batch.map((message) => message.fail({ attempts: 1, reason })));
      }
    },
  });
}

const done = (out: string) => ({ code: 0, out, err: "" });
const usage = (error: string) => ({
  code: 2,
  out: "",
  err: `wirepost admin: ${error}\nSee 'wirepost admin --help'\n`,
});

// admin.md 4.6
Deno.test("admin dead shows sender, receiver, time, reason and beginning of each dead letter", () =>
  withServer(async ({ admin, bury }) => {
    assertEquals(await admin("dead"), done(""));
    await bury("bob", "alice", ["How are you, dear Bob?"]);
    await bury("Ω ✓", "c d", [`long ${"€".repeat(100)}`], "signal 9");
    await bury("", "", ["\u202eshared"]);
    const { code, out } = await admin("dead");
    assertEquals(code, 0);
    const lines = out.trimEnd().split("\n").map((line) =>
      line.replace(/\d{4}-\d\d-\d\dT[\d:.]{12}Z/, "TIME").replace(/^\d+/, "ID")
    );
    assertEquals(lines, [
      "ID to bob from alice, TIME, attempts 1: exit 3",
      "    How are you, dear Bob?",
      "ID to Ω ✓ from c d, TIME, attempts 1: signal 9",
      `    long ${"€".repeat(41)}…`,
      "ID to (shared queue), TIME, attempts 1: exit 3",
      "    <U+202E>shared",
    ]);
    const json = (await admin("dead", "--json")).out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(Object.keys(json[0]), [
      "id",
      "mailbox",
      "sender",
      "time",
      "attempts",
      "reason",
      "bytes",
      "text",
    ]);
    assertEquals(json.map(({ id: _, time: __, ...rest }) => rest), [
      {
        mailbox: "bob",
        sender: "alice",
        attempts: 1,
        reason: "exit 3",
        bytes: 22,
        text: "How are you, dear Bob?",
      },
      {
        mailbox: "Ω ✓",
        sender: "c d",
        attempts: 1,
        reason: "signal 9",
        bytes: 305,
        text: `long ${"€".repeat(41)}`,
      },
      { mailbox: "", sender: "", attempts: 1, reason: "exit 3", bytes: 9, text: "\u202eshared" },
    ]);
  }));

Deno.test("admin dead lists more dead letters than one datagram holds, whatever is in them", () =>
  withServer(async ({ admin, bury }) => {
    const texts = Array.from({ length: 150 }, (_, i) => `${i}, `.padEnd(i % 130, "x"));
    await bury("b".repeat(64), "a".repeat(64), texts, "r".repeat(64));
    const letters = (await admin("dead", "--json")).out.trimEnd().split("\n").map((line) => JSON.parse(line));
    // spaces at the end of a datagram of the original wire don't count
    assertEquals(
      letters.map(({ text }) => text.trimEnd()),
      texts.map((text) => text.slice(0, 128).trimEnd()),
    );
  }));

Deno.test("dead letters are requeued and deleted by their IDs", () =>
  withServer(async ({ admin, bury, server }) => {
    await bury("bob", "alice", ["one", "two", "three", "four"]);
    const ids = async () =>
      (await admin("dead", "--json")).out.split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line).id as number
      );
    const [one, two, three, four] = (await ids()).map(String) as [string, string, string, string];
    assertEquals(await admin("requeue", three, one), done("2\n"));
    const err = `wirepost admin: no dead letter has the number ${three}\n`;
    assertEquals(await admin("requeue", three, two), { code: 1, out: "1\n", err });
    assertEquals(await admin("delete", three), { code: 1, out: "0\n", err });
    assertEquals(await admin("delete", four), done("1\n"));
    assertEquals(await ids(), []);
    const { out } = await wirepost(["receive", "bob", "--all", "--server", server.address]);
    assertEquals(out, "three\none\ntwo\n");
  }));

Deno.test("requeue --all gives out the dead letters that have room, and the others stay", () =>
  withServer(async ({ admin, bury }) => {
    const texts = (n: number) => Array.from({ length: n }, (_, i) => `${i}`);
    await bury("bob", "alice", texts(1500));
    await bury("carol", "alice", texts(5));
    await admin("limit", "1400");
    assertEquals(await admin("requeue", "--all", "--yes"), {
      code: 1,
      out: "1405\n",
      err: "wirepost admin: 100 are left, because there is no room in their mailboxes\n",
    });
    assertEquals((await admin("count", "bob")).out, "1400\n");
    assertEquals(await admin("delete", "--all", "--yes"), done("100\n"));
    assertEquals(await admin("dead"), done(""));
  }));

// admin.md 4.1
Deno.test("an omitted argument or an unset variable clears nothing", () =>
  withServer(async ({ admin, bury, server }) => {
    await bury("bob", "alice", ["dead"]);
    const server_ = ["--server", server.address];
    await wirepost(["send", "bob", "one", "--from", "alice", ...server_]);
    await wirepost(["send", "--shared", "two", ...server_]);
    for (
      const [args, error] of [
        [["clear"], "Missing ID, --shared or --all"],
        [["clear", ""], "Cannot use '' with 'clear': it is empty"],
        [["clear", " "], "Cannot use ' ' as the ID of a mailbox"],
        [["clear", "bob", "carol"], "Unexpected argument 'carol'"],
        [["clear", "bob", "--all"], "Only one of ID, --shared or --all can be given"],
        [["clear", "--shared", "--all"], "Only one of ID, --shared or --all can be given"],
        [["clear", "--all"], "'clear --all' needs --yes without a terminal"],
        [["clear", "--shared"], "'clear --shared' needs --yes without a terminal"],
        [["clear-all"], "'clear --all' needs --yes without a terminal"],
        [["requeue"], "Missing ID or --all"],
        [["requeue", ""], "Cannot use '' with 'requeue': it is empty"],
        [["requeue", "--all"], "'requeue --all' needs --yes without a terminal"],
        [["requeue", "--shared"], "Cannot use --shared with 'requeue'"],
        [["delete"], "Missing ID or --all"],
        [["delete", ""], "Cannot use '' with 'delete': it is empty"],
        [["delete", "bob"], "Cannot use 'bob' as the ID of a dead letter"],
        [["delete", "--all"], "'delete --all' needs --yes without a terminal"],
        [["count", "--all"], "Cannot use --all with 'count'"],
        [["list", ""], "Cannot use '' with 'list': it is empty"],
        [["dead", "7"], "Unexpected argument '7'"],
        [["list", "--for", "1h"], "Cannot use --for with 'list'"],
        [["kick"], "Missing NAME or ADDRESS"],
        [["kick", "bob", "--yes"], "Cannot use --yes with 'kick'"],
        [["ban", "bob", "carol"], "Unexpected argument 'carol'"],
        [["ban", "bob", "--for", "0s"], "Cannot use --for '0s': expected a duration from 1s"],
      ] as const
    ) assertEquals(await admin(...args), usage(error), args.join(" "));
    assertEquals(await admin("count"), done("2\n"));
    assertEquals(await admin("count", "--json"), done('{"messages":2}\n'));
    const listed = '{"mailbox":"","messages":1}\n{"mailbox":"bob","messages":1}\n';
    assertEquals(await admin("list", "--json"), done(listed));
    assertEquals((await admin("dead")).out.split("\n").length, 3);
    assertEquals(await admin("count", ""), done("1\n"));

    assertEquals(await admin("clear", "--shared", "--yes"), done("1\n"));
    assertEquals(await admin("clear", "--all", "--yes"), done("1\n"));
    assertEquals(await admin("count"), done("0\n"));
  }));

const ignore = Deno.build.os === "windows" || await lacks("tmux");

Deno.test(
  "on a terminal, admin asks before it removes everything",
  { ignore },
  () =>
    withServer(async ({ admin, server, data }) => {
      await wirepost(["send", "bob", "one", "--from", "alice", "--server", server.address]);
      const open = (...args: string[]) =>
        Terminal.open(
          `${
            [...FROM_SOURCE, "admin", ...args, "--data", data].map((arg) => `'${arg}'`).join(" ")
          }; echo "left with $?"; read wait`,
        );
      for (const answer of ["", "n", "yess"]) {
        await using terminal = await open("clear", "--all");
        await terminal.shows("Remove all messages of all mailboxes? [y/N]");
        await terminal.type(answer);
        await terminal.shows("wirepost admin: nothing was done");
        await terminal.shows("left with 1");
      }
      assertEquals(await admin("count"), done("1\n"));
      await using terminal = await open("clear", "--all");
      await terminal.shows("Remove all messages of all mailboxes? [y/N]");
      await terminal.type("y");
      await terminal.shows("left with 0");
      assertEquals(await admin("count"), done("0\n"));
    }),
);

Deno.test("admin help names each command on a line of its own", () =>
  withServer(async ({ admin }) => {
    const { code, out } = await admin("help");
    assertEquals(code, 0);
    for (const line of ["list[, AFTER]", "log, on|off", "delete, NUMBER"]) {
      assertStringIncludes(out, `\n${line}\n`);
    }
    assertMatch(out, /\naccount, list\[, AFTER\] \| add, NAME, VERIFIER \| .*\n/);
  }));
