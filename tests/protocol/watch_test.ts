import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { utf8Length } from "../../protocol/mailbox.ts";
import {
  decodeEvents,
  decodeWatch,
  decodeWatchAnswer,
  encodeEvent,
  encodeEvents,
  encodeWatch,
  fittingRows,
  MAX_EVENTS_BYTES,
  type WatchEvent,
  type WatchFilter,
} from "../../protocol/watch.ts";

const NOTHING: WatchFilter = { services: [], peers: [], names: [], texts: false };

const EVENT: WatchEvent = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "mailbox",
  peer: "127.0.0.1:40112",
  what: "F: put into 'bob' from 'alice', 5 bytes",
};

const argsOf = (command: string) => command.split(",").map((field) => field.trim()).slice(1);

// watch.md section 1
Deno.test("a subscription is read as it was written", () => {
  const filters: WatchFilter[] = [
    NOTHING,
    { services: ["mailbox", "room"], peers: ["127.0.0.1:5000", "::1"], names: ["bob"], texts: true },
    { ...NOTHING, names: ["a, b", "100%", "Ω ✓", " x "] },
  ];
  for (const filter of filters) {
    const args = argsOf(encodeWatch(30, filter));
    assertEquals(decodeWatch(args), { seconds: 30, filter });
  }
  assertEquals(encodeWatch(0, NOTHING), "watch, 0");
  assertEquals(encodeWatch(5, { ...NOTHING, names: ["a,b"] }), "watch, 5, name=a%2Cb");
});

// watch.md section 5
Deno.test("what is no subscription is refused, and the error says why", () => {
  const rows: [string[], string][] = [
    [[""], "not 0 to 60 seconds: ''"],
    [["61"], "not 0 to 60 seconds: '61'"],
    [["-1"], "not 0 to 60 seconds: '-1'"],
    [["30", "all"], "not a filter: 'all'"],
    [["30", "name="], "not a filter: 'name='"],
    [["30", "name=%"], "not a filter: 'name=%'"],
    [["30", "service=mail"], "not a service: 'mail'"],
    [["30", ...Array(17).fill("name=x")], "more than 16 of one filter"],
  ];
  for (const [args, message] of rows) assertThrows(() => decodeWatch(args), RangeError, message);
});

// watch.md section 2
Deno.test("a datagram of events is read as it was written, and nothing else is one", () => {
  const refused: WatchEvent = {
    ...EVENT,
    direction: "out",
    text: "a\nb \u0085 \u2028 Ω",
    refused: "answered",
    why: "bad sender",
    rule: "session.md section 11",
  };
  const text = encodeEvents("8f3a1c02", 7, 12, [EVENT, refused].map(encodeEvent));
  assertEquals(text.split("\n").length, 3);
  assertEquals(decodeEvents(text), { id: "8f3a1c02", first: 7, dropped: 12, events: [EVENT, refused] });
  const end = encodeEvents("8f3a1c02", 9, 12, []);
  assertEquals(end, "events, 8f3a1c02, 9, 12");
  assertEquals(decodeEvents(end), { id: "8f3a1c02", first: 9, dropped: 12, events: [] });
  const wrong = ["ok", "ok, 8f3a1c02, 1, 0", "events, 8f3a1c02, 1", "events, xyz, 1, 0\n{}"];
  for (const row of ["", "{}", "null", "[]", '{"time":1}', JSON.stringify({ ...EVENT, direction: "up" })]) {
    wrong.push(`events, 8f3a1c02, 1, 0\n${row}`);
  }
  for (const text of wrong) assertEquals(decodeEvents(text), undefined, text);
  assertEquals(decodeWatchAnswer(["8f3a1c02", "3", "0"]), { id: "8f3a1c02", next: 3, dropped: 0 });
  assertEquals(decodeWatchAnswer(["3", "0"]), undefined);
});

// watch.md 3.4
Deno.test("an event fits into a datagram, however long it is, and says that it was cut", () => {
  assertEquals(decodeEvents(encodeEvents("00000000", 1, 0, [encodeEvent(EVENT)]))!.events[0]!.cut, undefined);
  for (const character of ["x", "Ω", "✓", "😀", "\u0001", '"']) {
    for (const length of [900, 1200, 5000, 65_000]) {
      const long = character.repeat(length);
      const events: WatchEvent[] = [{ ...EVENT, text: long }, { ...EVENT, what: long }, {
        ...EVENT,
        what: long,
        text: long,
      }];
      for (const event of events) {
        const row = encodeEvent(event);
        const datagram = `A, ${encodeEvents("00000000", 999_999_999_999_999, 999_999_999_999_999, [row])}`;
        assert(utf8Length(datagram) <= MAX_EVENTS_BYTES, `${length} of ${JSON.stringify(character)}`);
        const { what, text = "", cut } = decodeEvents(datagram.slice(3))!.events[0]!;
        assert(event.what.startsWith(what) && (event.text ?? "").startsWith(text));
        assert(row.isWellFormed());
        assertEquals(cut ?? false, what !== event.what || text !== (event.text ?? ""));
      }
    }
  }
});

// watch.md 3.4
Deno.test("as many events go into a datagram as fit, and at least one", () => {
  const row = encodeEvent(EVENT);
  assertEquals(fittingRows([]), 0);
  assertEquals(fittingRows([row]), 1);
  const count = fittingRows(Array(100).fill(row)), fits = Array(count).fill(row);
  assert(count > 3);
  const bytes = (rows: string[]) =>
    utf8Length(`A, ${encodeEvents("00000000", 999_999_999_999_999, 999_999_999_999_999, rows)}`);
  assert(bytes(fits) <= MAX_EVENTS_BYTES && bytes([...fits, row]) > MAX_EVENTS_BYTES);
});

const CUT_AT = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "mailbox",
  peer: "[::1]:1",
} as const;

// watch.md section 2
Deno.test("a reason is cut too, if it would not fit into a datagram in any other way", () => {
  const why = "\0".repeat(200),
    row = encodeEvent({ ...CUT_AT, what: "x".repeat(2000), text: "y", refused: "r", why });
  assertLessOrEqual(utf8Length(encodeEvents("01234567", 1, 0, [row])), MAX_EVENTS_BYTES);
  const [event] = decodeEvents(encodeEvents("01234567", 1, 0, [row]))!.events;
  assertEquals([event!.what, event!.text, event!.cut], ["", "", true]);
  assert(why.startsWith(event!.why!) && event!.why !== why && event!.why !== "");
});
