import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { Networks } from "../../../../server/quota/address.ts";
import { Peer, temporaryDirectory } from "../../../program.ts";
import { transcript, withServer } from "../../serve.ts";

// mailbox.md 1.5
Deno.test("the shared queue, second generation: for, req, nxt with its time, xxx", () =>
  withServer({}, (server) =>
    transcript(
      server,
      `
      bob   > req
      bob   < xxx
      alice > for, Ω and ✓, then 😀
      alice > for,second
      bob   > req
      bob   < nxt, TIME, Ω and ✓, then 😀
      carol > REQ
      carol < nxt, TIME, second
      bob   > req
      bob   < xxx
      `,
    )));

// mailbox.md 2.2
Deno.test("the shared queue, first generation: nxt without time", () =>
  withServer({ timestamps: false }, (server) =>
    transcript(
      server,
      `
      alice > for, one, two
      bob   > req
      bob   < nxt, one, two
      bob   > req
      bob   < xxx
      `,
    )));

// mailbox.md 4.1
Deno.test("mailboxes with IDs: F, R, N, X, first in, first out for each receiver", () =>
  withServer({}, (server) =>
    transcript(
      server,
      `
      alice > F, bob, alice, Ω ✓ 😀
      carol > F, bob, carol, a, b, c
      alice > F, Bob, alice, another Bob
      alice > f ,  bob , alice ,  spaces  
      alice > F, bob, alice,
      alice > F, bob, alice, tab\\there
      bob   > R, bob
      bob   < N, TIME, alice, Ω ✓ 😀
      bob   > R, bob
      bob   < N, TIME, carol, a, b, c
      eve   > r,bob
      eve   < N, TIME, alice,  spaces  
      bob   > R, bob
      bob   < N, TIME, alice, 
      bob   >  R ,  bob  
      bob   < N, TIME, alice, tab\\there
      bob   > R, bob
      bob   < X
      bob   > R, Bob
      bob   < N, TIME, alice, another Bob
      bob   > req
      bob   < xxx
      `,
    )));

// mailbox.md 1.2
Deno.test("a line end at the end of a datagram is no part of it", () =>
  withServer({}, (server) =>
    transcript(
      server,
      `
      alice > F, bob, alice, hello\\n
      alice > F, bob, alice, hello \\r\\n
      bob   > R, bob\\n
      bob   < N, TIME, alice, hello
      bob   > R, bob\\r\\n
      bob   < N, TIME, alice, hello 
      `,
    )));

// mailbox.md 1.2
Deno.test("a program in C that sends its string with the NUL, or its whole buffer, is answered", () =>
  withServer({}, (server) =>
    transcript(
      server,
      `
      alice > F, bob, alice, hello\\0
      alice > F, bob, alice, one\\n\\0\\0
      alice > F, bob, alice, two\\0\\r\\n
      alice > F, bob, alice, three ${"\\0".repeat(1000)}
      alice > F, bob, alice, not\\0this
      bob   > R, bob\\0
      bob   < N, TIME, alice, hello
      bob   > R, bob\\n\\0
      bob   < N, TIME, alice, one
      bob   > R, bob\\0\\0\\0
      bob   < N, TIME, alice, two
      bob   > R, bob
      bob   < N, TIME, alice, three 
      bob   > R, bob
      bob   < X
      carol > for, hello\\0
      dave  > req\\0
      dave  < nxt, TIME, hello
      dave  > req\\0
      dave  < xxx
      `,
    )));

// mailbox.md 1.6
Deno.test("what is no request is dropped, and never answered", () =>
  withServer({}, (server) =>
    transcript(
      server,
      `
      bob   > R, bob, alice
      bob   > R,
      bob   > req, bob
      bob   > for
      bob   > F, bob
      bob   > F, bob, alice
      bob   > N, TIME, alice, hello
      bob   > nxt, hello
      bob   > X
      bob   > xxx
      bob   > hello
      bob   > F, bob, admin, I am the administrator
      bob   > F, bob, alice, bell \x07
      bob   > F, bob, alice, two\\nlines
      bob   > F, ${"x".repeat(65)}, alice, hello
      bob   > F, bob, alice, ${"x".repeat(1000)}
      bob   > R, bob
      bob   < X
      `,
    )));

Deno.test("a full mailbox refuses, and says so once; others are not touched", () =>
  withServer({ limits: { mailboxMessages: 2 } }, async (server, log) => {
    await transcript(
      server,
      `
      alice > F, bob, alice, 1
      alice > F, bob, alice, 2
      alice > F, bob, alice, 3
      alice > F, bob, alice, 4
      alice > F, carol, alice, 5
      bob   > R, bob
      bob   < N, TIME, alice, 1
      bob   > R, bob
      bob   < N, TIME, alice, 2
      bob   > R, bob
      bob   < X
      bob   > R, carol
      bob   < N, TIME, alice, 5
      `,
    );
    assertEquals(log.join("").match(/(?<=Z ).*(full).*/g), [
      "warn mailbox - mailbox 'bob' is full at 2 messages: further messages are refused",
      "warn mailbox - mailbox 'bob' is no longer full; 2 messages were refused",
    ]);
  }));

