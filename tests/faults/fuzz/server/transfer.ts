/**
 * Scripts of clients of the file transfer. A line is `CLIENT WHAT …`, or `wait MS`: `up SIZE` shows the ticket of an upload,
 * `down` one of a download, and `send BYTES` has `$content`, `$sum`, `$ticket` and `$used` for the content, the proof of it, a
 * ticket and one that was used. Beside them, a file is uploaded and downloaded, and has to be the same.
 *
 * @module
 */

import { newDirectory } from "../engine/directory.ts";
import { decodeTransferAnswer, uploadProof } from "../../../../protocol/transfer.ts";
import { Clock } from "../../../simulation/clock.ts";
import {
  contentOf,
  held,
  sha256,
  TransferServer,
  type Upload,
  uploadOf,
} from "../../../client/transfer/server.ts";
import { patched } from "../client/patched.ts";
import {
  type Bytes,
  bytesOf,
  holds,
  isSame,
  pick,
  type Target,
  textOf,
  unescaped,
} from "../engine/target.ts";
import { turn } from "./datagram_server.ts";
import { Lives, type World } from "./lives.ts";
import { FuzzedListener, type FuzzedStream } from "./stream.ts";

/** Steps of a script that are taken, the longest wait, and the largest file that a script announces. */
const MAX_STEPS = 40, MAX_WAIT_MS = 700_000, MAX_SIZE = 20_000;

/** Uploads that a server keeps in part, and milliseconds that the disk may take. */
const MAX_PARTIALS = 8, DISK_MS = 5000;

interface Client {
  stream: FuzzedStream;
  received: string;
  size: number;
  key: string;
  /** Whether what comes is content. */
  isContent: boolean;
}

class TransferWorld implements World {
  readonly isSpent = false;
  readonly #server: TransferServer;
  readonly #listener: FuzzedListener;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #clients = new Map<string, Client>();
  #ports = 3000;
  #used = "A".repeat(22);

  constructor(server: TransferServer, listener: FuzzedListener, clock: Clock, directory: string) {
    this.#server = server;
    this.#listener = listener;
    this.#clock = clock;
    this.#directory = directory;
  }

  static async start(): Promise<TransferWorld> {
    const directory = newDirectory(),
      clock = new Clock(1_700_000_000_000);
    const listener = new FuzzedListener();
    using _ = patched({ listen: () => listener });
    const server = await TransferServer.start({
      directory,
      monotonicClock: clock.now,
      setTimer: clock.setTimer,
      limits: { partials: MAX_PARTIALS } as never,
      ...{ max: 4, maxUser: 3, maxConnections: 12, maxAddressConnections: 8 },
    });
    return new TransferWorld(server, listener, clock, directory);
  }

