/**
 * The way of events to the members of their channel. Those of a large channel are sent them in pieces, between which the
 * sockets are polled: somebody who opens thousands of connections to the room, where each is announced to all others,
 * would hold up everybody else.
 *
 * Invariant: each member is sent the events from its joining to its leaving, each once, in their order, and not its own;
 * but one that leaves a large channel is not sent what it has not been sent yet.
 *
 * @module
 */

import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import type { Metrics } from "../../report/metrics.ts";
import { Batch, type Channel, type ChannelEvent, type Member, type Reader } from "./channel.ts";

/** Members that are sent something in one go (channels.md 5.13), and between two looks at the clock. */
const MAX_AT_ONCE = 256, PIECE_MEMBERS = 16;

export interface FanOutOptions {
  metrics: Metrics;
  /** What to wait for between two pieces, if anything; without it, all is sent in one go. */
  polling?: { readonly due: Promise<void> | undefined };
}

export class FanOut {
  readonly #options: FanOutOptions;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  /** Whether the members are sent in pieces what happens. */
  isLarge({ readerCount }: Channel): boolean {
    return readerCount > MAX_AT_ONCE && this.#options.polling !== undefined;
  }

  /** Sends events, or begins to. */
  send(channel: Channel, events: readonly ChannelEvent[], causes: readonly (Member | undefined)[]) {
    channel.batches.push(new Batch(++channel.lastBatch, events, causes, channel));
    if (channel.pass !== undefined) return;
    if (this.isLarge(channel)) {
      channel.pass = this.#sendInPieces(channel);
      return;
    }
    for (const [{ wire }, readers] of channel.readers) {
      let delivered = 0;
      for (const reader of readers) delivered += this.#catchUp(channel, reader);
      if (delivered > 0) this.#options.metrics.add(`${wire} delivered`, delivered);
    }
    channel.batches = [];
  }

  /** Sends the reader what it has not been sent yet. */
  catchUp(channel: Channel, reader: Reader) {
    const delivered = this.#catchUp(channel, reader);
    if (delivered > 0) this.#options.metrics.add(`${reader.encoder.wire} delivered`, delivered);
  }

  /** Returns how many messages it was sent. */
  #catchUp(channel: Channel, reader: Reader): number {
    const { batches, lastBatch } = channel, missing = lastBatch - reader.lastBatch;
    if (missing === 0) return 0;
    // sending may disconnect it, and so come here again
    reader.lastBatch = lastBatch;
    if (missing === 1) {
      const batch = batches.at(-1)!, bytes = batch.bytesFor(reader);
      if (bytes !== undefined) reader.connection.send(bytes);
      return batch.messagesFor(reader);
    }
    const left = batches.slice(-missing);
    const pieces = left.map((batch) => batch.bytesFor(reader)).filter((piece) => piece !== undefined);
    if (pieces.length > 0) reader.connection.send(this.#joined(channel, pieces));
    return left.reduce((sum, batch) => sum + batch.messagesFor(reader), 0);
  }

  /** What several members wait for is the same bytes for all of them. */
  #joined(channel: Channel, pieces: Uint8Array[]): Uint8Array {
    const last = channel.joined;
    const isSame = last !== undefined && last.pieces.length === pieces.length &&
      last.pieces.every((piece, i) => piece === pieces[i]);
    if (!isSame) channel.joined = { pieces, bytes: concatBytes(...pieces) };
    return channel.joined!.bytes;
  }

  /** Goes over the members until all have everything. */
  async #sendInPieces(channel: Channel) {
    // what else happens in this turn goes with it
    await this.#options.polling!.due;
    for (let isBehind = true; isBehind;) {
      const { lastBatch } = channel;
      let sent = 0;
      for (const readers of channel.readers.values()) {
        for (const reader of readers) {
          if (reader.lastBatch === channel.lastBatch) continue;
          this.catchUp(channel, reader);
          if (++sent % PIECE_MEMBERS === 0) await this.#options.polling!.due;
        }
      }
      // everybody has these: who has joined meanwhile begins behind them
      channel.batches = channel.batches.filter(({ number }) => number > lastBatch);
      isBehind = channel.batches.length > 0;
    }
    channel.joined = channel.pass = undefined;
  }
}
