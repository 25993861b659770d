import { assertEquals, assertLess, assertLessOrEqual, assertMatch } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FULL, median, report, residentMiB } from "../form.ts";
import { PATIENCE_MS } from "../../patience.ts";

const STRANGERS = FULL ? 100_000 : 5000, WARM_UP = FULL ? 100_000 : 5000;
/** Datagrams of strangers that are on their way at a time, each with a session of its own. */
const BATCH = 20;
const LEVEL_MIB = 16;
const WAITING = FULL ? 10_000 : 500;
/** How often one that waits asks again, in milliseconds. */
const REFRESH = 5000;
/** Messages to one waiting receiver, for a median. */
const ROUNDS = FULL ? 500 : 50;
/** A server that does not let garbage lie because there is memory: what is measured is what stays. */
const TIDY = FROM_SOURCE.toSpliced(2, 0, "--v8-flags=--optimize-for-size");
/** Loads of 1,000 sessions. */
const LOADS = FULL ? 12 : 1;
const RECEIVER_KIB = 2, ARRIVAL_MS = 5;

const newId = () =>
  crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });

/** The start ID and the cookie that the server gives for a session at the address of this peer. */
async function challenge(peer: Peer, id: string): Promise<{ startId: string; cookie: string }> {
  return parseChallenge(await peer.ask(`P1> ${id} - - 1`), id);
}

/** @throws {AssertionError} It is something else than a challenge to this session. */
function parseChallenge(reply: string, id: string): { startId: string; cookie: string } {
  const [, session, startId = "", cookie = ""] = /^P1< (\S{22}) (\w{8}) (\w{28}) 0$/.exec(reply) ?? [];
  assertEquals(session, id, `expected a challenge, got '${reply}'`);
  return { startId, cookie };
}

/** All that came from the server until now. */
async function collect(peer: Peer): Promise<string[]> {
  // what the server does for what was sent before goes through its store before this does
  await peer.send("R, nobody");
  const replies: string[] = [];
  for (let reply = await peer.receive(); reply !== "X"; reply = await peer.receive()) replies.push(reply);
  return replies;
}

