/** What `wirepost serve` makes of its options file, and the table that it shows on a terminal. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Arguments, type Command, UsageError } from "../../../client/command/command.ts";
import type { DataDirectoryCode } from "../../../client/command/data/data_directory.ts";
import { readOptionsFile } from "../../../client/command/serve/options_file.ts";
import { readyLines, readyTable } from "../../../client/command/serve/ready_table.ts";
import { temporaryDirectory } from "../../program.ts";

const command: Command = {
  name: "serve",
  summary: "",
  usage: [],
  options: {
    host: { value: "ADDRESS", many: true, help: "" },
    data: { value: "DIR", help: "" },
    history: { value: "N", help: "" },
    memory: { help: "" },
    config: { value: "FILE", help: "" },
  },
  examples: [],
  run: () => Promise.resolve(0),
};

const read = (...words: string[]) => new Arguments(command, words, {} as DataDirectoryCode);

/** The command line `line` with a file of this text. */
async function withFile(text: string, line = ""): Promise<Arguments> {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/options`;
  await Deno.writeTextFile(file, text);
  const args = read("--config", file, ...line === "" ? [] : line.split(" "));
  const check = (of: Arguments) => void of.integer("history", 1);
  try {
    await readOptionsFile(args, command, [["memory", "data"]], check);
  } catch (error) {
    throw new UsageError((error as Error).message.replaceAll(file, "FILE"));
  }
  return args;
}

Deno.test("the options file has options of the command line, one a line", async () => {
  const args = await withFile(
    "# comment\n\n  --host 127.0.0.1\n--host=::1\r\n--data my files\n--history 5\n",
  );
  assertEquals(args.texts("host"), ["127.0.0.1", "::1"]);
  assertEquals([args.text("data"), args.integer("history", 1)], ["my files", 5]);
  assertEquals((await withFile("--memory")).flag("memory"), true);
});

Deno.test("the command line counts more than the options file, also where both exclude each other", async () => {
  const args = await withFile(
    "--host ::1\n--data there\n--history 5",
    "--host 127.0.0.1 --history 6 --memory",
  );
  assertEquals(args.texts("host"), ["127.0.0.1"]);
  assertEquals([args.integer("history", 1), args.flag("memory"), args.flag("data")], [6, true, false]);
});

Deno.test("what is wrong in the options file is named with its file and line", async () => {
  for (
    const [text, error] of [
      ["--memory\nmailbox 0", "FILE:2: Expected an option such as --host ADDRESS, got 'mailbox 0'"],
      ["--hots ::1", "FILE:1: Unknown option '--hots': did you mean '--host'?"],
      ["\n--history many", "FILE:2: Cannot read --history 'many': expected a number from 1"],
      ["--memory yes", "FILE:1: Option --memory takes no value"],
      ["--data", "FILE:1: Option --data needs a value"],
      ["--data a\n--history 1\n--data b", "FILE:3: Option --data stands in line 1 too"],
      ["--config other", "FILE:1: --config is for the command line"],
      ["--help", "FILE:1: --help is for the command line"],
      ["--", "FILE:1: Expected an option such as --host ADDRESS, got '--'"],
    ] as const
  ) {
    assertEquals((await assertRejects(() => withFile(text), UsageError)).message, error);
  }
  const none = read("--config", "/nowhere/options");
  await assertRejects(
    () => readOptionsFile(none, command, [], () => {}),
    UsageError,
    "Cannot read the options in /nowhere/options: ",
  );
});

// a device without an end would fill the memory
Deno.test("an options file has at most 1 MiB", async () => {
  assertEquals((await withFile(`# ${"x".repeat(1024 * 1024 - 3)}\n`)).flag("memory"), false);
  for (const text of [`# ${"x".repeat(1024 * 1024 - 2)}\n`, "\xff".repeat(1024 * 1024)]) {
    const { message } = await assertRejects(() => withFile(text), UsageError);
    assertEquals(message, "Cannot read the options in FILE: it is longer than 1 MiB");
  }
});

const KEY = `public1${"a".repeat(56)}`;

Deno.test("on a terminal serve shows where each service is, how to try it, where the data are and how to stop", () => {
  const at = (port: number, ...hosts: string[]) => hosts.map((hostname) => ({ hostname, port }));
  const report = {
    version: "1.2.3",
    listening: [
      { name: "mailbox", transport: "udp", addresses: at(21001, "127.0.0.1") },
      { name: "forum", transport: "udp", addresses: at(10005, "127.0.0.1") },
      { name: "forum", transport: "tcp", addresses: at(10005, "127.0.0.1") },
    ],
    data: "/var/lib/wirepost",
    key: KEY,
  } as const;
  assertEquals(readyTable(report, read()).replaceAll(/\p{Cc}\[\d+m/gu, "").split("\n"), [
    "Wirepost 1.2.3",
    "",
    "SERVICE  ADDRESS                   TRY IT",
    "mailbox  127.0.0.1:21001  udp      wirepost send bob hi",
    "forum    127.0.0.1:10005  udp+tcp  wirepost forum",
    "",
    "Data  /var/lib/wirepost",
    `Key   ${KEY}`,
    "Stop  Ctrl-C, or 'wirepost admin stop'",
    "",
    "",
  ]);
  assertEquals(
    readyLines(report),
    "mailbox listening on udp 127.0.0.1:21001\nforum listening on udp 127.0.0.1:10005\n" +
      "forum listening on tcp 127.0.0.1:10005\n",
  );
});

Deno.test("the table has the machine's addresses on its networks, and commands that find the server", () => {
  const network = () => ["192.0.2.7", "2001:db8::7"];
  const rows = (data: string | undefined, hosts: string[], services: string[], ...words: string[]) => {
    const listening = services.map((name, i) => ({
      name,
      transport: "tcp" as const,
      addresses: hosts.map((hostname) => ({ hostname, port: i + 1 })),
    }));
    const report = { version: "0", listening, data, key: undefined };
    return readyTable(report, read(...words), network).replaceAll(/\p{Cc}\[\d+m/gu, "").split("\n").slice(
      3,
      -2,
    );
  };
  assertEquals(rows("x", ["0.0.0.0"], ["mailbox", "channels"], "--data", "x"), [
    "mailbox   192.0.2.7:1  tcp  wirepost send bob hi --server 127.0.0.1:1",
    "channels  192.0.2.7:2  tcp  wirepost chat lounge --server 127.0.0.1:1",
    "",
    "Data  x",
    "Stop  Ctrl-C, or 'wirepost admin stop --data x'",
    "From other machines: --server 192.0.2.7:1",
  ]);
  const page = rows("x", ["192.0.2.7"], ["http"]);
  assertEquals([page[0], ...page.slice(4, 6)], [
    "http     192.0.2.7:1  tcp  http://192.0.2.7:1/ in a browser",
    "In their browsers: http://192.0.2.7:1/",
    "",
  ]);
  // light and dark squares, two in a character
  assert(page.length > 12 && page.slice(6).every((line) => /^[█▀▄ ]+$/.test(line)), page.join("\n"));
  assertEquals(rows("x", ["127.0.0.1"], ["http"]).length, 4);
  assertEquals(rows(undefined, ["::"], ["room"]), [
    "room     192.0.2.7:1      tcp  wirepost room ::1 1",
    "         [2001:db8::7]:1",
    "",
    "Data  in memory: gone when the server stops",
    "Stop  Ctrl-C",
  ]);
});
