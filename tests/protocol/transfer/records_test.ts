/** The records of a sealed transfer: what they are, and what is noticed of those that were tampered with. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DirectionKey } from "../../../protocol/seal/keys.ts";
import { TransferInput } from "../../../protocol/transfer/input.ts";
import {
  eraseTransferKeys,
  MAX_FIRST_RECORD_BYTES,
  MAX_RECORD_BYTES,
  RecordReader,
  RecordWriter,
  transferKeys,
  TruncatedError,
  WrongRecordError,
} from "../../../protocol/transfer/records.ts";

const TICKET = "4fJmX0b2TzWq7yR1sNcVbA", FILES_KEY = new Uint8Array(32).fill(7);

/** Bytes that a record has around what is inside. */
const HEADER = 4, TAG = 16;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const keys = (ticket = TICKET, filesKey = FILES_KEY) => transferKeys(filesKey, ticket);

/** The records of these texts, the last one marked as such. */
async function sealed(key: DirectionKey, texts: readonly string[]): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  const writer = new RecordWriter(key, (record) => Promise.resolve(void records.push(record.slice())));
  for (const [i, one] of texts.entries()) await writer.write(bytes(one), i === texts.length - 1);
  return records;
}

/** Gives the records' bytes in pieces of this length. */
function readerOf(key: DirectionKey, records: readonly Uint8Array[], pieceLength = Infinity): RecordReader {
  const all = records.flatMap((record) => [...record]);
  return new RecordReader(key, (buffer) => {
    const piece = all.splice(0, Math.min(pieceLength, buffer.length));
    buffer.set(piece);
    return Promise.resolve(piece.length === 0 ? null : piece.length);
  });
}

/** What is opened, and by what it ended: `last`, or the name of the error. */
async function opened(
  key: DirectionKey,
  records: readonly Uint8Array[],
  pieceLength?: number,
): Promise<string[]> {
  const reader = readerOf(key, records, pieceLength), texts: string[] = [];
  try {
    for (let plain; (plain = await reader.next()) !== null;) texts.push(text(plain));
    texts.push("last");
  } catch (error) {
    texts.push((error as Error).name);
  }
  return texts;
}

const TEXTS = ["P1 upload\n", "one", "two", "three"];

// seal.md section 13
Deno.test("the keys and records of transfers are the test vectors of the specification", async () => {
  const seal = await Deno.readTextFile(new URL("../../../protocol/seal.md", import.meta.url));
  const vector = (name: string) => {
    const [, value] = new RegExp(`^${name} += (.*)$`, "m").exec(seal) ?? [];
    assert(value !== undefined, name);
    return value.replaceAll("\\n", "\n");
  };
  const { toServer, toClient } = keys(vector("ticket"), Uint8Array.fromHex(vector("files key")));
  for (const [name, key] of [["to server", toServer], ["to client", toClient]] as const) {
    const dashed = name.replace(" ", "-");
    assertEquals(key.key.toHex(), vector(`transfer ${dashed} key`));
    assertEquals(key.iv.toHex(), vector(`transfer ${dashed} iv`));
    const records = await sealed(key, [1, 2].map((i) => vector(`inside ${name} ${i}`)));
    assertEquals(records.map((record) => record.toHex()), [1, 2].map((i) => vector(`${dashed} record ${i}`)));
  }
});

// transfer.md 10.5
Deno.test("records open in their order, however their bytes arrive", async () => {
  for (const pieceLength of [1, 3, 4, 5, 23, 24, Infinity]) {
    const records = await sealed(keys().toServer, TEXTS);
    assertEquals(await opened(keys().toServer, records, pieceLength), [...TEXTS, "last"]);
  }
  assertEquals(await opened(keys().toServer, await sealed(keys().toServer, ["only", ""])), [
    "only",
    "",
    "last",
  ]);
});

// transfer.md 10.8
Deno.test("a bit that is changed anywhere is noticed, and nothing is opened from there on", async () => {
  const records = await sealed(keys().toServer, TEXTS);
  for (const [i, record] of records.entries()) {
    for (let at = 0; at < record.length; at++) {
      for (const bit of [1, 0x80]) {
        const changed = record.slice();
        changed[at]! ^= bit;
        const got = await opened(keys().toServer, records.with(i, changed));
        // a length that is longer is waited for
        const end = got.pop()!;
        assert(end === "WrongRecordError" || end === "TruncatedError" && at < HEADER, `${i} ${at} ${end}`);
        assertEquals(got, TEXTS.slice(0, i));
      }
    }
  }
});

