/**
 * Makes the data directory of this version of the schema for `versions_test.ts`, with what is in those of the other ones:
 * `deno run --allow-all tests/server/store/versions/make.ts`, on Linux.
 *
 * @module
 */

import { brotliCompressSync, constants } from "node:zlib";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import {
  FROM_SOURCE,
  Peer,
  runCommand,
  ServerProcess,
  temporaryDirectory,
  wirepost,
} from "../../../program.ts";
import { FramePeer } from "../../../stream.ts";

await using directory = await temporaryDirectory();
const cwd = directory.path, data = `${cwd}/data`;
const services = ["mailbox", "0", "channels", "0", "forum", "0"];
const server = await ServerProcess.start([...services, "--data", data], { command: FROM_SOURCE });

using peer = new Peer(server.port);
for (
  const datagram of [
    "F, bob, alice, taken",
    "F, bob, alice, 5 Ω, or more? ✓",
    "F, bob, carol, two, with commas,  and spaces ",
    "F, dora, bob, x",
    "for, one for all",
  ]
) await peer.send(datagram);
await peer.ask("R, bob");

const send = ["send", "--as", "alice", "--server", server.address];
const forumPort = await server.ready("forum");
const forum = ["forum", "127.0.0.1", `${forumPort}`, "--as", "yoda", "--password-file", "password"];
await Deno.writeTextFile(`${cwd}/password`, "jedi-master\n", { mode: 0o600 });
await Deno.writeTextFile(`${cwd}/numbers.txt`, Array.from({ length: 100 }, (_, i) => `${i + 1}\n`).join(""));
for (
  const args of [
    [...send, "erin", "by session"],
    [...send, "erin", "later", "--delay", "24h"],
    [...send, "frank", "tried"],
    [...forum, "--new", "CRT", "thread0"],
    [...forum, "MSG", "thread0", "hello,", "all"],
    [...forum, "UPD", "thread0", "numbers.txt"],
  ]
) {
  const { code, err } = await wirepost(args, { cwd, env: { XDG_STATE_HOME: cwd } });
  if (code !== 0) throw new Error(err);
}
// it fails, which is an attempt
await wirepost(["receive", "frank", "--exec", "false", "--server", server.address], { cwd });

using alice = await FramePeer.named("alice", await server.ready("channels"));
await alice.send("/create tea", "hello in tea", "5 Ω ✓", "/list");
await alice.next();
await server.end();

const made = ["tar", "--exclude=./reserve", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
await runCommand([...made, "-C", data, "-cf", `${cwd}/data.tar`, "."]);
const params = { [constants.BROTLI_PARAM_LGWIN]: 24 };
const packed = brotliCompressSync(await Deno.readFile(`${cwd}/data.tar`), { params });
const name = `${`${MIGRATIONS.length}`.padStart(2, "0")}.tar.br`;
await Deno.writeFile(new URL(name, import.meta.url), packed);
