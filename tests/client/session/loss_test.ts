import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { MailboxSession } from "../../../client/mailbox/mailbox_session.ts";
import { RoundTrips } from "../../../client/session/loss/round_trips.ts";
import { DATABASE_FILE } from "../../../server/store/database/database.ts";
import { Clock } from "../../simulation/clock.ts";
import { Network, PERFECT } from "../../simulation/network.ts";
import { Random } from "../../simulation/random.ts";
import { follow, putLine, Script } from "../../simulation/script.ts";
import { SimulatedServer } from "../../simulation/server.ts";

/** A text that fills a datagram. */
const FULL = "x".repeat(988);

// session.md 9.1
Deno.test("what is not answered is repeated, with doubled waits of up to a second", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const [wait, again] = await script.next();
    assertEquals(again, `1 ${putLine(1, "a")}`);
    waits.push(wait);
  }
  // round trips of 10 ms, and 25 ms for the commit
  assert(waits[0]! > 35 && waits[0]! < 60, `${waits}`);
  for (let i = 1; i < waits.length; i++) assertLessOrEqual(waits[i]!, Math.min(1000, 2 * waits[i - 1]! + 1));
  assertEquals(waits.slice(-2), [1000, 1000]);
});

// session.md 9.1
Deno.test("a new session begins with the round-trip time that an earlier one with the server has measured", async () => {
  const known = new RoundTrips().of("127.0.0.1:21001"), waits: number[] = [];
  const begin = () =>
    new Script(
      undefined,
      undefined,
      (environment) => new MailboxSession({ ...environment, roundTrip: known }),
    );
  for (let i = 0; i < 2; i++) {
    const script = begin();
    script.put("a");
    assertEquals(await script.sent(), ["hello 1"]);
    const [wait, again] = await script.next();
    assertEquals(again, "hello 1");
    waits.push(wait);
    // the next one is with the same server
    await begin().open();
  }
  // 333 ms are assumed; then round trips of 10 ms were measured, and 25 ms are for the commit
  assert(waits[0]! > 990 && waits[1]! <= 55, `${waits}`);
});

Deno.test("an answer ends the back-off", async () => {
  const script = await new Script().open();
  script.put("a");
  await script.sent(2000);
  script.answer("ok,1");
  script.put("b");
  await script.sent();
  const [wait] = await script.next();
  assertLess(wait, 100);
});

// session.md 9.1
Deno.test("requests of a datagram are repeated at once when three later ones are answered", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 5; i++) script.put(`${i}${FULL}`);
  assertEquals((await script.sent()).length, 5);
  await script.clock.run(10);
  script.answer("have,2");
  script.answer("have,3");
  assertEquals(await script.sent(), []);
  script.answer("have,4");
  assertEquals(await script.sent(), [`1 ${putLine(1, `1${FULL}`)}`]);
});

Deno.test("answers to repeated requests measure no round trip and no order", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 5; i++) script.put(`${i}${FULL}`);
  await script.sent(10);
  for (let i = 0; i < 5; i++) script.answer("have,2");
  assertEquals(await script.sent(), []);
});

// session.md 9.2
Deno.test("ten datagrams are sent at first, and more as they are answered", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 100; i++) script.put(FULL);
  // a datagram of this length counts as 1,060 bytes of the 12,000
  assertEquals((await script.sent()).length, 11);
  await script.clock.run(10);
  script.answer("ok,1-11");
  assertEquals((await script.sent()).length, 12);
  let all = 23;
  for (let low = 12; all < 100;) {
    await script.clock.run(10);
    script.answer(`ok,${low}-${all}`);
    low = all + 1;
    all += (await script.sent()).length;
  }
  assertEquals(all, 100);
});

// session.md 9.2
Deno.test("a loss halves the window, once a round trip", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 100; i++) script.put(FULL);
  assertEquals((await script.sent()).length, 11);
  await script.clock.run(10);
  // the first two are lost
  script.answer("have,3-11");
  assertEquals((await script.sent()).length, 5);
  await script.clock.run(10);
  script.answer("ok,1-11");
  assertLessOrEqual((await script.sent()).length, 4);
});

// session.md 9.1, 9.2
Deno.test("answers that come late, but come, make the window no smaller", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 100; i++) script.put(FULL);
  assertEquals((await script.sent()).length, 11);
  // the probe time-out passes, once
  assertEquals((await script.sent(80)).length, 2);
  script.answer("ok,1-11");
  assertLessOrEqual(11, (await script.sent()).length);
});

// session.md 9.2
Deno.test("no more datagrams are in flight than the socket has room for the answers to", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 5000; i++) script.put(FULL);
  let low = 1, next = 1, most = 0;
  while (low <= 5000) {
    next += (await script.sent()).length;
    most = Math.max(most, next - low);
    await script.clock.run(10);
    // half of them, so that there are always some on their way
    const last = Math.ceil((low + next - 1) / 2);
    script.answer(`ok,${low}-${last}`);
    low = last + 1;
  }
  assertEquals(most, 96);
});

Deno.test("no more than two datagrams are sent at a time while nothing is answered", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 100; i++) script.put(FULL);
  await script.sent(3000);
  for (let i = 0; i < 3; i++) assertLessOrEqual((await script.sent(1000)).length, 4);
});

/** A sender and a receiver that use every request, on a network that loses the datagram with this number. */
async function exchange(lost: number, directory: string) {
  const clock = new Clock(1_700_000_000_000), random = new Random(1);
  const network = new Network(clock, random, () => PERFECT);
  const address = { hostname: "10.0.0.1", port: 21001 };
  const server = new SimulatedServer({
    clock,
    random,
    network,
    address,
    directory,
    commit: 1,
    failing: 0,
    overloaded: 0,
  });
  server.start();
  let datagrams = 0;
  const send = network.send.bind(network);
  network.send = (...args) => {
    if (datagrams++ !== lost) send(...args);
  };
  const client = (port: number) => {
    const here = { hostname: "10.0.0.2", port };
    const session = new MailboxSession({
      monotonicClock: clock.now,
      random: random.bytes,
      setTimer: clock.setTimer,
      send: (datagram) => network.send(datagram, here, address),
    });
    network.bind(here, (datagram) => session.received(datagram));
    return session;
  };
  const story = async () => {
    const sender = client(1), receiver = client(2), got: string[] = [];
    const waiting = receiver.lease("bob", { max: 3, wait: 5000 });
    const texts = ["a", "b", "c", "Ω".repeat(3000), "e"];
    await Promise.all(texts.map((text) => sender.put({ receiver: "bob", sender: "alice", text })));
    for (let lease = await waiting; lease !== undefined; lease = await receiver.lease("bob", { max: 2 })) {
      got.push(...lease.messages.map(({ text }) => text));
      assertEquals(await lease.extend(10_000), true);
      assertEquals(await lease.ack(), []);
    }
    assertEquals(got.length, 5);
    assertEquals(got.toSorted(), texts.toSorted());
    assertEquals((await sender.stat("bob")).messages, 0);
    await Promise.all([sender.close(), receiver.close()]);
  };
  const told = follow(story());
  await clock.until(() => told.state !== "open", 60_000);
  if (told.error !== undefined) throw told.error;
  assertEquals(told.state, "done", `datagram ${lost}`);
  server.kill();
  await Deno.remove(`${directory}/${DATABASE_FILE}`);
  return datagrams;
}

// session.md 3.11
Deno.test("whichever datagram is lost, the outcome is the same", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-loss-" });
  try {
    const datagrams = await exchange(-1, directory);
    assert(datagrams > 15);
    for (let lost = 0; lost < datagrams; lost++) await exchange(lost, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
