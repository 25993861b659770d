/** A data directory on a disk that is mounted read-only. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { mount } from "./mount.ts";

// store 5.8
Deno.test("a server does not start on a read-only disk, says so, and changes nothing", async () => {
  await using disk = await mount(128);
  if (disk === undefined) return;
  await using directory = await temporaryDirectory();
  const data = `${disk.path}/data`;
  const args = ["mailbox", "0", "channels", "0", "forum", "0", "--data", data];
  {
    await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
    using peer = new Peer(server.port);
    using administrator = await Administrator.of(data, new Peer(server.port));
    await peer.send("F, bob, alice, Is it there?");
    assertEquals(await administrator.count("bob"), 1);
    assertEquals((await server.end("SIGKILL")).signal, "SIGKILL");
  }
  const remount = async (as: "ro" | "rw") => {
    const { code, err } = await runCommand(["mount", "-o", `remount,${as}`, disk.path]);
    assertEquals(code, 0, err);
  };
  await remount("ro");
  const { code, err } = await runCommand([...FROM_SOURCE, "serve", ...args], { cwd: directory.path });
  assertEquals(code, 1, err);
  assertMatch(err, /^wirepost serve: Cannot .*\n$/);
  assert(err.includes(data), err);
  await remount("rw");
  await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
  using peer = new Peer(server.port);
  assertMatch(await peer.ask("R, bob"), /, alice, Is it there\?$/);
});
