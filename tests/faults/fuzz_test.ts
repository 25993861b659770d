import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { MAX_ID_BYTES, REFUSALS } from "../../protocol/mailbox.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../program.ts";
import { Administrator } from "./administrator.ts";
import { FULL, obtainSeed, randomNumbers, report, residentMiB } from "./form.ts";

const DATAGRAMS = FULL ? 200_000 : 20_000;
/** Datagrams after which the server is asked whether it has read them, so that its socket is not overrun. */
const PACE = 32;
/** Datagrams after which all mailboxes are cleared: memory is measured for leaks, not for what is stored. */
const ROUND = 2000;
/** Longest random datagram, in bytes: longer than is taken. */
const LONGEST = 1400;
/** Messages of 900 bytes that fill SQLite's cache. */
const WARM = 64_000;
const GROWTH_MIB = 16;

const encoder = new TextEncoder();
type Bytes = Uint8Array<ArrayBuffer>;
type Random = (limit: number) => number;

/** What the wire allows. */
const VALID: ((random: Random) => string)[] = [
  (random) => `F, bob${random(100)}, alice, ${"How are you? ".repeat(random(70))}`,
  (random) => `F,bob${random(100)},alice,${"ä€😀".repeat(random(40))}`,
  (random) => `f , carol ,  dave${random(100)} , a, b,\tc\n`,
  (random) => `R, bob${random(100)}`,
  () => "for, everybody",
  () => "REQ\r\n",
  (random) => `A, ${["challenge", "status", "stop", "clear-all"][random(4)]}`,
  (random) => `A, ${"0123456789abcdef".repeat(random(4))}, ${"0".repeat(64)}, stop`,
];

/** `bytes` with those from `from` up to `to` replaced by others. */
function splice(bytes: Bytes, from: number, to: number, by: ArrayLike<number>): Bytes {
  const result = new Uint8Array(bytes.length - (to - from) + by.length);
  result.set(bytes.subarray(0, from));
  result.set(by, from);
  result.set(bytes.subarray(to), from + by.length);
  return result;
}

/** The index of a random comma, or the end. */
function comma(bytes: Bytes, random: Random): number {
  const commas = [...bytes.keys()].filter((i) => bytes[i] === 0x2c);
  return commas[random(commas.length)] ?? bytes.length;
}

const INVALID_UTF8 = [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];

/** One change of a datagram. */
const CHANGES: ((bytes: Bytes, random: Random) => Bytes)[] = [
  /** a bit turned */
  (bytes, random) => {
    const at = random(bytes.length);
    return splice(bytes, at, at + 1, [bytes[at]! ^ 1 << random(8)]);
  },
  /** a byte put in */
  (bytes, random) => splice(bytes, random(bytes.length), 0, [random(256)]),
  /** a byte taken out */
  (bytes, random) => splice(bytes, bytes.length - 1 - random(bytes.length), bytes.length, []),
  /** a piece taken out */
  (bytes, random) => {
    const from = random(bytes.length);
    return splice(bytes, from, from + 1 + random(bytes.length - from), []);
  },
  /** the whole repeated */
  (bytes) => splice(bytes, bytes.length, bytes.length, bytes),
  /** a comma taken out */
  (bytes, random) => {
    const at = comma(bytes, random);
    return splice(bytes, at, Math.min(at + 1, bytes.length), []);
  },
  /** a comma doubled */
  (bytes, random) => {
    const at = comma(bytes, random);
    return splice(bytes, at, at, [0x2c]);
  },
  /** a control character */
  (bytes, random) => {
    const at = random(bytes.length);
    return splice(bytes, at, at, random(2) === 0 ? [random(32)] : [0xc2, 0x80 + random(32)]);
  },
  /** what is not UTF-8 */
  (bytes, random) => {
    const at = random(bytes.length);
    return splice(bytes, at, at, INVALID_UTF8[random(INVALID_UTF8.length)]!);
  },
  /** an ID lengthened, up to or over the limit */
  (bytes, random) => {
    const at = comma(bytes, random);
    return splice(bytes, at, at, encoder.encode("x".repeat(MAX_ID_BYTES - 8 + random(16))));
  },
  /** a message lengthened */
  (bytes, random) =>
    splice(bytes, bytes.length, bytes.length, encoder.encode("and so on ".repeat(random(110)))),
  /** letters in another case */
  (bytes) => bytes.map((byte) => /[a-z]/i.test(String.fromCharCode(byte)) ? byte ^ 0x20 : byte),
  /** an ID that is the administrator's */
  (bytes, random) => {
    const at = comma(bytes, random);
    return splice(bytes, at, at, encoder.encode(", admin"));
  },
  /** spaces */
  (bytes, random) => {
    const at = comma(bytes, random);
    return splice(bytes, at, at, encoder.encode(" ".repeat(random(80))));
  },
];

function randomDatagram(random: Random): Bytes {
  if (random(2) === 0) return new Uint8Array(random(LONGEST + 1)).map(() => random(256));
  const valid = encoder.encode(VALID[random(VALID.length)]!(random));
  return CHANGES[random(CHANGES.length)]!(valid, random);
}

Deno.test({
  name: "random and damaged datagrams are counted by why they are refused, and cost no memory",
  ignore: Deno.build.os === "windows", // no ps
  async fn() {
    const random = randomNumbers(obtainSeed());
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path], {
      command: FROM_SOURCE,
    });
    using peer = new Peer(server.port);
    using pace = new Peer(server.port);
    using administrator = await Administrator.of(directory.path, new Peer(server.port));

    let sent = 0;
    // SQLite's cache grows up to 48 MiB with what the file holds: it is filled first
    for (let i = 0; i < WARM; i++) {
      await peer.send(`F, bob, alice, ${"x".repeat(900)}`);
      if (i % PACE === PACE - 1) assertEquals(await pace.ask("R, nobody"), "X"), sent++;
    }
    await administrator.ask("clear-all");
    sent += WARM + 2;
    /** Sends half of them. Gives the server's memory after that, with nothing stored. */
    const half = async () => {
      for (let i = 0; i < DATAGRAMS / 2; i++) {
        await peer.send(randomDatagram(random));
        if (i % PACE === PACE - 1) assertEquals(await pace.ask("R, nobody"), "X"), sent++;
        if (i % ROUND === ROUND - 1) await administrator.ask("clear-all"), sent += 2;
      }
      sent += DATAGRAMS / 2;
      return await residentMiB(server.pid);
    };
    const first = await half(), second = await half();

    const figures = await administrator.figures();
    const refused = REFUSALS.map((reason): [string, number] => [reason, figures(`refused ${reason}`)]);
    report(`${sent + 2} datagrams sent, ${figures("received")} received, ${figures("stored")} stored`);
    report(`refused: ${refused.map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
    report(`memory: ${first.toFixed(1)} MiB after the first half, ${second.toFixed(1)} after the second`);
    assertGreaterOrEqual(figures("received"), 0.999 * sent);
    for (const [reason, count] of refused) assert(count > 0, `nothing was refused as ${reason}`);
    assertLess(second, first + GROWTH_MIB);

    await peer.send("F, somebody, alice, All well?");
    assertEquals(await administrator.count("somebody"), 1);
    assert((await pace.ask("R, somebody")).endsWith(", alice, All well?"));
  },
});
