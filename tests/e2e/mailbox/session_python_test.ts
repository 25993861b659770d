/** A client of the reliable session that was written from its specification alone: session_client.py. */

import { assertEquals } from "@std/assert";
import { lacks, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

const CLIENT = new URL("session_client.py", import.meta.url).pathname;

/** What a client might spoil: characters of two, three and four bytes, commas, spaces at both ends, nothing at all. */
const TEXTS = [
  "5 Ω, or more? ✓",
  "👩‍🚀🇪🇺 e\u0301",
  "a,b,,c,",
  "  spaces  ",
  "tab\there",
  "",
  "put,1,bob,alice,,,no",
];

const ignore = await lacks("python3");

/** Runs the script, its standard input these lines; gives the lines that it prints. */
async function client(port: number, args: string[], lines: readonly string[] = []): Promise<string[]> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { code, out, err } = await runCommand(["python3", CLIENT, `${port}`, ...args], {
    input,
    env: { PYTHONIOENCODING: "utf-8" },
  });
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.split("\n").slice(0, -1);
}

Deno.test("python3: what a session puts a session receives, byte for byte", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  assertEquals(await client(server.port, ["put", "bob", "alice"], TEXTS), []);
  assertEquals(await client(server.port, ["receive", "bob", `${TEXTS.length}`]), TEXTS);
});

Deno.test("python3: what a session puts the original wire takes, byte for byte", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  await client(server.port, ["put", "bób", "Ωlice"], TEXTS);
  using peer = new Peer(server.port);
  for (const text of TEXTS) {
    const reply = await peer.ask("R, bób");
    assertEquals(reply.replace(/^N, [^,]+, /, ""), `Ωlice, ${text}`);
  }
  assertEquals(await peer.ask("R, bób"), "X");
});

Deno.test("python3: what the original wire puts a session receives, byte for byte", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  using peer = new Peer(server.port);
  for (const text of TEXTS) await peer.send(`F, bob, alice, ${text}`);
  // the answer comes when the puts before it were carried out
  assertEquals(await peer.ask("R, nobody"), "X");
  assertEquals(await client(server.port, ["receive", "bob", `${TEXTS.length}`]), TEXTS);
});

Deno.test("python3: 5,000 lines come out in the order in which they went in", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ✓`);
  await client(server.port, ["put", "bob", "alice"], lines);
  assertEquals(await client(server.port, ["receive", "bob", `${lines.length}`]), lines);
});
