/**
 * Things that have one value each, which changes: what a store shows after a stop must be the last that was acknowledged,
 * or come from what was on its way.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Account } from "../../../server/store/requests/account.ts";
import type { StoredChannel } from "../../../server/store/requests/channel.ts";
import type { Measure } from "../../../server/store/requests/measure.ts";
import type { Outcome, StoreRequest } from "../../../server/store/store.ts";
import type { Random } from "../random.ts";
import type { Submit } from "./world.ts";

/** Undefined: it is not there. */
type Value = string | undefined;

interface Change {
  request: StoreRequest;
  apply(value: Value): Value;
}

abstract class Register {
  protected readonly random: Random;
  protected counter = 0;
  /** What was acknowledged last. */
  #value: Value;
  #coming: Change[] = [];

  constructor(protected readonly name: string, random: Random) {
    this.random = random;
  }

  /** What would be said of it next. */
  protected abstract change(value: Value): Change;
  /** How it is looked at. */
  abstract readonly query: StoreRequest;
  protected abstract find(outcome: Outcome): Value;

  act(submit: Submit) {
    // one at a time, so that its client knows what the next one is about
    if (this.#coming.length > 0) return;
    const change = this.change(this.#value);
    this.#coming.push(change);
    submit(change.request, (outcome) => {
      this.#coming.shift();
      if (outcome !== "storage") this.#value = change.apply(this.#value);
    });
  }

  /** After a new start. */
  check(outcome: Outcome) {
    const value = this.find(outcome),
      possible = [this.#value, ...this.#coming.map((change) => change.apply(this.#value))];
    assert(possible.includes(value), `${this.name} is ${value}, and may be ${possible.join(" or ")}`);
    this.#value = value;
    this.#coming = [];
  }
}

class AccountRegister extends Register {
  readonly query = { kind: "account", what: "list", limit: 100 } as const;

  protected change(value: Value): Change {
    const { name } = this, verifier = `v${++this.counter}`;
    if (value === undefined) {
      const request = { kind: "account", what: "add", name, verifier, mailbox: "never" } as const;
      return { request, apply: () => verifier };
    }
    if (this.random.chance(0.3)) {
      return { request: { kind: "account", what: "remove", name }, apply: () => undefined };
    }
    return { request: { kind: "account", what: "change", name, verifier }, apply: () => verifier };
  }

  protected find(outcome: Outcome): Value {
    return (outcome as Account[]).find(({ name }) => name === this.name)?.verifier;
  }
}

class MeasureRegister extends Register {
  readonly query = { kind: "measure", action: "list" } as const;

  protected change(value: Value): Change {
    const subject = this.name, until = ++this.counter;
    if (value !== undefined && this.random.chance(0.4)) {
      return { request: { kind: "measure", action: "end", what: "ban", subject }, apply: () => undefined };
    }
    const measure: Measure = { what: "ban", subject, since: 1, until };
    return { request: { kind: "measure", action: "take", measure }, apply: () => `${until}` };
  }

  protected find(outcome: Outcome): Value {
    const measure = (outcome as Measure[]).find(({ subject }) => subject === this.name);
    return measure && `${measure.until}`;
  }
}

/** Its value is what was said, by numbers: the first and the last. */
class ChannelRegister extends Register {
  readonly query = { kind: "channels" } as const;

  protected change(value: Value): Change {
    const { name, random } = this;
    if (value !== undefined && random.chance(0.1)) {
      return { request: { kind: "remove channel", name }, apply: () => undefined };
    }
    const [oldFirst, oldLast] = value === undefined
      ? [1, 0]
      : value.split(" ").map(Number) as [number, number];
    const count = random.between(1, 4), last = oldLast + count, first = Math.max(oldFirst, last - 20);
    const messages = Array.from({ length: count }, (_, i) => {
      const text = `${oldLast + 1 + i}`;
      return { sender: "c", time: 1, text, bytes: text.length + 1 };
    });
    const bytes = messages.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      request: {
        kind: "channel",
        name,
        owner: "",
        place: 1,
        history: "h:1",
        first,
        from: oldLast + 1,
        messages,
        bytes,
      },
      apply: () => `${first} ${last}`,
    };
  }

  protected find(outcome: Outcome): Value {
    const channel = (outcome as StoredChannel[]).find(({ name }) => name === this.name);
    if (channel === undefined) return undefined;
    const { first, messages } = channel;
    for (const [i, { text }] of messages.entries()) {
      assert(text === `${first + i}`, `${this.name}: ${text} at ${first + i}`);
    }
    return `${first} ${first + messages.length - 1}`;
  }
}

export type { Register };

export function registers(random: Random): Register[] {
  return [
    ...["ann", "ben", "cem"].map((name) => new AccountRegister(name, random)),
    ...["192.0.2.1", "192.0.2.2"].map((name) => new MeasureRegister(name, random)),
    ...["tea", "milk"].map((name) => new ChannelRegister(name, random)),
  ];
}
