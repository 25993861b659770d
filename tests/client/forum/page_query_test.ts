/** How a page of a forum is put together from answers of which some are lost, while others change what is read. */

import { assertEquals } from "@std/assert";
import { PageQuery } from "../../../client/forum/page_query.ts";
import { decodeForumAnswer, type ForumAnswer } from "../../../protocol/forum.ts";

/** Gives the lines to a query for a thread; resolves to the texts of its page, if it is complete, and what is asked next. */
function read(query: PageQuery, ...lines: string[]): { texts: string[] | undefined; asks: string } {
  let texts: string[] | undefined;
  for (const line of lines) {
    const answer = decodeForumAnswer(line.split(",", 1)[0]!, line) as ForumAnswer;
    const page = query.take(answer);
    if (page !== undefined) texts = page.rows.map((row) => row.kind === "line" ? row.text : row.kind);
  }
  return { texts, asks: query.line(1) };
}

/** A message of the user yoda. */
const line = (place: number, id: number, text: string, { length = text.length, version = 0 } = {}) =>
  `line,1,${place},${id},1,0,${version},${length},yoda ${text}`;

// forum.md 3.4
Deno.test("a page ends before a long message that is deleted while its text is read", () => {
  const query = new PageQuery("a", "0");
  assertEquals(read(query, line(0, 1, "first"), line(1, 2, "not all", { length: 5000 }), "end,1,2"), {
    texts: undefined,
    asks: "RDT,1,1,a",
  });
  assertEquals(read(query, "end,1,1").texts, ["first"]);
});

Deno.test("another message takes the place of one that is deleted while its text is read", () => {
  const query = new PageQuery("a", "0");
  read(query, line(0, 2, "not all", { length: 5000 }));
  assertEquals(read(query, line(0, 3, "behind it"), "end,1,3").texts, ["behind it"]);
});

// forum.md 3.7
Deno.test("a text is joined though answers cut it at different bytes", () => {
  const query = new PageQuery("a", "0"),
    length = 12,
    rest = (offset: number, text: string) => `rest,1,10,0,${offset},${text}`;
  // asked from 0, the first piece has room for more than asked from 9, whose line is longer
  read(query, line(9, 10, "abcdef", { length }), rest(10, "kl"));
  read(query, rest(5, "fghi"));
  assertEquals(read(query, rest(9, "jkl"), "end,1,10").texts, undefined);
  assertEquals(read(query, line(0, 9, "ninth")).texts, ["ninth", "abcdefghijkl"]);
});

Deno.test("a text that is cut again and again in other ways is joined in the end", () => {
  const query = new PageQuery("a", "0"), text = "✓".repeat(20_000), length = 60_000;
  const piece = (at: number, size: number) => `rest,1,1,0,${3 * at},${text.slice(at, at + size)}`;
  for (let cut = 300; cut > 290; cut--) {
    read(query, line(0, 1, text.slice(0, cut), { length }));
    // the second piece never arrives
    for (let at = cut + 300; at < text.length; at += 300) read(query, piece(at, 300));
  }
  for (let at = 290; at < text.length; at += 300) read(query, piece(at, 300));
  assertEquals(read(query, line(0, 1, text.slice(0, 290), { length }), "end,1,1").texts, [text]);
});
