/** Who is connected, bans and mutes: admin.md section 7, on every wire of a real server. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { connectMailbox, LoginError, RefusedError } from "../../../client/mailbox.ts";
import { encodeFrames, FrameDecoder } from "../../../protocol/syntax/frame.ts";
import { isOwnMachine, subjectOf } from "../../../server/quota/subject.ts";
import { Clients, type ConnectedClient, Traffic } from "../../../server/report/clients.ts";
import { MUTED_TEXT } from "../../../protocol/admin.ts";
import { MAX_MEASURES, Moderation } from "../../../server/service/moderation.ts";
import type { Measure } from "../../../server/store/requests/measure.ts";
import { Peer, temporaryDirectory } from "../../program.ts";
import { withAdministrator } from "../administrator.ts";

/** A client of the channels, by hand. */
class Talker implements Disposable {
  readonly #decoder = new FrameDecoder();
  readonly #frames: string[] = [];

  private constructor(readonly connection: Deno.TcpConn) {}

  static async connect(port: number, ...texts: string[]): Promise<Talker> {
    const talker = new Talker(await Deno.connect({ port }));
    for (const text of texts) await talker.say(text);
    return talker;
  }

  /** One who has created a channel, and is in it: others can join it. */
  static async create(port: number, name: string, channel: string): Promise<Talker> {
    const talker = await Talker.connect(port, name, `/create ${channel}`, "/list");
    assertEquals(await talker.hears(), channel);
    return talker;
  }

  async say(text: string) {
    await this.connection.write(encodeFrames(text));
  }

  /** The next frame's text; undefined at the end. */
  async hears(): Promise<string | undefined> {
    const buffer = new Uint8Array(4096);
    while (this.#frames.length === 0) {
      const length = await this.connection.read(buffer).catch(() => null);
      if (length === null) return undefined;
      this.#frames.push(...this.#decoder.decode(buffer.subarray(0, length)));
    }
    return this.#frames.shift();
  }

  [Symbol.dispose]() {
    this.connection.close();
  }
}

const rowOf = (row: string) => {
  const [, service, kind, , , , received, bytes, , , ...name] = row.split(",");
  return `${service} ${kind} ${received} ${bytes} ${name.join(",")}`;
};

// admin.md 7.1, 7.2
Deno.test("connections lists who is connected on every wire, with what each has sent", () =>
  withAdministrator({}, async ({ control, port }) => {
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    await mailbox.send("bob", "alice", "one");
    using peer = new Peer(port("mailbox"));
    await peer.send("F, bob, carol, hello");
    await peer.ask("R, nobody");
    using talker = await Talker.create(port("channels"), "dave, d", "tea");
    using other = await Talker.connect(port("channels"), "eve", "/join tea");
    assertEquals(await talker.hears(), "eve has joined");
    using room = await Deno.connect({ port: port("room") });
    await talker.say("hi");
    assertEquals(await other.hears(), "[dave, d] hi");
    const rows = await control("connections");
    assertEquals(rows.map(rowOf).filter((row) => !row.startsWith("room")), [
      "mailbox session 1 103 alice".replace("103", rows[0]!.split(",")[7]!),
      "mailbox datagrams 2 5 nobody",
      "channels connection 3 800 dave, d",
      "channels connection 1 400 eve",
    ]);
    const [, , , address, since, heard] = rows[2]!.split(",");
    assertEquals(address, `127.0.0.1:${(talker.connection.localAddr as Deno.NetAddr).port}`);
    assert(Math.abs(Number(since) - Date.now()) < 60_000 && Number(heard) >= Number(since));
    assertEquals(room.remoteAddr.transport, "tcp");
    // the last number is behind all
    assertEquals(await control(`connections, ${rows.at(-1)!.split(",")[0]}`), []);
  }));

