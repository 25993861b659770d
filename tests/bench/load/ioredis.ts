/**
 * Redis through ioredis with auto-pipelining: `ioredis.ts PORT`. What is only put goes into a list; what is received too
 * goes through a stream with a group, where it is acknowledged and deleted.
 */

import { carryOut } from "./loop.ts";
import { NPM } from "./npm.ts";
import { InFlight, measurements, type Queue } from "./queue.ts";

/** Of ioredis, what is used here. */
interface Redis {
  rpush(list: string, text: string): Promise<number>;
  xadd(stream: string, id: "*", field: string, text: string): Promise<string>;
  xack(stream: string, group: string, id: string): Promise<number>;
  xdel(stream: string, id: string): Promise<number>;
  xgroup(what: "CREATE", stream: string, group: string, from: string, option: "MKSTREAM"): Promise<unknown>;
  /** Each stream's name and its messages: ID, and names and values of fields. Null if none came in time. */
  xreadgroup(...words: (string | number)[]): Promise<[string, [string, string[]][]][] | null>;
  disconnect(): void;
}

/** Its package comes from npm (`npm.ts`). */
const { Redis }: { Redis: new (options: object) => Redis } = await import(NPM.ioredis);

/** Milliseconds that a read waits for messages. */
const BLOCK_MS = 1000;

const options = { host: "127.0.0.1", port: Number(Deno.args[0]) };
const redis = new Redis({ ...options, enableAutoPipelining: true });
/** Waits, and what comes behind it waits too. */
const reader = new Redis(options);

class Stream implements Queue {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  static async create(name: string): Promise<Stream> {
    await redis.xgroup("CREATE", name, "group", "0", "MKSTREAM");
    return new Stream(name);
  }

  put(text: string) {
    return redis.xadd(this.#name, "*", "text", text);
  }

  async receive(inFlight: number, received: (text: string) => boolean, acknowledged: () => void) {
    // with one, the next is read when this one is acknowledged; else while the last ones are
    const acks = new InFlight(inFlight === 1 ? 1 : 2 * inFlight);
    for (let more = true; more;) {
      const read = await reader.xreadgroup(
        ...["GROUP", "group", "me", "COUNT", inFlight, "BLOCK", BLOCK_MS],
        ...["STREAMS", this.#name, ">"],
      );
      for (const [id, [, text = ""]] of read?.[0]?.[1] ?? []) {
        // what was read is acknowledged, also if it is more than is wanted
        more = received(text) && more;
        acks.add(
          Promise.all([redis.xack(this.#name, "group", id), redis.xdel(this.#name, id)]).then(acknowledged),
        );
      }
      await acks.room();
    }
    await acks.none();
  }
}

const list = (name: string): Queue => ({
  put: (text) => redis.rpush(name, text),
  receive: () => Promise.reject(new Error("Cannot receive from a list: nothing is acknowledged there")),
});

const ofStreams = measurements(Stream.create);
const ofLists = measurements((name) => Promise.resolve(list(name)));
await carryOut({ ...ofStreams, put: ofLists.put, singlePuts: ofLists.singlePuts });
redis.disconnect();
reader.disconnect();
