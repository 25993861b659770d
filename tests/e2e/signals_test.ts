/** What a signal ends: it ends soon, waits are withdrawn, and messages are released. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";

/** Starts a command beside a server that logs requests, waits for one of them, and sends the signal. */
async function ended(
  server: ServerProcess,
  args: readonly string[],
  request: string,
  signal: Deno.Signal,
): Promise<Deno.CommandStatus> {
  const [program = "", ...before] = FROM_SOURCE;
  const child = new Deno.Command(program, {
    args: [...before, ...args, "--server", server.address],
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  try {
    await server.logged(request);
    child.kill(signal);
    return await child.status;
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await child.status;
    await child.stdin.close().catch(() => {});
  }
}

const CASES: [readonly string[], Deno.Signal, number][] = [
  [["receive", "bob", "--wait", "10m"], "SIGTERM", 143],
  [["receive", "bob", "--wait", "10m"], "SIGHUP", 129],
  [["receive", "bob", "--wait", "10m"], "SIGINT", 130],
  [["receive", "bob", "--wait", "10m"], "SIGQUIT", 131],
  // it has no other end, and the exit code says which
  [["receive", "bob", "--follow"], "SIGTERM", 143],
  [["receive", "bob", "--follow"], "SIGINT", 130],
  [["mailbox", "--as", "bob"], "SIGTERM", 143],
];

for (const [args, signal, code] of CASES) {
  Deno.test(`${args[0]} ${args.at(-1)} leaves no wait at the server when ${signal} ends it`, async () => {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--log-level", "debug"]);
    const status = await ended(server, args, "in a session: lease mailbox 'bob'", signal);
    assertEquals([status.code, status.signal], [code, null]);
    await server.logged("in a session: cancel");
    const at = ["--server", server.address];
    assertEquals((await wirepost(["send", "bob", "one", "--from", "alice", ...at])).code, 0);
    assertEquals(await wirepost(["receive", "bob", ...at]), { code: 0, out: "one\n", err: "" });
  });
}

Deno.test("SIGTERM ends a command of --exec, and its message is released without counting an attempt", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--log-level", "debug"]);
  const at = ["--server", server.address];
  assertEquals((await wirepost(["send", "bob", "one", "--from", "alice", ...at])).code, 0);
  const args = ["receive", "bob", "--follow", "--exec", "exec sleep 600"];
  const status = await ended(server, args, "in a session: got", "SIGTERM");
  assertEquals([status.code, status.signal], [143, null]);
  const { code, out } = await wirepost(["receive", "bob", "--json", ...at]);
  assertEquals(code, 0);
  assertMatch(out, /"attempt":1,"text":"one"/);
});

Deno.test("a command of --exec that SIGTERM does not end is left, and its message is released", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--log-level", "debug"]);
  await using directory = await temporaryDirectory();
  const at = ["--server", server.address], file = `${directory.path}/pid`;
  assertEquals((await wirepost(["send", "bob", "one", "--from", "alice", ...at])).code, 0);
  const command = `trap '' TERM; echo $$ >'${file}'; kill -TERM $PPID; exec sleep 600 >&- 2>&-`;
  const { code } = await runCommand([...FROM_SOURCE, "receive", "bob", "--exec", command, ...at]);
  // it runs still
  Deno.kill(Number(await Deno.readTextFile(file)), "SIGKILL");
  assertEquals(code, 143);
  assertMatch((await wirepost(["receive", "bob", "--json", ...at])).out, /"attempt":1,"text":"one"/);
});

Deno.test("commands end within 5 s of Ctrl-C although the server does not answer", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using directory = await temporaryDirectory();
  const secret = `${directory.path}/secret`;
  await Deno.writeTextFile(secret, "long enough to be a secret\n");
  const end = async (...words: string[]) => {
    const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    using _ = { [Symbol.dispose]: () => silent.close() };
    const [program = "", ...before] = FROM_SOURCE;
    const args = [...before, ...words, "--server", `127.0.0.1:${(silent.addr as Deno.NetAddr).port}`];
    const command = new Deno.Command(program, { args, stdin: "piped", stdout: "null", stderr: "null" });
    await using child = command.spawn();
    // it waits for the answer now
    await silent.receive();
    const begun = performance.now();
    child.kill("SIGINT");
    assertEquals([words[0], (await child.status).code], [words[0], 130]);
    // a loaded machine may take more; without an end of its own, it is two minutes
    assertLess(performance.now() - begun, 60_000, words[0]);
    await child.stdin.close().catch(() => {});
  };
  const self = ["--as", "al"], patient = ["--timeout", "120s"];
  await Promise.all([
    end("send", "bob", "hi", ...self, ...patient),
    end("receive", "--follow", ...self, ...patient),
    end("peek", ...self, ...patient),
    end("mailbox", ...self, ...patient),
    end("forum", "LST", ...self, ...patient),
    end("chat", "tea", ...self),
    end("status", "--secret-file", secret, ...patient),
    end("watch", "--secret-file", secret, ...patient),
    end("bench", "mailbox"),
  ]);
});