Deno.test("nobody fills the log, by a mailbox that is full again and again", () =>
  withServer({ limits: { mailboxMessages: 1 } }, async (server, log) => {
    const round = "a > F, bob, alice, 1\na > F, bob, alice, 2\na > R, bob\na < N, TIME, alice, 1\n";
    await transcript(server, round.repeat(200));
    const lines = log.join("").split("\n").filter((line) => line.includes("full")).length;
    assert(lines >= 50 && lines < 300, `${lines} lines`);
  }));

// mailbox.md 4.6
Deno.test("with drop-oldest, a full mailbox keeps the newest", () =>
  withServer({ limits: { mailboxMessages: 6, whenFull: "drop-oldest" } }, async (server) => {
    const puts = Array.from({ length: 9 }, (_, i) => `a > for, ${i}`).join("\n");
    const gets = Array.from({ length: 6 }, (_, i) => `b > req\nb < nxt, TIME, ${i + 3}`).join("\n");
    await transcript(server, `${puts}\n${gets}\nb > req\nb < xxx`);
  }));

Deno.test("many requests of one client that do not wait for each other are answered in their order", () =>
  withServer({}, async (server) => {
    using peer = new Peer(server.addresses[0]!.port);
    for (let i = 0; i < 100; i++) await peer.send(`F, bob, alice, ${i}`);
    for (let i = 0; i < 100; i++) await peer.send("R, bob");
    const got: string[] = [];
    for (let i = 0; i < 100; i++) got.push((await peer.receive()).split(", ")[3]!);
    assertEquals(got, Array.from({ length: 100 }, (_, i) => `${i}`));
  }));

Deno.test("the time of a message is when the server received it, in milliseconds, UTC", () =>
  withServer({}, async (server) => {
    using peer = new Peer(server.addresses[0]!.port);
    const before = Date.now();
    await peer.send("F, bob, alice, x");
    const [, time = ""] = (await peer.ask("R, bob")).split(", ");
    assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    // both clocks cut off a part of a millisecond, at different moments
    assertLessOrEqual(before - 1, Date.parse(time));
    assertLessOrEqual(Date.parse(time), Date.now() + 1);
  }));

Deno.test("the original wire is answered only for the networks that were given", () =>
  withServer({ originalFrom: new Networks(["127.0.0.9/32"]), hosts: ["0.0.0.0"] }, async (server) => {
    const { port } = server.addresses[0]!;
    const to = { transport: "udp", hostname: "127.0.0.1", port } as const;
    const other = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const friend = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.9", port: 0 });
    const encoder = new TextEncoder();
    await other.send(encoder.encode("F, bob, alice, from elsewhere"), to);
    await other.send(encoder.encode("R, bob"), to);
    await friend.send(encoder.encode("R, bob"), to);
    assertEquals(new TextDecoder().decode((await friend.receive())[0]), "X");
    other.close();
    friend.close();
  }));

Deno.test("IPv4 and IPv6 are answered on one port", () =>
  withServer({ hosts: ["127.0.0.1", "::1"] }, async (server) => {
    const [four, six] = server.addresses;
    assertEquals(four!.port, six!.port);
    for (const { hostname, port } of server.addresses) {
      const client = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
      await client.send(new TextEncoder().encode("R, bob"), { transport: "udp", hostname, port });
      assertEquals(new TextDecoder().decode((await client.receive())[0]), "X");
      client.close();
    }
  }));

// mailbox.md 4.5
Deno.test("a put that nobody asks about is on disk soon", async () => {
  await using directory = await temporaryDirectory();
  await withServer({ data: directory.path }, async (server) => {
    using peer = new Peer(server.addresses[0]!.port);
    await peer.send("F, bob, alice, a text that only this file has");
    // the log of the database, which its lock keeps from being opened
    const log = `${directory.path}/messages.db-wal`;
    const read = async () => new TextDecoder().decode(await Deno.readFile(log));
    while (!(await read()).includes("a text that only this file has")) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
});

// mailbox.md 4.3
Deno.test("what was accepted before a stop is answered, and there after it", async () => {
  const data = await Deno.makeTempDir({ prefix: "wirepost-stop-" });
  try {
    let peer: Peer | undefined;
    await withServer({ data }, async (server) => {
      peer = new Peer(server.addresses[0]!.port);
      await peer.send("F, bob, alice, kept");
      assertEquals(await peer.ask("R, nobody"), "X");
    });
    peer![Symbol.dispose]();
    await withServer({ data }, async (server) => {
      using peer = new Peer(server.addresses[0]!.port);
      assert((await peer.ask("R, bob")).endsWith(", alice, kept"));
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
