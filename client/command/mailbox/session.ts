import { setTimeout as pause } from "node:timers/promises";
import { bold, dim } from "@std/fmt/colors";
import { type Mailbox, type ReceivedMessage, RefusedError, SessionEndError } from "../../mailbox.ts";
import { escapeControls } from "../../terminal/output.ts";
import type { LineEditor } from "../../terminal/line_editor.ts";

/** How long a full mailbox is waited for, and after how long a server that is gone is asked again, in milliseconds. */
const WAIT = 5000, RETRY = 1000;

/** Messages that are asked for at a time. */
const PREFETCH = 64;

/** What `wirepost mailbox` does with messages. */
export interface Correspondence extends AsyncDisposable {
  /** From now on this is who receives. */
  become(id: string): Promise<void>;
  send(to: string, from: string, text: string): Promise<void>;
  /** Receives the next message of `id`, or all that are there. */
  receive(id: string, what: "next" | "all"): Promise<void>;
  /** Receives what is there, when nobody is left who could ask for it. */
  finish(): Promise<void>;
  /** Rejects when nothing can be shown any more. */
  readonly broken: Promise<never>;
}

/** A message as a line. */
export function messageLine(time: number, from: string, text: string): string {
  const clock = Number.isNaN(time) ? "" : `${dim(new Date(time).toLocaleTimeString())} `;
  return `${clock}${bold(escapeControls(from))}: ${escapeControls(text)}\n`;
}

/** On the reliable session: what is sent is stored, and what was received is shown as it comes. */
export class SessionCorrespondence implements Correspondence {
  readonly #connect: () => Promise<Mailbox>;
  readonly #editor: LineEditor;
  readonly #broken = Promise.withResolvers<never>();
  #mailbox: Promise<Mailbox> | undefined;
  #me: string | undefined;
  #listening: { stop: AbortController; ended: Promise<void> } | undefined;
  /** Whether it was told that the server is gone, and not yet that it answers again. */
  #gone = false;

  constructor(connect: () => Promise<Mailbox>, editor: LineEditor) {
    this.#connect = connect;
    this.#editor = editor;
    this.#broken.promise.catch(() => {});
  }

  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  async become(id: string) {
    await this.#stop();
    this.#me = id;
    this.#listen(id);
  }

  async send(to: string, from: string, text: string) {
    try {
      await this.#do((mailbox) => mailbox.send(to, from, text, { wait: WAIT }));
    } catch (error) {
      if (!(error instanceof SessionEndError) || !error.sent) throw error;
      throw new Error(`Cannot tell whether the message was stored: ${error.message}`);
    }
  }

  async receive(id: string) {
    await this.#stop();
    try {
      await this.#receiveAll(id);
    } finally {
      this.#listen(id);
    }
    await this.#editor.print(`${dim("no more messages")}\n`);
  }

  async finish() {
    await this.#stop();
    if (this.#me !== undefined) await this.#receiveAll(this.#me);
  }

  #receiveAll(id: string): Promise<void> {
    return this.#do(async (mailbox) => {
      // once this is answered, what the wait that was ended may have been given is there again
      await mailbox.stat(id);
      await this.#receive(mailbox, id, { wait: 0 });
    });
  }

  async #receive(mailbox: Mailbox, id: string, until: { wait: number } | { signal: AbortSignal }) {
    for await (const batch of mailbox.batches(id, { ...until, prefetch: PREFETCH })) await this.#show(batch);
  }

  async #show(batch: readonly ReceivedMessage[]) {
    try {
      await this.#editor.print(
        batch.map(({ time, sender, text }) => messageLine(time, sender, text)).join(""),
      );
    } catch (error) {
      this.#broken.reject(error);
      await Promise.all(batch.map((message) => message.back()));
      throw error;
    }
    await Promise.all(batch.map((message) => message.ack()));
  }

  #listen(id: string) {
    const stop = new AbortController();
    this.#listening = { stop, ended: this.#follow(id, stop.signal).catch(this.#broken.reject) };
  }

  /** Shows what comes, also when the server goes and comes again. */
  async #follow(id: string, signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await this.#use(async (mailbox) => {
          if (this.#gone) await this.#back(mailbox);
          await this.#receive(mailbox, id, { signal });
        });
      } catch (error) {
        if (signal.aborted) return;
        // the mailbox has an owner, or has one now: who writes may be somebody else
        if (error instanceof RefusedError) {
          return void await this.#editor.notify(`${escapeControls(error.message)}\n`);
        }
        if (!(error instanceof SessionEndError)) throw error;
        if (!this.#gone) await this.#editor.notify(`${error.message} Trying again\n`);
        this.#gone = true;
        await pause(RETRY, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #back(mailbox: Mailbox) {
    await mailbox.stat();
    this.#gone = false;
    await this.#editor.notify("The server answers again\n");
  }

  async #stop() {
    this.#listening?.stop.abort();
    await this.#listening?.ended;
    this.#listening = undefined;
  }

  /** Does what somebody has asked for, who is told by whatever it throws that the server is gone. */
  #do(act: (mailbox: Mailbox) => Promise<void>): Promise<void> {
    return this.#use(async (mailbox) => {
      try {
        await act(mailbox);
      } catch (error) {
        // before the one that listens learns of the same
        if (error instanceof SessionEndError) this.#gone = true;
        throw error;
      }
    });
  }

  /** Does something with the connection. One that has ended is followed by another the next time. */
  async #use(act: (mailbox: Mailbox) => Promise<void>): Promise<void> {
    const connection = this.#mailbox ??= this.#connect();
    try {
      await act(await connection);
    } catch (error) {
      if (error instanceof SessionEndError) {
        if (this.#mailbox === connection) this.#mailbox = undefined;
        await (await connection).close();
      }
      throw error;
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#stop();
    await (await this.#mailbox?.catch(() => undefined))?.close();
  }
}
