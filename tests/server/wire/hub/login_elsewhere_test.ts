/** Log-in on channels and room from elsewhere, and who guesses there (channels.md section 9). */

import { assertEquals } from "@std/assert";
import { selfSigned } from "../../../../client/command/cert/self_signed.ts";
import { LOGIN_TEXTS } from "../../../../protocol/channels/login.ts";
import { temporaryDirectory } from "../../../program.ts";
import { FramePeer, LinePeer } from "../../../stream.ts";
import type { Administered } from "../../administrator.ts";
import { PASSWORD, withProtected } from "../../protected.ts";

const { wrong, required, inClear, requiredElsewhere } = LOGIN_TEXTS;

// channels.md 9.8, seal.md 6.2
Deno.test("who guesses is slowed down, and keeps out nobody who comes from elsewhere", async () => {
  await withProtected(async ({ port }) => {
    using alice = await FramePeer.named("eve", port("channels"));
    await alice.send(`/login alice ${PASSWORD}`);
    assertEquals(await alice.next(), "Logged in as alice");
    using eve = await LinePeer.connect(port("room"));
    let answer: string | undefined = wrong, guesses = 0;
    while (answer === wrong && guesses++ < 200) {
      await eve.send("/login bob wrong");
      answer = await eve.next();
    }
    assertEquals(answer, LOGIN_TEXTS.tooMany);
    // alice's own address is not held to the limit of the name, and this one guessed at bob
    await alice.send(`/login alice ${PASSWORD}`);
    assertEquals(await alice.next(), "Logged in as alice");
  });
});

/**
 * Runs a server with channels and room, which take TLS too, whose clients seem to come from other machines: from the
 * addresses that `from` gives when they connect.
 */
async function withElsewhere(
  use: (server: Administered & { cert: string; from(address: string): void }) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  const { cert, key } = await selfSigned(["127.0.0.1"], 1);
  const files = { cert: `${directory.path}/cert.pem`, key: `${directory.path}/key.pem` };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key, { mode: 0o600 });
  const listen = Deno.listen;
  let address = "127.0.0.1";
  Object.assign(Deno, {
    listen(options: Deno.ListenOptions) {
      const listener = listen(options), accept = listener.accept.bind(listener);
      const far = async () => {
        const connection = await accept(), { port } = connection.remoteAddr as Deno.NetAddr;
        const value = { transport: "tcp", hostname: address, port };
        return Object.defineProperty(connection, "remoteAddr", { value });
      };
      return Object.defineProperty(listener, "accept", { value: far });
    },
  });
  try {
    const ports = { mailbox: 0, channels: 0, room: 0, "room-tls": 0, forum: 0 };
    await withProtected(
      (server) => use({ ...server, cert, from: (from) => address = from }),
      { ports, tls: { ...files, takesPlain: true } },
    );
  } finally {
    Object.assign(Deno, { listen });
  }
}

// channels.md 9.2
Deno.test("from elsewhere a password is taken over TLS, and is not looked at where others can read it", () =>
  withElsewhere(async ({ port, cert, from }) => {
    from("192.0.2.1");
    using plain = await FramePeer.named("alice", port("channels"));
    assertEquals(await plain.next(), requiredElsewhere);
    using room = await LinePeer.connect(port("room"));
    for (const peer of [plain, room]) {
      for (const line of ["/login", `/login alice ${PASSWORD}`, "x\r /login"]) {
        await peer.send(line);
        if (line.startsWith("x") && peer === plain) assertEquals(await peer.next(), requiredElsewhere);
        assertEquals(await peer.next(), inClear);
      }
    }
    using bob = await FramePeer.overTls(port("channels"), cert);
    await bob.send("bob", `/login bob wrong`, `/login bob ${PASSWORD}`, "/create tea");
    assertEquals([await bob.next(), await bob.next(), await bob.next()], [
      required,
      wrong,
      "Logged in as bob",
    ]);
    from("2001:db8::7");
    using alice = await FramePeer.overTls(port("channels"), cert);
    await alice.send(`  /login alice ${PASSWORD}`, "/join tea", "hello");
    assertEquals(await alice.next(), "Logged in as alice");
    assertEquals([await bob.next(), await bob.next()], ["alice has joined", "[alice] hello"]);
    using inRoom = await LinePeer.overTls(port("room-tls"), cert);
    await inRoom.send("/login alice wrong", `/login alice ${PASSWORD}`);
    assertEquals([await inRoom.next(), await inRoom.next()], [wrong, "Logged in as alice"]);
  }));

// channels.md 9.8, seal.md 6.2
Deno.test("whoever guesses from other addresses, one or many, keeps the owner out from nowhere", () =>
  withElsewhere(async ({ port, cert, from }) => {
    const logIn = async (address: string, password: string) => {
      from(address);
      using peer = await FramePeer.overTls(port("channels"), cert);
      await peer.send(`/login alice ${password}`);
      return await peer.next();
    };
    const isIn = "Logged in as alice";
    let answer: string | undefined = wrong, guesses = 0;
    while (answer === wrong && guesses++ < 200) answer = await logIn("192.0.2.1", "wrong");
    assertEquals([answer, guesses < 200], [LOGIN_TEXTS.tooMany, true]);
    // not even the right password is looked at there
    assertEquals(await logIn("192.0.2.1", PASSWORD), LOGIN_TEXTS.tooMany);
    // the owner comes from two addresses that were never seen before, and from this machine
    assertEquals(await logIn("198.51.100.7", PASSWORD), isIn);
    assertEquals(await logIn("2001:db8:1::7", PASSWORD), isIn);
    // and guesses from many addresses keep nobody out who has logged in once from where he is
    for (let i = 0; i < 20; i++) await logIn(`203.0.113.${i}`, "wrong");
    assertEquals(await logIn("203.0.113.99", "wrong"), LOGIN_TEXTS.tooMany);
    assertEquals(await logIn("198.51.100.7", PASSWORD), isIn);
    assertEquals(await logIn("2001:db8:1::8", PASSWORD), isIn);
  }));
