import { assertEquals, assertRejects } from "@std/assert";
import { readEvents } from "../../../client/web/event_stream.js";

/** What a stream of these pieces says; comments are `:`. */
async function read(...pieces: string[]): Promise<string[]> {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  const events: string[] = [];
  for await (const event of readEvents(ReadableStream.from(bytes))) {
    events.push(event === undefined ? ":" : `${event.type} ${event.id} ${JSON.stringify(event.data)}`);
  }
  return events;
}

Deno.test("events are read as the HTML Standard writes them", async () => {
  assertEquals(await read("data: a\n\n"), ['message  "a"']);
  assertEquals(await read("event: joined\nid: h:1\ndata: a\ndata: b\n\n"), ['joined h:1 "a\\nb"']);
  assertEquals(await read("id: h:1\ndata: a\n\ndata:b\n\n"), ['message h:1 "a"', 'message h:1 "b"']);
  assertEquals(await read(": still here\n\n", "unknown: x\ndata\n\n"), [":", 'message  ""']);
});

Deno.test("an event may come in any pieces, with any line ends, and one without its end is none", async () => {
  const text = "data: Ω ✓\r\n\r\nevent: left\rdata: b\r\rdata: c\n\ndata: cut";
  const expected = ['message  "Ω ✓"', 'left  "b"', 'message  "c"'];
  assertEquals(await read(text), expected);
  const bytes = new TextEncoder().encode(text);
  const events = [];
  for await (
    const event of readEvents(ReadableStream.from([...bytes].map((byte) => new Uint8Array([byte]))))
  ) {
    events.push(`${event?.type}  ${JSON.stringify(event?.data)}`);
  }
  assertEquals(events, expected);
});

Deno.test("an event that is longer than any message is not kept in memory", async () => {
  await assertRejects(() => read(`data: ${"x".repeat(2 ** 20)}`), RangeError, "longer than any message");
});
