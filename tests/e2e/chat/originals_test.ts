/**
 * What clients and tests that were written for the originals do, against one data directory, three times: the server is
 * restarted in between. Whatever it keeps, to them it is a fresh one each time.
 */

import { assertEquals } from "@std/assert";
import { Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

/** Ports of a server's services. */
interface Ports {
  mailbox: number;
  channels: number;
  room: number;
}

type Step = (ports: Ports) => Promise<void>;

async function answers(peer: Peer, rows: readonly (readonly [string, string])[]) {
  for (const [request, reply] of rows) {
    assertEquals([request, (await peer.ask(request)).replace(TIME, "TIME")], [request, reply]);
  }
}

const mailbox: Step = async (ports) => {
  using alice = new Peer(ports.mailbox), bob = new Peer(ports.mailbox);
  await answers(bob, [["req", "xxx"], ["R, bob", "X"], ["R, bob\n", "X"], ["R, bob\0", "X"]]);
  for (
    const text of [
      "F, bob, alice, hello",
      "f,bob,alice,  1, 2 ",
      "F, Bob, alice,",
      "for, one",
      "for, two, three\n",
    ]
  ) {
    await alice.send(text);
  }
  await answers(bob, [
    ["R, bob", "N, TIME, alice, hello"],
    ["r,bob", "N, TIME, alice,  1, 2 "],
    ["R, bob", "X"],
    ["R, Bob", "N, TIME, alice, "],
    ["req", "nxt, TIME, one"],
    ["REQ", "nxt, TIME, two, three"],
    ["req", "xxx"],
  ]);
};

/** The rows of the channels' table, with a channel that an earlier run has left behind. */
const channels: Step = async (ports) => {
  using alice = await FramePeer.named("Alice\n", ports.channels);
  await alice.send("/list", "/join tas", "hello");
  assertEquals(await alice.settle(), [
    "No channel named tas exists. Try '/create tas'?",
    "Not currently in any channel. Must join a channel before sending messages.",
  ]);
  await alice.send("/create tas", "/list", "/create tas", "/create", "/join", "/LIST", "/list more");
  assertEquals(await alice.settle(), [
    "tas",
    "Room tas already exists, so cannot be created.",
    "/create command must be followed by the name of a channel to create",
    "/join command must be followed by the name of a channel to join.",
    "/LIST is not a valid control message. Valid messages are /create, /list, and /join.",
    "tas",
  ]);
  using bob = await FramePeer.named("Bob", ports.channels);
  await bob.send("/join tas more");
  assertEquals(await alice.next(), "Bob has joined");
  await bob.send("hello\n", "", " /list");
  assertEquals([await alice.next(), await alice.next(), await alice.next()], [
    "[Bob] hello",
    "[Bob]",
    "[Bob]  /list",
  ]);
  await bob.send("/join tas");
  assertEquals([await alice.next(), await alice.next()], ["Bob has left", "Bob has joined"]);
  await bob.send("/create split", "/list");
  assertEquals(await alice.next(), "Bob has left");
  assertEquals(await bob.next(), "tas\nsplit");
  using carol = await FramePeer.named("c".repeat(200), ports.channels);
  await carol.send("/join tas", "hello");
  assertEquals(await alice.next(), `${"c".repeat(94)}… has joined`);
  assertEquals(await alice.next(), `[${"c".repeat(94)}…] hello`);
  carol[Symbol.dispose]();
  assertEquals(await alice.next(), `${"c".repeat(94)}… has left`);
};

const room: Step = async (ports) => {
  using alice = await LinePeer.connect(ports.room), bob = await LinePeer.connect(ports.room);
  assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
  await bob.send("hello", "5 words, and a ✓\r", "");
  for (const text of ["hello", "5 words, and a ✓", ""]) {
    assertEquals(await alice.next(), `\r<('127.0.0.1', ${bob.port})> ${text}`);
  }
  await alice.send("bye");
  assertEquals(await bob.next(), `\r<('127.0.0.1', ${alice.port})> bye`);
  bob[Symbol.dispose]();
  assertEquals(await alice.next(), `Client (127.0.0.1, ${bob.port}) is offline`);
};

const STEPS: Readonly<Record<string, Step>> = { mailbox, channels, room };

Deno.test("the original wires behave the same after one restart and after two", async (t) => {
  await using data = await temporaryDirectory();
  const args = ["mailbox", "0", "channels", "0", "room", "0", "--data", data.path];
  for (const run of ["at first", "after a restart", "after another restart"]) {
    await using server = await ServerProcess.start(args);
    const ports = {
      mailbox: server.port,
      channels: await server.ready("channels"),
      room: await server.ready("room"),
    };
    for (const [name, step] of Object.entries(STEPS)) await t.step(`${name} ${run}`, () => step(ports));
    assertEquals((await server.end()).code, 0);
  }
});