// admin.md 7.3
Deno.test("kick ends the connections of a name or of one address, and a session comes back", () =>
  withAdministrator({}, async ({ control, port }) => {
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    await mailbox.send("bob", "alice", "one");
    using dave = await Talker.create(port("channels"), "dave", "tea");
    using eve = await Talker.connect(port("channels"), "eve", "/join tea");
    assertEquals(await dave.hears(), "eve has joined");
    assertEquals(await control("kick, eve"), ["1"]);
    assertEquals(await eve.hears(), undefined);
    assertEquals(await dave.hears(), "eve has left");
    const { port: from } = dave.connection.localAddr as Deno.NetAddr;
    assertEquals(await control(`kick, 127.0.0.1:${from}`), ["1"]);
    assertEquals(await dave.hears(), undefined);
    assertEquals(await control("kick, alice"), ["1"]);
    // nothing is lost, and nothing is stored twice
    await mailbox.send("bob", "alice", "two");
    assertEquals((await mailbox.stat("bob")).messages, 2);
    assertEquals(await control("kick, nobody"), ["0"]);
  }));

// admin.md 7.4, 7.6
Deno.test("a banned address is answered by nothing, on no wire, and an administrator on it is", () =>
  withAdministrator({}, async ({ control, port }) => {
    using talker = await Talker.create(port("channels"), "dave", "tea");
    using other = await Talker.connect(port("channels"), "eve", "/join tea");
    assertEquals(await talker.hears(), "eve has joined");
    using peer = new Peer(port("mailbox"));
    assertEquals(await peer.ask("R, bob"), "X");
    const error = await assertRejects(() => control("ban, 0, 127.0.0.1"), Error);
    assertMatch(error.message, /own machine/);
    for (const network of ["10.0.0.0/33", "10.0.0.0/x", "2001:db8::/129", "::ffff:10.0.0.0/120"]) {
      await assertRejects(() => control(`ban, 0, ${network}`), Error, `not a network: '${network}'`);
    }
    assertEquals(await control("ban-loopback, 0, 127.0.0.0/8"), ["127.0.0.0/8", "3"]);
    assertEquals(await talker.hears(), undefined);
    assertEquals(await other.hears(), undefined);
    for (const service of ["channels", "room", "forum"]) {
      using late = await Talker.connect(port(service));
      assertEquals(await late.hears(), undefined, service);
    }
    await peer.send("R, bob");
    await peer.send(`P1> ${"A".repeat(22)} - - 1`);
    const status = async () => {
      const fields = await control("status"), more = await control(`status, ${fields.length}`);
      return [...fields, ...more].filter((field) => / banned /.test(field)).map((field) =>
        field.replace(/\d+$/, "")
      );
    };
    assertEquals((await status()).sort(), [
      ...["channels banned ", "files banned ", "refused banned ", "room banned "],
    ]);
    assertEquals(await control("unban, 127.0.0.0/8"), ["127.0.0.0/8"]);
    // what came before was dropped, not kept
    assertEquals(await peer.ask("R, bob"), "X");
  }));

// admin.md 7.5
Deno.test("a banned name can't be used: not in channels, not as a sender, not as a mailbox, not as an account", () =>
  withAdministrator({}, async ({ control, port }) => {
    const as = { name: "bob", password: "secret of bob", make: true, made: () => {} };
    const logIn = () => connectMailbox({ port: port("mailbox"), as });
    await (await logIn()).close();
    using peer = new Peer(port("mailbox"));
    await peer.send("F, alice, mallory, one");
    assertEquals(await control("ban, 0, bob"), ["bob", "0"]);
    assertEquals(await control("ban, 0, mallory"), ["mallory", "1"]);
    await assertRejects(logIn, LoginError, "banned");
    await peer.send("F, alice, mallory, two");
    await peer.send("R, mallory");
    assertMatch(await peer.ask("R, alice"), /^N, \S+, mallory, one$/);
    assertEquals(await peer.ask("R, alice"), "X");
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    const refused = async (work: () => Promise<unknown>) => {
      const { message } = await assertRejects(work, RefusedError);
      assertMatch(message, /banned/);
    };
    await refused(() => mailbox.send("alice", "mallory", "three"));
    await refused(() => mailbox.stat("mallory"));
    using talker = await Talker.connect(port("channels"), "mallory");
    assertEquals(await talker.hears(), undefined);
  }));

