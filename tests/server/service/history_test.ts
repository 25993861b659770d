import { assertEquals } from "@std/assert";
import { History, type StoreChannel } from "../../../server/service/hub/history.ts";
import type { ChannelChange, RemoveChannel } from "../../../server/store/requests/channel.ts";

/** A store that notes what it is given, and takes it as long as `takes`. */
function setUp() {
  const given: (ChannelChange | RemoveChannel)[] = [];
  const state = { takes: true };
  const keep: StoreChannel = (change) => {
    if (state.takes) given.push(change);
    return Promise.resolve(state.takes);
  };
  /** What it was given since the last call: name, first, from and the texts. */
  const take = () =>
    given.splice(0).map((change) =>
      change.kind === "channel"
        ? [change.name, change.place, change.first, change.from, ...change.messages.map(({ text }) => text)]
        : [change.kind, change.name]
    );
  return { keep, state, take };
}

Deno.test("History hands over what is new, once", async () => {
  const { keep, take } = setUp();
  const history = new History({ messages: 3, bytes: 1000 }, []);
  const tea = history.create("tea");
  await history.write(keep);
  assertEquals(take(), []);
  history.list(tea);
  history.add(tea, "Alice", 1, "one");
  history.add(tea, "Alice", 2, "two");
  await history.write(keep);
  await history.write(keep);
  assertEquals(take(), [["tea", 1, 1, 1, "one", "two"]]);
  history.add(tea, "Alice", 3, "three");
  await history.write(keep);
  assertEquals(take(), [["tea", 1, 1, 3, "three"]]);
});

// channels.md 5.8
Deno.test("History keeps the last messages of a channel, and writes no others", async () => {
  const { keep, take } = setUp();
  const history = new History({ messages: 3, bytes: 1000 }, []);
  const tea = history.create("tea");
  for (let i = 1; i <= 10; i++) history.add(tea, "Alice", i, `${i}`);
  await history.write(keep);
  assertEquals(take(), [["tea", 0, 8, 8, "8", "9", "10"]]);
});

Deno.test("History drops the oldest messages of those that were silent longest", async () => {
  const { keep, take } = setUp();
  const history = new History({ messages: 100, bytes: 40 }, []);
  const [tea, coffee] = [history.create("tea"), history.create("coffee")];
  history.add(coffee, "A", 1, "123456789");
  history.add(coffee, "A", 2, "123456789");
  await history.write(keep);
  history.add(tea, "A", 3, "123456789");
  history.add(tea, "A", 4, "123456789");
  history.add(tea, "A", 5, "123456789");
  take();
  await history.write(keep);
  assertEquals(take().toSorted(), [
    ["coffee", 0, 2, 3],
    ["tea", 0, 1, 1, "123456789", "123456789", "123456789"],
  ]);
});

Deno.test("History keeps what the store refuses, and hands it over again", async () => {
  const { keep, state, take } = setUp();
  const history = new History({ messages: 3, bytes: 1000 }, []);
  const [tea, coffee] = [history.create("tea"), history.create("coffee")];
  for (const record of [tea, coffee]) history.add(record, "Alice", 1, "one");
  history.list(history.create("water"));
  state.takes = false;
  await history.write(keep);
  history.add(tea, "Alice", 2, "two");
  state.takes = true;
  await history.write(keep);
  assertEquals(take().toSorted(), [
    ["coffee", 0, 1, 1, "one"],
    ["tea", 0, 1, 1, "one", "two"],
    ["water", 1, 1, 1],
  ]);
});

Deno.test("History forgets a channel, also where another of its name comes after it", async () => {
  const { keep, take } = setUp();
  const history = new History({ messages: 3, bytes: 1000 }, []);
  const tea = history.create("tea");
  history.list(tea);
  history.add(tea, "Alice", 1, "one");
  await history.write(keep);
  take();
  history.remove(tea);
  const again = history.create("tea");
  history.list(again);
  history.add(again, "Bob", 2, "two");
  await history.write(keep);
  assertEquals(take(), [["remove channel", "tea"], ["tea", 2, 1, 1, "two"]]);
});

Deno.test("History goes on where the store has it, in less room if need be", async () => {
  const { keep, take } = setUp();
  const messages = ["five", "six", "seven"].map((text, i) => ({
    sender: "A",
    time: i,
    text,
    bytes: 1 + text.length,
  }));
  const stored = [
    { name: "tea", owner: "", place: 7, history: "a1:1", first: 5, messages },
    { name: "coffee", owner: "[10.0.0.1]", place: 2, history: "b2:1", first: 1, messages: [] },
  ];
  const history = new History({ messages: 2, bytes: 1000 }, stored);
  assertEquals(history.records.map(({ name }) => name), ["coffee", "tea"]);
  await history.write(keep);
  assertEquals(take(), [["tea", 7, 6, 8]]);
  const [, tea] = history.records;
  history.add(tea!, "A", 8, "eight");
  history.list(history.create("water"));
  await history.write(keep);
  assertEquals(take(), [["tea", 7, 7, 8, "eight"], ["water", 8, 1, 1]]);
});
