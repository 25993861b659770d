/** Sealed transfers, the server's half: who gets in, and what becomes of records that were tampered with. */

import { assert, assertEquals } from "@std/assert";
import { RecordReader, RecordWriter, transferKeys } from "../../../../protocol/transfer/records.ts";
import { Clock } from "../../../simulation/clock.ts";
import { storedOf, sumOf, TransferPeer } from "../../../client/transfer/peer.ts";
import { contentOf, offered, put, TransferServer, uploadOf } from "../../../client/transfer/server.ts";

/** Of alice's handshake, and of mallory's. */
const FILES_KEY = new Uint8Array(32).fill(7), OTHER_KEY = new Uint8Array(32).fill(8);

const CONTENT = contentOf(700_000);

/** Bytes around what is inside a record, and the bits of its header that are the length. */
const HEADER = 4, TAG = 16, LENGTH = 0x7fff_ffff;

/** A client that shows its ticket, and then sends and reads records. */
class SealedPeer implements Disposable {
  readonly #peer: TransferPeer;
  readonly #writer: RecordWriter;
  readonly #reader: RecordReader;
  /** What was sent. */
  readonly sent: Uint8Array[] = [];
  /** Changes the next record on its way. */
  change = (record: Uint8Array): Uint8Array => record;
  #text = "";

