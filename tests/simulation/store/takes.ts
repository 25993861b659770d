import { assert, assertGreater, assertLessOrEqual } from "@std/assert";
import type { PeekedMessage, Taken } from "../../../server/store/requests/message.ts";
import type { Random } from "../random.ts";
import type { Submit } from "./world.ts";

/** So many messages the mailbox has at most. */
const MESSAGES_MAX = 60;

/** Puts and takes without a session, on a mailbox of their own: first in, first out, and each at most once. */
export class Takes {
  readonly mailbox = "taken";
  #last = 0;
  /** What is there for sure. */
  #stored = new Set<number>();
  /** The last one that was taken. */
  #taken = 0;
  /** On their way. */
  #puts = new Set<number>();
  #takes = 0;

  act(submit: Submit, random: Random) {
    if (random.chance(0.5)) this.#put(submit, random);
    else this.#take(submit);
  }

  #put(submit: Submit, random: Random) {
    if (this.#stored.size + this.#puts.size >= MESSAGES_MAX) return;
    const number = ++this.#last, text = `${number} ${"x".repeat(random.between(0, 40))}`;
    this.#puts.add(number);
    submit(
      { kind: "put", mailbox: this.mailbox, sender: "t", time: 1, text, bytes: text.length },
      (outcome) => {
        assert(outcome === "stored" || outcome === "storage");
        this.#puts.delete(number);
        // somebody may have been given it already
        if (outcome === "stored" && number > this.#taken) this.#stored.add(number);
      },
    );
  }

  #take(submit: Submit) {
    this.#takes++;
    submit({ kind: "take", mailbox: this.mailbox }, (outcome) => {
      this.#takes--;
      if (outcome === "storage") return;
      if (outcome === "empty") return assert(this.#stored.size === 0, "what is stored is not found");
      const number = Number.parseInt((outcome as Taken).text);
      assertGreater(number, this.#taken, "taken twice, or not in the order of the puts");
      assert(this.#stored.delete(number), `${number} is taken and was not put`);
      const [oldest = Infinity] = this.#stored;
      assertGreater(oldest, number, "taken before an older one");
      this.#taken = number;
    });
  }

  /** After a new start: of takes that were on their way nobody knows what they took. */
  check(messages: readonly PeekedMessage[]) {
    const numbers = messages.map(({ text }) => Number.parseInt(text)), there = new Set(numbers);
    for (const [i, number] of numbers.entries()) {
      assertGreater(
        number,
        numbers[i - 1] ?? this.#taken,
        "what was taken has come back, or order is not kept",
      );
      assert(this.#stored.has(number) || this.#puts.has(number), `${number} was never put`);
    }
    const missing = [...this.#stored].filter((number) => !there.has(number));
    assertLessOrEqual(missing.length, this.#takes, `lost: ${missing}`);
    for (const number of missing) {
      assertGreater(numbers[0] ?? Infinity, number, "lost, and an older one is there");
      this.#taken = Math.max(this.#taken, number);
    }
    this.#stored = there;
    this.#puts.clear();
    this.#takes = 0;
  }
}
