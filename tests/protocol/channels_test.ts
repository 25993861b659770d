import { assertEquals } from "@std/assert";
import {
  CHANNELS_TEXTS as TEXTS,
  channelsPrefix,
  type ChannelsRequest,
  decodeChannelsRequest,
} from "../../protocol/channels.ts";

const requests: [string, ChannelsRequest][] = [
  ["/create x", { kind: "create", channel: "x" }],
  ["/create", { kind: "create" }],
  ["/create  \t x", { kind: "create", channel: "x" }],
  ["/join x", { kind: "join", channel: "x" }],
  ["/join x more", { kind: "join", channel: "x" }],
  ["/join", { kind: "join" }],
  ["/join Ω✓", { kind: "join", channel: "Ω✓" }],
  ["/list", { kind: "list" }],
  ["/list more", { kind: "list" }],
  ["/LIST", { kind: "unknown", text: "/LIST" }],
  ["/", { kind: "unknown", text: "/" }],
  ["/ list", { kind: "unknown", text: "/ list" }],
  ["/lists", { kind: "unknown", text: "/lists" }],
  ["/joined a b", { kind: "unknown", text: "/joined a b" }],
  [" /list", { kind: "message", text: " /list" }],
  ["", { kind: "message", text: "" }],
  ["hello", { kind: "message", text: "hello" }],
];

for (const [text, request] of requests) {
  // channels.md 2.1
  Deno.test(`decodeChannelsRequest() reads '${text}'`, () => {
    assertEquals(decodeChannelsRequest(text), request);
  });
}

// channels.md 2.2
Deno.test("the texts are those of the original", () => {
  assertEquals(
    [
      TEXTS.joined("Al"),
      TEXTS.left("Al"),
      TEXTS.alreadyExists("x"),
      TEXTS.createWithoutName,
      TEXTS.noChannelNamed("x"),
      TEXTS.joinWithoutName,
      TEXTS.unknownCommand("/LIST a"),
      TEXTS.inNoChannel,
      channelsPrefix("Al") + "hello",
    ],
    [
      "Al has joined",
      "Al has left",
      "Room x already exists, so cannot be created.",
      "/create command must be followed by the name of a channel to create",
      "No channel named x exists. Try '/create x'?",
      "/join command must be followed by the name of a channel to join.",
      "/LIST a is not a valid control message. Valid messages are /create, /list, and /join.",
      "Not currently in any channel. Must join a channel before sending messages.",
      "[Al] hello",
    ],
  );
});
