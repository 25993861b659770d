import { assertEquals } from "@std/assert";
import { PendingTotal } from "../../../server/quota/pending.ts";
import { ChunkJoiner, SendQueue } from "../../../server/net/send_queue.ts";

/** A queue whose client takes what it is allowed to, when it is allowed to. */
function setUp(
  limits = { maxPendingBytes: 100, stallMs: 10_000 },
  joiner = new ChunkJoiner(),
  total = new PendingTotal(Infinity),
  owner = "",
) {
  const state = { now: 0, behind: false, writes: [] as Uint8Array[] };
  let taken = Promise.withResolvers<number>();
  const queue = new SendQueue({
    owner,
    limits,
    joiner,
    total,
    onDisconnect: () => queue.close(),
    monotonicClock: () => state.now,
    write(bytes) {
      state.writes.push(bytes);
      taken = Promise.withResolvers<number>();
      return taken.promise;
    },
    onBehind: (behind) => state.behind = behind,
  });
  /** Has the client take so many bytes of what was written last. */
  const take = async (bytes = state.writes.at(-1)!.length) => {
    taken.resolve(bytes);
    // the queue learns of it in the next turn
    await turn();
  };
  const fail = () => taken.reject(new Error("gone"));
  const written = () => state.writes.map((bytes) => new TextDecoder().decode(bytes));
  return { queue, state, take, fail, written };
}

type SetUp = ReturnType<typeof setUp>;

