/**
 * What is measured in a group: a Wirepost or a peer, with its server in a new directory, and its loads.
 *
 * @module
 */

import { ServerProcess } from "../program.ts";
import type { Figures, Order } from "./load/loop.ts";
import { LoadProcess } from "./load_process.ts";
import { type PeerName, PEERS, type Server, withFiles } from "./peers.ts";
import type { Company, Group, Load, Row } from "./rows.ts";

/** A Wirepost that is measured. */
export interface Version {
  title: string;
  /** A commit, or the program's path. */
  from: string;
  /** The command before `serve`. */
  command: readonly string[];
  /** Whose client library is used. */
  checkout: string;
}

/** Its limits are those of a server that is left alone for hours; what is compared has none. */
const NO_LIMITS = [
  ...["--share", "100", "--max-messages", "100000000", "--mailbox-messages", "100000000"],
  ...["--max-bytes", "64GiB", "--mailbox-bytes", "64GiB"],
];

/**
 * Sessions of those that put meanwhile, their datagrams in flight, which a socket has room for, and the messages in each,
 * which have room also with long numbers.
 */
const COMPANY = { sessions: 4, inFlight: 64, each: 16 };

/** Milliseconds that they run before a measurement and behind it. */
const COMPANY_BEFORE_MS = 300;

/** Acknowledgements in flight of those that receive meanwhile. */
const COMPANY_ACKS = 1024;

/** What the log says before the server's key. */
const KEY = "the server's key is ";

export class Subject implements AsyncDisposable {
  readonly title: string;
  /** Not there for Wirepost. */
  readonly peer: PeerName | undefined;
  readonly #load: Load;
  readonly #signal: AbortSignal;
  #server: Server | undefined;
  #port = 0;
  #args: readonly string[];
  /** Why it can't be measured at all. */
  #failure: string | undefined;
  readonly #processes = new Map<string, LoadProcess>();

  private constructor(title: string, peer: PeerName | undefined, load: Load, signal: AbortSignal) {
    this.title = title;
    this.peer = peer;
    this.#load = load;
    this.#args = load.args ?? [];
    this.#signal = signal;
  }

  /** Starts a Wirepost. One that does not start fails in every row. */
  static async version(
    { title, command, checkout }: Version,
    { service, isHttp, wirepost }: Group,
    data: string,
    signal: AbortSignal,
  ): Promise<Subject> {
    const subject = new Subject(title, undefined, wirepost, signal);
    try {
      const http = isHttp ? ["--http", "0"] : [];
      const args = [service, "0", ...http, "--data", data, ...service === "mailbox" ? NO_LIMITS : []];
      const server = await ServerProcess.start(args, { command: withFiles(command) });
      subject.#server = server;
      subject.#port = isHttp ? await server.ready("http") : server.port;
      if (isHttp) subject.#args = [...wirepost.args ?? [], `${server.port}`];
      if (wirepost.args !== undefined) return subject;
      subject.#args = [checkout];
      if (service !== "forum") return subject;
      await server.logged(KEY);
      subject.#args = [checkout, server.err.split(KEY)[1]!.split(/\s/)[0]!];
    } catch (error) {
      subject.#failure = (error as Error).message;
    }
    return subject;
  }

  /**
   * Starts a peer.
   *
   * @throws {Error} It does not start, or can't do what is compared.
   */
  static async peer(name: PeerName, load: Load, directory: string, signal: AbortSignal): Promise<Subject> {
    const peer = PEERS[name], subject = new Subject(peer.title, name, load, signal);
    await Deno.mkdir(directory);
    if ("start" in peer) subject.#server = await peer.start(directory);
    subject.#port = subject.#server?.port ?? 0;
    return subject;
  }

  /**
   * Carries out one measurement of a row.
   *
   * @param more Numbers of its order that the row does not know.
   * @throws {Error} It failed.
   */
  async measure({ order, company }: Row, ms: number, more: Partial<Order>): Promise<Figures> {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const measured = () => this.#run(this.#load, this.#args, { ...order, ...more, ms }, ms);
    if (company === undefined) return await measured();
    const others = this.#company(company, ms + 2 * COMPANY_BEFORE_MS);
    // it is awaited below
    others.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, COMPANY_BEFORE_MS));
    const figures = await measured(), { rate = 0 } = await others;
    return { ...figures, company: rate };
  }

  /** Others that put, and receive. */
  async #company({ rate, isReceived }: Company, ms: number): Promise<Figures> {
    const raw: Load = this.peer === undefined
      ? { script: "session.ts" }
      : { script: "stream.ts", args: [this.peer] };
    const queue = crypto.randomUUID().slice(0, 4);
    const put = this.#run(raw, raw.args ?? [], { measure: "put", ...COMPANY, queue, rate, ms }, ms);
    if (!isReceived) return await put;
    const order = { measure: "receiveFor", queue, inFlight: COMPANY_ACKS, ms };
    const received = this.#run(this.#load, this.#args, order, ms, "receiver");
    const rates = (await Promise.all([put, received])).map(({ rate = 0 }) => rate);
    return { rate: Math.min(...rates) };
  }

  /** @param role Another process than that of other roles. */
  async #run(
    load: Load,
    args: readonly string[],
    order: Partial<Order>,
    ms: number,
    role = "",
  ): Promise<Figures> {
    const key = `${load.script} ${role}`;
    let process = this.#processes.get(key);
    if (process === undefined) {
      process = new LoadProcess(load, [`${this.#port}`, ...args]);
      this.#processes.set(key, process);
    }
    try {
      return await process.measure({ ...order, pid: this.#server?.pid ?? 0 } as Order, ms, this.#signal);
    } catch (error) {
      // the next row gets a new one
      this.#processes.delete(key);
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose]() {
    for (const process of this.#processes.values()) await process[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
  }
}
