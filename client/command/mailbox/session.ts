import { setTimeout as pause } from "node:timers/promises";
import { dim } from "@std/fmt/colors";
import { LoginError, type Mailbox, RefusedError, SessionEndError } from "../../mailbox.ts";
import { escapeControls } from "../../terminal/output.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import type { SeenNames } from "./completion.ts";
import { type MailboxWire, messageLine } from "./wire.ts";

/** How long to wait while a mailbox is full, and before the next connection to a server that is gone. */
const FULL_WAIT_MS = 5000, RECONNECT_MS = 1000;

/** How long to close the connection at the end, and to wait for one that is being made: less than 5 s in all. */
const CLOSE_TIMEOUT_MS = 2000, END_TIMEOUT_MS = 4000;

/** On the reliable session: a sent message is stored, and a message is shown when it arrives. */
export class SessionWire implements MailboxWire {
  readonly #connect: () => Promise<Mailbox>;
  readonly #editor: LineEditor;
  readonly #names: SeenNames;
  readonly #broken = Promise.withResolvers<never>();
  readonly broken: Promise<never> = this.#broken.promise;
  #mailbox: Promise<Mailbox> | undefined;
  #id: string | undefined;
  #following: { stop: AbortController; ended: Promise<void> } | undefined;
  /** Whether the server is gone, as far as the user knows. */
  #isGone = false;

  /**
   * @param names Gets the senders.
   * @param first A connection to begin with.
   */
  constructor(connect: () => Promise<Mailbox>, editor: LineEditor, names: SeenNames, first?: Mailbox) {
    this.#names = names;
    this.#connect = connect;
    this.#mailbox = first && Promise.resolve(first);
    this.#editor = editor;
    this.#broken.promise.catch(() => {});
  }

  async receiveFor(id: string) {
    await this.#unfollow();
    this.#id = id;
    this.#follow(id);
  }

  async send(receiver: string, sender: string, text: string) {
    try {
      await this.#use((mailbox) => mailbox.send(receiver, sender, text, { wait: FULL_WAIT_MS }));
    } catch (error) {
      if (!(error instanceof SessionEndError) || !error.sent) throw error;
      throw new Error(`Unknown whether the message was stored: ${error.message}`);
    }
  }

  async receive(id: string) {
    await this.#unfollow();
    try {
      await this.#receiveAll(id);
    } finally {
      this.#follow(id);
    }
    await this.#editor.print(`${dim("no more messages")}\n`);
  }

  async finish() {
    await this.#unfollow();
    if (this.#id !== undefined) await this.#receiveAll(this.#id);
  }

  #receiveAll(id: string): Promise<void> {
    return this.#use(async (mailbox) => {
      // after this answer, the messages that the withdrawn request may have got are there again
      await mailbox.stat(id);
      await this.#show(mailbox, id, { wait: 0 });
    });
  }

  /** Shows messages as they come, and acknowledges them. */
  async #show(mailbox: Mailbox, id: string, until: { wait: number } | { signal: AbortSignal }) {
    for await (const batch of mailbox.batches(id, until)) {
      for (const { sender } of batch) this.#names.add(sender);
      try {
        await this.#editor.print(batch.map(messageLine).join(""));
      } catch (error) {
        this.#broken.reject(error);
        await Promise.all(batch.map((message) => message.release()));
        throw error;
      }
      await Promise.all(batch.map((message) => message.ack()));
    }
  }

  #follow(id: string) {
    const stop = new AbortController();
    this.#following = { stop, ended: this.#showAll(id, stop.signal).catch(this.#broken.reject) };
  }

  async #unfollow() {
    this.#following?.stop.abort();
    await this.#following?.ended;
    this.#following = undefined;
  }

  /** Shows messages as they come, over as many connections as needed. */
  async #showAll(id: string, signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await this.#use(async (mailbox) => {
          if (this.#isGone) {
            await mailbox.stat();
            this.#isGone = false;
            await this.#editor.notify("The server answers again\n");
          }
          await this.#show(mailbox, id, { signal });
        }, async (error) => {
          if (!signal.aborted) await this.#editor.notify(`${error.message} Trying again\n`);
        });
      } catch (error) {
        if (signal.aborted) return;
        // the mailbox has an owner, or has one now; the user may still write as somebody else
        if (error instanceof RefusedError || error instanceof LoginError) {
          return void await this.#editor.notify(`${escapeControls(error.message)}\n`);
        }
        if (!(error instanceof SessionEndError)) throw error;
        await pause(RECONNECT_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Uses the connection. If the session ends, the next use makes another one; `onGone` reports the first time. */
  async #use(act: (mailbox: Mailbox) => Promise<void>, onGone?: (error: Error) => Promise<void>) {
    const connection = this.#mailbox ??= this.#connect();
    try {
      await act(await connection);
    } catch (error) {
      if (error instanceof SessionEndError) {
        const wasGone = this.#isGone;
        this.#isGone = true;
        if (this.#mailbox === connection) this.#mailbox = undefined;
        await (await connection).close();
        if (!wasGone) await onGone?.(error);
      }
      throw error;
    }
  }

  async [Symbol.asyncDispose]() {
    const closed = this.#close(), late = new AbortController();
    // a server that does not answer keeps nobody from leaving
    await Promise.race([closed, pause(END_TIMEOUT_MS, undefined, { signal: late.signal })]);
    late.abort();
  }

  async #close() {
    await this.#unfollow();
    await (await this.#mailbox?.catch(() => undefined))?.close(CLOSE_TIMEOUT_MS);
  }
}
