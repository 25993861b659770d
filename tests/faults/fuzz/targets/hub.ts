/** Frames of the channels, lines of the room, and what stands in them. */

import {
  decodeAnnounced,
  decodeAnnouncedRequest,
  encodeHistoryQuery,
  isAnnounced,
} from "../../../../protocol/channels/announced.ts";
import { channelsPrefix, decodeChannelsRequest, shownName } from "../../../../protocol/channels.ts";
import { claimedName, decodeLogin, encodeLogin, isLogin } from "../../../../protocol/channels/login.ts";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import { isLikeAddress, roomPrefix } from "../../../../protocol/room.ts";
import {
  decodeFrame,
  encodeFrames,
  FRAME_BYTES,
  FrameDecoder,
  FrameWriter,
} from "../../../../protocol/syntax/frame.ts";
import { LineDecoder, linesOf, printable } from "../../../../protocol/syntax/line.ts";
import {
  describeFrame,
  describeFrames,
  describeName,
  describeRoomLine,
  describeRoomLines,
} from "../../../../protocol/describe/hub.ts";
import { isClientName, messagesOf } from "../../../../client/channels.ts";
import { type Bytes, holds, isSame, type Target, textOf } from "../engine/target.ts";
import { checkDescribed, isBounded } from "./bounds.ts";

const STX = "\x02";

export const HUB_TEXTS: Target = {
  name: "hub_texts",
  covers: ["protocol/", "client/channels.ts"],
  words: [
    ...[
      "/create ",
      "/join ",
      "/list",
      "/login ",
      "/who",
      "/history ",
      "/history since ",
      "/wirepost\n1",
      STX,
      " ",
      "\n",
    ],
    ...[
      `${STX}message 1 2 3 `,
      `${STX}part `,
      `${STX}channel `,
      `${STX}sent `,
      `${STX}joined `,
      `${STX}members 1`,
    ],
    ...[
      "[Bob] ",
      "\r<('127.0.0.1', 60602)> ",
      "127.0.0.1:60602",
      "[::1]:6000",
      " has joined",
      "Logged in as ",
      "\t",
    ],
    ...["\u200b", "\ufffd", "]", ">", "x".repeat(200), "€".repeat(70)],
  ],
  seeds: [
    ...[
      "Alice",
      "/create tea",
      "/join tea",
      "/list",
      "/who",
      "/wirepost\n1",
      "/history 7",
      "/history since a1 5",
    ],
    ...[
      "/login alice secret",
      " \u200b/login bob x",
      "hello\nworld",
      "[Bob] hello",
      "Bob has joined",
      "('127.0.0.1', 1)",
    ],
    ...[`${STX}wirepost 1 Alice`, `${STX}channel a1 7 tea`, `${STX}message 7 1700000000000 3 Bob hello`],
    ...[
      `${STX}part 7 1700000000000 3 Bob hel`,
      `${STX}sent 7 1700000000000`,
      `${STX}refused`,
      `${STX}joined Bob`,
    ],
    ...[`${STX}members 2`, `${STX}member Bob`, `${STX}history a1 3 7`, `${STX}gap 4`, `${STX}gap`],
    ...[
      "\r<('127.0.0.1', 60602)> hi\n",
      "[127.0.0.1:60602] entered room\n",
      "Client (127.0.0.1, 60602) is offline\n",
    ],
    "/create tea is not a valid control message. Valid messages are /create, /list, and /join.",
  ],
  maxBytes: 16_384,
  shortInputs: 1500,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const text = textOf(input), safe = printable(text);
    holds(!/[^\P{Cc}\t]|[\u2028\u2029]/u.test(safe), () => "a control character is left");
    checkLogin(text);
    const query = decodeAnnouncedRequest(text);
    if (query?.kind === "history") {
      isSame(decodeAnnouncedRequest(encodeHistoryQuery(query.query)), query, "history");
    }
    const announced = decodeAnnounced(text);
    holds(announced === undefined || isAnnounced(text), () => "announced without its beginning");
    for (const isControl of [true, false]) {
      checkDescribed(describeFrame(text, isControl, { name: "Bob", channel: "tea" }), input);
    }
    for (const what of [describeName(text), describeFrames(input), describeRoomLines(input)]) {
      checkDescribed(what, input);
    }
    checkDescribed(describeRoomLine(text, "Bob"), input);
    isBounded(decodeChannelsRequest(text), input);
    const shown = shownName(safe, true);
    holds(
      utf8Length(channelsPrefix(shown)) <= FRAME_BYTES / 2,
      () => `a prefix of ${utf8Length(shown)} bytes`,
    );
    holds(!isLikeAddress(shown), () => `a name like an address: ${shown}`);
    roomPrefix({ name: shown });
    checkFrames(text, channelsPrefix(shown));
    if (isClientName(text)) {
      holds(utf8Length(text) <= FRAME_BYTES, () => "a name that fills more than its frame");
    }
    for (const message of messagesOf(safe)) {
      holds(utf8Length(message) <= FRAME_BYTES, () => "more than a frame");
    }
  },
};