// transfer.md 10.5, 10.8
Deno.test("records that are left out, repeated, exchanged, or of another direction or transfer are noticed", async () => {
  const [a, b, c, d] = await sealed(keys().toServer, TEXTS);
  assert(a && b && c && d);
  const open = (...records: Uint8Array[]) => opened(keys().toServer, records);
  const wrong = (count: number) => [...TEXTS.slice(0, count), "WrongRecordError"];
  assertEquals(await open(b, c, d), wrong(0));
  assertEquals(await open(a, c, d), wrong(1));
  assertEquals(await open(a, b, d), wrong(2));
  assertEquals(await open(a, a, b), wrong(1));
  assertEquals(await open(a, b, b), wrong(2));
  assertEquals(await open(a, c, b, d), wrong(1));
  assertEquals(await open(a, b, d, c), wrong(2));
  for (
    const key of [
      keys().toClient,
      keys("hQ2mV9xXSkCw0n5tYbLdEg").toServer,
      keys(TICKET, new Uint8Array(32).fill(8)).toServer,
    ]
  ) {
    assertEquals(await opened(key, [a, b, c, d]), wrong(0));
  }
  // nothing is read behind the last one
  assertEquals(await open(a, b, c, d, a, b), [...TEXTS, "last"]);
});

// transfer.md 10.8
Deno.test("an end before that of the last record is noticed, wherever it is", async () => {
  const records = await sealed(keys().toServer, TEXTS);
  const all = Uint8Array.from(records.flatMap((record) => [...record]));
  for (let end = 0; end < all.length; end++) {
    const got = await opened(keys().toServer, [all.subarray(0, end)]);
    assertEquals(got.pop(), "TruncatedError");
    assertEquals(got, TEXTS.slice(0, got.length));
  }
});

// transfer.md 10.6
Deno.test("a record has a length, and the first one a shorter one", async () => {
  const long = "x".repeat(2 * MAX_RECORD_BYTES + 1);
  const records = await sealed(keys().toServer, ["first", long]);
  assertEquals(records.map(({ length }) => length - HEADER - TAG), [
    5,
    MAX_RECORD_BYTES,
    MAX_RECORD_BYTES,
    1,
  ]);
  assertEquals((await opened(keys().toServer, records)).slice(1, -1).join("") === long, true);
  for (
    const [first, end] of [[MAX_FIRST_RECORD_BYTES, "last"], [MAX_FIRST_RECORD_BYTES + 1, "WrongRecordError"]]
  ) {
    const got = await opened(keys().toServer, await sealed(keys().toServer, ["x".repeat(first as number)]));
    assertEquals(got.at(-1), end);
  }
  // refused by its header alone
  for (const word of [0, MAX_RECORD_BYTES + 1, 2 ** 31 - 1, 2 ** 31 + MAX_RECORD_BYTES + 1, 2 ** 32 - 1]) {
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, word);
    const [first] = records;
    assertEquals(await opened(keys().toServer, [first!, header]), ["first", "WrongRecordError"]);
    assertEquals(await opened(keys().toServer, [header]), ["WrongRecordError"]);
  }
});

// transfer.md 10.8, 10.12
Deno.test("behind the last or a wrong record, and when the keys are overwritten, nothing is sealed or opened", async () => {
  const own = keys(), records = await sealed(own.toServer, TEXTS);
  assertEquals([...own.toServer.key, ...own.toServer.iv].some((byte) => byte !== 0), false);
  const writer = new RecordWriter(keys().toServer, () => Promise.resolve());
  await writer.write(bytes("all"), true);
  await assertRejects(() => writer.write(bytes("more")), TypeError);

  const other = keys(), reader = readerOf(other.toServer, records.with(1, records[2]!));
  await reader.next();
  for (let i = 0; i < 2; i++) await assertRejects(() => reader.next(), WrongRecordError);
  assertEquals([...other.toServer.key, ...other.toServer.iv].some((byte) => byte !== 0), false);

  const erased = keys();
  eraseTransferKeys(erased);
  assertEquals(await opened(erased.toServer, records), ["WrongRecordError"]);
});

// transfer.md 10.12: with keys of zeros, anybody could have sent what was read and not opened yet
Deno.test("what was sealed with zeros is not opened when the keys are overwritten", async () => {
  const zeros = () => ({ key: new Uint8Array(32), iv: new Uint8Array(12) });
  const [first] = await sealed(keys().toServer, TEXTS), [, forged] = await sealed(zeros(), TEXTS);
  const own = keys(), reader = readerOf(own.toServer, [first!, forged!]);
  assertEquals(text((await reader.next())!), TEXTS[0]);
  reader.close();
  eraseTransferKeys(own);
  for (let i = 0; i < 2; i++) await assertRejects(() => reader.next(), TruncatedError);

  // while it reads, and before there was anything to read
  const reading = Promise.withResolvers<number | null>();
  const waiting = new RecordReader(keys().toServer, (buffer) => {
    buffer.set(first!);
    return reading.promise;
  });
  const opening = waiting.next();
  waiting.close();
  reading.resolve(first!.length);
  await assertRejects(() => opening, TruncatedError);
  const input = new TransferInput(() => Promise.resolve(null));
  input.close();
  input.seal(keys().toServer);
  await assertRejects(() => input.line(80), TruncatedError);
});

