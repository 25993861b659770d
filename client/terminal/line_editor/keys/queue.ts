import { clusters } from "../graphemes.ts";
import type { Key } from "./keys.ts";

/** Keys that may wait to be read. */
const MAX_KEYS = 1000;

/** Keys that are read one by one, where no line is: for a pager. */
export interface KeyReader extends Disposable {
  /** The next key, a single character if it is text; undefined if there will be none. The prompt is shown meanwhile. */
  next(prompt: string): Promise<Key | undefined>;
}

/** Keys that were pressed and that nobody has read yet. */
export class KeyQueue {
  #keys: Key[] = [];
  #reader: { prompt: string; resolve(key: Key | undefined): void } | undefined;

  /** What is shown while somebody waits for a key. */
  get prompt(): string | undefined {
    return this.#reader?.prompt;
  }

  /** The keys that nobody has read. */
  get keys(): readonly Key[] {
    return this.#keys;
  }

  /** Adds a key. Returns whether there was room for it. */
  add(key: Key): boolean {
    if (this.#keys.length >= MAX_KEYS) return false;
    const single = "text" in key ? [...clusters(key.text)].map((text) => ({ text })) : [key];
    this.#keys.push(...single);
    if (this.#reader !== undefined) this.#deliver(this.#keys.shift());
    return true;
  }

  next(prompt: string): Promise<Key | undefined> {
    const { promise, resolve } = Promise.withResolvers<Key | undefined>();
    this.#reader = { prompt, resolve };
    if (this.#keys.length > 0) this.#deliver(this.#keys.shift());
    return promise;
  }

  /** There will be no more keys. */
  end() {
    this.#deliver(undefined);
  }

  #deliver(key: Key | undefined) {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(key);
  }
}
