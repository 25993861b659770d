/**
 * Puts messages into Redis or beanstalkd as fast as a Deno socket can, as `session_load.ts` does into Wirepost.
 *
 * `stream_load.ts redis|beanstalkd PORT IN_FLIGHT PER_REQUEST COUNT CONNECTIONS` prints messages a second. IN_FLIGHT
 * counts the requests of all connections together, which take turns; what can be sent at a time is one write.
 */

const [port = 0, inFlight = 1, perRequest = 1, count = 0, connections = 1] = Deno.args.slice(1).map(Number);
const redis = Deno.args[0] === "redis";
const text = "forty bytes of text for a message, okay?";
const encoder = new TextEncoder();

/** A request with so many messages, and how many lines answer it: RPUSH takes many at once, put one. */
const values = `$40\r\n${text}\r\n`, job = `put 0 0 60 40\r\n${text}\r\n`;
const request = (messages: number) =>
  redis ? `*${messages + 2}\r\n$5\r\nRPUSH\r\n$3\r\nbob\r\n${values.repeat(messages)}` : job.repeat(messages);
const linesOf = (messages: number) => redis ? 1 : messages;
const GOOD = encoder.encode(redis ? ":" : "I")[0], LF = 0x0a;

class Connection {
  readonly #socket: Deno.TcpConn;
  readonly #flying: number[] = [];
  #out = "";
  #lines = 0;
  #begins = true;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /** Queues a request; what was queued in a turn is written together. */
  put(messages: number) {
    this.#flying.push(messages);
    if (this.#out === "") queueMicrotask(() => this.#write());
    this.#out += request(messages);
  }

  async #write() {
    const bytes = encoder.encode(this.#out);
    this.#out = "";
    // a request in flight is so short that the socket takes it whole
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Reports each answered request, until the connection is closed. */
  async read(ended: (messages: number) => void) {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const length = await this.#socket.read(buffer).catch(() => null);
      if (length === null) return;
      for (const byte of buffer.subarray(0, length)) {
        if (this.#begins && byte !== GOOD) throw new Error("Cannot put: the server refuses it");
        this.#begins = byte === LF;
        if (!this.#begins || ++this.#lines < linesOf(this.#flying[0]!)) continue;
        this.#lines = 0;
        ended(this.#flying.shift()!);
      }
    }
  }

  close() {
    this.#socket.close();
  }
}

const all: Connection[] = [];
for (let i = 0; i < connections; i++) {
  all.push(new Connection(await Deno.connect({ port, hostname: "127.0.0.1" })));
}
const { promise: over, resolve } = Promise.withResolvers<void>();
let turn = 0, started = 0, done = 0;
const next = () => {
  const messages = Math.min(perRequest, count - started);
  if (messages === 0) return;
  started += messages;
  all[turn++ % connections]!.put(messages);
};
const begin = performance.now();
const reading = all.map((connection) =>
  connection.read((messages) => {
    done += messages;
    if (done === count) resolve();
    else next();
  })
);
for (let i = 0; i < inFlight; i++) next();
await over;
const rate = count / (performance.now() - begin) * 1000;
for (const connection of all) connection.close();
await Promise.all(reading);
await Deno.stdout.write(encoder.encode(`${rate}\n`));
