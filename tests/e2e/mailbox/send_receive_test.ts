/** `wirepost send` and `wirepost receive`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, wirepost as run } from "../../program.ts";

/** A server in memory, and the program asked to talk to it. */
async function withServer(
  use: (wirepost: typeof run, server: ServerProcess) => Promise<void>,
  ...args: string[]
) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", ...args]);
  const options = ["--server", server.address];
  await use(([command = "", ...args], more) => run([command, ...options, ...args], more), server);
  assertEquals((await server.end()).code, 0);
}

const done = (out = "") => ({ code: 0, out, err: "" });

Deno.test("a message that was sent is received once, as it was", () =>
  withServer(async (wirepost) => {
    assertEquals(await wirepost(["send", "bob", "5 Ω, or more? ✓ 😀", "--from", "alice"]), done());
    assertEquals(await wirepost(["receive", "bob"]), done("5 Ω, or more? ✓ 😀\n"));
    assertEquals(await wirepost(["receive", "bob"]), { code: 3, out: "", err: "" });
  }));

Deno.test("each MESSAGE is one message: 007 is 007, and what begins with - comes after --", () =>
  withServer(async (wirepost) => {
    const messages = ["007", "1e3", "-x", "--from", "", " two  spaces ", "tab\t"];
    assertEquals(await wirepost(["send", "--from", "alice", "bob", "--", ...messages]), done());
    assertEquals(await wirepost(["send", "--from", "007", "1e3", "-"]), done());
    assertEquals(await wirepost(["receive", "bob", "--all"]), done(messages.map((m) => `${m}\n`).join("")));
    const out = (await wirepost(["receive", "1e3", "--json"])).out;
    assertMatch(
      out,
      /^{"id":\d+,"sender":"007","receiver":"1e3","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","attempt":1,"text":"-"}\n$/,
    );
  }));

Deno.test("a hundred thousand lines of standard input go through and come back in order", () =>
  withServer(async (wirepost) => {
    const input = Array.from({ length: 100_000 }, (_, i) => `${i} Ω\n`).join("");
    assertEquals(await wirepost(["send", "bob", "--from", "alice"], { input }), done());
    const { code, out, err } = await wirepost(["receive", "bob", "--all"]);
    assertEquals([code, err, out.length, out === input], [0, "", input.length, true]);
  }));

Deno.test("lines may end with LF, CR LF or the end of the input, and may be empty", () =>
  withServer(async (wirepost) => {
    assertEquals(await wirepost(["send", "bob", "--from", "alice"], { input: "" }), done());
    assertEquals(await wirepost(["receive", "bob"]), { code: 3, out: "", err: "" });
    const input = "one\n\ntwo\r\nlast";
    assertEquals(await wirepost(["send", "bob", "--from", "alice"], { input }), done());
    assertEquals(await wirepost(["receive", "bob", "--all"]), done("one\n\ntwo\nlast\n"));
  }));

Deno.test("a line that can't be sent ends it: what is wrong with which, and what came before is stored", () =>
  withServer(async (wirepost, server) => {
    const wrong = {
      "a\x07b": "Cannot send a message with control characters other than TAB",
      ["x".repeat(70_000)]: "Cannot send a line that is too long",
    };
    for (const [line, error] of Object.entries(wrong)) {
      const { code, out, err } = await wirepost(["send", "bob", "--from", "alice"], {
        input: `one\ntwo\n${line}\nfour\n`,
      });
      assertEquals([code, out], [1, ""]);
      assertEquals(
        err,
        `wirepost send: line 3: ${error}\nwirepost send: 2 messages from the beginning of the input stored\n`,
      );
      assertEquals(await wirepost(["receive", "bob", "--all"]), done("one\ntwo\n"));
    }
    // bytes that are not UTF-8
    const bytes = `printf 'one\\n\\377\\n' | "$@" send bob --from alice --server ${server.address}`;
    const { code, err } = await runCommand(["sh", "-c", bytes, "sh", ...FROM_SOURCE]);
    assertEquals(code, 1);
    assertStringIncludes(err, "wirepost send: line 2: Cannot send a line that is not UTF-8\n");
    assertEquals(await wirepost(["receive", "bob", "--all"]), done("one\n"));
  }));

Deno.test("the longest message goes through, in every width of character", () =>
  withServer(async (wirepost) => {
    for (const message of ["x".repeat(988), "Ω".repeat(494), "😀".repeat(247)]) {
      assertEquals(await wirepost(["send", "bob", message, "--from", "alice", "--basic"]), done());
      assertEquals(await wirepost(["receive", "bob", "--basic"]), done(`${message}\n`));
    }
    for (const message of ["x".repeat(65_000), "Ω".repeat(32_500), "😀".repeat(16_250)]) {
      assertEquals(await wirepost(["send", "bob", "--from", "alice"], { input: message }), done());
      assertEquals(await wirepost(["receive", "bob"]), done(`${message}\n`));
    }
  }));

