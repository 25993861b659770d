/**
 * The load of which a recording is made, on all services, and what is known of it.
 *
 * @module
 */

import { connectForum, type Forum, FullError, LoginError, TransferError } from "../../../client/forum.ts";
import { ANNOUNCEMENT, decodeAnnounced } from "../../../protocol/channels/announced.ts";
import { Peer, type ServerProcess } from "../../program.ts";
import { FramePeer } from "../../stream.ts";
import { RecordedSession } from "./recorded_session.ts";

/** A command of the forum, and when its answer had come, in milliseconds since 1970. */
export interface ForumCommand {
  /** The text of a post, or the name of a file. */
  what: string;
  answeredAt: number;
  /** Whether the answer was that the server cannot write to its disk. */
  isRefused: boolean;
}

/** Where the services are. */
export interface Ports {
  mailbox: number;
  channels: number;
  forum: number;
}

/** What a load does in one life of the server. */
export interface Amount {
  /** Rounds of each session: a few puts each, and some leases. */
  rounds: number;
  files: number;
}

/** Sessions that put; each has a mailbox that nobody empties, and one that another session does. */
const SENDERS = 3, PUTS = 6;

/** Milliseconds for an answer of the forum; and how often a log-in that is refused is tried again, after which pause. */
const TIMEOUT_MS = 60_000, TRIES = 20, PAUSE_MS = 300;

/** Milliseconds after which the original wire is asked once more. */
const ASK_AGAIN_MS = 5000;

/** Bytes of the files of the forum. */
const FILE_BYTES = [3000, 70_000, 300_000];

export function fileContent(name: string): Uint8Array<ArrayBuffer> {
  const number = Number(/\d+$/.exec(name)![0]), size = FILE_BYTES[number % FILE_BYTES.length]!;
  return new TextEncoder().encode(`${name} `.repeat(size / name.length + 1).slice(0, size));
}

function isRefusal(error: unknown): boolean {
  return error instanceof TransferError && error.code === "storage" ||
    error instanceof FullError;
}

export class Load implements AsyncDisposable {
  readonly senders: RecordedSession[] = [];
  /** Each empties the second mailbox of one sender. */
  readonly receivers: RecordedSession[] = [];
  /** Messages that were put by the original wire, in their order. */
  readonly originals: string[] = [];
  /** Those of them that were given out. */
  readonly given: string[] = [];
  readonly posts: ForumCommand[] = [];
  readonly files: ForumCommand[] = [];
  /** What was said in the channel. */
  readonly said: string[] = [];
  readonly #directory: string;
  #forum: Forum | undefined;
  /** The server's key, once a server has started. */
  serverKey = "";
  #number = 0;

  /**
   * @param directory For files that are uploaded.
   * @param name Distinguishes its mailboxes, thread and channel from those of other loads.
   */
  constructor(directory: string, readonly name = "one") {
    this.#directory = directory;
  }

  /** The mailbox of a sender that nobody empties, and the one that somebody does. */
  kept(sender: number): string {
    return `${this.name}-kept-${sender}`;
  }

  passed(sender: number): string {
    return `${this.name}-passed-${sender}`;
  }

  /** The mailbox of the original wire, the thread, and the channel. */
  get taken(): string {
    return `${this.name}-taken`;
  }

  get thread(): string {
    return `${this.name}-thread`;
  }

  get hall(): string {
    return `${this.name}-hall`;
  }

  get sessions(): string[] {
    return [...this.senders, ...this.receivers].map(({ id }) => id);
  }

