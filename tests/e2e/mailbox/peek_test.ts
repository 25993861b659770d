/** `wirepost peek`. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, lacks, ServerProcess, wirepost } from "../../program.ts";
import { Terminal } from "../terminal.ts";

Deno.test("peek shows a mailbox as lines and as JSON, takes nothing, and says if there is more", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const address = ["--server", server.address];
  const peek = (...args: string[]) => wirepost(["peek", ...args, ...address]);
  assertEquals(await peek("bob"), { code: 3, out: "", err: "" });
  await wirepost(["send", "bob", "one", "Ω two", "x".repeat(200), "--as", "alice", ...address]);
  const lines = (await peek("bob")).out;
  assertEquals(
    lines.replace(/\d\d:\d\d:\d\d/g, "TIME"),
    [
      "1  ready  TIME  alice  one",
      "2  ready  TIME  alice  Ω two",
      `3  ready  TIME  alice  ${"x".repeat(128)}…`,
      "",
    ].join("\n"),
  );
  const { code, out, err } = await peek("bob", "--count", "2", "--json");
  const [first, ...more] = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([code, err, more.length], [
    0,
    "wirepost peek: there are more: --count 20 shows up to 20\n",
    1,
  ]);
  assertMatch(first.time, /^\d{4}-\d\d-\d\dT.*Z$/);
  assertEquals({ ...first, time: "" }, {
    ...{ id: 1, state: "ready", attempts: 0, time: "", sender: "alice", bytes: 3, text: "one" },
  });
  // one's own mailbox, which is still full
  assertEquals((await wirepost(["peek", "--as", "bob", ...address])).out, lines);
});

Deno.test({
  name: "on a terminal peek has headings, and each message is one line of the screen",
  ignore: await lacks("tmux"),
  async fn() {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
    const address = ["--server", server.address];
    await wirepost(["send", "bob", "漢字".repeat(60), "--as", "alice", ...address]);
    const command = (...words: string[]) =>
      [...FROM_SOURCE, ...words, ...address].map((word) => `'${word}'`).join(" ");
    await using terminal = await Terminal.open(
      `${command("peek", "bob")}; echo end; ${command("peek", "carol")}; ${
        command("receive", "--shared")
      }; echo $?; cat`,
    );
    await terminal.shows("end");
    await terminal.shows("wirepost peek: no messages in mailbox 'carol'");
    await terminal.shows("wirepost receive: no messages that are ready in the shared queue");
    await terminal.shows("3");
    const [heading = "", line = "", end] = (await terminal.screen()).split("\n");
    assertMatch(heading, /^id +state +when +from +text$/);
    assertMatch(line, /^ *1 +ready +\S+ +alice +(漢字)+漢?…$/);
    assertEquals(end, "end");
  },
});