  async run(input: Bytes) {
    for (const line of textOf(input).split("\n").slice(0, MAX_STEPS)) await this.#step(line);
    for (const { stream } of this.#clients.values()) if (!stream.isClosed) stream.cut();
    this.#clients.clear();
    await this.#settle();
    await this.#checkHonest();
    for (const { name, used, limit } of this.#server.service.limits()) {
      holds(used === undefined || limit === undefined || used <= limit, () => `${name}: ${used} of ${limit}`);
    }
    holds(held(this.#directory).partials <= 64, () => `${held(this.#directory).partials} parts of uploads`);
    // what was stored is removed, or the disk would fill
    for (const { content } of this.#server.uploads.splice(0)) {
      await this.#server.files.remove(content).catch(() => {});
    }
  }

  async #step(line: string) {
    const [, who = "", what = "", rest = ""] = /^(\S+) ?(\S*) ?(.*)$/s.exec(line) ?? [];
    if (who === "wait") return await this.#clock.run(Math.min(MAX_WAIT_MS, Number(what) || 1));
    const client = this.#clientOf(who.slice(0, 1));
    switch (what) {
      case "up":
        this.#showUpload(client, Math.max(0, Math.min(MAX_SIZE, Math.floor(Number(rest)) || 0)));
        break;
      case "down": {
        const stored = this.#server.uploads[0];
        if (stored !== undefined) {
          client.stream.send(bytesOf(`P1 download ${this.#server.downloadTicket(stored)} ${rest || "0"}\n`));
        }
        break;
      }
      case "send":
        client.stream.send(this.#filled(rest, client));
        break;
      case "end":
        client.stream.end();
        break;
      case "cut":
        client.stream.cut();
        break;
      case "stall":
      case "read":
        client.stream.setReading(what === "read");
    }
    await this.#settle();
  }

  #showUpload(client: Client, size: number) {
    const upload = uploadOf(contentOf(size), { name: `f${size}.txt`, user: "mallory" });
    if (this.#server.refusal(upload) !== undefined) return;
    const { ticket, key } = this.#server.ticket(upload);
    [client.size, client.key, this.#used] = [size, key, ticket];
    client.stream.send(bytesOf(`P1 upload ${ticket}\n`));
  }

  #filled(text: string, { size, key }: Client): Bytes {
    const content = contentOf(size), sum = key === "" ? "" : uploadProof("sum", key, sha256(content));
    return new Uint8Array(
      text.split("$content").flatMap((part, i) => [
        ...i === 0 ? [] : content,
        ...unescaped(part.replaceAll("$sum", sum).replaceAll("$used", this.#used)),
      ]),
    );
  }

  #clientOf(who: string): Client {
    let client = this.#clients.get(who);
    if (client === undefined || client.stream.isClosed) {
      this.#clients.set(who, client = this.#connect("127.0.0.1"));
    }
    return client;
  }

  #connect(hostname: string): Client {
    const stream = this.#listener.connect(hostname, this.#ports++);
    const client: Client = { stream, received: "", size: 0, key: "", isContent: false };
    stream.onWritten = (bytes) => {
      client.received += textOf(bytes);
      if (client.isContent) return;
      const [first = ""] = textOf(bytes).split("\n");
      holds(decodeTransferAnswer(first) !== undefined, () => `the server sends '${first}'`);
      client.isContent = /^P1 from/.test(first);
    };
    return client;
  }

  /** Until every connection waits for its client, or the disk takes too long. */
  async #settle() {
    for (let i = 0; i < 3; i++) await turn();
    for (const end = performance.now() + 20; performance.now() < end;) {
      if (this.#clients.values().every(({ stream }) => stream.isAwaited)) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** A file that is uploaded whole is stored, and is the same when it is downloaded. */
  async #checkHonest() {
    const content = contentOf(5000, 7), upload = uploadOf(content, { user: "honest", name: "honest.txt" });
    const { ticket, key } = this.#server.ticket(upload), client = this.#connect("10.0.0.7");
    client.stream.send(bytesOf(`P1 upload ${ticket}\nP1 from 0\n`));
    client.stream.send(content);
    client.stream.send(bytesOf(`P1 sum ${uploadProof("sum", key, sha256(content))}\n`));
    client.stream.end();
    await this.#until(() => client.stream.isClosed);
    isSame(
      client.received.replaceAll("P1 wait\n", ""),
      `P1 from 0\nP1 stored ${uploadProof("stored", key, sha256(content))}\n`,
      "stored",
    );
    const stored = this.#server.uploads.find(({ name }) => name === "honest.txt") as Upload;
    const other = this.#connect("10.0.0.7");
    let bytes = 0;
    other.stream.onWritten = (piece) => bytes += piece.length;
    other.stream.send(bytesOf(`P1 download ${this.#server.downloadTicket(stored)} 0\n`));
    other.stream.end();
    await this.#until(() => other.stream.isClosed);
    isSame(bytes, "P1 from 0\n".length + content.length, "bytes of a download");
  }

  async #until(reached: () => boolean) {
    for (const end = performance.now() + DISK_MS; !reached() && performance.now() < end;) {
      await this.#clock.run(100);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    holds(reached(), () => "an honest client is not served");
  }

  async close() {
    for (const { stream } of this.#clients.values()) if (!stream.isClosed) stream.cut();
    await this.#settle();
    await this.#server.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const SENT = [
  ...[
    "P1 from 0\\n",
    "P1 from 0\\n$content",
    "P1 from 0\\n$contentP1 sum $sum\\n",
    "P1 sum $sum\\n",
    "$content",
    "P1 from 17\\n",
  ],
  ...[
    "P1 upload $used\\n",
    "P1 download $used 0\\n",
    "P1 sum " + "0".repeat(64) + "\\n",
    "P1 from 0\\r\\n$contentP1 sum $sum\\r\\nmore",
  ],
  ...["x".repeat(100), "P1 ", "\\n", "\\0", "P1 from 9007199254740993\\n", "GET / HTTP/1.1\\r\\n\\r\\n"],
];

const lives = new Lives(() => TransferWorld.start());

export const TRANSFER_SERVER: Target = {
  name: "transfer_server",
  covers: [
    "server/wire/transfer/",
    "server/store/files/",
    "server/service/",
    "server/net/",
    "protocol/transfer.ts",
  ],
  words: [...SENT, "$content", "$sum", "$used", "up 11", "down 0"],
  seeds: [
    "a up 11\na send P1 from 0\\n$contentP1 sum $sum\\n\nb down 0\nb end",
    "a up 5000\na send P1 from 0\\n$content\na cut\nb up 5000\nb send P1 from 5000\\nP1 sum $sum\\n",
    "a up 11\na send P1 from 0\\n\nwait 40000\nb send P1 upload $used\\n\nwait 700000",
    "a up 100\nb up 100\nc up 100\nd up 100\ne up 100\na send P1 from 0\\n\nb stall\nb down 0",
  ],
  maxBytes: 4096,
  shortInputs: 25,
  maxMs: 5000,
  line(random) {
    const who = pick(random, ["a", "b", "c", "d", "e"]);
    switch (random.between(0, 6)) {
      case 0:
        return `${who} up ${pick(random, [0, 1, 11, 5000, 20_000])}`;
      case 1:
        return `${who} down ${pick(random, [0, 1, 5000])}`;
      case 2:
        return `${who} ${pick(random, ["end", "cut", "stall", "read"])}`;
      case 3:
        return `wait ${pick(random, [1, 3000, 12_000, 31_000, 61_000])}`;
      default:
        return `${who} send ${pick(random, SENT)}`;
    }
  },
  run: (input) => lives.run(input),
  end: () => lives.end(),
};
