import { assertEquals } from "@std/assert";
import {
  type Announced,
  ANNOUNCED_TEXTS as TEXTS,
  type AnnouncedRequest,
  ANNOUNCEMENT,
  decodeAnnounced,
  decodeAnnouncedRequest,
  encodeHistoryQuery,
  isAnnounced,
} from "../../protocol/channels/announced.ts";

const requests: [string, AnnouncedRequest | undefined][] = [
  ["/wirepost\n1", { kind: "announcement" }],
  ["/wirepost 1", undefined],
  ["/wirepost\n2", undefined],
  ["/wirepost\n1 ", undefined],
  ["/wirepost\n1\n", undefined],
  ["/who", { kind: "who" }],
  ["/who is there", undefined],
  ["/WHO", undefined],
  ["/history 20", { kind: "history", query: { last: 20 } }],
  ["/history 0", { kind: "history", query: { last: 0 } }],
  ["/history since 5f01c2e9aa 41", { kind: "history", query: { history: "5f01c2e9aa", after: 41 } }],
  ["/history", undefined],
  ["/history -1", undefined],
  ["/history 20 ", undefined],
  [`/history ${"9".repeat(17)}`, undefined],
  ["/history since", undefined],
  ["/history since 5f01 4 1", undefined],
  [`/history since ${"a".repeat(17)} 1`, undefined],
  ["/history since a: 1", undefined],
  ["/join tea", undefined],
];

for (const [text, request] of requests) {
  // channels.md 8.1, 8.2
  Deno.test(`decodeAnnouncedRequest() reads ${JSON.stringify(text)}`, () => {
    assertEquals(decodeAnnouncedRequest(text), request);
  });
}

// channels.md 8.7
Deno.test("a query of a history is read as it was written", () => {
  for (const query of [{ last: 3 }, { history: "a1", after: 9 }]) {
    assertEquals(decodeAnnouncedRequest(encodeHistoryQuery(query)), { kind: "history", query });
  }
});

const message = (number: number, time: number, name: string, text: string) => (
  { kind: "message", number, time, name, text } as const
);

const sent: [string, Announced][] = [
  [TEXTS.announced("Al B"), { kind: "announced", name: "Al B" }],
  [TEXTS.announced("").trimEnd(), { kind: "announced", name: "" }],
  [TEXTS.entered("a1", 41, "tea"), { kind: "channel", history: "a1", last: 41, channel: "tea" }],
  [TEXTS.prefix("message", 3, 5, "Al Ω") + "hi  there", message(3, 5, "Al Ω", "hi  there")],
  [TEXTS.prefix("message", 3, 5, "") + " 4 x", message(3, 5, "", " 4 x")],
  [TEXTS.prefix("part", 3, 5, "Al").trimEnd(), { ...message(3, 5, "Al", ""), kind: "part" }],
  [TEXTS.prefix("message", 3, 5, "").trimEnd(), message(3, 5, "", "")],
  [TEXTS.sent(3, 5), { kind: "sent", number: 3, time: 5 }],
  [TEXTS.refused, { kind: "refused" }],
  [TEXTS.joined("Al"), { kind: "joined", name: "Al" }],
  [TEXTS.left("").trimEnd(), { kind: "left", name: "" }],
  [TEXTS.members(2), { kind: "members", count: 2 }],
  [TEXTS.member("a b"), { kind: "member", name: "a b" }],
  [TEXTS.page("a1", 2, 9), { kind: "history", history: "a1", entries: 2, last: 9 }],
  [TEXTS.gap(7), { kind: "gap", count: 7 }],
  [TEXTS.gap(undefined), { kind: "gap" }],
];

// channels.md 8.3 to 8.8
Deno.test("what an announced client is sent is read as it was written, and no other text", () => {
  for (const [text, read] of sent) {
    assertEquals([text, isAnnounced(text), decodeAnnounced(text)], [text, true, read]);
  }
  const others = [
    "",
    "\x02",
    "\x02sent",
    "\x02sent 1 x",
    "\x02gap x",
    "\x02toString 1",
    "\x02history 1",
    "sent 1 2",
  ];
  assertEquals(others.map(decodeAnnounced), others.map(() => undefined));
  assertEquals([ANNOUNCEMENT, "[Bob] hi", "tea\n\x02tea"].map(isAnnounced), [false, false, false]);
});