// session.md 4.1, 4.2
Deno.test("an address that has not proved itself gets at most 3 times what it sent, and nothing done", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path]);
  await using connection = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  const mail = "a message that a stranger is not to get ".repeat(25);
  await connection.send("bob", "alice", mail);

  // a session that is known at another address, and what belongs to it
  using known = new Peer(server.port);
  const id = newId(), { startId, cookie } = await challenge(known, id);
  assertMatch(await known.ask(`P1> ${id} ${startId} ${cookie} 1\nstat,1,bob`), /stat,1,.*ready 1/);

  const stranger = newId(), token = "0123456789abcdef", wrong = `000000000000${token}`;
  const lease = "lease,1,bob,64,30000,0", wait = "lease,1,nobody,64,30000,60000";
  const put = (n: number) => `put,${n},bob,mallory,,,spam`;
  const shapes: Record<string, string> = {
    "the shortest": `P1> ${stranger} - - 1`,
    "a lease": `P1> ${stranger} - - 1\n${lease}`,
    "a lease, with the start ID": `P1> ${stranger} ${startId} - 1\n${lease}`,
    "a wait": `P1> ${stranger} ${startId} - 1\n${wait}`,
    "a wrong cookie": `P1> ${stranger} ${startId} ${wrong} 1\n${lease}\n${put(1)}`,
    "the cookie of another session": `P1> ${stranger} ${startId} ${cookie} 1\n${lease}\n${put(1)}`,
    "the cookie of another address": `P1> ${id} ${startId} ${cookie} 1\n${lease}\n${put(1)}`,
    "a session of another address": `P1> ${id} ${startId} - 1\n${lease}\n${put(1)}`,
    "statistics": `P1> ${stranger} ${startId} - 1\n${
      Array.from({ length: 100 }, (_, t) => `stat,${t},`).join("\n")
    }`,
    "a session that was forgotten": `P1> ${stranger} ${startId} - 99\nack,99,${token},1`,
    "a full datagram": `P1> ${stranger} ${startId} - 1\n${
      Array.from({ length: 40 }, (_, n) => put(n + 1)).join("\n")
    }`,
    "an earlier start ID": `P1> ${stranger} 00000000 ${wrong} 1\n${lease}`,
  };
  const unanswered: Record<string, string> = {
    "a session that is too short": `P1> ${stranger.slice(1)} - - 1`,
    "half a header": "P1> ",
    "a request that is none": `P1> ${stranger} - - 1\ngive,1,bob`,
    "a reply": `P1< ${stranger} ${startId} ${cookie} 0`,
    "a reply with answers": `P1< ${stranger} ${startId} - 0\nok,1`,
    "too long a datagram": `P1> ${stranger} - - 1\n${put(1).padEnd(1200, ".")}`,
  };
  let most = 0;
  for (const [shape, datagram] of Object.entries({ ...shapes, ...unanswered })) {
    using peer = new Peer(server.port);
    await peer.send(datagram);
    const replies = await collect(peer);
    const bytes = replies.reduce((sum, reply) => sum + new TextEncoder().encode(reply).length, 0);
    most = Math.max(most, bytes / datagram.length);
    assertLessOrEqual(bytes, 3 * datagram.length, shape);
    if (shape in unanswered) assertEquals(replies, [], shape);
    else {assertEquals(
        replies.map((reply) => parseChallenge(reply, datagram.split(" ")[1]!).startId),
        [startId],
        shape,
      );}
  }
  report(`most bytes for a byte from an address that has not proved itself: ${most.toFixed(2)}`);
  const { messages, ready, leased } = await connection.stat();
  assertEquals({ messages, ready, leased }, { messages: 1, ready: 1, leased: 0 });
});

/** Addresses of this machine, each another one than the last. */
function* loopback(): Generator<string> {
  for (let i = 0;; i++) yield `127.${1 + (i >> 14) % 254}.${(i >> 7) % 128}.${2 + i % 128}`;
}

Deno.test("datagrams of any number of strangers leave the server's memory level", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"], { command: FROM_SOURCE });
  const addresses = loopback();
  const flood = async (datagrams: number) => {
    for (let sent = 0; sent < datagrams; sent += BATCH) {
      using peer = new Peer(server.port, "127.0.0.1", addresses.next().value!);
      const ids = Array.from({ length: BATCH }, newId);
      for (const id of ids) {
        await peer.send(`P1> ${id} - - 1\nput,1,bob,mallory,,,hello\nlease,1,bob,1,30000,60000`);
      }
      // all of them were dealt with when the last is answered
      for (const id of ids) parseChallenge(await peer.receive(), id);
    }
  };
  await flood(WARM_UP);
  const before = await residentMiB(server.pid);
  await flood(STRANGERS);
  const after = await residentMiB(server.pid);
  report(
    `${STRANGERS} strangers: ${before.toFixed(1)} MiB after ${WARM_UP} others, ${
      after.toFixed(1)
    } MiB after them`,
  );
  assertLess(after - before, LEVEL_MIB);
});

/** One of many receivers that share a socket, each with a session of its own. */
interface Receiver {
  peer: Peer;
  id: string;
  mailbox: string;
  startId: string;
  cookie: string;
  /** When it asked last. */
  asked: number;
}

/** The start ID and the cookies for `count` new sessions at this peer's address. */
async function challenges(peer: Peer, count: number) {
  const ids = Array.from({ length: count }, newId);
  for (const id of ids) await peer.send(`P1> ${id} - - 1`);
  const proofs: { id: string; startId: string; cookie: string }[] = [];
  for (const id of ids) proofs.push({ id, ...parseChallenge(await peer.receive(), id) });
  return proofs;
}

