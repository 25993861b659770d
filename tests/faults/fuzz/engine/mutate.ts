/** Makes an input of others. */

import type { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, pick, type Target, textOf } from "./target.ts";

/** Most changes of one input, and most times that a piece is repeated. */
const MAX_CHANGES = 6, MAX_REPEATED = 64;

const NUMBERS = [
  ...["0", "1", "-1", "00", "255", "65535", "65536", "2147483648", "4294967295", "4294967296"],
  ...["999999999999999", "9007199254740991", "9007199254740993", "1e9", "0x10", "NaN", "Infinity"],
];

/** What is not UTF-8, and what terminals obey or show otherwise than it is. */
const NASTY: readonly Bytes[] = [
  ...[[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0], [0x0a], [0x0d]],
  ...[[0x0d, 0x0a], [0x1b, 0x5b, 0x32, 0x4a], [0x1b, 0x5d, 0x30, 0x3b, 0x78, 0x07], [0xc2, 0x9b], [0x7f], [
    0x08,
  ]],
].map((bytes) => new Uint8Array(bytes)).concat(
  ["\u202e", "\u2066", "\u2028", "\ufeff", "é", "😀", "\u0301"].map(bytesOf),
);

type Change = (bytes: Bytes, random: Random, words: readonly string[], other: Bytes) => Bytes;

/** The bytes, with those from `from` to `to` replaced. */
function splice(bytes: Bytes, from: number, to: number, by: ArrayLike<number>): Bytes {
  const result = new Uint8Array(bytes.length - (to - from) + by.length);
  result.set(bytes.subarray(0, from));
  result.set(by, from);
  result.set(bytes.subarray(to), from + by.length);
  return result;
}

/** A piece of the bytes: short ones are more frequent. */
function piece(bytes: Bytes, random: Random): [from: number, to: number] {
  const from = random.between(0, bytes.length);
  const longest = random.chance(0.5) ? Math.min(8, bytes.length - from) : bytes.length - from;
  return [from, from + random.between(0, longest)];
}

const CHANGES: readonly Change[] = [
  /** a bit turned */
  (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const at = random.between(0, bytes.length - 1);
    return splice(bytes, at, at + 1, [bytes[at]! ^ 1 << random.between(0, 7)]);
  },
  /** a byte put in, or in the place of another */
  (bytes, random) => {
    const at = random.between(0, bytes.length), byte = random.between(0, random.chance(0.5) ? 127 : 255);
    return splice(bytes, at, Math.min(at + random.between(0, 1), bytes.length), [byte]);
  },
  /** a piece taken out */
  (bytes, random) => splice(bytes, ...piece(bytes, random), []),
  /** a piece repeated, once or often */
  (bytes, random) => {
    const [from, to] = piece(bytes, random), count = random.chance(0.8) ? 1 : random.between(2, MAX_REPEATED);
    const block = bytes.subarray(from, to), all = new Uint8Array(count * block.length);
    for (let i = 0; i < count; i++) all.set(block, i * block.length);
    return splice(bytes, to, to, all);
  },
  /** a piece moved */
  (bytes, random) => {
    const [from, to] = piece(bytes, random), rest = splice(bytes, from, to, []);
    const at = random.between(0, rest.length);
    return splice(rest, at, at, bytes.subarray(from, to));
  },
  /** a word of the wire */
  (bytes, random, words) => {
    const [from, to] = random.chance(0.5) ? piece(bytes, random) : [random.between(0, bytes.length)];
    return splice(bytes, from, to ?? from, bytesOf(words.length === 0 ? "," : pick(random, words)));
  },
  /** another number */
  (bytes, random) => {
    const numbers = [...textOf(bytes).matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const { 0: number, index } = pick(random, numbers), text = textOf(bytes);
    const other = random.chance(0.5) ? pick(random, NUMBERS) : `${Number(number) + random.between(-2, 2)}`;
    return bytesOf(text.slice(0, index) + other + text.slice(index + number.length));
  },
  /** what is not UTF-8, controls */
  (bytes, random) => {
    const [from, to] = random.chance(0.3) ? piece(bytes, random) : [random.between(0, bytes.length)];
    return splice(bytes, from, to ?? from, pick(random, NASTY));
  },
  /** the beginning of the one and the end of the other */
  (bytes, random, _, other) => {
    const at = random.between(0, bytes.length);
    return splice(bytes, at, bytes.length, other.subarray(random.between(0, other.length)));
  },
  /** a piece of the other */
  (bytes, random, _, other) => {
    const at = random.between(0, bytes.length);
    return splice(bytes, at, at, other.subarray(...piece(other, random)));
  },
];

type ScriptChange = (lines: string[], random: Random, make: () => string, other: readonly string[]) => void;

const anyIndex = (lines: readonly unknown[], random: Random) =>
  random.between(0, Math.max(0, lines.length - 1));

const SCRIPT_CHANGES: readonly ScriptChange[] = [
  (lines, random, make) => void lines.splice(random.between(0, lines.length), 0, make()),
  (lines, random, make) => void lines.splice(random.between(0, lines.length), 0, make(), make(), make()),
  (lines, random, make) => void lines.splice(anyIndex(lines, random), 1, make()),
  (lines, random) => void lines.splice(anyIndex(lines, random), random.between(1, 3)),
  (lines, random) => {
    const at = anyIndex(lines, random), copied = lines.slice(at, at + random.between(1, 4));
    lines.splice(random.between(0, lines.length), 0, ...copied);
  },
  (lines, random) => {
    const line = lines[anyIndex(lines, random)] ?? "";
    lines.push(...new Array<string>(random.between(2, 20)).fill(line));
  },
  (lines, random, _, other) => {
    lines.splice(random.between(0, lines.length), lines.length, ...other.slice(anyIndex(other, random)));
  },
  (lines, random, _, other) => {
    const at = anyIndex(other, random);
    lines.splice(random.between(0, lines.length), 0, ...other.slice(at, at + random.between(1, 5)));
  },
];

/** The input changed a few times, as text where the target takes a script. `other` is another input. */
export function mutate(target: Target, input: Bytes, other: Bytes, random: Random): Bytes {
  const count = random.between(1, MAX_CHANGES);
  const changed = target.line === undefined
    ? mutateBytes(input, random, target.words, other, count)
    : mutateScript(target, input, other, random, count);
  return changed.length > target.maxBytes ? changed.slice(0, target.maxBytes) : changed;
}

function mutateBytes(
  input: Bytes,
  random: Random,
  words: readonly string[],
  other: Bytes,
  count: number,
): Bytes {
  let bytes = input;
  for (let i = 0; i < count; i++) bytes = pick(random, CHANGES)(bytes, random, words, other);
  return bytes;
}

function mutateScript(target: Target, input: Bytes, other: Bytes, random: Random, count: number): Bytes {
  const lines = textOf(input).split("\n"), others = textOf(other).split("\n");
  for (let i = 0; i < count; i++) {
    if (random.chance(0.6)) pick(random, SCRIPT_CHANGES)(lines, random, () => target.line!(random), others);
    else {
      const at = anyIndex(lines, random), line = bytesOf(lines[at] ?? "");
      const changed = mutateBytes(
        line,
        random,
        target.words,
        bytesOf(pick(random, others)),
        random.between(1, 2),
      );
      // what is not text stands there as an escape
      lines[at] = escaped(changed);
    }
  }
  return bytesOf(lines.join("\n"));
}

/** The bytes as text: `\xNN` where they are not UTF-8, or a control character. */
function escaped(bytes: Bytes): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
      .replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  } catch {
    return Array.from(
      bytes,
      (byte) =>
        byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
    ).join("");
  }
}
