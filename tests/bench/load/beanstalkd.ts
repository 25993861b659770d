/**
 * beanstalkd through a client that sends each command at once and awaits its answer: `beanstalkd.ts PORT`. Who has many
 * jobs at a time has as many connections.
 */

import { carryOut } from "./loop.ts";
import { measurements, type Queue } from "./queue.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** Seconds after which a reserved job is given out again. */
const TTR_SECONDS = 60;

/** A connection. Commands are answered in their order. */
class Connection {
  readonly #socket: Deno.TcpConn;
  readonly #waiting: { resolve(answer: string): void; reject(error: Error): void }[] = [];
  #out = "";
  isClosed = false;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.#read();
  }

  static async open(): Promise<Connection> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
    socket.setNoDelay(true);
    return new Connection(socket);
  }

  /** Sends a command; resolves to its answer, with the body of a reserved job behind it. */
  ask(command: string): Promise<string> {
    if (this.#out === "") queueMicrotask(() => this.#write());
    this.#out += command;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** What was asked in a turn goes out together. */
  async #write() {
    const bytes = encoder.encode(this.#out);
    this.#out = "";
    try {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    } catch {
      // what was asked is rejected by the one that reads
    }
  }

  async #read() {
    const buffer = new Uint8Array(65_536);
    let text = "";
    for (let length; (length = await this.#socket.read(buffer).catch(() => null)) !== null;) {
      text += decoder.decode(buffer.subarray(0, length));
      let at = 0;
      for (let end; (end = text.indexOf("\r\n", at)) >= 0;) {
        const answer = text.slice(at, end), [word, , bytes] = answer.split(" ");
        let next = end + 2, body = "";
        if (word === "RESERVED") {
          body = text.slice(next, next + Number(bytes));
          next += Number(bytes) + 2;
          if (text.length < next) break;
        }
        at = next;
        this.#waiting.shift()!.resolve(`${answer}\n${body}`);
      }
      text = text.slice(at);
    }
    this.close();
    for (const { reject } of this.#waiting) reject(new Error("Cannot ask beanstalkd: it has closed"));
  }

  close() {
    if (!this.isClosed) this.#socket.close();
    this.isClosed = true;
  }
}

async function expect(answer: Promise<string>, word: string): Promise<string> {
  const text = await answer;
  if (!text.startsWith(word)) throw new Error(`Expected ${word}, got '${text.trimEnd()}'`);
  return text;
}

const sender = await Connection.open();

/** Reserves and deletes one job after the other. A connection that waits for a job takes no other command. */
class Worker {
  readonly #connection: Connection;
  #isWaiting = false;
  #isStopped = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async work(tube: string, received: (text: string) => void, deleted: () => void) {
    await expect(this.#connection.ask(`watch ${tube}\r\n`), "WATCHING");
    while (!this.#isStopped) {
      this.#isWaiting = true;
      const job = await this.#connection.ask("reserve\r\n").catch(() => "closed");
      this.#isWaiting = false;
      const [, id, text] = /^RESERVED (\d+) \d+\n(.*)$/.exec(job) ?? [];
      // it was stopped while its job came
      if (text === undefined || this.#connection.isClosed) break;
      received(text);
      await expect(this.#connection.ask(`delete ${id}\r\n`), "DELETED");
      deleted();
    }
    this.#connection.close();
  }

  /** Ends it when it has no job any more. */
  stop() {
    this.#isStopped = true;
    if (this.#isWaiting) this.#connection.close();
  }
}

async function open(name: string): Promise<Queue> {
  await expect(sender.ask(`use ${name}\r\n`), "USING");
  return {
    put: (text) => expect(sender.ask(`put 0 0 ${TTR_SECONDS} ${text.length}\r\n${text}\r\n`), "INSERTED"),
    async receive(inFlight, received, acknowledged) {
      const workers: Worker[] = [];
      for (let i = 0; i < inFlight; i++) workers.push(new Worker(await Connection.open()));
      const take = (text: string) => {
        if (received(text)) return;
        for (const worker of workers) worker.stop();
      };
      await Promise.all(workers.map((worker) => worker.work(name, take, acknowledged)));
    },
  };
}

await carryOut(measurements(open));
sender.close();