// admin.md 7.8, 7.9
Deno.test("what a muted name says is not passed on, and it is informed once on its wire", () =>
  withAdministrator({}, async ({ control, port }) => {
    using dave = await Talker.create(port("channels"), "dave", "tea");
    using eve = await Talker.connect(port("channels"), "eve", "/join tea");
    assertEquals(await dave.hears(), "eve has joined");
    assertEquals(await control("mute, 0, eve"), ["eve"]);
    for (const text of ["one", "two"]) await eve.say(text);
    await dave.say("still there?");
    assertEquals([await eve.hears(), await eve.hears()], [MUTED_TEXT, "[dave] still there?"]);
    // an announced client knows of each message that nobody gets it (channels.md 8.4)
    using announced = await Talker.connect(
      port("channels"),
      "eve",
      "/wirepost\n1",
      "/join tea",
      "one",
      "two",
    );
    assertEquals(await announced.hears(), "\x02wirepost 1 eve");
    assertMatch(await announced.hears() ?? "", / tea$/);
    const answers = [await announced.hears(), await announced.hears(), await announced.hears()];
    assertEquals(answers, [MUTED_TEXT, "\x02refused", "\x02refused"]);
    assertEquals([await dave.hears(), await eve.hears()], ["eve has joined", "eve has joined"]);
    assertEquals(await control("unmute, eve"), ["eve"]);
    await eve.say("three");
    assertEquals(await dave.hears(), "[eve] three");

    assertEquals(await control("mute, 0, mallory"), ["mallory"]);
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    await assertRejects(() => mailbox.send("bob", "mallory", "x"), RefusedError, "muted");
    using peer = new Peer(port("mailbox"));
    assertEquals(await peer.ask("R, mallory"), "X");
    for (const text of ["one", "two"]) await peer.send(`F, bob, mallory, ${text}`);
    assertEquals(await peer.ask("R, bob"), "X");
    assertMatch(await peer.ask("R, mallory"), new RegExp(`^N, \\S+, admin, ${MUTED_TEXT}$`));
    assertEquals(await peer.ask("R, mallory"), "X");
  }));

// admin.md 7.8
Deno.test("what a muted address sends is not passed on in the room either", () =>
  withAdministrator({}, async ({ control, port }) => {
    const room = await Deno.connect({ port: port("room") });
    assertEquals(await control("mute-loopback, 0, 127.0.0.1"), ["127.0.0.1"]);
    await room.write(new TextEncoder().encode("anybody?\n"));
    const buffer = new Uint8Array(4096), length = await room.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, length!)), `${MUTED_TEXT}\n`);
    room.close();
  }));

// admin.md 7.3, 7.5, 7.9
Deno.test("a muted user changes nothing in the forum and still reads, and one that is banned is logged out", () =>
  withAdministrator({}, async ({ control, port }) => {
    const as = (name: string) => ({ name, password: `secret of ${name}`, make: true, made: () => {} });
    await using dora = await connectForum({ port: port("forum"), as: as("dora") });
    await using eve = await connectForum({ port: port("forum"), as: as("eve") });
    await dora.create("tea");
    assertEquals(await control("mute, 0, eve"), ["eve"]);
    await assertRejects(() => eve.post("tea", "hello"), RefusedError, "muted");
    const path = new URL(import.meta.url).pathname;
    await assertRejects(() => eve.upload("tea", "a.txt", path), RefusedError, "muted");
    assertEquals((await Array.fromAsync(eve.read("tea"))).length, 0);
    assertEquals(await control("unmute, eve"), ["eve"]);
    await eve.post("tea", "hello");
    assertEquals((await Array.fromAsync(dora.read("tea"))).length, 1);
    const rows = (await control("connections")).map(rowOf).map((row) => row.split(" "));
    assertEquals(rows.map(([service, kind, , , name]) => [service, kind, name]), [
      ["forum", "session", "dora"],
      ["forum", "session", "eve"],
    ]);
    assertEquals(await control("ban, 0, eve"), ["eve", "1"]);
    await assertRejects(() => eve.post("tea", "again"), LoginError, "banned");
    assertEquals((await Array.fromAsync(dora.read("tea"))).length, 1);
  }));

