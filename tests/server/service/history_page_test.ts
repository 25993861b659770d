import { assertEquals } from "@std/assert";
import type { HistoryQuery } from "../../../protocol/channels/announced.ts";
import { ChannelRecord, History } from "../../../server/service/hub/history.ts";
import { HistoryIds } from "../../../server/service/hub/history_ids.ts";
import { historyPage } from "../../../server/service/hub/history_page.ts";

/** A channel whose messages 1 to `last` were said, and whose last `size` are kept. */
function channel(last: number, size = 1000, ids = "a:1"): ChannelRecord {
  const record = new ChannelRecord("tea", size);
  record.ids = HistoryIds.decode(ids)!;
  for (let i = 1; i <= last; i++) record.add({ sender: "A", time: i, text: `${i}`, bytes: 2 });
  return record;
}

/** A page: `ID|`, its numbers with `gap` or `gap N` between them, and the number of the last message. */
function page(record: ChannelRecord, query: HistoryQuery, max = Infinity): string {
  let added = 1;
  const { history, entries, last } = historyPage(record, query, () => ++added <= max);
  const shown = entries.map((entry) => "gap" in entry ? `gap ${entry.gap ?? "?"}` : `${entry.number}`);
  return `${history}| ${shown.join(", ")} |${last}`;
}

const since = (history: string, after: number) => ({ history, after });

// channels.md 8.7
Deno.test("a page has what was asked for, and no more than fits", () => {
  const tea = channel(5);
  assertEquals(page(tea, { last: 2 }), "a| 4, 5 |5");
  assertEquals(page(tea, { last: 0 }), "a|  |5");
  assertEquals(page(tea, { last: 99 }), "a| 1, 2, 3, 4, 5 |5");
  assertEquals(page(tea, since("a", 3)), "a| 4, 5 |5");
  assertEquals(page(tea, since("a", 5)), "a|  |5");
  assertEquals(page(tea, since("a", 0), 2), "a| 1, 2 |5");
  assertEquals(page(tea, since("a", 0), 0), "a| 1 |5");
  assertEquals(page(channel(0), { last: 20 }), "a|  |0");
  const long = channel(250);
  assertEquals(historyPage(long, { last: 1000 }, () => true).entries.length, 100);
  assertEquals(historyPage(long, since("a", 0), () => true).entries.length, 100);
});

// channels.md 8.8
Deno.test("what was dropped is a gap of as many messages", () => {
  const tea = channel(10, 3);
  assertEquals(page(tea, since("a", 4)), "a| gap 3, 8, 9, 10 |10");
  assertEquals(page(tea, since("a", 7)), "a| 8, 9, 10 |10");
  // who asks for the last ones misses nothing
  assertEquals(page(tea, { last: 20 }), "a| 8, 9, 10 |10");
});

// channels.md 8.6, 8.8
Deno.test("where a new ID begins there is a gap of an unknown number of messages, once", () => {
  const tea = channel(5, 1000, "a:1 b:4");
  assertEquals(page(tea, since("a", 2)), "b| 3, gap ?, 4, 5 |5");
  assertEquals(page(tea, since("a", 3)), "b| gap ?, 4, 5 |5");
  // these were seen, and lost
  assertEquals(page(tea, since("a", 9)), "b| gap ?, 4, 5 |5");
  assertEquals(page(tea, since("b", 3)), "b| 4, 5 |5");
  assertEquals(page(tea, since("b", 4)), "b| 5 |5");
  assertEquals(page(tea, { last: 2 }), "b| 4, 5 |5");
  assertEquals(page(tea, { last: 3 }), "b| 3, gap ?, 4, 5 |5");
  // page by page
  assertEquals(page(tea, since("a", 1), 2), "a| 2, 3 |5");
  assertEquals(page(tea, since("a", 3), 1), "b| gap ?, 4 |5");
  // several IDs, without messages of their own
  const again = channel(3, 1000, "a:1 b:4 c:4");
  assertEquals(page(again, since("a", 2)), "c| 3, gap ? |3");
  assertEquals(page(again, since("b", 7)), "c| gap ? |3");
  assertEquals(page(again, since("c", 3)), "c|  |3");
  // what is dropped and what is lost is one gap
  assertEquals(page(channel(10, 3, "a:1 b:5"), since("a", 2)), "b| gap ?, 8, 9, 10 |10");
  assertEquals(page(channel(10, 3, "a:1 b:8"), since("a", 2)), "b| gap ?, 8, 9, 10 |10");
  assertEquals(page(channel(10, 3, "a:1 b:9"), since("a", 2)), "b| gap 5, 8, gap ?, 9, 10 |10");
});

// channels.md 8.8
Deno.test("an ID that is not known, or a message that is not there yet, is a gap and the last messages", () => {
  const tea = channel(3);
  assertEquals(page(tea, since("z", 1)), "a| gap ?, 1, 2, 3 |3");
  assertEquals(page(tea, since("a", 4)), "a| gap ?, 1, 2, 3 |3");
  assertEquals(page(channel(0), since("z", 1)), "a| gap ? |0");
});

// channels.md 8.6
Deno.test("a channel keeps its ID over a restart, and has a new one after an end that was not clean", () => {
  const stored = { name: "tea", owner: "", place: 1, history: "a1:1", first: 5, messages: [] };
  const ids = (isComplete: boolean, history = "a1:1") =>
    new History({ messages: 9, bytes: 9 }, [{ ...stored, history }], isComplete).records[0]!.ids.encode();
  assertEquals(ids(true), "a1:1");
  const [first, second = "", ...more] = ids(false).split(" ");
  assertEquals([first, /^[0-9a-f]{10}:5$/.test(second), more], ["a1:1", true, []]);
  // one of an earlier version
  assertEquals(/^[0-9a-f]{10}:1$/.test(ids(true, "")), true);
  const many = Array.from({ length: 8 }, (_, i) => `i${i}:${i + 1}`);
  assertEquals(ids(false, many.join(" ")).split(" ").slice(0, 7), many.slice(1));
});

Deno.test("channels that are made have IDs of their own, and a message has the number that add() returns", () => {
  const history = new History({ messages: 2, bytes: 1000 }, []);
  const [tea, coffee] = [history.create("tea"), history.create("tea")];
  assertEquals(tea.ids.current === coffee.ids.current, false);
  assertEquals([1, 2, 3].map((n) => history.add(tea, "A", n, "x")), [1, 2, 3]);
  assertEquals(
    historyPage(tea, { last: 9 }, () => true).entries.map((entry) => "number" in entry && entry.number),
    [
      2,
      3,
    ],
  );
});
