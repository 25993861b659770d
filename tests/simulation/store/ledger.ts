import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PeekedMessage } from "../../../server/store/requests/message.ts";

interface Entry {
  sender: string;
  /** Its place among the messages of its sender in its mailbox. */
  number: number;
  /** Whether it is stored for sure. */
  isStored: boolean;
  isAcknowledged: boolean;
  /** What the store calls it. */
  id?: number;
}

/** What a mailbox must hold, by the texts of its messages: each is put once, and acknowledged once. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  /** Messages that are there, or may be. */
  open = 0;

  /** It is on its way. */
  send(text: string, sender: string, number: number) {
    assert(!this.#entries.has(text));
    this.#entries.set(text, { sender, number, isStored: false, isAcknowledged: false });
    this.open++;
  }

  #get(text: string): Entry {
    const entry = this.#entries.get(text);
    assert(entry, `${text} was never put`);
    return entry;
  }

  store(text: string) {
    this.#get(text).isStored = true;
  }

  /** Somebody was given it. */
  deliver(text: string, id: number) {
    const entry = this.#get(text);
    assert(!entry.isAcknowledged, `${text} was acknowledged, and has come back`);
    entry.id ??= id;
    assertEquals(id, entry.id, `${text} is there twice`);
  }

  acknowledge(text: string) {
    const entry = this.#get(text);
    assert(!entry.isAcknowledged, `${text} was acknowledged twice`);
    entry.isAcknowledged = true;
    this.open--;
  }

  /** Everything that is there, when nothing is on its way but what was not done. `dead` are dead letters. */
  check(messages: readonly PeekedMessage[], dead: readonly { id: number; text: string }[]) {
    const last = new Map<string, number>(), there = new Set<string>();
    for (const { id, text } of [...messages, ...dead].sort((a, b) => a.id - b.id)) {
      this.deliver(text, id);
      const { sender, number, isStored } = this.#get(text);
      assert(isStored, `${text} was put, and its sender does not know it`);
      assertGreater(number, last.get(sender) ?? 0, `${text} is not in its order`);
      last.set(sender, number);
      there.add(text);
    }
    for (const [text, { isStored, isAcknowledged }] of this.#entries) {
      if (isAcknowledged) this.#entries.delete(text);
      else if (isStored) assert(there.has(text), `${text} is lost`);
    }
  }
}