/** Lets `count` receivers wait, each for its own mailbox. */
async function wait(peer: Peer, count: number, name: string): Promise<Receiver[]> {
  const receivers: Receiver[] = [];
  while (receivers.length < count) {
    for (const proof of await challenges(peer, Math.min(BATCH, count - receivers.length))) {
      const receiver = { peer, mailbox: `${name}-${receivers.length}`, asked: 0, ...proof };
      receivers.push(receiver);
      await ask(receiver);
    }
    for (let i = receivers.length % BATCH || BATCH; i > 0; i--) {
      assertMatch(await peer.receive(), /\npending,1$/);
    }
  }
  return receivers;
}

/** Asks for a message, or again for the same one. */
async function ask(receiver: Receiver) {
  const { peer, id, mailbox, startId, cookie } = receiver;
  receiver.asked = performance.now();
  await peer.send(`P1> ${id} ${startId} ${cookie} 1\nlease,1,${mailbox},1,30000,3600000`);
}

Deno.test("receivers that wait cost little, and a message to one of them arrives at once", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path], {
    command: TIDY,
  });
  using peers = new DisposableStack();
  const connect = (from: string) => peers.use(new Peer(server.port, "127.0.0.1", from));
  const sockets = [connect("127.0.0.2"), connect("127.0.0.2")];
  // the work itself takes its memory before
  for (const [i, address] of ["127.0.0.3", "127.0.0.4"].entries()) {
    await wait(connect(address), WAITING, `other-${i}`);
  }

  const before = await residentMiB(server.pid), began = performance.now();
  const receivers: Receiver[] = [];
  for (const [i, peer] of sockets.entries()) {
    receivers.push(...await wait(peer, WAITING / sockets.length, `receiver-${i}`));
  }
  const after = await residentMiB(server.pid), seconds = (performance.now() - began) / 1000;
  const kib = (after - before) * 1024 / WAITING;

  await using sender = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  await sender.stat();
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const receiver = receivers[Math.floor(i * WAITING / ROUNDS)]!,
      { peer, mailbox, startId, cookie } = receiver;
    if (performance.now() - receiver.asked >= REFRESH) {
      await ask(receiver);
      assertMatch(await peer.receive(), /\npending,1$/);
    }
    const sent = performance.now(), stored = sender.send(mailbox, "alice", `message ${i}`);
    const [, token = "", id = ""] =
      /\nmsg,1,1,1,(\w+),(\d+),1,\d+,alice,\d+,message \d+$/.exec(await peer.receive()) ?? [];
    times.push(performance.now() - sent);
    await stored;
    // so that the server does not repeat it
    const reply = await peer.ask(`P1> ${receiver.id} ${startId} ${cookie} 1\nack,1,${token},${id}`);
    assertMatch(reply, /\nok,1$/);
  }
  report(
    `${WAITING} receivers waiting after ${seconds.toFixed(1)} s: ${kib.toFixed(2)} KiB each, from ${
      before.toFixed(1)
    } MiB; ` +
      `a message to one of them took ${median(times).toFixed(2)} ms`,
  );
  if (!FULL) return;
  assertLess(kib, RECEIVER_KIB);
  assertLess(median(times), ARRIVAL_MS);
});

Deno.test("loads of 1,000 sessions each run to their end, one after the other, from one address", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path]);
  const load = new URL("../../bench/load/session.ts", import.meta.url).pathname;
  const command = [...FROM_SOURCE.slice(0, -1), "--unstable-net", load, `${server.port}`];
  for (let i = 0; i < LOADS; i++) {
    const order = { measure: "put", sessions: 1000, inFlight: 32, each: 1, count: 1000, queue: `load-${i}` };
    const { code, out, err } = await runCommand(command, { input: `${JSON.stringify(order)}\n` });
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /^\{"rate":\d+\.\d+\}\n$/);
  }
});
