/** A disk that others fill, and that gets room again, under a server with all services. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectForum, FullError } from "../../../client/forum.ts";
import { ANNOUNCEMENT, decodeAnnounced } from "../../../protocol/channels/announced.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { FramePeer } from "../../stream.ts";
import { report } from "../form.ts";
import { Acknowledged, faultsOf } from "../power/expected.ts";
import { Inspectors } from "../power/inspectors.ts";
import { Load } from "../power/load.ts";
import { RecordedSession } from "../power/recorded_session.ts";
import { mount } from "./mount.ts";

/** Room for what a server makes at its start, and some more. */
const DISK_MIB = 128;

const AMOUNT = { rounds: 5, files: 2 };

/** Uses up the room. */
async function occupy(path: string) {
  using file = await Deno.open(path, { create: true, append: true });
  for (let size = 1024 ** 2; size >= 512; size /= 2) {
    const block = new Uint8Array(size);
    try {
      for (;;) file.writeSync(block);
    } catch {
      // a smaller block may fit
    }
  }
}

/** Says a message in a channel, and waits until it is shown as sent. */
async function say(peer: FramePeer, text: string) {
  await peer.send(text);
  for (let isSent = false; !isSent;) isSent = decodeAnnounced(await peer.next() ?? "")?.kind === "sent";
}

// store 6.1, 6.2
Deno.test("while others fill the disk what frees space goes on, and with room again every service does by itself", async () => {
  await using disk = await mount(DISK_MIB);
  if (disk === undefined) return;
  await using directory = await temporaryDirectory();
  const data = `${disk.path}/data`, file = `${disk.path}/of-somebody-else`;
  const server = await ServerProcess.start(["mailbox", "0", "channels", "0", "forum", "0", "--data", data], {
    command: FROM_SOURCE,
  });
  await using _ = server;
  const ports = {
    mailbox: await server.ready("mailbox"),
    channels: await server.ready("channels"),
    forum: await server.ready("forum"),
  };
  await using before = new Load(directory.path, "before"), after = new Load(directory.path, "after");
  await before.run(server, ports, AMOUNT);
  using sender = new RecordedSession(ports.mailbox), receiver = new RecordedSession(ports.mailbox);
  using talker = await FramePeer.named("dora", ports.channels);
  await talker.send(ANNOUNCEMENT, "/create tea");
  await using forum = await connectForum({
    port: ports.forum,
    serverKey: before.serverKey,
    as: { name: "erin", password: "of erin", make: true },
  });
  await forum.create("full");
  for (let i = 0; i < 12; i++) await sender.put("full", `${i}`);
  const leased = await receiver.lease("full", 4);

  await occupy(file);
  const puts: Promise<void>[] = [];
  while (sender.refused === 0) {
    puts.push(sender.put("full", `${puts.length} ${"x".repeat(900)}`));
    await Promise.race([puts.at(-1), new Promise((resolve) => setTimeout(resolve, 100))]);
  }
  // what frees space goes on, and what needs none
  await receiver.ack("full", leased);
  await receiver.ack("full", await receiver.lease("full", 2));
  using peer = new Peer(ports.mailbox);
  assertEquals((await peer.ask("R, full")).replace(/^N, \S+, /, ""), "sender, 6");
  await say(talker, "the disk is full");
  const refused = await forum.post("full", "there is no room").then(() => undefined, (error) => error);
  assert(refused instanceof FullError, `a post on a full disk: ${refused}`);
  await peer.send("F, original, sender, there is no room");
  assertEquals(await peer.ask("R, original"), "X");
  const { out } = await wirepost(["admin", "status", "--data", data]);
  assertStringIncludes(out, "\nrefused storage 1\n");

  await Deno.remove(file);
  await Promise.all(puts);
  await forum.post("full", "there is room");
  await say(talker, "there is room");
  await after.run(server, ports, AMOUNT);
  const entries = await Array.fromAsync(forum.read("full"));
  assertEquals(entries.map((entry) => "text" in entry && entry.text), ["there is room"]);
  assertEquals((await server.end("SIGKILL")).signal, "SIGKILL", server.err);
  assertEquals([before, after].flatMap((load) => load.senders.map(({ error }) => error)).join(""), "");

  await using inspectors = await Inspectors.start(1);
  const found = await inspectors.inspectDirectory(data, [...before.sessions, ...after.sessions]);
  for (const load of [before, after]) assertEquals(faultsOf(found, load, Acknowledged.of(load)), []);
  const kept = found.mailboxes.full!.map(({ text }) => Number.parseInt(text));
  assertEquals(kept, [7, 8, 9, 10, 11, ...puts.keys()]);
  report(
    `a full disk: ${sender.refused} answers that there is no room, ${puts.length} messages stored in the end`,
  );
});
