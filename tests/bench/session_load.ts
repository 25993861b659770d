/**
 * Puts messages through the reliable session as fast as a Deno socket can: it builds its datagrams by itself and looks at
 * nothing but `done`. In a process of its own, so that it does not take the time of the measuring process.
 *
 * `session_load.ts PORT IN_FLIGHT PER_DATAGRAM COUNT SESSIONS MAILBOX` prints messages a second. IN_FLIGHT counts the
 * datagrams of all sessions together, which take turns; a session has no more than 1,024 messages in flight.
 */

const [port = 0, inFlight = 1, perDatagram = 1, count = 0, sessions = 1] = Deno.args.map(Number);
const mailbox = Deno.args[5];
const server: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port };
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

  /** Puts this number of messages in one datagram. */
  async put(messages: number) {
    const first = this.#next;
    this.#next += messages;
    this.#flying.push(first);
    await this.#send(first, this.#next);
  }

  /** Reports each datagram once its messages are on the server's disk, until the session is closed. */
  async read(ended: (messages: number) => void) {
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
        ended((this.#flying[0] ?? this.#next) - first);
      }
    }
  }

  close() {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  async #send(from = 0, to = 0) {
    let datagram = `P1> ${this.#id} ${this.#startId} ${this.#cookie} ${this.#done + 1}`;
    for (let n = from; n < to; n++) datagram += `\nput,${n},${mailbox},al,,,${text}`;
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

const all = Array.from({ length: sessions }, () => new Session());
for (const session of all) await session.open();
const { promise: over, resolve, reject } = Promise.withResolvers<void>();
let turn = 0, started = 0, done = 0;
const next = () => {
  const messages = Math.min(perDatagram, count - started);
  if (messages === 0) return;
  started += messages;
  all[turn++ % sessions]!.put(messages).catch(reject);
};
const begin = performance.now();
const reading = all.map((session) =>
  session.read((messages) => {
    done += messages;
    if (done === count) resolve();
    else next();
  })
);
const most = sessions * Math.floor(MOST_OPEN / perDatagram);
for (let i = 0; i < Math.min(inFlight, most); i++) next();
await over;
const rate = count / (performance.now() - begin) * 1000;
for (const session of all) session.close();
await Promise.all(reading);
await Deno.stdout.write(encoder.encode(`${rate}\n`));
