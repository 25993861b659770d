/** What a terminal is sent, and what it sends. */

import { setColorEnabled } from "@std/fmt/colors";
import { EventLines } from "../../../../client/command/watch/event_line.ts";
import { Display } from "../../../../client/command/chat/display.ts";
import { KeyDecoder } from "../../../../client/terminal/line_editor/keys/keys.ts";
import { clusters, columnsOf } from "../../../../client/terminal/line_editor/graphemes.ts";
import { escapeControls } from "../../../../client/terminal/output.ts";
import { cutToWidth, tableLines, textWidth } from "../../../../client/terminal/table.ts";
import { decodeEvents } from "../../../../protocol/watch.ts";
import { checkShown } from "../client/terminal_output.ts";
import { type Bytes, holds, isSame, type Target, textOf } from "../engine/target.ts";

/** Columns of the narrow terminal on which things are shown. */
const COLUMNS = 30;

export const TERMINAL_TEXTS: Target = {
  name: "terminal_texts",
  covers: [
    "client/terminal/",
    "client/command/watch/",
    "client/command/chat/display.ts",
    "protocol/watch.ts",
  ],
  words: [
    ...[
      "\x1b[",
      "\x1b]0;",
      "\x1bO",
      "\x1b[200~",
      "\x1b[201~",
      "\x9b",
      "\u202e",
      "\u2066",
      "\u2028",
      "\t",
      "\r",
      "\n",
      "\x7f",
    ],
    ...["é", "e\u0301", "👩‍👩‍👧", "🇩🇪", "漢", "\u200b", "\ufe0f", "ก็", "~", ";5C", "A", "m", "200", " "],
    ...['"peer":"', '"service":"', '"what":"', "\\u001b[2J", "events, 0123abcd, 1, 0\n"],
  ],
  seeds: [
    ...[
      "hello world",
      "\x1b[A\x1b[1;5C\x1b[200~pasted\ntext\x1b[201~",
      "\x1bb\x1bf\x03",
      "👩‍👩‍👧 🇩🇪 漢字 e\u0301",
      "\u202eabc\u2066",
    ],
    'events, 0123abcd, 1, 0\n{"time":"2026-01-31T12:00:00.000Z","direction":"in","service":"mailbox","peer":"1.2.3.4:5",' +
    '"what":"put","text":"hi","refused":"malformed","why":"it is","rule":"mailbox.md 3.3"}',
  ],
  maxBytes: 16_384,
  shortInputs: 1000,
  maxMs: 500,
  isLinear: true,
  run(input) {
    const text = textOf(input);
    setColorEnabled(true);
    checkShown(escapeControls(text));
    const display = new Display({ hasColour: true, hasTimes: true });
    checkShown(
      display.message(text, text, ["[", "] "], input.length) + display.answer(text) + display.notice(text),
    );
    checkEvents(text);
    checkTables(text);
    checkKeys(input);
  },
};

function checkEvents(text: string) {
  const lines = new EventLines(() => COLUMNS);
  for (const event of decodeEvents(text)?.events ?? []) {
    const shown = lines.format(event);
    checkShown(shown);
    holds(shown.length < 64 * (text.length + 100), () => `${shown.length} characters of ${text.length}`);
  }
}

function checkTables(text: string) {
  const safe = escapeControls(text), cut = cutToWidth(safe, COLUMNS);
  if (!safe.includes("\t")) {
    holds(textWidth(cut) <= COLUMNS, () => `${textWidth(cut)} columns of ${JSON.stringify(cut)}`);
  }
  isSame([...clusters(safe)].join(""), safe, "clusters");
  holds(columnsOf(safe) >= 0, () => "fewer columns than none");
  const rows = safe.split(" ").slice(0, 50).map((word) => [word, safe.slice(0, 20)]);
  for (const line of tableLines([{ heading: "a" }, { heading: "b", align: "right" }], rows, COLUMNS)) {
    if (!line.includes("\t")) holds(textWidth(line) <= COLUMNS, () => `${textWidth(line)} columns`);
  }
}

/** The same keys, wherever a read cuts them; text has no control character but TAB. */
function checkKeys(input: Bytes) {
  const whole = new KeyDecoder().decode(input), decoder = new KeyDecoder();
  const pieces: typeof whole = [];
  for (let at = 0; at < input.length; at += 3) pieces.push(...decoder.decode(input.subarray(at, at + 3)));
  const joined = (keys: typeof whole) =>
    keys.map((key) => "text" in key ? key.text : `\n${key.key}\n`).join("");
  isSame(joined(pieces), joined(whole), "keys");
  for (const key of whole) {
    if ("text" in key) holds(!/[^\P{Cc}\t]/u.test(key.text), () => `typed: ${JSON.stringify(key.text)}`);
  }
}
