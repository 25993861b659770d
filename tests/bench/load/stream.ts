/**
 * Puts messages into Redis or beanstalkd as fast as a Deno socket can, as `session.ts` does into Wirepost:
 * `stream.ts PORT redis|beanstalkd`. What can be sent at a time is one write.
 *
 * @module
 */

import { carryOut, type Figures } from "./loop.ts";
import { Pace } from "./pace.ts";

const redis = Deno.args[1] === "redis";
const text = "forty bytes of text for a message, okay?";
const encoder = new TextEncoder();

/** A request with so many messages, and how many lines answer it: RPUSH takes many at once, put one. */
const values = `$40\r\n${text}\r\n`, job = `put 0 0 60 40\r\n${text}\r\n`;
const request = (messages: number, list: string) =>
  redis
    ? `*${messages + 2}\r\n$5\r\nRPUSH\r\n$4\r\n${list}\r\n${values.repeat(messages)}`
    : job.repeat(messages);
const linesOf = (messages: number) => redis ? 1 : messages;
const GOOD = encoder.encode(redis ? ":" : "I")[0], LF = 0x0a;

class Connection {
  readonly #socket: Deno.TcpConn;
  readonly #flying: number[] = [];
  #out = "";
  #lines = 0;
  #begins = true;
  /** Called for each request that is answered. */
  onDone: (messages: number) => void = () => {};

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /** Queues a request; what was queued in a turn is written together. */
  put(messages: number, list: string) {
    this.#flying.push(messages);
    if (this.#out === "") queueMicrotask(() => this.#write());
    this.#out += request(messages, list);
  }

  async #write() {
    const bytes = encoder.encode(this.#out);
    this.#out = "";
    // a request in flight is so short that the socket takes it whole
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Reports each answered request, until the connection is closed. */
  async read() {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const length = await this.#socket.read(buffer).catch(() => null);
      if (length === null) return;
      for (const byte of buffer.subarray(0, length)) {
        if (this.#begins && byte !== GOOD) throw new Error("Cannot put: the server refuses it");
        this.#begins = byte === LF;
        if (!this.#begins || ++this.#lines < linesOf(this.#flying[0]!)) continue;
        this.#lines = 0;
        this.onDone(this.#flying.shift()!);
      }
    }
  }

  close() {
    this.#socket.close();
  }
}

/** They stay open for the next measurement. */
const open: Connection[] = [], reading: Promise<void>[] = [];

/** Requests are in flight of all connections together, which take turns. */
async function put({ sessions, inFlight, each, queue = crypto.randomUUID().slice(0, 4), ...limits }: {
  /** Connections. */
  sessions: number;
  inFlight: number;
  /** Messages in a request. */
  each: number;
  ms: number;
  pid: number;
  rate?: number;
  /** Of four letters, so that 18 messages fit into 1,200 bytes. */
  queue?: string;
}): Promise<Figures> {
  while (open.length < sessions) {
    const port = Number(Deno.args[0]);
    const connection = new Connection(await Deno.connect({ port, hostname: "127.0.0.1" }));
    open.push(connection);
    reading.push(connection.read());
  }
  const all = open.slice(0, sessions);
  let turn = 0;
  const pace = new Pace({ ...limits, inFlight, each }, (messages) => {
    all[turn++ % sessions]!.put(messages, queue);
  });
  for (const connection of all) connection.onDone = (messages) => pace.done(messages);
  return await pace.run();
}

await carryOut({ put });
for (const connection of open) connection.close();
await Promise.all(reading);
