/** Which channel makes room for another one: channels.md 6.1 and 6.2. */

import { assertEquals } from "@std/assert";
import { type EventEncoder, Member } from "../../../server/service/hub/channel.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../server/service/hub/history.ts";
import { Hub } from "../../../server/service/hub/hub.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import type { StoredChannel } from "../../../server/store/requests/channel.ts";

const encoder: EventEncoder = { wire: "channels", encode: () => new Uint8Array() };
const DAY_MS = 86_400_000;

/** A hub with a clock that stands until it is moved. */
function setUp(limits: { maxChannels?: number; maxOfOwner?: number } = {}, kept: StoredChannel[] = []) {
  const state = { now: 1_700_000_000_000 }, metrics = new Metrics();
  const hub = new Hub({
    maxChannels: 1000,
    ...limits,
    history: new History(DEFAULT_HISTORY_LIMITS, kept),
    metrics,
    wallClock: () => state.now,
  });
  const member = (hostname: string) =>
    new Member({ name: hostname }, encoder, { send() {}, isBehind: false, hostname, port: 1 });
  /** Creates a channel, says something there if there is something to say, and leaves it. */
  const visit = (hostname: string, channel: string, text?: string) => {
    const visitor = member(hostname), outcome = hub.create(visitor, channel);
    if (outcome !== "created") return outcome;
    if (text !== undefined) hub.send(visitor, text);
    hub.leave(visitor);
    return outcome;
  };
  const names = () => hub.channels.map(({ name }) => name);
  return { hub, state, metrics, member, visit, names };
}

// channels.md 6.2
Deno.test("a channel with messages outlasts 1,100 others that one address creates, with and without messages", () => {
  for (const text of [undefined, "spam"]) {
    const { hub, metrics, visit, names } = setUp({ maxOfOwner: 250 });
    assertEquals(visit("10.0.0.1", "tea", "who wants some?"), "created");
    // its maker's own address too
    for (const hostname of ["10.0.0.1", "10.0.0.2"]) {
      for (let i = 0; i < 1100; i++) visit(hostname, `${hostname} ${i}`, text);
    }
    assertEquals([names().includes("tea"), hub.count], [true, 500]);
    assertEquals(metrics.get("channels given up") > 0, text === undefined);
  }
});

// channels.md 6.2
Deno.test("a channel with messages outlasts 1,100 others that several addresses create", () => {
  for (const text of [undefined, "spam"]) {
    const { hub, visit, names } = setUp();
    visit("10.0.0.1", "tea", "who wants some?");
    const outcomes = Array.from({ length: 1100 }, (_, i) => visit(`10.0.1.${i % 100}`, `c${i}`, text));
    assertEquals([names()[0], hub.count], ["tea", 1000]);
    assertEquals(outcomes.filter((outcome) => outcome === "too many").length, text === undefined ? 0 : 101);
  }
});

// channels.md 6.1
Deno.test("the channel without messages that nobody has been in for longest makes room, and none that is in use", () => {
  const { hub, member, visit, names } = setUp({ maxChannels: 4 });
  visit("10.0.0.1", "tea", "hot");
  visit("10.0.0.1", "milk");
  visit("10.0.0.2", "wine");
  hub.create(member("10.0.0.2"), "beer");
  assertEquals(visit("10.0.0.3", "cola"), "created");
  assertEquals(names(), ["tea", "wine", "beer", "cola"]);
  hub.create(member("10.0.0.3"), "juice");
  hub.create(member("10.0.0.3"), "water");
  assertEquals(names(), ["tea", "beer", "juice", "water"]);
  assertEquals(visit("10.0.0.4", "more"), "too many");
});

// channels.md 6.2
Deno.test("a channel with messages makes room when nobody was in it for 7 days", () => {
  const { state, visit, names } = setUp({ maxChannels: 2 });
  visit("10.0.0.1", "tea", "hot");
  visit("10.0.0.1", "milk", "cold");
  state.now += 7 * DAY_MS;
  assertEquals(visit("10.0.0.2", "wine"), "too many");
  state.now += 1;
  assertEquals([visit("10.0.0.2", "wine"), names()], ["created", ["milk", "wine"]]);
});

// channels.md 6.2
Deno.test("what was kept over a restart counts from its last message", () => {
  const at = (days: number, name: string, place: number): StoredChannel => ({
    name,
    owner: "[10.0.0.1]",
    place,
    first: 1,
    history: "",
    messages: [{ sender: "ann", time: 1_700_000_000_000 - days * DAY_MS, text: "hello", bytes: 8 }],
  });
  const { visit, names } = setUp({ maxChannels: 2 }, [at(6, "young", 1), at(8, "old", 2)]);
  assertEquals([visit("10.0.0.2", "wine", "red"), names()], ["created", ["young", "wine"]]);
  assertEquals(visit("10.0.0.2", "beer"), "too many");
});