/** Resolves when all that was brought about by now has happened. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("SendQueue writes one thing at a time, and all that waits with the next", async () => {
  const { queue, take, written } = setUp();
  for (const text of ["a", "b", "c"]) assertEquals(queue.push(bytes(text)), true);
  assertEquals(written(), ["a"]);
  assertEquals(queue.pendingBytes, 3);
  await take();
  assertEquals(written(), ["a", "bc"]);
  await take();
  assertEquals(queue.pendingBytes, 0);
  await queue.sent();
});

Deno.test("SendQueue goes on with what a write left", async () => {
  const { queue, take, written } = setUp();
  queue.push(bytes("abcdef"));
  await take(4);
  assertEquals([written(), queue.pendingBytes], [["abcdef", "ef"], 2]);
  await take(2);
  assertEquals(queue.pendingBytes, 0);
});

Deno.test("SendQueue refuses what is over its limit, and takes more when there is room", async () => {
  const { queue, take } = setUp();
  assertEquals(queue.push(bytes("x".repeat(100))), true);
  assertEquals(queue.push(bytes("y")), false);
  assertEquals(queue.pendingBytes, 100);
  await take(1);
  assertEquals(queue.push(bytes("y")), true);
  queue.close();
});

// channels.md 5.2
Deno.test("SendQueue distinguishes a client that reads nothing from one that reads little", async () => {
  const { queue, state, take } = setUp();
  queue.push(bytes("abc"));
  state.now = 9_999;
  assertEquals(queue.isStalled(), false);
  await take(1);
  state.now = 19_998;
  assertEquals(queue.isStalled(), false);
  state.now = 19_999;
  assertEquals(queue.isStalled(), true);
  await take();
  assertEquals(queue.isStalled(), false);
  state.now = 50_000;
  queue.push(bytes("abc"));
  assertEquals(queue.isStalled(), false);
  queue.close();
});

// channels.md 5.4
Deno.test("SendQueue asks to wait for one that is behind, and only as long as it takes something", async () => {
  const { queue, state, take } = setUp();
  queue.push(bytes("x".repeat(26)));
  assertEquals(state.behind, true);
  await take(1);
  assertEquals(state.behind, false);
  queue.push(bytes("x".repeat(10)));
  assertEquals(state.behind, true);
  state.now = 500;
  queue.isStalled();
  assertEquals(state.behind, false);
  queue.push(bytes("x"));
  assertEquals(state.behind, false);
  await take(5);
  assertEquals(state.behind, true);
  queue.close();
  assertEquals(state.behind, false);
});

Deno.test("SendQueue lets go of everything when its client is gone", async () => {
  const { queue, fail } = setUp();
  queue.push(bytes("a"));
  queue.push(bytes("b"));
  const sent = queue.sent();
  fail();
  await sent;
  assertEquals([queue.pendingBytes, queue.push(bytes("c")), queue.pendingBytes], [0, true, 0]);
});

Deno.test("SendQueue puts short chunks together for a write, and copies no long one", async () => {
  const { queue, state, take } = setUp({ maxPendingBytes: 1_000_000, stallMs: 10_000 });
  const long = new Uint8Array(65_537), half = new Uint8Array(32_768);
  for (const chunk of [half, half, half, half, long, half, long]) queue.push(chunk);
  const lengths: number[] = [];
  for (let sent = 0; queue.pendingBytes > 0; sent++) {
    lengths.push(state.writes[sent]!.length);
    await take();
  }
  assertEquals(lengths, [32_768, 65_536, 32_768, 65_537, 32_768, 65_537]);
  assertEquals([state.writes[3] === long, state.writes[5] === long], [true, true]);
});

// channels.md 5.3
Deno.test("what several clients wait for counts once, until the last of them has it", async () => {
  const total = new PendingTotal(Infinity), joiner = new ChunkJoiner();
  const [one, two, other] = [1, 2, 3].map(() => setUp(undefined, joiner, total)) as [SetUp, SetUp, SetUp];
  const chunks = ["aa", "bbb", "cccc"].map(bytes);
  for (const { queue } of [one, two, other]) for (const chunk of chunks) queue.push(chunk);
  assertEquals([total.bytes, one.queue.pendingBytes], [9, 9]);
  await one.take();
  // joined for the one, and as they came for the others
  assertEquals([one.written(), total.bytes], [["aa", "bbbcccc"], 9 + 7]);
  await one.take(1);
  assertEquals([one.queue.pendingBytes, total.bytes], [6, 9 + 7]);
  await two.take();
  assertEquals(total.bytes, 9 + 7);
  other.queue.close();
  assertEquals(total.bytes, 7);
  await one.take();
  two.fail();
  await turn();
  assertEquals([one.queue.pendingBytes, two.queue.pendingBytes, total.bytes], [0, 0, 0]);
});

// channels.md 5.3
Deno.test("with too much waiting for all, those who have most waiting are given up, until an eighth is free", async () => {
  const total = new PendingTotal(80);
  const queues = [10, 30, 5, 20, 15].map((length) => {
    const client = setUp(undefined, undefined, total);
    client.queue.push(new Uint8Array(length));
    return client;
  });
  const pending = () => queues.map(({ queue }) => queue.pendingBytes);
  await turn();
  assertEquals([pending(), total.bytes], [[10, 30, 5, 20, 15], 80]);
  queues[0]!.queue.push(new Uint8Array(1));
  await turn();
  assertEquals([pending(), total.bytes], [[11, 0, 5, 20, 15], 51]);
  queues[3]!.queue.push(new Uint8Array(25));
  queues[2]!.queue.push(new Uint8Array(5));
  await turn();
  assertEquals([pending(), total.bytes], [[11, 0, 10, 0, 15], 36]);
  for (const { queue } of queues) queue.close();
  assertEquals(total.bytes, 0);
});

// channels.md 5.3
Deno.test("an address with many connections that read nothing does not cause another's slow one to be given up", async () => {
  const total = new PendingTotal(80);
  const slow = setUp(undefined, undefined, total, "[192.0.2.1]");
  slow.queue.push(new Uint8Array(30));
  const many = [20, 20, 11].map((length) => {
    const client = setUp(undefined, undefined, total, "[192.0.2.2]");
    client.queue.push(new Uint8Array(length));
    return client;
  });
  await turn();
  assertEquals([slow.queue.pendingBytes, ...many.map(({ queue }) => queue.pendingBytes)], [30, 20, 0, 11]);
  for (const { queue } of [slow, ...many]) queue.close();
  assertEquals(total.bytes, 0);
});

Deno.test("queues that were given the same chunks write the same joined bytes", async () => {
  const joiner = new ChunkJoiner();
  const [one, two, other] = [setUp(undefined, joiner), setUp(undefined, joiner), setUp(undefined, joiner)];
  const chunks = ["a", "b", "c"].map(bytes);
  for (const { queue } of [one, two, other]) for (const chunk of chunks) queue.push(chunk);
  other.queue.push(bytes("d"));
  for (const { take } of [one, two, other]) await take();
  assertEquals(one.state.writes[1] === two.state.writes[1], true);
  assertEquals([one.written()[1], other.written()[1]], ["bc", "bcd"]);
  for (const { queue } of [one, two, other]) queue.close();
});