/** What a server acts on as a log-in is never passed on as a message. */
function checkLogin(text: string) {
  const login = decodeLogin(text);
  if (login === undefined) return;
  holds(isLogin(text), () => "a password that is passed on");
  isSame(decodeLogin(encodeLogin(login.name, login.password)), login, "log-in");
  holds(claimedName(login.name).length <= login.name.length, () => "a longer name");
}

/** A text in frames has all its characters but white space. */
function checkFrames(text: string, prefix: string) {
  const bytes = encodeFrames(text, prefix), texts = new FrameDecoder().decode(bytes);
  holds(bytes.length % FRAME_BYTES === 0, () => `${bytes.length} bytes of frames`);
  const said = texts.map((each) =>
    each.slice(each.startsWith(prefix) ? prefix.length : prefix.trimEnd().length)
  ).join("");
  const words = (of: string) => of.toWellFormed().replace(/[\s\0]/g, "");
  holds(words(said) === words(text), () => `'${said}' of '${text}'`);
  const writer = new FrameWriter(1);
  writer.add(text, prefix, prefix);
  isSame(writer.bytes, bytes, "written");
}

const LIMIT = 300;

export const STREAMS: Target = {
  name: "streams",
  covers: ["protocol/syntax/"],
  words: ["\n", "\r\n", "\0", "\r", " ".repeat(200), "x".repeat(200), "x".repeat(301), "ä", "\xff"],
  seeds: [
    "one\ntwo\r\nthree",
    `${"hello".padEnd(200)}${"/list".padEnd(200)}`,
    "\0\0a\0\n\0",
    `${"x".repeat(320)}\nb\n`,
  ],
  maxBytes: 65_536,
  shortInputs: 1500,
  maxMs: 250,
  isLinear: true,
  run(input) {
    // where it is cut depends on the input
    const piece = 1 + (input[0] ?? 0) % 97;
    isSame(frames(input, piece), frames(input, Infinity), "frames");
    for (const invalid of ["refuse", "replace"] as const) {
      const whole = lines(input, Infinity, invalid);
      isSame(lines(input, piece, invalid), whole, "lines");
      for (const line of whole) {
        if (line === "too long" || line === "not UTF-8") continue;
        holds(
          !line.includes("\n") && utf8Length(line) <= 3 * LIMIT,
          () => `a line of ${utf8Length(line)} bytes`,
        );
      }
    }
    for (const line of linesOf(textOf(input))) holds(!/[\r\n]/.test(line), () => "a line with a line end");
    decodeFrame(input);
  },
};

function* pieces(input: Bytes, length: number): Generator<Bytes> {
  for (let at = 0; at < input.length; at += length) {
    yield input.subarray(at, Math.min(input.length, at + length));
  }
}

function frames(input: Bytes, piece: number): string[] {
  const decoder = new FrameDecoder();
  return [...pieces(input, piece)].flatMap((bytes) => decoder.decode(bytes));
}

function lines(input: Bytes, piece: number, invalid: "refuse" | "replace"): string[] {
  const decoder = new LineDecoder(LIMIT, invalid), all: string[] = [];
  const add = (line: { text: string } | { error: string }) =>
    all.push("text" in line ? line.text : line.error);
  for (const bytes of pieces(input, piece)) for (const line of decoder.decode(bytes)) add(line);
  for (const line of decoder.end()) add(line);
  return all;
}
