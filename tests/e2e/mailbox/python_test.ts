/** Existing clients are scripts with a socket: the rows are in mailbox_rows.py. */

import { assertEquals } from "@std/assert";
import { lacks, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

const SCRIPT = new URL("mailbox_rows.py", import.meta.url).pathname;

/** Each row of the script, what it shows, and the options of the server it talks to. */
const ROWS: Readonly<Record<string, [sentence: string, ...options: string[]]>> = {
  second_generation: ["the shared queue answers `nxt, timeStamp, message`"],
  first_generation: [
    "the shared queue answers `nxt, message` if time stamps are off",
    "--timestamps",
    "off",
  ],
  receivers: ["each receiver gets its own messages, with Ω, ✓ and an emoji in them"],
  time_of_arrival: ["the time stamp is when the server received the message"],
  types_and_spaces: ["types may be in either case, and fields have spaces around them"],
  messages_as_they_are: ["messages keep commas, TAB, spaces at their end, and may be empty"],
  line_ends: ["one line end at the end of a datagram is no part of it"],
  ids: ["IDs have 1 to 64 bytes"],
  dropped: ["what is no request is dropped and counted, and never answered"],
  order: ["messages come out in the order in which they went in, for each receiver"],
  drop_oldest: [
    "a full mailbox drops its oldest message with --when-full drop-oldest",
    ...["--mailbox-messages", "6", "--when-full", "drop-oldest"],
  ],
  refuse: ["a full mailbox refuses the new message by default", "--mailbox-messages", "6"],
  administration: ["an administrator who proves the secret controls the server"],
  proof: ["a proof is good for one command from one address"],
};

const ignore = await lacks("python3");

for (const [row, [sentence, ...options]] of Object.entries(ROWS)) {
  Deno.test(`python3: ${sentence}`, { ignore }, async () => {
    await using data = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path, ...options]);
    const result = await runCommand(["python3", SCRIPT, row, `${server.port}`, `${data.path}/secret`]);
    assertEquals(result, { code: 0, out: "", err: "" });
    // the last one stops it
    assertEquals((await (row === "proof" ? server.ended() : server.end())).code, 0);
  });
}

Deno.test("python3: every row of the script is run", { ignore }, async () => {
  const script = await Deno.readTextFile(SCRIPT);
  const last = script.slice(script.indexOf("def second_generation"));
  const rows = [...last.matchAll(/^def (\w+)\(\):/gm)].map(([, name]) => name!).filter((name) =>
    name !== "fill"
  );
  assertEquals(Object.keys(ROWS).toSorted(), rows.toSorted());
});
