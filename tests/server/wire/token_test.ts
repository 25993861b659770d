/** Tokens of accounts on every wire (seal.md 5.15 to 5.17, channels.md section 9). Where they let in is in `access/table.ts`. */

import { assertEquals, assertRejects } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { setPassword } from "../../../client/account.ts";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { LoginError } from "../../../client/session/errors.ts";
import { LOGIN_TEXTS } from "../../../protocol/channels/login.ts";
import { temporaryDirectory } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { newToken, PASSWORD, withProtected } from "../protected.ts";

/** A log-in on each wire: resolves to whether it was let in, and to what ends it. */
async function logIns(
  port: (service: string) => number,
  knownServers: KnownServers,
  name: string,
  password: string,
) {
  const as = { name, password },
    isRefused = (error: Error) => {
      if (!(error instanceof LoginError)) throw error;
      return undefined;
    };
  const mailbox = await connectMailbox({ port: port("mailbox"), knownServers, as }).catch(isRefused);
  const forum = await connectForum({ port: port("forum"), knownServers, as }).catch(isRefused);
  const peers = [await FramePeer.connect(port("channels")), await LinePeer.connect(port("room"))];
  const isIn = [mailbox !== undefined, forum !== undefined];
  for (const peer of peers) {
    await peer.send(`/login ${name} ${password}`);
    isIn.push(await peer.next() === LOGIN_TEXTS.loggedIn(name));
  }
  return {
    isIn,
    mailbox,
    peers,
    async [Symbol.asyncDispose]() {
      for (const peer of peers) peer[Symbol.dispose]();
      await mailbox?.close(0);
      await forum?.close(0);
    },
  };
}

// seal.md 5.17
Deno.test("a token that is removed, or over, ends what has logged in by it, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const known = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ control, port }) => {
    // one that is over before all have logged in by it is tried again with more time
    for (let how = "removed", seconds = 0; how !== "";) {
      const { token, id, verifier } = await newToken();
      await control(`account, add-token, alice, ${id}, ${verifier}, ${seconds}`);
      const byPassword = {
        port: port("mailbox"),
        knownServers: known,
        as: { name: "alice", password: PASSWORD },
      };
      await using alice = await connectMailbox(byPassword);
      await using row = await logIns(port, known, "alice", token);
      if (how === "over" && row.isIn.includes(false) && seconds < 100) {
        seconds *= 3;
        continue;
      }
      assertEquals([how, row.isIn], [how, [true, true, true, true]]);
      if (how === "removed") await control(`account, remove-token, alice, ${id}`);
      assertEquals(await Promise.all(row.peers.map((peer) => peer.next())), [undefined, undefined]);
      await assertRejects(() => row.mailbox!.stat("alice"), LoginError, "no such token");
      assertEquals((await alice.stat("alice")).messages, 0);
      await using again = await logIns(port, known, "alice", token);
      assertEquals([how, again.isIn], [how, [false, false, false, false]]);
      [how, seconds] = how === "removed" ? ["over", 2] : ["", 0];
    }
  });
});

// seal.md 5.15, 5.17
Deno.test("a token changes no password, and an account has 16 of them at most", async () => {
  await using directory = await temporaryDirectory();
  const knownServers = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ control, port }) => {
    const { token, id, verifier } = await newToken();
    await control(`account, add-token, alice, ${id}, ${verifier}, 0`);
    const as = { name: "alice", password: token };
    await assertRejects(
      () => setPassword({ port: port("mailbox"), knownServers, as }, () => Promise.resolve("mine")),
      LoginError,
    );
    for (let i = 1; i < 16; i++) {
      await control(`account, add-token, alice, 0000000${i.toString(16)}, ${verifier}, 0`);
    }
    await assertRejects(
      () => control(`account, add-token, alice, 00000010, ${verifier}, 0`),
      Error,
      "as many tokens as it may have",
    );
    await control("account, remove-token, alice, 00000001");
    await control(`account, add-token, alice, 00000010, ${verifier}, 0`);
    assertEquals((await control("account, tokens, alice")).length, 16);
    await control("account, remove, alice");
    await assertRejects(() => control("account, tokens, alice"), Error, "no account has this name");
  });
});
