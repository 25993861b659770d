/**
 * One sender, and readers of events over HTTP to whom everything goes: `events.ts PORT wirepost CHANNELS_PORT`, where the
 * sender speaks in frames, or `events.ts PORT node`.
 *
 * @module
 */

import { encodeRequest, HttpPeer } from "./http_peer.ts";
import { Poll, Socket } from "../libc.ts";
import { carryOut, type Figures, percentiles, ProcessorTime } from "../loop.ts";

/** Messages that are not delivered to all readers yet, at most. */
const IN_FLIGHT = 256;

/** Milliseconds without any event after which the server counts as gone. */
const GONE_MS = 5000;

/** What the system keeps for a reader that does not read: little, so that the server has to, and soon. */
const UNREAD_BYTES = 4096;

/** So many of the readers say how late events come: to find a time in an event takes longer than to read it. */
const TIMED_READERS = 20;

/** Each event has so many lines: its ID, its data, and an empty one. */
const EVENT_LINES = 3, LF = 0x0a;

const FRAME_BYTES = 200, TEXT_LENGTH = 40;

const [port, system, channelsPort] = [Number(Deno.args[0]), Deno.args[1], Number(Deno.args[2])];
const encoder = new TextEncoder(), decoder = new TextDecoder();
const buffer = new Uint8Array(262_144);

/** Says messages, those of a turn at once. */
interface Sender extends Disposable {
  /** Where readers read. */
  readonly events: string;
  /** Whether it can say something now. */
  isFree(): boolean;
  say(texts: readonly string[]): void;
}

/** Says them in frames: nothing of it is awaited. */
class FrameSender implements Sender {
  readonly events: string;
  readonly #socket = new Socket("tcp", channelsPort);

  constructor() {
    const channel = `c${crypto.randomUUID().slice(0, 8)}`;
    this.events = `/events?channel=${channel}`;
    this.say(["bench", `/create ${channel}`, `/join ${channel}`, "/list"]);
    for (let text = ""; !text.includes(channel) || text.length % FRAME_BYTES > 0;) {
      text += decoder.decode(buffer.subarray(0, this.#socket.receiveSomething(buffer)));
    }
  }

  isFree(): boolean {
    return true;
  }

  say(texts: readonly string[]) {
    this.#socket.sendAll(encoder.encode(texts.map((text) => text.padEnd(FRAME_BYTES)).join("")));
  }

  [Symbol.dispose]() {
    this.#socket[Symbol.dispose]();
  }
}

/** Posts them, a line each. */
class PostSender implements Sender {
  readonly events = "/events";
  readonly #peer = new HttpPeer(port);
  #isOpen = false;

  isFree(): boolean {
    if (this.#isOpen && this.#peer.receive(buffer)) this.#isOpen = false;
    return !this.#isOpen;
  }

  say(texts: readonly string[]) {
    this.#isOpen = true;
    this.#peer.socket.sendAll(encodeRequest("POST", "/say", texts.join("\n")));
  }

  [Symbol.dispose]() {
    this.#peer[Symbol.dispose]();
  }
}

/** A reader, and what it has read. */
class EventReader {
  readonly socket: Socket;
  /** When what it has read was said, if it is asked for that. */
  readonly latencies: number[] | undefined;
  #lines = 0;
  #rest = "";

  constructor(socket: Socket, isTimed: boolean) {
    this.socket = socket;
    this.latencies = isTimed ? [] : undefined;
  }

  get events(): number {
    return Math.floor(this.#lines / EVENT_LINES);
  }

  /** Reads what has come. */
  read() {
    const length = this.socket.receive(buffer);
    if (length === 0) throw new Error("Cannot measure: the server has closed a reader");
    if (length < 0) return;
    const bytes = buffer.subarray(0, length);
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) this.#lines++;
    if (this.latencies === undefined) return;
    const now = performance.now(), events = (this.#rest + decoder.decode(bytes)).split("\n\n");
    this.#rest = events.pop()!;
    for (const event of events) {
      // a comment has none
      const [, time] = /"text":"([\d.]+)/.exec(event) ?? [];
      if (time !== undefined) this.latencies.push(now - Number(time));
    }
  }
}

interface Measured {
  members: number;
  /** Further ones, which don't read. */
  stalled?: number;
  /** Messages a second; as many as there can be by default. */
  rate?: number;
  ms: number;
  pid: number;
}

/** Connects readers, which have read that they are there. */
function connect({ members, stalled = 0 }: Measured, sender: Sender, stack: DisposableStack): EventReader[] {
  const request = encodeRequest("GET", sender.events), sockets: Socket[] = [];
  for (let i = 0; i < members + stalled; i++) {
    const socket = stack.use(new Socket("tcp", port, i < members ? undefined : UNREAD_BYTES));
    socket.sendAll(request);
    // the head is there: the reader is
    socket.receiveSomething(buffer);
    if (i < members) sockets.push(socket);
  }
  while (!sender.isFree()) { /* it has said something */ }
  sender.say(["all are here"]);
  for (const socket of sockets) {
    for (let text = ""; !text.includes("all are here") || !text.endsWith("\n\n");) {
      text += decoder.decode(buffer.subarray(0, socket.receiveSomething(buffer)));
    }
  }
  const timed = Math.ceil(members / TIMED_READERS);
  return sockets.map((socket, i) => new EventReader(socket, i % timed === 0));
}

/** Deliveries a second, and how long after it was said an event comes. */
function deliver(measured: Measured): Figures {
  using stack = new DisposableStack();
  const { members, rate = Infinity, ms, pid } = measured;
  const sender = stack.use(system === "node" ? new PostSender() : new FrameSender());
  const readers = connect(measured, sender, stack), poll = stack.use(new Poll());
  for (const [i, { socket }] of readers.entries()) poll.add(socket, i);
  const processor = new ProcessorTime(pid), begin = performance.now(), end = begin + ms;
  let said = 0, read = 0, now = begin, heard = begin;
  while (now < end || read < said * members) {
    const due = rate === Infinity ? Infinity : Math.floor((now - begin) * rate / 1000);
    const room = Math.min(due, Math.floor(read / members) + IN_FLIGHT) - said;
    if (now < end && room > 0 && sender.isFree()) {
      sender.say(Array(room).fill(now.toFixed(3).padStart(TEXT_LENGTH, "0")));
      said += room;
    }
    poll.wait(1, (i) => {
      const reader = readers[i]!, before = reader.events;
      reader.read();
      read += reader.events - before;
      heard = performance.now();
    });
    now = performance.now();
    if (now - heard > GONE_MS) throw new Error("Cannot measure: no event came for 5 s");
  }
  const latencies = readers.flatMap(({ latencies = [] }) => latencies);
  return { rate: read / (now - begin) * 1000, ...percentiles(latencies), ...processor.each(read) };
}

await carryOut({ deliver });
