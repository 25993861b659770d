/** `parley receive --exec`. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, parley as run, runCommand, ServerProcess } from "../program.ts";

const ignore = Deno.build.os === "windows";

async function withServer(use: (parley: typeof run, address: string) => Promise<void>) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const options = ["--server", server.address];
  await use(([command = "", ...args], more) => run([command, ...options, ...args], more), server.address);
}

const empty = { code: 3, out: "", err: "" };
const failed = (how: string, attempt: number, then: string, attempts = 5) =>
  `parley receive: the command ended with ${how} for message ID, attempt ${attempt} of ${attempts}: ${then}\n`;
const unnamed = (text: string) => text.replace(/message \d+/g, "message ID");

Deno.test(
  "a command that fails ends receive with 1, and the message waits at the server",
  { ignore },
  () =>
    withServer(async (parley) => {
      await parley(["send", "bob", "one", "--from", "alice"]);
      const { code, out, err } = await parley([
        "receive",
        "bob",
        "--exec",
        "cat; exit 7",
        "--retry-delay",
        "10m",
      ]);
      assertEquals([code, out, unnamed(err)], [1, "one\n", failed("exit 7", 1, "it comes again in 10m")]);
      assertEquals(await parley(["receive", "bob"]), empty);
      // what comes after it goes on
      await parley(["send", "bob", "two", "--from", "alice"]);
      assertEquals(await parley(["receive", "bob", "--all", "--exec", "cat"]), {
        code: 0,
        out: "two\n",
        err: "",
      });
    }),
);

Deno.test(
  "a message that fails waits longer each time, and is then a dead letter",
  { ignore },
  () =>
    withServer(async (parley) => {
      await parley(["send", "bob", "one", "--from", "alice"]);
      const options = [
        "--wait",
        "10m",
        "--exec",
        "cat; kill -9 $$",
        "--retry-delay",
        "20ms",
        "--attempts",
        "3",
      ];
      for (
        const [i, then] of [
          "it comes again in 20ms",
          "it comes again in 40ms",
          "it is a dead letter, see 'parley admin dead'",
        ].entries()
      ) {
        const { code, out, err } = await parley(["receive", "bob", ...options]);
        assertEquals([code, out, unnamed(err)], [1, "one\n", failed("signal 9", i + 1, then, 3)]);
      }
      assertEquals(await parley(["receive", "bob"]), empty);
    }),
);

Deno.test(
  "--all goes on with the others, does not wait for what failed, and ends with 1",
  { ignore },
  () =>
    withServer(async (parley) => {
      await parley(["send", "bob", "one", "bad", "three", "--from", "alice"]);
      const command = "read text; echo $text; test $text != bad";
      const options = ["--all", "--retry-delay", "10m", "--exec", command];
      const { code, out, err } = await parley(["receive", "bob", ...options]);
      assertEquals([code, out], [1, "one\nbad\nthree\n"]);
      assertEquals(unnamed(err), failed("exit 1", 1, "it comes again in 10m"));
    }),
);
