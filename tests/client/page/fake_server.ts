/**
 * A small server that answers the page as protocol/http.md says, in memory: what the page does with a delay, a refusal or a gap can be shown
 * with it at will.
 *
 * @module
 */

import { webPage } from "../../../client/page/files.ts";
import { MAX_STREAM_CHANNELS } from "../../../protocol/http/events.ts";

interface Message {
  id: string;
  time: string;
  sender: string;
  text: string;
}

interface FakeChannel {
  history: string;
  messages: Message[];
  names: string[];
}

export class FakeServer implements AsyncDisposable {
  readonly channels = new Map<string, FakeChannel>();
  readonly #readers = new Set<{ channels: string[]; name: string; write(text: string): void; end(): void }>();
  readonly #keys = new Map<string, unknown>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #page = webPage();
  #held: Promise<void> = Promise.resolve();
  #isPaused = false;
  /** What everything that is said is refused with. */
  refusal: { status: number; code: string; detail: string } | undefined;

  constructor(port = 0) {
    this.channel("room");
    this.#server = Deno.serve(
      { port, hostname: "127.0.0.1", onListen() {} },
      (request) => this.#answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  channel(name: string): FakeChannel {
    let channel = this.channels.get(name);
    if (channel === undefined) {
      this.channels.set(
        name,
        channel = { history: crypto.randomUUID().slice(0, 8), messages: [], names: [] },
      );
    }
    return channel;
  }

  say(name: string, sender: string, text: string, time = new Date()): Message {
    const channel = this.channel(name);
    const message = {
      id: `${channel.history}:${channel.messages.length + 1}`,
      time: time.toISOString(),
      sender,
      text,
    };
    channel.messages.push(message);
    this.#event(name, "message", { channel: name, ...message });
    return message;
  }

  enter(name: string, member: string) {
    const channel = this.channel(name);
    if (!channel.names.includes(member)) channel.names.push(member);
    this.#event(name, "joined", { channel: name, name: member, members: channel.names.length });
  }

  #event(channel: string, type: string, data: unknown) {
    for (const reader of this.#readers) {
      if (reader.channels.includes(channel)) {
        reader.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
      }
    }
  }

  /** Answers nothing but the page until it resumes. */
  pause() {
    this.#isPaused = true;
    for (const reader of [...this.#readers]) reader.end();
  }

  resume() {
    this.#isPaused = false;
  }

  /** Loses the history of a channel, as a server whose data are gone. */
  forget(name: string) {
    this.channels.delete(name);
  }

  /** Stores nothing more until the function that it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  async [Symbol.asyncDispose]() {
    this.pause();
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url), page = await this.#page;
    const file = page.files.get(url.pathname);
    const wantsPage = request.headers.get("accept")?.includes("text/html") ?? false;
    if (file !== undefined || wantsPage) {
      const { type, text } = file ?? { type: "text/html; charset=utf-8", text: page.html() };
      return new Response(text, {
        headers: {
          "content-type": type,
          "content-security-policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
        },
      });
    }
    if (this.#isPaused) return new Response(null, { status: 503 });
    const [, first, second, third] = url.pathname.split("/").map(decodeURIComponent);
    if (first === "") {
      return Response.json({
        version: "0.1.0",
        services: { mailbox: 21001, channels: 55555, room: 6000, forum: 10005 },
        you: { account: null, role: null, isPrivate: true },
      });
    }
    if (first === "events") return this.#events(url);
    if (first === "channel" && second === undefined) {
      return Response.json({
        channels: [...this.channels].map(([name, { history, names, messages }]) => ({
          name,
          members: names.length,
          last: `${history}:${messages.length}`,
        })),
      });
    }
    if (first === "channel" && third === "member") {
      const { names = [] } = this.channels.get(second!) ?? {};
      return Response.json({ members: names.length, names });
    }
    if (first === "channel") return await this.#channel(request, url, second!);
    return Response.json({ code: "not found", detail: "there is nothing at this path" }, { status: 404 });
  }

  async #channel(request: Request, url: URL, name: string): Promise<Response> {
    if (request.method === "PUT") {
      if (/\s/.test(name)) {
        const detail = "a channel's name has no white space in it";
        return Response.json({ code: "bad ID", detail }, { status: 400 });
      }
      const isNew = !this.channels.has(name);
      this.channel(name);
      return new Response(null, { status: isNew ? 201 : 204 });
    }
    const channel = this.channels.get(name);
    if (channel === undefined) return noChannel(name);
    if (request.method === "POST") {
      const { text } = await request.json(), key = request.headers.get("idempotency-key")!;
      await this.#held;
      if (this.refusal !== undefined) return Response.json(this.refusal, { status: this.refusal.status });
      let said = this.#keys.get(key);
      if (said === undefined) {
        const { id, time } = this.say(name, url.searchParams.get("sender") ?? "?", text);
        this.#keys.set(key, said = { id, time });
      }
      return Response.json(said, { status: 201 });
    }
    const limit = Number(url.searchParams.get("limit") ?? 100);
    const since = url.searchParams.get("since"), before = url.searchParams.get("before");
    const { messages } = channel;
    const at = (id: string) => messages.findIndex((one) => one.id === id);
    // the number 0 is before the first
    const isLost = since !== null && since !== `${channel.history}:0` && at(since) < 0;
    const page = since !== null
      ? messages.slice(at(since) + 1).slice(0, limit)
      : messages.slice(0, before === null ? undefined : at(before)).slice(-limit);
    const last = `${channel.history}:${messages.length}`;
    return Response.json({
      channel: name,
      last,
      position: since === null || page.length === 0 ? last : page.at(-1)!.id,
      messages: page,
      gap: isLost ? null : 0,
    });
  }

  #events(url: URL): Response {
    const encoder = new TextEncoder();
    const channels = url.searchParams.getAll("channel"), name = url.searchParams.get("sender") ?? "";
    const missing = channels.find((channel) => !this.channels.has(channel));
    if (missing !== undefined) return noChannel(missing);
    if (channels.length > MAX_STREAM_CHANNELS) {
      return Response.json({ code: "bad query", detail: "too many channels" }, { status: 400 });
    }
    let reader: { channels: string[]; name: string; write(text: string): void; end(): void };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        reader = {
          channels,
          name,
          write: (text) => controller.enqueue(encoder.encode(text)),
          end: () => {
            this.#readers.delete(reader);
            controller.close();
          },
        };
        this.#readers.add(reader);
        for (const channel of channels) this.enter(channel, name);
        reader.write(": hello\n\n");
      },
      cancel: () => {
        this.#readers.delete(reader);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

function noChannel(name: string): Response {
  return Response.json({ code: "no channel", detail: `there is no channel '${name}'` }, { status: 404 });
}
