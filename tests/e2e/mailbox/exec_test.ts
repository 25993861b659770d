/** `wirepost receive --exec`. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  FROM_SOURCE,
  lacks,
  runCommand,
  ServerProcess,
  temporaryDirectory,
  wirepost as run,
} from "../../program.ts";
import { Terminal } from "../terminal.ts";

const ignore = Deno.build.os === "windows";

async function withServer(use: (wirepost: typeof run, address: string) => Promise<void>) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const options = ["--server", server.address];
  await use(([command = "", ...args], more) => run([command, ...options, ...args], more), server.address);
}

const empty = { code: 3, out: "", err: "" };
const failed = (how: string, attempt: number, then: string, attempts = 5) =>
  `wirepost receive: the command ended with ${how} for message ID, attempt ${attempt} of ${attempts}: ${then}\n`;
const unnamed = (text: string) => text.replace(/message \d+/g, "message ID");

Deno.test(
  "a command that fails ends receive with 1, and the message waits at the server",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      await wirepost(["send", "bob", "one", "--from", "alice"]);
      const { code, out, err } = await wirepost([
        "receive",
        "bob",
        "--exec",
        "cat; exit 7",
        "--retry-delay",
        "10m",
      ]);
      assertEquals([code, out, unnamed(err)], [1, "one\n", failed("exit 7", 1, "it comes again in 10m")]);
      assertEquals(await wirepost(["receive", "bob"]), empty);
      // what comes after it goes on
      await wirepost(["send", "bob", "two", "--from", "alice"]);
      assertEquals(await wirepost(["receive", "bob", "--all", "--exec", "cat"]), {
        code: 0,
        out: "two\n",
        err: "",
      });
    }),
);

// session.md 6.20
Deno.test(
  "a message that fails waits longer each time, and is then a dead letter",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      await wirepost(["send", "bob", "one", "--from", "alice"]);
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
          "it is a dead letter, see 'wirepost admin dead'",
        ].entries()
      ) {
        const { code, out, err } = await wirepost(["receive", "bob", ...options]);
        assertEquals([code, out, unnamed(err)], [1, "one\n", failed("signal 9", i + 1, then, 3)]);
      }
      assertEquals(await wirepost(["receive", "bob"]), empty);
    }),
);

Deno.test(
  "--all goes on with the others, does not wait for what failed, and ends with 1",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      await wirepost(["send", "bob", "one", "bad", "three", "--from", "alice"]);
      const command = "read text; echo $text; test $text != bad";
      const options = ["--all", "--retry-delay", "10m", "--exec", command];
      const { code, out, err } = await wirepost(["receive", "bob", ...options]);
      assertEquals([code, out], [1, "one\nbad\nthree\n"]);
      assertEquals(unnamed(err), failed("exit 1", 1, "it comes again in 10m"));
    }),
);

Deno.test(
  "a message that succeeds at its second attempt is no failure",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      await wirepost(["send", "bob", "one", "--from", "alice"]);
      const command = "cat; test $WIREPOST_ATTEMPT = 2";
      const options = ["--count", "2", "--wait", "10m", "--retry-delay", "1ms", "--exec", command];
      const { code, out, err } = await wirepost(["receive", "bob", ...options]);
      // what was given twice is one message of two
      assertEquals([code, out, unnamed(err)], [
        3,
        "one\none\n",
        failed("exit 1", 1, "it comes again in 1ms"),
      ]);
    }),
);

Deno.test(
  "--follow goes on after a command that failed",
  { ignore },
  () =>
    withServer(async (wirepost, address) => {
      await wirepost(["send", "bob", "bad", "good", "--from", "alice"]);
      // the last one ends it, as Ctrl-C does
      const command = "read text; echo $text; test $text = good && kill -INT $PPID";
      const options = ["--follow", "--retry-delay", "10m", "--exec", command, "--server", address];
      const receive = [...FROM_SOURCE, "receive", "bob", ...options];
      const { code, out, err } = await runCommand(receive);
      assertEquals([code, out, unnamed(err)], [
        130,
        "bad\ngood\n",
        failed("exit 1", 1, "it comes again in 10m"),
      ]);
    }),
);

Deno.test(
  "the command gets the message's sender, receiver and time",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      const names = ["ID", "SENDER", "RECEIVER", "TIME", "ATTEMPT"];
      const command = `cat; printf '%s|' ${names.map((name) => `"$WIREPOST_${name}"`).join(" ")}`;
      await wirepost(["send", "Ω b", "the text, with ✓", "--from", "al ice"]);
      const { code, out } = await wirepost(["receive", "Ω b", "--exec", command]);
      assertEquals(code, 0);
      assertMatch(out, /^the text, with ✓\n\d+\|al ice\|Ω b\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|1\|$/);
      await wirepost(["send", "--shared", "x"]);
      assertMatch((await wirepost(["receive", "--shared", "--exec", command])).out, /^x\n\d+\|\|\|.*Z\|1\|$/);
    }),
);

Deno.test("options of --exec that can't be used are wrong usage", () =>
  withServer(async (wirepost) => {
    for (
      const [options, error] of [
        [["--attempts", "3"], "--attempts needs --exec CMD"],
        [["--retry-delay", "3s"], "--retry-delay needs --exec CMD"],
        [["--exec", "x", "--attempts", "0"], "Cannot read --attempts '0': expected a number from 1 to 1000"],
        [["--exec", "x", "--retry-delay", "2d"], "Cannot use --retry-delay '2d': expected up to 1d"],
      ] as const
    ) {
      const { code, out, err } = await wirepost(["receive", "bob", ...options]);
      assertEquals([code, out], [2, ""]);
      assertEquals(err, `wirepost receive: ${error}\nSee 'wirepost receive --help'\n`);
    }
  }));

Deno.test(
  "with --parallel the command runs for several messages at a time, and each is acknowledged by itself",
  { ignore },
  () =>
    withServer(async (wirepost) => {
      await using directory = await temporaryDirectory();
      await wirepost(["send", "bob", "1", "2", "3", "4", "5", "--from", "alice"]);
      // each of the first three waits for the other two; the second fails once the others are there
      const command = "read x; : > $x; case $x in 1|2|3)" +
        " while ! { test -e 1 && test -e 2 && test -e 3; }; do sleep 0.02; done;; esac; echo $x; test $x != 2";
      const { code, out, err } = await wirepost(
        ["receive", "bob", "--all", "--parallel", "3", "--exec", command, "--retry-delay", "10m"],
        { cwd: directory.path },
      );
      assertEquals([code, unnamed(err)], [1, failed("exit 1", 1, "it comes again in 10m")]);
      assertEquals(out.trim().split("\n").toSorted(), ["1", "2", "3", "4", "5"]);
      const left = await wirepost(["peek", "bob"]);
      assertMatch(left.out, /^\d+ {2}delayed, 1 failed +\S+ +alice +2\n$/);
      assertEquals(
        (await wirepost(["receive", "bob", "--parallel", "2"])).err.split("\n")[0],
        "wirepost receive: --parallel needs --exec CMD",
      );
    }),
);

// session.md 7.3
Deno.test(
  "Ctrl-C ends every command that runs, and no attempt counts",
  { ignore: ignore || await lacks("tmux") },
  async () => {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
    const address = ["--server", server.address];
    await run(["send", "bob", "1", "2", "3", "--from", "alice", ...address]);
    const receive = [...FROM_SOURCE, "receive", "bob", "--all", "--parallel", "2", ...address];
    const words = [...receive, "--exec", "echo begun; sleep 600"].map((word) => `'${word}'`).join(" ");
    await using terminal = await Terminal.open(
      `cd ${directory.path}; trap : INT; ${words}; echo "exit $?"; cat`,
    );
    for (let i = 0; i < 2; i++) await terminal.shows("begun");
    await terminal.type("", "C-c");
    await terminal.shows("exit 130");
    const { out } = await run(["peek", "bob", ...address]);
    assertEquals(out.replace(/^ *\d+ +ready +\S+ +alice +/gm, ""), "1\n2\n3\n");
  },
);