// admin.md 7.10
Deno.test("bans outlast a restart, and end when their time is over", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, sealKeyFile = undefined;
  const common = { data, sealKeyFile, ports: { mailbox: 0 } };
  await withAdministrator(common, async ({ control }) => {
    await control("ban, 0, 10.1.2.3/8");
    await control("mute, 3600, mallory, the first");
    await control("ban, 3600, gone");
    await control("unban, gone");
    await assertRejects(() => control("unban, gone"), Error, "there is no ban of 'gone'");
  });
  await withAdministrator(common, async ({ control }) => {
    const rows = (await control("bans")).map((row) => row.split(","));
    assertEquals(rows.map(([what, , until, ...subject]) => [what, until === "", subject.join(",")]), [
      ["ban", true, "10.0.0.0/8"],
      ["mute", false, "mallory,the first"],
    ]);
    assertEquals(Number(rows[1]![2]) - Number(rows[1]![1]), 3_600_000);
    assertEquals(await control("bans, 2"), []);
  });
});

/** Moderation whose store takes everything, and a clock that stands until it is moved. */
function setUp(known: Measure[] = []) {
  const state = { now: 1_700_000_000_000, asked: 0 };
  const moderation = new Moderation({
    known,
    wallClock: () => state.now,
    store: { ask: () => Promise.resolve((state.asked++, "done" as never)) },
  });
  return { moderation, state };
}

// admin.md 7.10
Deno.test("a measure ends by itself, and there are no more than there may be", async () => {
  const { moderation, state } = setUp();
  await moderation.take("ban", "10.0.0.1", 5000, false);
  state.now += 4999;
  assertEquals(moderation.isBannedAddress("10.0.0.1"), true);
  state.now++;
  assertEquals([moderation.isBannedAddress("10.0.0.1"), moderation.list().length], [false, 0]);
  const many = Array.from({ length: MAX_MEASURES }, (_, i): Measure => (
    { what: "ban", subject: `name ${i}`, since: i, until: null }
  ));
  const full = setUp(many).moderation;
  assertEquals(await full.take("ban", "one more", 0, false), "full");
  assertEquals((await full.take("ban", "name 7", 0, false) as { text: string }).text, "name 7");
});

// admin.md section 7
Deno.test("subjects are names or networks, each in one form", () => {
  const texts = {
    "10.0.0.7": "10.0.0.7",
    "10.1.2.3/8": "10.0.0.0/8",
    "192.168.1.200/25": "192.168.1.128/25",
    "2001:DB8::7": "2001:db8::/64",
    "2001:db8:0:1:2:3:4:5": "2001:db8:0:1::/64",
    "2001:db8:ff00::/40": "2001:db8:ff00::/40",
    "::ffff:10.0.0.7": "10.0.0.7",
    "fe80::1%eth0": "fe80::/64",
    "0.0.0.0/0": "0.0.0.0/0",
    "::/0": "::/0",
    "alice": "alice",
    "10.0.0.1/33": "10.0.0.1/33",
    "a/8": "a/8",
  };
  for (const [text, subject] of Object.entries(texts)) assertEquals(subjectOf(text).text, subject, text);
  const { network } = subjectOf("2001:db8::7");
  assertEquals([network!.has("2001:db8::9"), network!.has("2001:db8:0:1::9")], [true, false]);
  const own = ["127.0.0.1", "127.0.1.1", "127.0.1.0/24", "127.9.9.9/8", "::1", "0.0.0.0/0", "::/0"];
  assertEquals(own.map((text) => isOwnMachine(subjectOf(text))), own.map(() => true));
  assertEquals(["10.0.0.1", "alice", "2001:db8::1"].map((text) => isOwnMachine(subjectOf(text))), [
    ...[false, false, false],
  ]);
});

// admin.md 7.1
Deno.test("a list of many clients goes on behind the last one shown, also if clients have gone meanwhile", () => {
  const clients = new Clients(() => 0);
  const client = (name: string): ConnectedClient => ({
    ...{ service: "s", kind: "session", hostname: "h", port: 1, name, traffic: new Traffic() },
    end() {},
  });
  const ids = Array.from({ length: 100 }, (_, i) => clients.add(client(`${i}`)));
  const first = clients.list(0, 30);
  assertEquals([first.length, first.at(-1)!.id], [30, 30]);
  for (const i of [29, 30, 31, 99]) clients.remove(ids[i]!);
  const names: string[] = [];
  for (let after = 30;;) {
    const page = clients.list(after, 30);
    if (page.length === 0) break;
    names.push(...page.map(({ client }) => client.name));
    after = page.at(-1)!.id;
  }
  assertEquals([names[0], names.at(-1), names.length], ["32", "98", 67]);
});