// transfer.md 10.6
Deno.test("no more is read than a first record has, until that has opened", async () => {
  const records = await sealed(keys().toServer, TEXTS), lengths: number[] = [];
  const reader = new RecordReader(keys().toServer, (buffer) => {
    const record = records.shift()!;
    lengths.push(buffer.length);
    buffer.set(record);
    return Promise.resolve(record.length);
  });
  for (const one of TEXTS.slice(0, 2)) assertEquals(text((await reader.next())!), one);
  assertEquals(lengths[0], HEADER + MAX_FIRST_RECORD_BYTES + TAG);
  assert(lengths[1]! >= HEADER + MAX_RECORD_BYTES + TAG);
});

Deno.test("what is written at the same time becomes whole records, and a failure stays one", async () => {
  const records: Uint8Array[] = [];
  const writer = new RecordWriter(keys().toServer, async (record) => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    records.push(record.slice());
  });
  await Promise.all([
    ...TEXTS.slice(0, -1).map((one) => writer.write(bytes(one))),
    writer.write(bytes("three"), true),
  ]);
  assertEquals(await opened(keys().toServer, records), [...TEXTS, "last"]);

  const broken = new RecordWriter(keys().toServer, () => Promise.reject(new Error("no connection")));
  for (let i = 0; i < 2; i++) await assertRejects(() => broken.write(bytes("x")), Error, "no connection");
});

// transfer.md 10.8
Deno.test("records that are there are opened in one go, and those before a wrong one are good", async () => {
  const records = await sealed(keys().toServer, ["P1 upload\n", "one", "two", "three", "four"]);
  const together = async (records: readonly Uint8Array[], count: number) => {
    const reader = readerOf(keys().toServer, records), texts: string[] = [];
    try {
      for (let plain; (plain = await reader.next(count)) !== null;) texts.push(text(plain));
      texts.push("last");
    } catch (error) {
      texts.push((error as Error).name);
      // and so it stays
      if (error instanceof WrongRecordError) await assertRejects(() => reader.next(count), WrongRecordError);
    }
    return texts;
  };
  assertEquals(await together(records, 2), ["P1 upload\none", "twothree", "four", "last"]);
  assertEquals(await together(records, 9), ["P1 upload\nonetwothreefour", "last"]);
  const changed = records[2]!.with(6, records[2]![6]! ^ 1);
  assertEquals(await together(records.with(2, changed), 9), ["P1 upload\none", "WrongRecordError"]);
  assertEquals(await together(records.with(0, changed), 9), ["WrongRecordError"]);
  assertEquals(await together(records.slice(0, 4), 9), ["P1 upload\nonetwothree", "TruncatedError"]);

  // what was returned stays until the next call but one, however long the records are
  const long = await sealed(keys().toServer, [
    "first",
    ..."abcd".split("").map((one) => one.repeat(200_000)),
  ]);
  const reader = readerOf(keys().toServer, long);
  const pieces: Uint8Array[] = [], brief = (bytes: Uint8Array) => text(bytes).replaceAll(/(.)\1+/g, "$1");
  for (let i = 0; i < 3; i++) pieces.push((await reader.next(2))!);
  assertEquals(pieces.slice(1).map(({ length }) => length), [400_000, 200_000]);
  assertEquals(pieces.slice(1).map(brief), ["ab", "c"]);
});

// transfer.md 10.2
Deno.test("lines and content may end anywhere in records", async () => {
  const inside = ["P1 from 0\nhello", " wor", "ldP1 su", "m 1\n"];
  const records = await sealed(keys().toServer, inside);
  const all = [...bytes("P1 sealed\n"), ...records.flatMap((record) => [...record])];
  const input = new TransferInput((buffer) => {
    const piece = all.splice(0, Math.min(7, buffer.length));
    buffer.set(piece);
    return Promise.resolve(piece.length === 0 ? null : piece.length);
  });
  assertEquals(await input.line(80), "P1 sealed");
  input.seal(keys().toServer);
  assertEquals(await input.line(80), "P1 from 0");
  let content = "";
  while (content.length < 11) content += text((await input.piece(11 - content.length))!);
  assertEquals([content, await input.line(80), await input.line(80)], ["hello world", "P1 sum 1", null]);
});
