/** A backup of a server that is used meanwhile: what it costs the others, and what ends it. */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { mount } from "../disk/mount.ts";
import { FULL, report } from "../form.ts";
import { figuresOf, Pings } from "../pings.ts";

/** Bytes of the messages that are there before. */
const BYTES = (FULL ? 1024 : 20) * 1024 ** 2;

/** How much longer than without it a put may take, in milliseconds (store 10.5): in the full form, beside which nothing runs. */
const LONGER_MS = 50;

const TEXT_BYTES = 50_000, TEXT = "x".repeat(TEXT_BYTES);

/** What there is before needs more than the default limits. */
const SERVE = ["mailbox", "0", "--mailbox-bytes", "4GiB", "--share", "100"];

/** Runs `wirepost backup` in a process of its own. */
async function backUp(data: string, target: string) {
  return await runCommand([...FROM_SOURCE, "backup", target, "--data", data]);
}

// store 10.4, 10.5
Deno.test("a backup keeps nobody waiting, and has what was acknowledged before it and nothing in part", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  await using server = await ServerProcess.start([...SERVE, "--data", data], { command: FROM_SOURCE });
  {
    await using mailbox = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
    for (let i = 0; i < BYTES / TEXT_BYTES; i += 64) {
      await Promise.all(Array.from({ length: 64 }, () => mailbox.send("large", "alice", TEXT)));
    }
  }
  using administrator = await Administrator.of(data, new Peer(server.port));
  let lines = "";
  for (let i = 0; i < 2; i++) {
    let alone: number[], during: number[], before: number, after: number;
    {
      await using pings = new Pings(server.port);
      await pings.reached(100);
      before = await administrator.count();
      pings.takeTimes();
      const { code, out, err } = await backUp(data, `${directory.path}/copy${i}`);
      during = pings.takeTimes();
      assertEquals([code, err], [0, ""]);
      after = await administrator.count();
      lines += out;
      // as many as during the backup: the longest of more is longer
      await pings.reached(FULL ? during.length : 100);
      alone = pings.takeTimes();
    }
    const copied = Number(/^Copied (\d+) messages/.exec(lines.split("\n")[i]!)![1]);
    assert(before <= copied && copied <= after, `${before} to ${after}, and ${copied} were copied`);
    report(`during a backup: ${figuresOf(during)}; alone: ${figuresOf(alone)}`);
    if (FULL) assertLess(Math.max(...during), Math.max(...alone) + LONGER_MS);
    // more than the one that was open when it began
    else assertGreater(during.length, 1);
    const restored = `${directory.path}/restored${i}`;
    assertEquals((await wirepost(["restore", `${directory.path}/copy${i}`, "--data", restored])).err, "");
    await using other = await ServerProcess.start(["mailbox", "0", "--data", restored]);
    using its = await Administrator.of(restored, new Peer(other.port));
    assertEquals(await its.count(), copied);
    assertEquals(await its.count("large"), Math.ceil(BYTES / TEXT_BYTES / 64) * 64);
    await Deno.remove(`${directory.path}/copy${i}`, { recursive: true });
  }
  report(lines.trim());
  // one that is broken off leaves nothing, and its hold has ended
  const broken = `${directory.path}/broken`, [program = "", ...before] = FROM_SOURCE;
  const child = new Deno.Command(program, {
    args: [...before, "backup", broken, "--data", data],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const err = new Response(child.stderr).text();
  while (!await Deno.stat(`${broken}/messages.db`).then(() => true, () => false)) await administrator.count();
  child.kill("SIGINT");
  assertEquals([(await child.status).code, await err], [130, ""]);
  assertEquals(await Deno.stat(broken).then(() => "there", () => "gone"), "gone");
  const [id] = await administrator.ask("hold");
  await administrator.ask(`end-hold, ${id}`);
});

// store 10.3
Deno.test("without room on the disk a hold ends, its backup fails, and the server goes on", async () => {
  await using disk = await mount(FULL ? 512 : 128);
  if (disk === undefined) return;
  const data = `${disk.path}/data`;
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data], { command: FROM_SOURCE });
  using administrator = await Administrator.of(data, new Peer(server.port));
  const [id = ""] = await administrator.ask("hold");
  await using mailbox = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  // each round replaces the one before: only what is held takes room. It is short: a hold has to be asked for again
  let isHeld = true;
  for (let i = 0; isHeld; i++) {
    await Promise.all(Array.from({ length: 16 }, () => mailbox.send("bob", "alice", TEXT)));
    await administrator.ask("clear, bob");
    isHeld = await administrator.ask(`hold, ${id}`).then(() => true, (error: Error) => {
      assertStringIncludes(error.message, "the hold has ended: there is no room left on the disk");
      return false;
    });
  }
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 16 }, () => mailbox.send("bob", "alice", TEXT)));
    await administrator.ask("clear, bob");
  }
  const held = await administrator.ask("hold");
  await administrator.ask(`end-hold, ${held[0]}`);
  assertEquals(await server.end(), { success: true, code: 0, signal: null });
});
