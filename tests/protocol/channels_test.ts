import { assertEquals } from "@std/assert";
import {
  alreadyExists,
  channelsPrefix,
  type ChannelsRequest,
  CREATE_NEEDS_NAME,
  decodeChannelsRequest,
  hasJoined,
  hasLeft,
  IN_NO_CHANNEL,
  JOIN_NEEDS_NAME,
  noChannelNamed,
  unknownCommand,
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
  Deno.test(`decodeChannelsRequest() reads '${text}'`, () => {
    assertEquals(decodeChannelsRequest(text), request);
  });
}

Deno.test("the texts are those of the original", () => {
  assertEquals(
    [
      hasJoined("Al"),
      hasLeft("Al"),
      alreadyExists("x"),
      CREATE_NEEDS_NAME,
      noChannelNamed("x"),
      JOIN_NEEDS_NAME,
      unknownCommand("/LIST a"),
      IN_NO_CHANNEL,
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
