/** What was said in a channel is in the journal some milliseconds later: channels.md 5.8. */

import { assert, assertEquals } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { type Announced, ANNOUNCEMENT, decodeAnnounced } from "../../../protocol/channels/announced.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FramePeer } from "../../stream.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** Requests that are acknowledged one after the other: the journal's syncs meanwhile have what came before. */
const SYNCS = 8;

/** Waits for what a member is shown next of this kind. */
async function next<K extends Announced["kind"]>(peer: FramePeer, kind: K) {
  for (;;) {
    const text = await peer.next();
    if (text === undefined) throw new Error("The server has closed");
    const said = decodeAnnounced(text);
    if (said?.kind === kind) return said as Announced & { kind: K };
  }
}

async function enter(name: string, port: number) {
  const peer = await FramePeer.named(name, port);
  await peer.send(ANNOUNCEMENT, "/create hall", "/join hall");
  const { history } = await next(peer, "channel");
  return { peer, history };
}

async function start(data: string) {
  const server = await ServerProcess.start(["mailbox", "0", "channels", "0", "--data", data], {
    command: FROM_SOURCE,
  });
  return { server, mailbox: await server.ready("mailbox"), channels: await server.ready("channels") };
}

// channels.md 5.8, 8.6
Deno.test("kill -9 right after a message was delivered and synced does not lose it, and the history has a new ID", async () => {
  await using data = await temporaryDirectory();
  const texts: string[] = [], histories: string[] = [];
  for (let run = 0; run < 3; run++) {
    const first = await start(data.path);
    await using server = first.server;
    const alice = await enter("Alice", first.channels), bob = await enter("Bob", first.channels);
    using _alice = alice.peer, bobs = bob.peer;
    assertEquals(alice.history, bob.history);
    histories.push(bob.history);
    await bobs.send("/history 10");
    await next(bobs, "history");
    for (const text of texts) assertEquals((await next(bobs, "message")).text, text);
    await using mailbox = await connectMailbox({ port: first.mailbox, timeout: PATIENCE_MS });
    texts.push(`said ${run}`);
    await alice.peer.send(texts.at(-1)!);
    assertEquals((await next(bobs, "message")).text, texts.at(-1));
    for (let i = 0; i < SYNCS; i++) await mailbox.send("bob", "al", `${i}`);
    await mailbox.close();
    Deno.kill(server.pid, "SIGKILL");
    assertEquals((await server.ended()).signal, "SIGKILL");
  }
  for (let i = 1; i < histories.length; i++) assert(histories[i] !== histories[i - 1]);
});
