/** `wirepost admin`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

Deno.test("admin finds the server by its data directory", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
  const admin = async (...args: string[]) => {
    const { code, out, err } = await wirepost(["admin", ...args], { cwd: directory.path });
    assertEquals([code, err], [0, ""], err);
    return out;
  };
  using peer = new Peer(server.port);
  for (const put of ["F, bob, alice, 1", "F, bob, alice, 2", "F, Ω ✓, alice, 3", "for, 4"]) {
    await peer.send(put);
  }
  assertEquals(await peer.ask("R, nobody"), "X");

  assertEquals(await admin("count"), "4\n");
  assertEquals(await admin("count", "bob"), "2\n");
  assertEquals(await admin("count", "Ω ✓"), "1\n");
  assertEquals(await admin("count", ""), "1\n");
  assertEquals(
    await admin("list"),
    "messages  mailbox\n       1  (shared queue)\n       2  bob\n       1  Ω ✓\n",
  );
  const status = await admin("status");
  assertMatch(status, /^version \d+\.\d+\.\d+\nup \w+( \w+)*\nmessages 4\nbytes 4\nmailboxes 3\ndropped 0\n/);
  assertStringIncludes(status, "\nstored 4\n");

  assertEquals(await admin("limit", "2"), "2\n");
  await peer.send("F, bob, alice, too many");
  await server.logged(" warn mailbox - mailbox 'bob' is full at 2 messages: further messages are refused\n");
  assertStringIncludes(await admin("status"), "\nrefused full 1\n");
  assertMatch(await peer.ask("R, bob"), /, 1$/);
  await peer.send("F, bob, alice, 5");
  assertMatch(await peer.ask("R, bob"), /, 2$/);

  assertEquals(await admin("log", "on"), "on\n");
  assertMatch(await peer.ask("R, bob"), /, 5$/);
  await server.logged(` took a message from mailbox 'bob'\n`);
  assertEquals(await admin("log", "off"), "off\n");

  assertEquals(await admin("clear", "Ω ✓"), "1\n");
  assertEquals(await admin("clear", "--shared", "--yes"), "1\n");
  assertEquals(await admin("list"), "messages  mailbox\n");
  const help = (await admin("help")).split("\n");
  assertEquals(help.slice(0, 4), ["help", "status[, SKIP]", "services", "limits[, SKIP]"]);
  assertEquals(
    help.filter((line) => line.startsWith("account, list[, AFTER] | add, NAME, VERIFIER")).length,
    1,
  );
  assertEquals(await admin("stop"), "stopping\n");
  assertEquals((await server.ended()).code, 0);
});

// admin.md 4.5
Deno.test("admin lists more mailboxes than one datagram holds", async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  using peer = new Peer(server.port);
  const ids = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(30, "Ω")).toSorted();
  for (const id of ids) {
    await peer.send(`F, ${id}, alice, x`);
    assertEquals(await peer.ask("R, nobody"), "X");
  }
  const { code, out } = await wirepost(["admin", "list", "--data", data.path]);
  assertEquals([code, out.trimEnd().split("\n").slice(1)], [0, ids.map((id) => `       1  ${id}`)]);
});

Deno.test("admin from elsewhere needs --server and the secret", async () => {
  await using data = await temporaryDirectory();
  await using elsewhere = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  const cwd = elsewhere.path;
  const options = ["--server", server.address, "--secret-file", "my-secret"];

  const missing = await wirepost(["admin", "count", ...options], { cwd });
  assertEquals([missing.code, missing.out], [1, ""]);
  assertMatch(missing.err, /^wirepost admin: Cannot read the secret in my-secret: .*\n$/);

  await Deno.writeTextFile(`${cwd}/my-secret`, "short\n");
  const short = "wirepost admin: Cannot use the secret in my-secret: it has less than 16 characters\n";
  assertEquals(await wirepost(["admin", "count", ...options], { cwd }), { code: 1, out: "", err: short });

  await Deno.writeTextFile(`${cwd}/my-secret`, `${"0".repeat(64)}\n`);
  const wrong = await wirepost(["admin", "count", ...options], { cwd });
  assertEquals(wrong, { code: 1, out: "", err: "wirepost admin: wrong proof\n" });

  await Deno.copyFile(`${data.path}/secret`, `${cwd}/my-secret`);
  assertEquals(await wirepost(["admin", "count", ...options], { cwd }), { code: 0, out: "0\n", err: "" });
});

Deno.test("a refusal of the server is printed, with exit code 1", async () => {
  await using data = await temporaryDirectory();
  await using _server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  for (
    const [command, error] of Object.entries({
      "limit": "usage: limit, N",
      "limit none": "limit is not a number from 1: 'none'",
      "log maybe": "log is neither on nor off: 'maybe'",
    })
  ) {
    const result = await wirepost(["admin", ...command.split(" "), "--data", data.path]);
    assertEquals(result, { code: 1, out: "", err: `wirepost admin: ${error}\n` });
  }
  const { code, err } = await wirepost(["admin", "sing", "--data", data.path]);
  assertEquals([code, err.split("\n")[0]], [2, "wirepost admin: Unknown command 'sing'"]);
});

Deno.test("--secret-file gives a server in memory an administrator, and without one there is none", async () => {
  await using directory = await temporaryDirectory();
  const secret = `${directory.path}/secret`;
  await Deno.writeTextFile(secret, "a secret of my own, long enough\n");
  for (
    const [options, result] of [
      [["--secret-file", secret], { code: 0, out: "0\n", err: "" }],
      [[], { code: 1, out: "", err: "wirepost admin: administration is off\n" }],
    ] as const
  ) {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory", ...options]);
    const args = ["admin", "count", "--server", server.address, "--secret-file", secret];
    assertEquals(await wirepost(args), result);
  }
});

// admin.md 4.4
Deno.test("admin status shows how full the tables of sessions are, and which network holds most", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, name = "dora".repeat(16), password = "correct horse";
  await using server = await ServerProcess.start(["mailbox", "0", "forum", "0"], { cwd });
  const env = { WIREPOST_PASSWORD: password };
  assertEquals((await wirepost(["account", "add", name], { cwd, env })).code, 0);
  const knownServers = new KnownServers(`${cwd}/known-servers`), { port } = server;
  await using owner = await connectMailbox({ port, as: { name, password }, knownServers });
  await using stranger = await connectMailbox({ port });
  await owner.send("bob", name, "1");
  await owner.send("bob", name, "2");
  await stranger.send("bob", "alice", "3");
  const stop = new AbortController();
  const receiving = stranger.messages("bob", { signal: stop.signal })[Symbol.asyncIterator]();
  assertEquals((await receiving.next()).value!.text, "1");
  const waiting = owner.messages(name, { signal: stop.signal })[Symbol.asyncIterator]().next().catch(
    () => {},
  );
  await owner.stat(name);

  // more than one datagram holds
  using peer = new Peer(server.port);
  for (const reason of ["F, bob", "Z, bob", "F, bob, admin, x", "R, a, b", "\x01"]) await peer.send(reason);
  assertEquals(await peer.ask("R, nobody"), "X");
  const { out } = await wirepost(["admin", "status"], { cwd });
  const expected = [
    "kept sessions 1/100000",
    "kept sessions at loopback 1",
    "kept sessions logged in 1/100000",
    `kept sessions of ${name} 1`,
    "leases 1/100000",
    "leases at loopback 1",
    "leases logged in 0/100000",
    "mailbox sessions 1/100000",
    "mailbox sessions at loopback 1",
    "mailbox sessions logged in 1/100000",
    `mailbox sessions of ${name} 1`,
    "mailbox waits 0/100000",
    "mailbox waits logged in 1/100000",
    `mailbox waits of ${name} 1`,
    "mailbox handshakes 0/100000",
    "mailbox handshakes logged in 1/100000",
    `mailbox handshakes of ${name} 1`,
  ];
  assertEquals(out.split("\n").filter((line) => /^(kept|leases|mailbox) /.test(line)), expected);
  assertStringIncludes(out, "\nrefused not printable 1\n");
  assert(out.length > 1024);
  stop.abort();
  await waiting;
  await receiving.return?.();
});