  private constructor(peer: TransferPeer, filesKey: Uint8Array, ticket: string) {
    const { toServer, toClient } = transferKeys(filesKey, ticket);
    this.#peer = peer;
    this.#writer = new RecordWriter(toServer, async (record) => {
      const changed = this.change(record.slice());
      this.sent.push(changed);
      await peer.send(changed);
    });
    let wanted = HEADER;
    this.#reader = new RecordReader(toClient, async (buffer) => {
      const bytes = await peer.bytes(wanted);
      buffer.set(bytes);
      if (wanted !== HEADER) wanted = HEADER;
      else if (bytes.length === HEADER) wanted = (new DataView(bytes.buffer).getUint32(0) & LENGTH) + TAG;
      return bytes.length === 0 ? null : bytes.length;
    });
  }

  /** Shows a ticket, and names it again inside. */
  static async begin(
    port: number,
    ticket: string,
    { filesKey = FILES_KEY, inside = `upload ${ticket}`, isLast = false } = {},
  ): Promise<SealedPeer> {
    const peer = await TransferPeer.connect(port, `P1 sealed ${ticket}`);
    const sealed = new SealedPeer(peer, filesKey, ticket);
    await sealed.send(`P1 ${inside}\n`, isLast);
    return sealed;
  }

  async send(data: string | Uint8Array, isLast = false) {
    await this.#writer.write(typeof data === "string" ? new TextEncoder().encode(data) : data, isLast);
  }

  /** The next line; null at the end, which is that of the last record or not. */
  async line(): Promise<string | null> {
    while (!this.#text.includes("\n")) {
      const plain = await this.#reader.next();
      if (plain === null) return null;
      this.#text += new TextDecoder().decode(plain);
    }
    const [line = "", ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return line === "P1 wait" ? await this.line() : line;
  }

  /** All that comes, and how it ends. */
  async rest(): Promise<{ bytes: number[]; end: string }> {
    const bytes: number[] = [];
    try {
      for (let plain; (plain = await this.#reader.next()) !== null;) {
        for (const byte of plain) bytes.push(byte);
      }
      return { bytes, end: "last record" };
    } catch (error) {
      return { bytes, end: (error as Error).name };
    }
  }

  [Symbol.dispose]() {
    this.#peer[Symbol.dispose]();
  }
}

const NO_TICKET = "P1 no ticket unknown, used or too old";
const CUT = { bytes: [], end: "TruncatedError" };

// transfer.md 10.2, 10.7
Deno.test("a sealed upload and download are what others are, inside records", async () => {
  await using server = await TransferServer.start();
  const { ticket, key } = server.ticket(uploadOf(CONTENT), FILES_KEY);
  using peer = await SealedPeer.begin(server.port, ticket);
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send("P1 from 0\n");
  await peer.send(CONTENT);
  const proving = { key: Uint8Array.fromBase64(key, { alphabet: "base64url" }) };
  await peer.send(sumOf(proving, CONTENT), true);
  assertEquals(await peer.line(), storedOf(proving, CONTENT));
  assertEquals(await peer.rest(), { bytes: [], end: "last record" });
  assertEquals(await server.content(server.uploads[0]!), CONTENT);

  for (const offset of [0, 699_990, 700_000]) {
    const ticket = server.downloadTicket(server.uploads[0]!, "bob", FILES_KEY);
    const inside = `download ${ticket} ${offset}`;
    using peer = await SealedPeer.begin(server.port, ticket, { inside, isLast: true });
    const { bytes, end } = await peer.rest(), head = `P1 from ${offset}\n`;
    const expected = [...new TextEncoder().encode(head), ...CONTENT.subarray(offset)];
    assertEquals([bytes.length, bytes.every((byte, i) => byte === expected[i]), end], [
      expected.length,
      true,
      "last record",
    ]);
  }
  assertEquals(server.metrics.get("files in the clear"), 0);
});

// transfer.md 10.3, 10.9
Deno.test("a ticket is good for that for which it was given alone: sealed or not, and for its own keys", async () => {
  await using server = await TransferServer.start();
  await put(server, CONTENT);
  const file = server.uploads[0]!;
  const sealed = () => server.downloadTicket(file, "bob", FILES_KEY);

  const clear = sealed();
  using first = await TransferPeer.connect(server.port, `P1 download ${clear} 0`);
  assertEquals(await first.line(), NO_TICKET);
  // it is used up
  using again = await SealedPeer.begin(server.port, clear, { inside: `download ${clear} 0` });
  assertEquals((await again.rest()).end, "WrongRecordError");

  const unsealed = server.downloadTicket(file);
  using second = await TransferPeer.connect(server.port, `P1 sealed ${unsealed}`);
  assertEquals(await second.line(), NO_TICKET);

  const ticket = sealed(), another = sealed();
  using third = await SealedPeer.begin(server.port, ticket, { inside: `download ${another} 0` });
  assertEquals([await third.line(), await third.line()], [NO_TICKET, null]);

  // another user's keys, and a guess
  const bobs = sealed();
  using mallory = await SealedPeer.begin(server.port, bobs, {
    filesKey: OTHER_KEY,
    inside: `download ${bobs} 0`,
  });
  assertEquals(await mallory.rest(), CUT);
  assertEquals(server.metrics.get("files wrong record"), 1);
  assertEquals(server.metrics.get("files bytes sent"), 0);
});

// transfer.md 10.11
Deno.test("a connection that was recorded and is played again gets nothing", async () => {
  await using server = await TransferServer.start();
  await put(server, CONTENT);
  const file = server.uploads[0]!, ticket = server.downloadTicket(file, "bob", FILES_KEY);
  using peer = await SealedPeer.begin(server.port, ticket, { inside: `download ${ticket} 0`, isLast: true });
  assertEquals((await peer.rest()).end, "last record");
  using replay = await TransferPeer.connect(server.port, `P1 sealed ${ticket}`);
  for (const record of peer.sent) await replay.send(record);
  assertEquals([await replay.line(), await replay.line()], [NO_TICKET, null]);
});

// transfer.md 10.8
for (const what of ["changed", "repeated", "left out", "cut off"] as const) {
  Deno.test(`a record that was ${what} ends the attempt, and what came before it is kept`, async () => {
    await using server = await TransferServer.start();
    const part = CONTENT.subarray(0, 200_000), next = CONTENT.subarray(200_000, 400_000);
    {
      const { ticket } = server.ticket(uploadOf(CONTENT), FILES_KEY);
      using peer = await SealedPeer.begin(server.port, ticket);
      assertEquals(await peer.line(), "P1 from 0");
      await peer.send("P1 from 0\n");
      await peer.send(part);
      switch (what) {
        case "changed":
          peer.change = (record) => record.with(1000, record[1000]! ^ 1);
          await peer.send(next);
          break;
        case "repeated":
          peer.change = () => peer.sent.at(-1)!;
          await peer.send(next);
          break;
        case "left out":
          peer.change = () => new Uint8Array(0);
          await peer.send(next);
          peer.change = (record) => record;
          await peer.send(CONTENT.subarray(400_000));
          break;
        case "cut off":
          peer.change = (record) => record.subarray(0, -1);
          await peer.send(next);
          peer[Symbol.dispose]();
      }
      if (what !== "cut off") assertEquals(await peer.rest().then(({ bytes }) => bytes, () => []), []);
    }
    const { ticket } = server.ticket(uploadOf(CONTENT), FILES_KEY);
    using peer = await SealedPeer.begin(server.port, ticket);
    assertEquals(await peer.line(), offered(CONTENT, 200_000));
    assertEquals(server.metrics.get("files wrong record"), what === "cut off" ? 0 : 1);
  });
}

// transfer.md 10.10
Deno.test("a connection that shows a ticket and no keys takes no slot, and makes room for others", async () => {
  await using server = await TransferServer.start({ max: 1, maxConnections: 2 });
  await put(server, CONTENT);
  const file = server.uploads[0]!;
  const ticket = () => server.downloadTicket(file, "bob", FILES_KEY);
  using oldest = await TransferPeer.connect(server.port, `P1 sealed ${ticket()}`);
  using _other = await TransferPeer.connect(server.port, `P1 sealed ${ticket()}`);
  const own = ticket();
  using peer = await SealedPeer.begin(server.port, own, { inside: `download ${own} 0`, isLast: true });
  assertEquals(await oldest.line().catch(() => null), null);
  assertEquals((await peer.rest()).end, "last record");
  assertEquals(server.metrics.get("files connections displaced"), 1);
});

// transfer.md 10.10
Deno.test("a first record that does not come within the 10 s of the first line is waited for no longer", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ monotonicClock: clock.now, setTimer: clock.setTimer });
  const { ticket } = server.ticket(uploadOf(CONTENT), FILES_KEY);
  using peer = await TransferPeer.connect(server.port, `P1 sealed ${ticket}`);
  let isAnswered = false;
  const answer = peer.bytes(1).then(() => isAnswered = true);
  while (!isAnswered) {
    await clock.run(1000);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await answer;
  assert(clock.now() <= 16_000, `${clock.now()}`);
  assertEquals(server.metrics.get("files refused malformed"), 1);
});
