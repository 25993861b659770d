/** Tokens of accounts on every wire (seal.md 5.15 to 5.17, channels.md section 9). */

import { assertEquals, assertRejects } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { setPassword } from "../../../client/account.ts";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { LoginError } from "../../../client/session/errors.ts";
import { LOGIN_TEXTS } from "../../../protocol/login.ts";
import { temporaryDirectory } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { PASSWORD, withProtected } from "../protected.ts";
import { newToken } from "../tokens.ts";

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

Deno.test("a token is let in on each wire as the password is, and another one, or another's, is not", async () => {
  await using directory = await temporaryDirectory();
  const known = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ control, port }) => {
    const { token, id, verifier } = await newToken(), other = await newToken();
    assertEquals(await control(`account, add-token, alice, ${id}, ${verifier}, 0`), ["alice", id]);
    assertEquals(await control("account, tokens, alice"), [`${id} -`]);
    const rows: [string, string, boolean][] = [
      ["alice", PASSWORD, true],
      ["alice", token, true],
      ["alice", `${token.slice(0, -1)}${token.endsWith("A") ? "Q" : "A"}`, false],
      ["alice", other.token, false],
      ["alice", "wrong", false],
      ["bob", token, false],
      ["nobody", token, false],
    ];
    for (const [name, password, isIn] of rows) {
      await using row = await logIns(port, known, name, password);
      assertEquals([name, password, row.isIn], [name, password, [isIn, isIn, isIn, isIn]]);
    }
  });
});

Deno.test("a token that is removed, or over, ends what has logged in by it, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const known = new KnownServers(`${directory.path}/known-servers`);
  await withProtected(async ({ control, port }) => {
    for (const how of ["removed", "over"]) {
      const { token, id, verifier } = await newToken();
      await control(`account, add-token, alice, ${id}, ${verifier}, ${how === "over" ? 2 : 0}`);
      const byPassword = {
        port: port("mailbox"),
        knownServers: known,
        as: { name: "alice", password: PASSWORD },
      };
      await using alice = await connectMailbox(byPassword);
      await using row = await logIns(port, known, "alice", token);
      assertEquals([how, row.isIn], [how, [true, true, true, true]]);
      if (how === "removed") await control(`account, remove-token, alice, ${id}`);
      assertEquals(await Promise.all(row.peers.map((peer) => peer.next())), [undefined, undefined]);
      await assertRejects(() => row.mailbox!.stat("alice"), LoginError, "no such token");
      assertEquals((await alice.stat("alice")).messages, 0);
      await using again = await logIns(port, known, "alice", token);
      assertEquals([how, again.isIn], [how, [false, false, false, false]]);
    }
  });
});

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
