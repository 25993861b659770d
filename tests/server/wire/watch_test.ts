/** Watching a server (watch.md): what is sent to whom, and how much of it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectOriginalMailbox, type OriginalMailbox } from "../../../client/original_mailbox.ts";
import { connectForum } from "../../../client/forum.ts";
import { proof } from "../../../protocol/admin.ts";
import { decodeEvents, type WatchEvent, type WatchFilter } from "../../../protocol/watch.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import type { Server } from "../../../server/server.ts";
import { HttpPeer } from "../../http.ts";
import { Peer, temporaryDirectory } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { withServer } from "../serve.ts";
import { PATIENCE_MS } from "../../patience.ts";

const secret = new TextEncoder().encode("a secret of an administrator");
const NOTHING: WatchFilter = { services: [], peers: [], names: [], texts: false };

/** A server whose administrator has `secret`. */
async function withSecret(
  ports: Record<string, number>,
  use: (server: Server, log: string[]) => Promise<void>,
  options: Partial<Parameters<typeof withServer>[0]> = {},
) {
  await using directory = await temporaryDirectory();
  const secretFile = `${directory.path}/secret`;
  await Deno.writeFile(secretFile, secret);
  await withServer({ secretFile, ports, ...options }, use);
}

const portOf = (server: Server, name: string) =>
  server.listening.find((service) => service.name === name)!.addresses[0]!.port;

/** Watches a server: the next events, each as a line. */
class Watching implements AsyncDisposable {
  readonly #mailbox: OriginalMailbox;
  readonly #ended = new AbortController();
  readonly #updates: ReturnType<OriginalMailbox["watch"]>;
  readonly #events: WatchEvent[] = [];
  /** The update that is awaited from the beginning. */
  #first: ReturnType<ReturnType<OriginalMailbox["watch"]>["next"]> | undefined;
  /** Set when the subscription has begun. */
  readonly begun: Promise<void>;

  private constructor(mailbox: OriginalMailbox, filter: WatchFilter) {
    const begun = Promise.withResolvers<void>();
    this.#mailbox = mailbox;
    this.begun = begun.promise;
    this.#updates = mailbox.watch(secret, filter, { signal: this.#ended.signal, onBegin: begun.resolve });
  }

  static async begin(server: Server, filter: Partial<WatchFilter> = {}, name = "mailbox"): Promise<Watching> {
    const mailbox = await connectOriginalMailbox({ port: portOf(server, name), timeout: PATIENCE_MS });
    const watching = new Watching(mailbox, { ...NOTHING, ...filter });
    // the generator runs as far as the first event
    const first = watching.#updates.next();
    await Promise.race([watching.begun, first]);
    watching.#first = first;
    return watching;
  }

