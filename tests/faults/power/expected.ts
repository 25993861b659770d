/**
 * What a data directory has to hold after the power was cut: everything that had been acknowledged by then. What had not
 * may be there or not, but as a whole, once, and in its order.
 *
 * @module
 */

import type { Found, FoundMessage } from "./inspect.ts";
import type { Load } from "./load.ts";
import type { RecordedSession } from "./recorded_session.ts";
import type { Step } from "./replay.ts";

/** What the server had answered at some moment of a recording. */
export class Acknowledged {
  /** Up to which number, by session. */
  readonly #done = new Map<string, number>();
  /** Texts of messages that were given out by the original wire. */
  readonly #given = new Set<string>();
  /** Milliseconds since 1970. */
  time = 0;

  /** What the clients of a load have been answered until now. */
  static of(load: Load): Acknowledged {
    const known = new Acknowledged();
    for (const { id, done } of [...load.senders, ...load.receivers]) known.#done.set(id, done);
    for (const text of load.given) known.#given.add(text);
    known.time = Date.now() + 1;
    return known;
  }

  /** Takes a step of a recording: a datagram that was sent may be an answer. */
  take({ time, text = "" }: Step) {
    this.time = time;
    const [, session, done] = /^P1< (\S+) \S+ - (\d+)/.exec(text) ?? [];
    if (session !== undefined) {
      this.#done.set(session, Math.max(this.#done.get(session) ?? 0, Number(done)));
    }
    const given = /^N, \S+, sender, (.*)$/.exec(text)?.[1];
    if (given !== undefined) this.#given.add(given);
  }

  done(session: string): number {
    return this.#done.get(session) ?? 0;
  }

  isGiven(text: string): boolean {
    return this.#given.has(text);
  }

  get count(): number {
    return [...this.#done.values()].reduce((sum, done) => sum + done, this.#given.size);
  }

  copy(): Acknowledged {
    const copy = new Acknowledged();
    for (const [session, done] of this.#done) copy.#done.set(session, done);
    for (const text of this.#given) copy.#given.add(text);
    copy.time = this.time;
    return copy;
  }
}

/** What is wrong with what was found; nothing if it is right. */
export function faultsOf(found: Found, load: Load, acknowledged: Acknowledged): string[] {
  if (found.error !== undefined) return [`it cannot be opened: ${found.error}`];
  const faults: string[] = [];
  const all = Object.values(found.mailboxes).reduce((sum, { length }) => sum + length, 0);
  if (all !== found.count || found.dead > 0) {
    faults.push(`${found.count} messages are counted, ${all} are there, and ${found.dead} dead letters`);
  }
  for (const session of [...load.senders, ...load.receivers]) {
    const done = doneOf(found, session), known = acknowledged.done(session.id);
    if (done < known || done > session.requests.length) {
      faults.push(
        `a session of ${session.requests.length} requests has done ${found.sessions[session.id]}; ` +
          `${known} were acknowledged`,
      );
    }
  }
  for (const [i, sender] of load.senders.entries()) {
    const put = sender.requests.slice(0, doneOf(found, sender)), receiver = load.receivers[i]!;
    const taken = new Set(
      receiver.requests.slice(0, doneOf(found, receiver)).flatMap((request) =>
        request.kind === "ack" ? request.texts : []
      ),
    );
    for (const mailbox of [load.kept(i), load.passed(i)]) {
      const texts = put.flatMap((request) =>
        request.kind === "put" && request.mailbox === mailbox && !taken.has(request.text)
          ? [request.text]
          : []
      );
      faults.push(...compare(mailbox, found.mailboxes[mailbox] ?? [], texts));
    }
  }
  faults.push(...originalFaults(found.mailboxes[load.taken] ?? [], load.originals, acknowledged));
  faults.push(...threadFaults(found, load, acknowledged));
  faults.push(...channelFaults(found, load));
  return faults;
}

function doneOf(found: Found, session: RecordedSession): number {
  return Number(found.sessions[session.id]) || 0;
}

/** Of a long text only the beginning is shown. */
function isText(message: FoundMessage, text: string): boolean {
  return text.startsWith(message.text) && new TextEncoder().encode(text).length === message.bytes;
}

function compare(mailbox: string, messages: readonly FoundMessage[], texts: readonly string[]): string[] {
  const at = texts.findIndex((text, i) => messages[i] === undefined || !isText(messages[i], text));
  if (at < 0 && messages.length === texts.length) return [];
  const i = at < 0 ? texts.length : at;
  return [
    `${mailbox} has ${messages.length} messages instead of ${texts.length}: at ${i} ` +
    `'${messages[i]?.text}' instead of '${texts[i]}'`,
  ];
}

/** The messages that are there are in order, once, and none of them was given out. */
function originalFaults(
  messages: readonly FoundMessage[],
  texts: readonly string[],
  acknowledged: Acknowledged,
): string[] {
  let last = -1;
  for (const message of messages) {
    const at = texts.findIndex((text, i) => i > last && isText(message, text));
    if (at < 0) return [`the mailbox has '${message.text}' out of its place, or twice`];
    if (acknowledged.isGiven(texts[at]!)) return [`the mailbox has '${message.text}', which was given out`];
    last = at;
  }
  return [];
}

function threadFaults({ threads }: Found, { thread, posts, files }: Load, { time }: Acknowledged): string[] {
  const entries = threads[thread] ?? [], faults: string[] = [];
  for (const [what, commands] of [["text", posts], ["file", files]] as const) {
    const there = entries.flatMap((entry) => what in entry ? [(entry as Record<string, string>)[what]] : []);
    const expected = commands.filter(({ isRefused }) => !isRefused).map((command) => command.what);
    const least = commands.filter(({ answeredAt }) => answeredAt <= time).length;
    if (there.length < least) {
      faults.push(`the thread has ${there.length} entries with a ${what}; ${least} were answered`);
    }
    if (there.some((each, i) => each !== expected[i])) {
      faults.push(`the thread has another ${what} than was sent: ${there}`);
    }
  }
  for (const entry of entries) {
    if ("file" in entry && !entry.isWhole) faults.push(`the content of ${entry.file} is not what was sent`);
  }
  return faults;
}

function channelFaults({ channels }: Found, { hall, said }: Load): string[] {
  const kept = channels[hall] ?? [], first = said.indexOf(kept[0] ?? "");
  const isRight = kept.every((text, i) => text === said[first + i]);
  return isRight ? [] : [`the channel holds other messages than were said: ${kept}`];
}
