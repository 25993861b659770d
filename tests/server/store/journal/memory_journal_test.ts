import { assertEquals } from "@std/assert";
import { MemoryJournal } from "../../../../server/store/journal/memory_journal.ts";
import { record, texts } from "./records.ts";

Deno.test("a journal in memory numbers its records, gives those that are synced, and forgets those that are released", async () => {
  const journal = new MemoryJournal();
  assertEquals([journal.append(record("a")), journal.append(record("b"))], [1, 2]);
  assertEquals([journal.last, journal.durable, texts(journal.read(1))], [2, 0, []]);
  assertEquals(await journal.sync(), 2);
  assertEquals(journal.append(record("c")), 3);
  assertEquals([texts(journal.read(1)), texts(journal.read(2))], [["1 a", "2 b"], ["2 b"]]);
  journal.release(2);
  await journal.close();
  assertEquals([journal.durable, texts(journal.read(1))], [3, ["2 b", "3 c"]]);
  journal.release(4);
  assertEquals(texts(journal.read(1)), []);
});