  async next(): Promise<WatchEvent> {
    const timer = setTimeout(() => this.#ended.abort(), PATIENCE_MS);
    try {
      while (this.#events.length === 0) {
        const { value } = await (this.#first ?? this.#updates.next());
        this.#first = undefined;
        if (value === undefined) throw new Error("No event came");
        this.#events.push(...value.events);
      }
      return this.#events.shift()!;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next events, as `→ what: why (rule)`. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    for (let i = 0; i < count; i++) lines.push(line(await this.next()));
    return lines;
  }

  async [Symbol.asyncDispose]() {
    this.#ended.abort();
    await this.#first?.catch(() => {});
    await this.#updates.return();
    await this.#mailbox.close();
  }
}

function line({ direction, what, text, why, rule }: WatchEvent): string {
  const said = text === undefined ? what : `${what}: ${text}`;
  return `${direction === "in" ? "→" : "←"} ${said}${why === undefined ? "" : `: ${why} (${rule})`}`;
}

// watch.md 2.1, 2.4
Deno.test("a watcher sees datagrams of the original wire, with what is wrong with them", () =>
  withSecret({ mailbox: 0 }, async (server) => {
    await using watching = await Watching.begin(server);
    using peer = new Peer(server.addresses[0]!.port);
    for (const datagram of ["F; bob", "F, bob, alice, a secret text", "F, bob, admin, x"]) {
      await peer.send(datagram);
    }
    assertMatch(await peer.ask("R, bob"), /^N, .*, alice, a secret text$/);
    assertEquals(await peer.ask("R, bob"), "X");
    assertEquals(await peer.ask("A, count"), "A, error, no proof");
    const first = await watching.next();
    assertMatch(first.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assertEquals({ ...first, time: "" }, {
      time: "",
      direction: "in",
      service: "mailbox",
      peer: `127.0.0.1:${peer.port}`,
      what: "'F; bob', 6 bytes",
      refused: "unknown type",
      why: "no comma after the type",
      rule: "mailbox.md 1.1",
    });
    assertEquals(await watching.lines(8), [
      "→ F: put into 'bob' from 'alice', 13 bytes",
      "→ 'F, bob, …', 16 bytes: nobody sends as 'admin' (mailbox.md 1.4)",
      "→ R: take from 'bob'",
      "← N: message for 'bob' from 'alice', 13 bytes",
      "→ R: take from 'bob'",
      "← X: no message in 'bob'",
      "→ A: a command without a proof",
      "← A: error: no proof (admin.md section 6)",
    ]);
  }));

// watch.md 2.2
Deno.test("a put that is refused later is seen a second time, with the reason", () =>
  withSecret({ mailbox: 0 }, async (server) => {
    await using watching = await Watching.begin(server, { texts: true });
    using peer = new Peer(server.addresses[0]!.port);
    for (const text of ["1", "2"]) await peer.send(`F, bob, alice, ${text}`);
    assertEquals(await peer.ask("R, nobody"), "X");
    const lines = await watching.lines(5);
    assertEquals(lines.filter((line) => line.includes("full")), [
      "→ F: put into 'bob' from 'alice', 1 byte: 2: the mailbox, or all mailboxes, are full (mailbox.md section 7)",
    ]);
    assertEquals(lines.slice(0, 2), [
      "→ F: put into 'bob' from 'alice', 1 byte: 1",
      "→ F: put into 'bob' from 'alice', 1 byte: 2",
    ]);
  }, { limits: { mailboxMessages: 1 } }));

// watch.md 1.4, 1.5
Deno.test("filters leave out other services, peers and names; what names nobody goes with its peer", () =>
  withSecret({ mailbox: 0, channels: 0 }, async (server) => {
    const port = portOf(server, "mailbox");
    using bob = new Peer(port);
    using carol = new Peer(port);
    await using byPeer = await Watching.begin(server, { peers: [`127.0.0.1:${carol.port}`] });
    await using byName = await Watching.begin(server, { names: ["bob", "tea"], services: ["mailbox"] });
    await using byService = await Watching.begin(server, { services: ["channels"], peers: ["127.0.0.1"] });
    using member = await FramePeer.connect(portOf(server, "channels"));
    await member.send("Alice", "/create tea");
    for (const [peer, name] of [[bob, "bob"], [carol, "carol"]] as const) {
      await peer.send(`F, ${name}, alice, x`);
      assertMatch(await peer.ask(`R, ${name}`), /^N/);
      await peer.send(`F; ${name}`);
    }
    assertEquals(await byPeer.lines(4), [
      "→ F: put into 'carol' from 'alice', 1 byte",
      "→ R: take from 'carol'",
      "← N: message for 'carol' from 'alice', 1 byte",
      "→ 'F; carol', 8 bytes: no comma after the type (mailbox.md 1.1)",
    ]);
    await bob.send("R, end");
    assertMatch(await bob.receive(), /^X/);
    await bob.send("F, bob, alice, y");
    assertEquals(await byName.lines(5), [
      "→ F: put into 'bob' from 'alice', 1 byte",
      "→ R: take from 'bob'",
      "← N: message for 'bob' from 'alice', 1 byte",
      "→ 'F; bob', 6 bytes: no comma after the type (mailbox.md 1.1)",
      "→ F: put into 'bob' from 'alice', 1 byte",
    ]);
    assertEquals(await byService.lines(3), [
      "→ connects",
      "→ name 'Alice'",
      "→ 'Alice' /create: channel 'tea'",
    ]);
  }));

Deno.test("a watcher sees frames, lines and the ends of connections", () =>
  withSecret({ mailbox: 0, channels: 0, room: 0 }, async (server) => {
    await using channels = await Watching.begin(server, { services: ["channels"] });
    await using room = await Watching.begin(server, { services: ["room"] });
    const alice = await FramePeer.connect(portOf(server, "channels"));
    await alice.send("Alice", "/join tea", "hello", "/dance");
    for (let i = 0; i < 3; i++) await alice.next();
    await alice.write(new Uint8Array(7).fill(0x61));
    alice[Symbol.dispose]();
    assertEquals(await channels.lines(11), [
      "→ connects",
      "→ name 'Alice'",
      "→ 'Alice' /join: channel 'tea'",
      "← answer: No channel named tea exists. Try '/create tea'? (channels.md 2.2)",
      "→ 'Alice' message, 5 bytes in no channel",
      "← answer: Not currently in any channel. Must join a channel before sending messages. (channels.md 2.2)",
      "→ 'Alice' '/dance': no control message, 6 bytes",
      "← answer: it is not a valid control message (channels.md 2.2)",
      "→ a part of a frame: the stream ended within a frame (channels.md 1.4)",
      "→ closes its side",
      "← disconnected",
    ]);
    using one = await LinePeer.connect(portOf(server, "room"));
    using other = await LinePeer.connect(portOf(server, "room"));
    await one.next();
    await one.send("hi");
    await other.next();
    await one.send("x".repeat(5000));
    assertEquals(await room.lines(7), [
      "→ connects",
      "→ connects",
      `← note: 127.0.0.1:${other.port} entered`,
      "→ line, 2 bytes",
      `← line of ('127.0.0.1', ${one.port}), 2 bytes`,
      "→ a line: the line is over the limit (room.md 1.5)",
      "← answer: A line must have at most 4096 bytes: yours was not sent (room.md 1.5)",
    ]);
  }));

Deno.test("a watcher sees what is inside a seal, a session that is malformed, and a file's connection", () =>
  withSecret({ mailbox: 0, forum: 0 }, async (server, log) => {
    await using watching = await Watching.begin(server, { services: ["forum"], texts: true });
    const port = portOf(server, "forum"), [serverKey = ""] = /public1\w+/.exec(log.join(""))!;
    using stranger = new Peer(port);
    await stranger.send("LOGIN yoda");
    await stranger.send("P1> x");
    assertEquals(await watching.lines(2), [
      "→ 'LOGIN yo…', 10 bytes: LOGIN yoda: neither a session's nor a seal's datagram (forum.md 1.1)",
      "→ a session's datagram, 5 bytes: its first line is not 'P1> SESSION START-ID COOKIE LOW' (session.md 1.5)",
    ]);
    await using forum = await connectForum({
      port,
      serverKey,
      as: { name: "yoda", password: "word", make: true },
    });
    await forum.create("thread0");
    await forum.post("thread0", "hello, all");
    using file = await Deno.connect({ port });
    await file.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
    const lines: string[] = [];
    while (!lines.at(-1)?.startsWith("← file: no malformed")) lines.push(...await watching.lines(1));
    const shown = lines.map((line) => line.replace(/(session|seal) [\w-]{6}…/, "$1 ID"));
    const expected = [
      "→ seal ID hello: begins a handshake, without a cookie yet",
      "← seal ID challenge: a start ID and a cookie",
      "← seal ID hello: the server's keys",
      "→ seal ID first: log-in as 'yoda'",
      "← seal ID none: no account has this name (seal.md section 10)",
      "→ seal ID make: an account 'yoda'",
      "→ seal ID final: the proof of its password",
      "← seal ID final: logged in as 'yoda'",
      "→ 'yoda' sealed: session ID CRT 1: make thread 'thread0'",
      "← 'yoda' sealed: session ID ok 1: done",
      "→ 'yoda' sealed: session ID MSG 2: post into thread 'thread0', 10 bytes: hello, all",
      "→ file: connects",
      "→ file: a line of 14 bytes: a line is none that may stand there, or came too late (transfer.md 1.2)",
    ];
    for (const one of expected) assert(shown.includes(one), `${one} in\n${shown.join("\n")}`);
  }));

Deno.test("a watcher sees why a connection for files makes room for another one", () => {
  const { forumLimits: before } = DEFAULT_OPTIONS;
  const forumLimits = { ...before, transfers: { ...before.transfers, transfers: 1, connections: 1 } };
  return withSecret({ mailbox: 0, forum: 0 }, async (server) => {
    await using watching = await Watching.begin(server, { services: ["forum"] });
    const port = portOf(server, "forum");
    using first = await Deno.connect({ port });
    assertEquals(await watching.lines(1), ["→ file: connects"]);
    using _ = await Deno.connect({ port });
    assertEquals(await first.read(new Uint8Array(1)), null);
    assertEquals((await watching.lines(2)).toSorted(), [
      "← file: disconnected, 0 bytes received, 0 bytes sent: it made room for a new connection (transfer.md 7.3)",
      "→ file: connects",
    ]);
  }, { forumLimits });
});

// admin.md 7.3, 7.4, 7.8
Deno.test("a watcher sees who is muted, kicked and banned", () =>
  withSecret({ mailbox: 0, channels: 0 }, async (server) => {
    await using watching = await Watching.begin(server, { services: ["channels"] });
    await using mailbox = await connectOriginalMailbox({
      port: portOf(server, "mailbox"),
      timeout: PATIENCE_MS,
    });
    using bob = await FramePeer.connect(portOf(server, "channels"));
    await bob.send("Bob", "/create tea");
    assertEquals(await watching.lines(3), ["→ connects", "→ name 'Bob'", "→ 'Bob' /create: channel 'tea'"]);
    await mailbox.control(secret, "mute, 0, Bob");
    await bob.send("hello");
    assertMatch(await bob.next() ?? "", /^You are muted/);
    await mailbox.control(secret, "kick, Bob");
    assertEquals(await bob.next(), undefined);
    await mailbox.control(secret, "ban, 0, Bob");
    using again = await FramePeer.connect(portOf(server, "channels"));
    await again.send("Bob");
    assertEquals(await again.next(), undefined);
    assertEquals(await watching.lines(7), [
      "→ 'Bob' message, 5 bytes in 'tea'",
      "→ message, not passed on: an administrator has muted the address or the name (admin.md 7.8)",
      "← answer: You are muted: nobody gets what you send (admin.md 7.9)",
      "← disconnected: an administrator has disconnected it (admin.md 7.3)",
      "→ connects",
      "→ name 'Bob'",
      "← disconnected: an administrator has banned the address or the name (admin.md 7.4)",
    ]);
  }));

// watch.md 1.1, 2.5
Deno.test("nothing is sent without a proof, and a watcher does not see itself", () =>
  withSecret({ mailbox: 0 }, async (server, log) => {
    await using watching = await Watching.begin(server, { services: ["admin"] });
    using peer = new Peer(server.addresses[0]!.port);
    const order = async (command: string, key = secret) => {
      const nonce = (await peer.ask("A, challenge   ")).replace("A, ok, ", "");
      return await peer.ask(`A, ${nonce}, ${proof(key, nonce, command)}, ${command}`);
    };
    assertEquals(
      await order("watch, 30", new TextEncoder().encode("another secret")),
      "A, error, wrong proof",
    );
    assertEquals(await order("watch, 61"), "A, error, not 0 to 60 seconds: '61'");
    // what would be an event comes before the answer to this
    assertEquals(await peer.ask("R, nobody"), "X");
    assertEquals(await watching.lines(8), [
      "→ A: asks for a nonce",
      "← A: ok, 40 bytes",
      "→ A: command 'watch'",
      "← A: error: wrong proof (admin.md section 6)",
      "→ A: asks for a nonce",
      "← A: ok, 40 bytes",
      "→ A: command 'watch'",
      "← A: error: not 0 to 60 seconds: '61' (admin.md section 6)",
    ]);
    assertMatch(log.join(""), / info admin 127\.0\.0\.1:\d+ an administrator watches, without texts\n/);
    // now it is one that watches: what it asks after that is no event
    assertMatch(await order("watch, 30, service=mailbox"), /^A, ok, [0-9a-f]{8}, 1, 0$/);
    using other = new Peer(server.addresses[0]!.port);
    await other.send("F; bob");
    const events = decodeEvents((await peer.receive()).replace(/^A, /, ""))!;
    assertEquals([events.first, events.dropped, events.events.map(line)], [1, 0, [
      "→ 'F; bob', 6 bytes: no comma after the type (mailbox.md 1.1)",
    ]]);
    assertMatch(await order("watch, 0"), /^A, ok, [0-9a-f]{8}, 2, 0$/);
    await other.send("F; bob");
    assertEquals(await peer.ask("R, nobody"), "X");
    // from the answer that made it a watcher to the command by which it is none any more, nothing of it is seen
    assertEquals(await watching.lines(4), [
      "→ A: asks for a nonce",
      "← A: ok, 40 bytes",
      "→ A: command 'watch'",
      "← A: ok, 18 bytes",
    ]);
  }));

// watch.md 1.6
Deno.test("a server without a mailbox is watched on the administrator's port", () =>
  withSecret({ room: 0 }, async (server) => {
    await using watching = await Watching.begin(server, {}, "admin");
    using peer = new Peer(portOf(server, "admin"));
    await peer.send("F, bob, alice, x");
    using _ = await LinePeer.connect(portOf(server, "room"));
    assertEquals(await watching.lines(2), [
      "→ F: put into 'bob' from 'alice', 1 byte: its first field is neither F, R, for, req nor A (mailbox.md section 1)",
      "→ connects",
    ]);
  }));

// watch.md 2.1: a lease's ID, a query and a header may be secrets
Deno.test("a watcher sees requests of HTTP and their answers, without what may be a secret in them", () =>
  withSecret({ mailbox: 0 }, async (server) => {
    await using watching = await Watching.begin(server, { services: ["http"] });
    using peer = await HttpPeer.connect(server.addresses[0]!.port);
    await peer.request("POST /mailbox/bo%20b?sender=alice", { body: "a secret text" });
    await peer.request("GET /mailbox/bo%20b", { headers: { authorization: "Digest secret" } });
    await peer.request(`DELETE /lease/1-${"0".repeat(32)}`);
    await peer.request("GET /nothing");
    assertEquals(await watching.lines(8), [
      "→ POST /mailbox/bo%20b",
      "← 201 Created",
      "→ GET /mailbox/bo%20b",
      "← 400 Bad Request: the header Authorization can't be read (http.md 1.9)",
      "→ DELETE /lease/…",
      "← 409 Conflict: the lease has ended, and the message may be somebody else's (http.md 8.6)",
      "→ GET /nothing",
      "← 404 Not Found: there is nothing at this path (http.md 2.1)",
    ]);
  }));
