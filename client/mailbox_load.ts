/**
 * Load for measuring a mailbox server, or a bare echo beside it, with a given number of messages in flight.
 *
 * @module
 */

import { decodeReply, encodePut, encodeTake } from "../protocol/mailbox.ts";

export interface LoadOptions {
  server: Deno.NetAddr;
  /** Messages that are on their way at a time. */
  inFlight: number;
  /** Messages in all. */
  count: number;
  /**
   * `pass`: each message is put and asked for at once. `echo`: each is one datagram that the server sends back.
   */
  kind: "pass" | "echo";
  /** Is told from time to time how many messages are through. */
  onProgress?: (done: number) => Promise<void>;
}

export interface LoadResult {
  /** Milliseconds from the first datagram to the last answer. */
  elapsed: number;
  /** Messages a second. */
  rate: number;
  /** Milliseconds from sending to answer: half of them took no longer, and 99 of 100. */
  p50: number;
  p99: number;
  /** Messages that had to be sent again, because something was lost. */
  again: number;
}

/** Silence after which a message counts as lost, in milliseconds. */
const LOST = 200;

/** Silence of all after which the server counts as gone, in milliseconds. */
const GONE = 5000;

const PADDING = "forty bytes or so of it";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Slot {
  datagrams: Uint8Array<ArrayBuffer>[];
  number: number;
  since: number;
}

/**
 * Passes `count` messages through the server and measures. Each is counted once: what comes for a message that was sent
 * again already is not.
 *
 * @throws {Error} Nothing came for 5 s.
 */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { server, inFlight, count, kind } = options;
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: server.hostname.includes(":") ? "::" : "0.0.0.0",
    port: 0,
  });
  const run = crypto.randomUUID().slice(0, 8);
  const slots: Slot[] = [];
  const took = new Float64Array(count);
  let started = 0, done = 0, again = 0, heard = performance.now(), failed: Error | undefined;

  const send = async (slot: Slot) => {
    slot.since = performance.now();
    // one after the other: several sends at a time may overtake each other
    try {
      for (const datagram of slot.datagrams) await socket.send(datagram, server);
    } catch {
      // what can't be sent is sent again as what is lost is
    }
  };
  const start = async (i: number) => {
    const number = started++, text = `${i} ${number} ${PADDING}`, mailbox = `bench-${run}-${i}`;
    const datagrams = kind === "echo"
      ? [encoder.encode(text)]
      : [encodePut(mailbox, "bench", text), encodeTake(mailbox)];
    await send(slots[i] = { datagrams, number, since: 0 });
  };
  const watch = setInterval(() => {
    const now = performance.now();
    if (now - heard > GONE) {
      failed = new Error(`Cannot measure: nothing came for ${GONE / 1000} s after ${done} messages`);
      socket.close();
      return;
    }
    for (const slot of slots) if (slot.since > 0 && now - slot.since > LOST) again++, send(slot);
  }, LOST / 2);

  const begin = performance.now();
  for (let i = 0; i < inFlight && started < count; i++) await start(i);
  const buffer = new Uint8Array(2048);
  try {
    while (done < count) {
      const [datagram] = await socket.receive(buffer);
      const text = textOf(datagram, kind);
      if (text === undefined) continue;
      const space = text.indexOf(" ");
      const i = Number(text.slice(0, space)), slot = slots[i];
      const number = parseInt(text.slice(space + 1));
      if (slot === undefined || slot.since === 0 || slot.number !== number) continue;
      heard = performance.now();
      took[done++] = heard - slot.since;
      slot.since = 0;
      if (started < count) await start(i);
      if (options.onProgress && done % 1024 === 0) await options.onProgress(done);
    }
  } catch (error) {
    throw failed ?? error;
  } finally {
    clearInterval(watch);
    if (failed === undefined) socket.close();
  }
  const elapsed = performance.now() - begin;
  took.sort();
  const at = (part: number) => took[Math.min(count - 1, Math.floor(count * part))]!;
  return { elapsed, rate: count / elapsed * 1000, p50: at(0.5), p99: at(0.99), again };
}

function textOf(datagram: Uint8Array, kind: LoadOptions["kind"]): string | undefined {
  if (kind === "echo") return decoder.decode(datagram);
  const reply = decodeReply(datagram);
  return reply?.kind === "mail" ? reply.mail.message : undefined;
}