Deno.test("--count receives that many messages, and exits with 3 if there were fewer", () =>
  withServer(async (wirepost) => {
    assertEquals(await wirepost(["send", "bob", "1", "2", "3", "--from", "alice"]), done());
    assertEquals(await wirepost(["receive", "bob", "--count", "2"]), done("1\n2\n"));
    assertEquals(await wirepost(["receive", "bob", "--count", "2"]), { code: 3, out: "3\n", err: "" });
    assertEquals(await wirepost(["receive", "bob", "--all"]), { code: 3, out: "", err: "" });
  }));

Deno.test("--wait receives a message that arrives meanwhile, and exits with 3 if none does", () =>
  withServer(
    async (wirepost, server) => {
      assertEquals(await wirepost(["receive", "bob", "--wait", "100ms"]), { code: 3, out: "", err: "" });
      using peer = new Peer(server.port);
      const receiving = wirepost(["receive", "carol", "--count", "2", "--wait", "10m"]);
      // the first wait has begun when the log says so, and the second when the first message was acknowledged
      await server.logged("lease mailbox 'carol'");
      await peer.send("F, carol, alice, one");
      await server.logged("in a session: ack");
      await peer.send("F, carol, alice, two");
      assertEquals(await receiving, done("one\ntwo\n"));
    },
    "--log-level",
    "debug",
  ));

Deno.test("--shared is the queue that has no receiver and no sender", () =>
  withServer(async (wirepost) => {
    assertEquals(await wirepost(["send", "--shared", "one", "two"]), done());
    assertEquals(await wirepost(["receive", "--shared"]), done("one\n"));
    const { out } = await wirepost(["receive", "--shared", "--json"]);
    assertMatch(out, /^{"id":\d+,"time":"[^"]+Z","attempt":1,"text":"two"}\n$/);
    assertEquals((await wirepost(["receive", "--shared"])).code, 3);
  }));

Deno.test("--json is one object a line, whatever the message holds", () =>
  withServer(async (wirepost) => {
    const messages = ['"quoted" \\ and, commas', "Ω\t✓"];
    assertEquals(await wirepost(["send", "bob", ...messages, "--from", "alice"]), done());
    const { out } = await wirepost(["receive", "bob", "--all", "--json"]);
    const mails = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(mails.map(({ sender, receiver, text }) => [sender, receiver, text]), [
      ["alice", "bob", messages[0]],
      ["alice", "bob", messages[1]],
    ]);
  }));

Deno.test("a server that is not there is a clear error within the --timeout", async () => {
  // bound and never read: as silent as a firewall, and no other test can take its port
  using silent = new Peer(0);
  const server = ["--server", `127.0.0.1:${silent.port}`, "--timeout", "300ms"];
  const input = "one\ntwo\n";
  for (
    const [name, result] of Object.entries({
      send: await run(["send", "bob", "x", "--from", "alice", ...server]),
      receive: await run(["receive", "bob", ...server]),
    })
  ) {
    const err =
      `wirepost ${name}: No answer from 127.0.0.1:${silent.port} within 0.3 s: is the server running?\n`;
    assertEquals(result, { code: 1, out: "", err });
  }
  const { code, err } = await run(["send", "bob", "--from", "alice", ...server], { input });
  assertEquals(code, 1);
  assertStringIncludes(err, "No answer from 127.0.0.1:");
  const nowhere = await run(["receive", "bob", "--server", "nowhere.invalid:1"]);
  assertEquals([nowhere.code, nowhere.out], [1, ""]);
  assertMatch(
    nowhere.err,
    /^wirepost receive: Cannot look up nowhere\.invalid: (?:there is no such name|no name server answers)\n$/,
  );
});

Deno.test("if the reader of its output ends, receive ends without a stack trace, and the rest is given out again", () =>
  withServer(async (wirepost, server) => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${i} ${"x".repeat(100)}\n`), input = lines.join("");
    assertEquals(await wirepost(["send", "bob", "--from", "alice"], { input }), done());
    const script = `"$@" receive bob --all --server ${server.address} | head -n 1`;
    const result = await runCommand(["sh", "-c", script, "sh", ...FROM_SOURCE]);
    assertEquals(result, done(lines[0]));
    const { code, out, err } = await wirepost(["receive", "bob", "--all"]);
    assertEquals([code, err], [0, ""]);
    const taken = input.length - out.length;
    assertEquals(out, input.slice(taken));
    // what head has read, and what the pipe holds
    assert(taken > 0 && taken <= 2 * 65_536, `${taken} bytes are gone`);
  }));
