import {
  type Announced,
  ANNOUNCEMENT,
  decodeAnnounced,
  encodeHistoryQuery,
  type HistoryQuery,
  isAnnounced,
} from "../../../protocol/channels/announced.ts";
import { CHANNELS_TEXTS as TEXTS } from "../../../protocol/channels.ts";
import type { Channels } from "../../channels.ts";
import { type Asked, AskedRequests, type Page } from "./asked.ts";

/** Longest message that is put together from parts, in UTF-16 code units: many times what a server sends. */
const MAX_PARTS_UNITS = 1024 * 1024;

/** How often a channel is joined or created until one of it works. */
const MAX_ATTEMPTS = 6;

/** Takes what comes, one after the other. */
export interface LinkHandlers {
  /** What happens in the channel; only from a server that takes announced clients. Parts of a message are joined. */
  event(event: Announced): Promise<void>;
  /** A text that answers no request. */
  text(text: string): Promise<void>;
}

/** A connection to a server of the channels, to which the client announces itself (channels.md section 8). */
export class ChannelsLink {
  /** Resolves to whether the server has answered, as soon as that is known. */
  readonly answered: Promise<boolean>;
  /** Resolves when the connection has ended and all that came was handled. */
  readonly ended: Promise<void>;
  isConnected = true;
  /** Whether the server takes announced clients. */
  isAnnounced = false;
  /** The client's name as others see it, if the server says it. */
  shownName: string | undefined;
  readonly #client: Channels;
  readonly #handlers: LinkHandlers;
  readonly #asked = new AskedRequests();
  #parts = "";

  /** @param given When it is aborted, no more is handled. */
  constructor(client: Channels, given: AbortSignal, handlers: LinkHandlers) {
    this.#client = client;
    this.#handlers = handlers;
    this.ended = this.#receive(given);
    this.ended.catch(() => {});
    this.answered = this.#asked.add({}).then(() => this.isConnected);
    this.write(ANNOUNCEMENT);
  }

  async #receive(given: AbortSignal) {
    try {
      for await (const text of this.#client) {
        if (given.aborted) return;
        await this.#handle(text);
      }
    } catch (error) {
      // a connection that breaks counts as ended by the server
      if (error instanceof Deno.errors.BrokenPipe) throw error;
    } finally {
      this.isConnected = false;
      this.#client.close();
      this.#asked.end();
    }
  }

  async #handle(text: string) {
    if (!isAnnounced(text)) {
      if (!this.#asked.text(text)) await this.#handlers.text(text);
      return;
    }
    const event = decodeAnnounced(text);
    // a later server may send more
    if (event === undefined) return;
    if (event.kind === "part") {
      if (this.#parts.length < MAX_PARTS_UNITS) this.#parts += event.text;
      return;
    }
    if (event.kind === "message") {
      event.text = this.#parts + event.text;
      this.#parts = "";
    }
    if (event.kind === "announced") {
      this.isAnnounced = true;
      this.shownName = event.name;
    }
    if (!await this.#asked.announced(event)) await this.#handlers.event(event);
  }

  /** Sends a control message. Resolves when the server has answered it, or does not any more. */
  ask(request: string, asked: Asked): Promise<void> {
    if (!this.isConnected || this.#asked.isFull) return Promise.resolve();
    const answered = this.#asked.add(asked);
    this.write(request);
    this.write(ANNOUNCEMENT);
    return answered;
  }

  /** Joins the channel, or creates it. Returns why that can't be, if so. */
  async enter(channel: string): Promise<string | undefined> {
    const retried = [TEXTS.noChannelNamed(channel), TEXTS.alreadyExists(channel)];
    const refusals = [...retried, TEXTS.nameTooLong, TEXTS.tooManyChannels];
    let refusal: string | undefined;
    const text = (text: string) => {
      if (refusals.includes(text)) refusal = text;
      return refusal === text;
    };
    // others may create and remove it meanwhile
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      refusal = undefined;
      await this.ask(`${attempt % 2 === 0 ? "/join" : "/create"} ${channel}`, { text });
      if (refusal === undefined || !retried.includes(refusal)) break;
    }
    return refusal;
  }

  /** Asks for a piece of a history. */
  askPage(query: HistoryQuery, page: (page: Page) => Promise<void>): Promise<void> {
    return this.ask(encodeHistoryQuery(query), { page });
  }

  /** Sends a message. Resolves as fast as the server reads; a broken connection is noticed while receiving. */
  write(text: string): Promise<void> {
    return this.#client.send(text).catch(() => {});
  }
}
