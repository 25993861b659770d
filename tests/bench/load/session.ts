/**
 * Puts messages through the reliable session as fast as a Deno socket can: it builds its datagrams by itself and looks at
 * nothing but `done`. `session.ts PORT`.
 *
 * @module
 */

import { carryOut, type Figures } from "./loop.ts";
import { Pace } from "./pace.ts";

const server: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: Number(Deno.args[0]) };
const text = "forty bytes of text for a message, okay?";

/** Silence after which requests without an outcome are sent again, in milliseconds. */
const LOST = 100;

/** Times in a row that this is done before the server counts as gone. */
const MOST_REPEATS = 100;

/** Requests of a session that a server keeps while a lower number is missing: with more in flight, one loss is many. */
const MOST_OPEN = 1024;

const encoder = new TextEncoder(), decoder = new TextDecoder();

class Session {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #id = crypto.getRandomValues(new Uint8Array(16)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  readonly #buffer = new Uint8Array(2048);
  #startId = "-";
  #cookie = "-";
  #done = 0;
  /** The first number of each datagram that is not done, and the number that comes next. */
  readonly #flying: number[] = [];
  #next = 1;
  #repeats = 0;
  #isOpen = false;
  #mailbox = "";
  #isNumbered = false;
  /** Called for each datagram whose messages are on the server's disk. */
  onDone: (messages: number) => void = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Makes itself known to the server: a first datagram for the cookie, a second one with it. */
  async open() {
    this.#timer = setInterval(() => this.#repeat(), LOST);
    await this.#send();
    [, this.#startId, this.#cookie] = await this.#receive();
    await this.#send();
    while ((await this.#receive())[2] !== "-");
    this.#isOpen = true;
  }

  /**
   * Puts this number of messages into a mailbox, in one datagram.
   *
   * @param isNumbered Whether each text begins with the number of its request, from 1 on.
   */
  async put(messages: number, mailbox: string, isNumbered: boolean) {
    this.#mailbox = mailbox;
    this.#isNumbered = isNumbered;
    const first = this.#next;
    this.#next += messages;
    this.#flying.push(first);
    await this.#send(first, this.#next);
  }

  /** Reports each datagram, until the session is closed. */
  async read() {
    for (;;) {
      let header: string[];
      try {
        header = await this.#receive();
      } catch {
        return;
      }
      this.#done = Math.max(this.#done, Number(header[3]));
      while (this.#flying.length > 0 && (this.#flying[1] ?? this.#next) <= this.#done + 1) {
        const first = this.#flying.shift()!;
        this.onDone((this.#flying[0] ?? this.#next) - first);
      }
    }
  }

  close() {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  async #send(from = 0, to = 0) {
    let datagram = `P1> ${this.#id} ${this.#startId} ${this.#cookie} ${this.#done + 1}`;
    for (let n = from; n < to; n++) {
      datagram += `\nput,${n},${this.#mailbox},al,,,${
        this.#isNumbered ? `${n} `.padEnd(text.length, ".") : text
      }`;
    }
    await this.#socket.send(encoder.encode(datagram), server);
  }

  /** What the next datagram begins with: `P1<` and session, startId, cookie, done. */
  async #receive(): Promise<[string, string, string, string]> {
    const [datagram] = await this.#socket.receive(this.#buffer);
    this.#repeats = 0;
    const [header = "", ...answers] = decoder.decode(datagram).split("\n");
    const refused = answers.find((answer) => !/^(ok|have),/.test(answer));
    if (refused !== undefined) throw new Error(`Cannot put: ${refused}`);
    const [, id = "", startId = "", cookie = "", done = ""] = header.split(" ");
    return [id, startId, cookie, done];
  }

  /** After a silence: sends again what is not done. */
  async #repeat() {
    // one that waits for the others to open has nothing to ask
    if (this.#isOpen && this.#flying.length === 0) return void (this.#repeats = 0);
    if (this.#repeats++ === 0) return;
    if (this.#repeats > MOST_REPEATS) throw new Error("Cannot put: the server does not answer");
    if (this.#flying.length === 0) await this.#send();
    // what is answered meanwhile is sent once more than it has to be
    const flying = [...this.#flying, this.#next];
    for (let i = 0; i + 1 < flying.length; i++) await this.#send(flying[i], flying[i + 1]);
  }
}

/** They stay open for the next measurement. */
const open: Session[] = [], reading: Promise<void>[] = [];

/** Datagrams are in flight of all sessions together, which take turns. */
async function put(
  { sessions, inFlight, each, queue = crypto.randomUUID().slice(0, 4), numbered = 0, ...limits }: {
    sessions: number;
    inFlight: number;
    /** Messages in a datagram. */
    each: number;
    ms?: number;
    pid: number;
    rate?: number;
    /** Of four letters, so that 18 messages fit into 1,200 bytes. */
    queue?: string;
    count?: number;
    /** 1: each text begins with a number, from 1 on in each session. */
    numbered?: number;
  },
): Promise<Figures> {
  while (open.length < sessions) {
    const session = new Session();
    await session.open();
    open.push(session);
    reading.push(session.read());
  }
  const all = open.slice(0, sessions), most = sessions * Math.floor(MOST_OPEN / each);
  let turn = 0;
  const pace = new Pace({ ...limits, inFlight: Math.min(inFlight, most), each }, (messages) => {
    all[turn++ % sessions]!.put(messages, queue, numbered === 1).catch((error) => pace.fail(error));
  });
  for (const session of all) session.onDone = (messages) => pace.done(messages);
  return await pace.run();
}

await carryOut({ put });
for (const session of open) session.close();
await Promise.all(reading);
