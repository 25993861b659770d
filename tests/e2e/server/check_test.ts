/** `wirepost check`. */

import { assertEquals, assertMatch } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

Deno.test("wirepost check reads what a server has left, and says what is damaged and what to do", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, args = ["check", "--data", data];
  const none = await wirepost(args);
  assertEquals([none.code, none.out], [1, ""]);
  assertMatch(none.err, /^wirepost check: Cannot check \S+: it has no messages\.db/);

  const server = await ServerProcess.start(["mailbox", "0", "--data", data]);
  const port = await server.ready("mailbox");
  for (const text of ["one", "second one"]) {
    assertEquals(
      (await wirepost(["send", "bob", text, "--as", "al", "--server", `127.0.0.1:${port}`])).code,
      0,
    );
  }
  const running = await wirepost(args);
  assertEquals([running.code, running.out], [1, ""]);
  assertMatch(
    running.err,
    /^wirepost check: Cannot check \S+: the server with process id \d+ has it open; stop it first/,
  );
  await server.end("SIGTERM");

  const whole = await wirepost(args);
  assertEquals([whole.code, whole.err], [0, ""]);
  assertMatch(
    whole.out,
    /^\S+: 2 messages, \d+ records, 0 files, .*iB, version 1 of the engine: no damage\n$/,
  );

  const database = await Deno.readFile(`${data}/messages.db`), text = new TextEncoder().encode("second one");
  const at = database.findLastIndex((_, i) => text.every((byte, n) => database[i + n] === byte));
  database[at]! ^= 1;
  await Deno.writeFile(`${data}/messages.db`, database);
  const damaged = await wirepost(args);
  assertEquals([damaged.code, damaged.err], [1, ""]);
  assertMatch(
    damaged.out,
    /^damage: messages\.db, message 2: this row is not as it was written: .*; see 'wirepost admin dead'.*\n\S+: 2 messages, .*: 1 place damaged\n$/,
  );
  const json = await wirepost([...args, "--json"]);
  const [finding, totals] = json.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([json.code, finding.kind, finding.file, finding.place], [
    1,
    "damage",
    "messages.db",
    "message 2",
  ]);
  assertEquals([totals.damage, totals.messages], [1, 2]);
});
