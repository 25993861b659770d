import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectOriginalMailbox } from "../../../client/original_mailbox.ts";
import { connectMailbox, KnownServers, type Mailbox } from "../../../client/mailbox.ts";
import { decodePublicKey, encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { RefusedError } from "../../../client/session/errors.ts";
import type { Server } from "../../../server/server.ts";
import { Peer } from "../../program.ts";
import { transcript, withServer } from "../serve.ts";

/** Uses a server, and a place of its own for known servers. */
async function withAccounts(
  use: (
    connect: (name?: string, password?: string) => Promise<Mailbox>,
    server: Server,
    known: KnownServers,
    log: string[],
  ) => Promise<void>,
) {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-account-" });
  try {
    await withServer({ logLevel: "debug" }, async (server, log) => {
      const { port } = server.addresses[0]!;
      const knownServers = new KnownServers(`${directory}/sub/known-servers`);
      const connect = (name?: string, password = "secret") =>
        name === undefined
          ? connectMailbox({ port })
          : connectMailbox({ port, knownServers, as: { name, password, make: true } });
      await use(connect, server, knownServers, log);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function next(mailbox: Mailbox, id: string): Promise<string | undefined> {
  for await (const message of mailbox.messages(id, { wait: 0 })) {
    await message.ack();
    return `${message.sender}: ${message.text}`;
  }
}

// accounts.md 2.1, 2.4
Deno.test("the mailbox of an account is its owner's alone, in a session and on the original wire", async () => {
  await withAccounts(async (connect, server) => {
    await using alice = await connect("alice");
    await using bob = await connect("bob");
    await using nobody = await connect();
    await nobody.send("alice", "eve", "in a session");
    await bob.send("alice", "bob", "from an account");
    for (const other of [nobody, bob]) {
      await assertRejects(() => next(other, "alice"), RefusedError, "only its owner may");
      await assertRejects(() => other.stat("alice"), RefusedError);
    }
    await transcript(
      server,
      `
      eve > R, alice
      eve < X
      eve > F, alice, bob, forged
      eve > F, alice, eve, on the original wire
      eve > R, nobody
      eve < X
    `,
    );
    const got = [];
    for (let message; (message = await next(alice, "alice")) !== undefined;) got.push(message);
    assertEquals(got, [
      "eve: in a session",
      "bob: from an account",
      "eve: on the original wire",
    ]);
    assertEquals((await alice.stat("alice")).messages, 0);
  });
});

// accounts.md 2.2, 2.3, 2.5
Deno.test("nobody sends under the name of an account but its owner, and he under no other", async () => {
  await withAccounts(async (connect) => {
    await using alice = await connect("alice");
    await using nobody = await connect();
    const long = "x".repeat(5000);
    await assertRejects(() => nobody.send("bob", "alice", "forged"), RefusedError, "sender has an account");
    await assertRejects(() => nobody.send("bob", "alice", long), RefusedError, "sender has an account");
    await assertRejects(() => alice.send("bob", "eve", "posing"), RefusedError, "not your name");
    await alice.send("", "", "shared");
    await alice.send("bob", "alice", "hi");
    assertEquals([await next(nobody, "bob"), await next(nobody, "bob")], ["alice: hi", undefined]);
  });
});

// seal.md 7.8
Deno.test("a server is remembered by its key, and refused when it has another", async () => {
  await withAccounts(async (connect, server, known, log) => {
    const { port } = server.addresses[0]!, name = `127.0.0.1:${port}`;
    await (await connect("alice")).close();
    const key = await known.keyOf(name);
    assert(log.join("").includes(`the server's key is ${key}`));
    const file = await Deno.readTextFile(known.path);
    assertEquals(file, `${name} ${key}\n`);
    await (await connect("alice")).close();
    assertEquals(await Deno.readTextFile(known.path), file);
    const other = encodePublicKey(new Uint8Array(32));
    await Deno.writeTextFile(known.path, `# mine\n\n${name} ${other}\n`);
    await assertRejects(() => connect("alice"), Error, `but ${known.path} says ${other}`);
    await assertRejects(() => connect("alice"), Error, `run: wirepost known-servers remove ${name}`);
    await Deno.writeTextFile(known.path, `${name} key\n`);
    await assertRejects(() => connect("alice"), Error, "line 1 has no key: expected 'public1'");
    await Deno.writeTextFile(
      known.path,
      `${name} ${key!.replace(/.$/, (last) => last === "a" ? "b" : "a")}\n`,
    );
    await assertRejects(() => connect("alice"), Error, "line 1 has no key: its checksum is wrong");
    // as it was written before
    const older = decodePublicKey(key!).toBase64({ alphabet: "base64url", omitPadding: true });
    await Deno.writeTextFile(known.path, `${name} ${older}\n`);
    await (await connect("alice")).close();
    assertEquals(await known.keyOf(name), key);
    // as an editor may leave it
    await Deno.writeTextFile(known.path, `other:1 ${key}`);
    await (await connect("alice")).close();
    assertEquals(await Deno.readTextFile(known.path), `other:1 ${key}\n${name} ${key}\n`);
    assertEquals((await Deno.stat(known.path)).mode! & 0o777, 0o600);
    const pinned = (serverKey: string) =>
      connectMailbox({ port, serverKey, as: { name: "alice", password: "secret" } });
    for (const same of [key!, key!.toUpperCase(), older]) await (await pinned(same)).close();
    await assertRejects(() => pinned(other), Error, "was to have");
    await assertRejects(() => pinned(`${other}a`), SyntaxError, "expected 'public1'");
  });
});

// seal.md 5.12
Deno.test("a plain session can't go on with one that was sealed, nor the other way round", async () => {
  await withAccounts(async (connect, server, knownServers) => {
    const { port } = server.addresses[0]!;
    const as = { name: "alice", password: "secret" };
    const alice = await connect("alice");
    await alice.send("bob", "alice", "1");
    const { id } = alice.state;
    // while memory knows it, and when only the store does
    const plain = { port, resume: { id, next: 2 } };
    await using first = await connectMailbox(plain);
    await assertRejects(() => first.send("bob", "eve", "2"), Error, "belongs to an account");
    await alice.close();
    await using second = await connectMailbox(plain);
    await assertRejects(() => second.send("bob", "eve", "2"), Error, "belongs to an account");
    await using nobody = await connect();
    await nobody.send("bob", "eve", "3");
    const resume = { id: nobody.state.id, next: 2 };
    await assertRejects(
      () => connectMailbox({ port, knownServers, as, resume }),
      Error,
      "not this account's",
    );
    await using again = await connectMailbox({ port, knownServers, as, resume: { id, next: 2 } });
    await again.send("bob", "alice", "2");
  });
});

Deno.test("what a capture of a whole session shows is neither password nor verifier nor message", async () => {
  await withAccounts(async (_connect, server, knownServers) => {
    const { port } = server.addresses[0]!;
    const captured: Uint8Array[] = [];
    const front = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const back = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    let client: Deno.Addr | undefined;
    const pass = async (
      from: Deno.DatagramConn,
      onward: (datagram: Uint8Array<ArrayBuffer>) => unknown,
      note: (from: Deno.Addr) => void,
    ) => {
      try {
        for await (const [datagram, address] of from) {
          captured.push(datagram.slice());
          note(address);
          await onward(datagram.slice());
        }
      } catch {
        // closed
      }
    };
    const passing = [
      pass(
        front,
        (datagram) => back.send(datagram, { transport: "udp", hostname: "127.0.0.1", port }),
        (from) => client = from,
      ),
      pass(back, (datagram) => front.send(datagram, client!), () => {}),
    ];
    const { port: proxy } = front.addr as Deno.NetAddr;
    const password = "correct horse battery staple", message = "the message that nobody sees";
    {
      await using alice = await connectMailbox({
        port: proxy,
        knownServers,
        as: { name: "alice", password, make: true },
      });
      await alice.send("alice", "alice", message);
      assertEquals(await next(alice, "alice"), `alice: ${message}`);
    }
    const sealed = captured.splice(0);
    {
      await using nobody = await connectMailbox({ port: proxy });
      await nobody.send("bob", "eve", message);
    }
    front.close();
    back.close();
    await Promise.all(passing);
    assert(sealed.length > 15);
    const textOf = (datagrams: Uint8Array[]) =>
      datagrams.map((datagram) => String.fromCharCode(...datagram)).join("\n");
    // no word is so short that ciphertext may have it by chance
    for (const secret of [password, "SCRAM", "600000", "alice", message, ",alice,", "first,", "final,"]) {
      assert(!textOf(sealed).includes(secret), secret);
    }
    // what it does show
    assert(sealed.every((datagram) => datagram[0] === 0x53 && datagram[1] === 0x31));
    // and what is seen where there is no seal
    assert(textOf(captured).includes(message));
  });
});

Deno.test("what is dropped under seal is counted by its reason", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-account-" });
  const secret = "0123456789abcdef0123456789abcdef";
  await Deno.writeTextFile(`${directory}/secret`, secret);
  try {
    await withServer({ secretFile: `${directory}/secret` }, async (server) => {
      const { port } = server.addresses[0]!;
      using peer = new Peer(port);
      await peer.send("S1> nonsense");
      await using admin = await connectOriginalMailbox({ port });
      const status = await admin.control(new TextEncoder().encode(secret), "status");
      assert(status.includes("refused sealed malformed 1"), status.join("\n"));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