  /** Works through the amount, with a server that has just started. */
  async run(server: ServerProcess, ports: Ports, amount: Amount) {
    if (this.serverKey === "") {
      await server.logged("the server's key is ");
      this.serverKey = /key is (\S+)/.exec(server.err)![1]!;
      for (let i = 0; i < SENDERS; i++) {
        this.senders.push(new RecordedSession(ports.mailbox));
        this.receivers.push(new RecordedSession(ports.mailbox));
      }
    }
    await Promise.all([
      ...this.senders.map((sender, i) => this.#send(sender, i, amount.rounds)),
      ...this.receivers.map((receiver, i) => this.#receive(receiver, i, amount.rounds)),
      this.#takeOriginals(ports.mailbox, amount.rounds),
      this.#post(ports.forum, amount),
      this.#talk(ports.channels, amount.rounds),
    ]);
  }

  #text(): string {
    const number = this.#number++;
    return `${number} ${"and on ✓ ".repeat(number % 14)}`.trimEnd();
  }

  async #send(session: RecordedSession, i: number, rounds: number) {
    for (let round = 0; round < rounds; round++) {
      const puts = Array.from(
        { length: PUTS },
        (_, n) => session.put(n % 3 === 0 ? this.kept(i) : this.passed(i), this.#text()),
      );
      await Promise.all(puts);
    }
  }

  async #receive(session: RecordedSession, i: number, rounds: number) {
    for (let round = 0; round < rounds; round++) {
      const leased = await session.lease(this.passed(i), 5);
      if (leased.length > 0) await session.ack(this.passed(i), leased);
    }
  }

  async #takeOriginals(port: number, rounds: number) {
    using peer = new Peer(port);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 3; i++) {
        const text = this.#text();
        this.originals.push(text);
        await peer.send(`F, ${this.taken}, sender, ${text}`);
      }
      for (let i = 0; i < 2; i++) {
        const text = /^N, \S+, sender, (.*)$/.exec(await this.#ask(peer, `R, ${this.taken}`))?.[1];
        if (text !== undefined) this.given.push(text);
      }
    }
  }

  /** Asks until there is an answer: the socket of a server that does not run for a while has no room for more. */
  async #ask(peer: Peer, request: string): Promise<string> {
    const timer = setInterval(() => peer.send(request), ASK_AGAIN_MS);
    try {
      return await peer.ask(request);
    } finally {
      clearInterval(timer);
    }
  }

  /** Logs in. While the server cannot write to its disk, it is tried again. */
  async #enter(port: number): Promise<Forum> {
    const as = { name: this.name, password: `of ${this.name}`, make: true };
    for (let tries = 0;; tries++) {
      try {
        return await connectForum({ port, serverKey: this.serverKey, timeout: TIMEOUT_MS, as });
      } catch (error) {
        if (!(error instanceof LoginError) || tries === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  async #post(port: number, { rounds, files }: Amount) {
    const isNew = this.#forum === undefined;
    const forum = this.#forum ??= await this.#enter(port);
    if (isNew) await forum.create(this.thread);
    const note = async (list: ForumCommand[], what: string, command: () => Promise<unknown>) => {
      const noted = { what, answeredAt: Infinity, isRefused: false };
      list.push(noted);
      try {
        await command();
        noted.answeredAt = Date.now() + 1;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        noted.isRefused = true;
      }
    };
    for (let round = 0; round < Math.max(rounds, files); round++) {
      if (round < rounds) {
        const text = this.#text();
        await note(this.posts, text, () => forum.post(this.thread, text));
      }
      if (round >= files) continue;
      const name = `file-${this.files.length}`, path = `${this.#directory}/${name}`;
      await Deno.writeFile(path, fileContent(name));
      await note(this.files, name, () => forum.upload(this.thread, name, path));
    }
  }

  async #talk(port: number, rounds: number) {
    using peer = await FramePeer.named("anna", port);
    await peer.send(ANNOUNCEMENT, `/create ${this.hall}`);
    for (let round = 0; round < rounds; round++) {
      const text = this.#text();
      this.said.push(text);
      await peer.send(text);
      for (let isSent = false; !isSent;) isSent = decodeAnnounced(await peer.next() ?? "")?.kind === "sent";
    }
  }

  async [Symbol.asyncDispose]() {
    for (const session of [...this.senders, ...this.receivers]) session[Symbol.dispose]();
    await this.#forum?.close(0);
  }
}
