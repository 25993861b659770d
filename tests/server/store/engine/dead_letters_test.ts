import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../../../../server/store/database/database.ts";
import { DeadLetterRows } from "../../../../server/store/engine/message/dead_letters.ts";
import type { DeadLetter, DeadLetters } from "../../../../server/store/requests/message.ts";
import { Transaction } from "../../../../server/store/database/transaction.ts";

// session.md 6.7
Deno.test("of dead letters the oldest go where they are too many or too long", () => {
  using db = new DatabaseSync(":memory:");
  openDatabase(db);
  const texts = ["one", "two", "three", "four", "a longer one"];
  const transaction = new Transaction(db);
  const open = () => new DeadLetterRows({ db, transaction, onEvent() {} }, { letters: 3, bytes: 20 });
  let dead = open();
  const ask = (request: DeadLetters) => dead.request(request, () => {});
  const kept = () =>
    (ask({ kind: "dead", what: "list", after: 0, limit: 9 }) as DeadLetter[]).map(({ text }) => text);
  const add = (mailbox: string, seq: number) => {
    const text = texts[seq - 1]!;
    dead.add(mailbox, { seq, sender: "al", time: 0, text, bytes: text.length }, 5, "lease ran out");
  };

  for (const seq of [1, 2, 3]) add("bob", seq);
  add("carol", 4);
  transaction.commit();
  assertEquals(kept(), ["two", "three", "four"]);
  // with the others 24 bytes
  add("carol", 5);
  assertEquals(kept(), ["four", "a longer one"]);
  assertEquals([dead.counts.of("bob"), dead.counts.of("carol"), dead.counts.of()], [0, 2, 2]);
  dead = open();
  assertEquals([kept(), dead.counts.of("bob")], [["four", "a longer one"], 0]);
  ask({ kind: "dead", what: "delete", id: 4 });
  for (const seq of [1, 2]) add("bob", seq);
  assertEquals(kept(), ["one", "two", "a longer one"]);
  assertEquals([ask({ kind: "dead", what: "delete all" }), kept(), dead.counts.of()], [3, [], 0]);
});
