/**
 * A session whose requests are written down, so that it can be told from its number alone what a server has to hold.
 *
 * @module
 */

/** A numbered request: a message that is put, or messages that are acknowledged. */
export type Request =
  | { kind: "put"; mailbox: string; text: string }
  | { kind: "ack"; mailbox: string; texts: string[] };

/** A message that was leased, and when it was asked for. */
export interface Leased {
  token: string;
  id: string;
  text: string;
  askedAt: number;
}

/** Bytes of a datagram, at most. */
const DATAGRAM_BYTES = 1150;

/**
 * Milliseconds after which what has no answer is sent again, and at most after how many times as many: a server that does
 * not run for a while must find room in its socket for others.
 */
const REPEAT_MS = 250, MAX_REPEAT = 16;

/** Milliseconds for which a lease is kept that its client does not confirm (session.md 6.4). */
const UNCONFIRMED_MS = 5000;

const encoder = new TextEncoder(), decoder = new TextDecoder();

export class RecordedSession implements Disposable {
  readonly id = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url" }).slice(0, 22);
  /** Requests by number, from 1. */
  readonly requests: Request[] = [];
  /** Every request up to this number was carried out. */
  done = 0;
  /** Answers that the server cannot write to its disk. */
  refused = 0;
  readonly #lines: string[] = [];
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #server: Deno.NetAddr;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #reading: Promise<void>;
  #startId = "-";
  #cookie = "-";
  #sent = 0;
  #tags = 0;
  /** What is leased by the number of its acknowledgement. */
  readonly #acknowledged = new Map<number, readonly Leased[]>();
  /** Ticks of the timer until the next repetition, and between two. */
  #ticksLeft = 1;
  #ticks = 1;
  #lease:
    | { line: string; askedAt: number; messages: Leased[]; resolve(messages: Leased[]): void }
    | undefined;
  #waiting: { until: number; resolve(): void }[] = [];
  readonly #failed = Promise.withResolvers<string>();
  /** The last answer that messages were not acknowledged. */
  lost = "";
  /** The first answer that a session does not expect; and a promise of it. */
  error = "";
  readonly failed: Promise<string> = this.#failed.promise;

  constructor(port: number) {
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
    this.#reading = this.#read();
    this.#timer = setInterval(() => {
      if (--this.#ticksLeft > 0) return;
      this.#ticksLeft = this.#ticks = Math.min(2 * this.#ticks, MAX_REPEAT);
      this.#repeat();
    }, REPEAT_MS);
    this.#send([]);
  }

  /** The last request, by its number. */
  get last(): { number: number; line: string } {
    return { number: this.#lines.length, line: this.#lines.at(-1)! };
  }

  /** Puts a message, with a delay and a time to live in milliseconds if there are any. Resolves when it is stored. */
  put(mailbox: string, text: string, delay = "", ttl = ""): Promise<void> {
    this.requests.push({ kind: "put", mailbox, text });
    return this.#request(`put,${this.requests.length},${mailbox},sender,${delay},${ttl},${text}`);
  }

  /** Acknowledges messages of one lease. */
  ack(mailbox: string, leased: readonly Leased[]): Promise<void> {
    this.requests.push({ kind: "ack", mailbox, texts: leased.map(({ text }) => text) });
    this.#acknowledged.set(this.requests.length, leased);
    const ids = leased.map(({ id }) => id).join(" ");
    return this.#request(`ack,${this.requests.length},${leased[0]!.token},${ids}`);
  }

  #request(line: string): Promise<void> {
    this.#lines.push(line);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ until: this.#lines.length, resolve });
    this.#sendNew();
    return promise;
  }

  /**
   * Leases up to so many messages for so many milliseconds, and waits so long for one; none if there are none. One at a
   * time.
   */
  lease(mailbox: string, max: number, duration = 600_000, wait = 0): Promise<Leased[]> {
    const { promise, resolve } = Promise.withResolvers<Leased[]>();
    const line = `lease,${++this.#tags},${mailbox},${max},${duration},${wait}`;
    this.#lease = { line, askedAt: performance.now(), messages: [], resolve };
    this.#send([this.#lease.line]);
    return promise;
  }

  #sendNew(datagrams = Infinity) {
    if (this.#cookie === "-") return;
    for (; this.#sent < this.#lines.length && datagrams > 0; datagrams--) {
      const lines: string[] = [];
      for (let bytes = 0; this.#sent < this.#lines.length; this.#sent++) {
        bytes += this.#lines[this.#sent]!.length + 1;
        if (lines.length > 0 && bytes > DATAGRAM_BYTES) break;
        lines.push(this.#lines[this.#sent]!);
      }
      this.#send(lines);
    }
  }

  #repeat() {
    this.#sent = this.done;
    this.#sendNew(1);
    this.#send(this.#lease === undefined ? [] : [this.#lease.line]);
  }

  #send(lines: readonly string[]) {
    const isKnown = this.#cookie !== "-";
    const head = `P1> ${this.id} ${this.#startId} ${this.#cookie} ${this.done + 1}`;
    const text = [head, ...isKnown ? lines : []].join("\n");
    this.#socket.send(encoder.encode(text), this.#server).catch(() => {});
  }

  async #read() {
    for (;;) {
      let datagram: Uint8Array;
      try {
        [datagram] = await this.#socket.receive();
      } catch {
        return;
      }
      const [head = "", ...answers] = decoder.decode(datagram).split("\n");
      const [, session, startId = "", cookie = "", done] = head.split(" ");
      if (session !== this.id) continue;
      this.#ticksLeft = this.#ticks = 1;
      if (cookie !== "-") {
        [this.#startId, this.#cookie] = [startId, cookie];
        this.#repeat();
        continue;
      }
      this.done = Math.max(this.done, Number(done));
      for (const answer of answers) this.#answer(answer);
      for (const { until, resolve } of this.#waiting) if (until <= this.done) resolve();
      this.#waiting = this.#waiting.filter(({ until }) => until > this.done);
    }
  }

  #answer(answer: string) {
    const [kind = "", tag, ...rest] = answer.split(",");
    if (kind === "lost") this.lost = answer;
    if (kind === "lost" && this.#hasRunOut(Number(tag), rest[0]?.split(" ") ?? [])) return;
    if (kind === "storage") this.refused++;
    if (["lost", "bad", "unknown", "owned", "denied", "busy"].includes(kind)) {
      this.error ||= answer;
      this.#failed.resolve(this.error);
    }
    const lease = this.#lease;
    if (lease === undefined || tag !== `${this.#tags}`) return;
    if (kind === "none") return this.#leased([]);
    if (kind !== "msg") return;
    const [i = "", count, token = "", id = "", , , , , ...text] = rest;
    lease.messages[Number(i) - 1] = { token, id, text: text.join(","), askedAt: lease.askedAt };
    const messages = lease.messages.filter(() => true);
    if (messages.length === Number(count)) this.#leased(messages);
  }

  /**
   * Whether these messages were acknowledged so late, because client or server did not run for a while, that their lease
   * was given back: they are there as before.
   */
  #hasRunOut(n: number, ids: readonly string[]): boolean {
    const leased = this.#acknowledged.get(n), request = this.requests[n - 1];
    if (leased === undefined || request?.kind !== "ack") return false;
    if (performance.now() - leased[0]!.askedAt < UNCONFIRMED_MS) return false;
    request.texts = leased.filter(({ id }) => !ids.includes(id)).map(({ text }) => text);
    return true;
  }

  #leased(messages: Leased[]) {
    const { resolve } = this.#lease!;
    this.#lease = undefined;
    resolve(messages);
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
