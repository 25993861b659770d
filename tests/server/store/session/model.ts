import type { Leased, LeaseRequest } from "../../../../server/store/requests/lease.ts";
import type { DeadLetters, FailedAttempt, Put, Stats } from "../../../../server/store/requests/message.ts";
import type {
  OpenSession,
  OrderedBatch,
  OrderedRequest,
  RequestOutcome,
  SessionState,
} from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import type { StoreLimits } from "../../../../server/store/limits.ts";
import type { ThreadChange } from "../../../../server/store/requests/thread.ts";

import { KeptSessions } from "./kept_sessions_model.ts";

/** The mailboxes that there are. */
export const MAILBOXES = ["", "bob", "Ω"];

interface Message {
  put: Put;
  attempts: number;
  /** The last lease that it came back from. */
  token?: string;
  lease?: Lease;
  /** While it waits to be tried again, until when. */
  due?: number;
  /** Why the last attempt failed. */
  reason?: string;
  /** What the engine calls it, once that is known. */
  id?: number;
}

interface Lease {
  token: string;
  session: string;
  tag: number;
  mailbox: string;
  duration: number;
  given: number;
  until: number;
  confirmed: boolean;
  /** What counts as given out; undefined where all does. */
  begun: Set<number> | undefined;
  held: Message[];
}

/** What the engine has to do, in arrays: each mailbox is one, in its order. */
export class Model {
  now = 1_700_000_000_000;
  dropped = 0;
  readonly boxes = new Map<string, Message[]>(MAILBOXES.map((name) => [name, []]));
  delayed: (Message & { due: number })[] = [];
  dead: Message[] = [];
  leases: Lease[] = [];
  readonly sessions: KeptSessions;
  /** Most bytes of sender and text of a message that a take gives. */
  takenBytes = Infinity;

  /** @param sessions How many sessions are kept. */
  constructor(public limits: StoreLimits, sessions: number) {
    this.sessions = new KeptSessions(sessions);
  }

  #in(mailbox?: string) {
    const of = <T extends Message>(all: T[]) =>
      all.filter(({ put }) => put.mailbox === (mailbox ?? put.mailbox));
    return { here: of([...this.boxes.values()].flat()), delayed: of(this.delayed), dead: of(this.dead) };
  }

  stat(mailbox?: string): Stats {
    const { here, delayed, dead } = this.#in(mailbox), all = [...here, ...delayed];
    const leased = here.filter(({ lease }) => lease !== undefined).length;
    const waiting = here.filter(({ due }) => due !== undefined).length;
    return {
      messages: all.length,
      bytes: all.reduce((sum, { put }) => sum + put.bytes, 0),
      ready: here.length - leased - waiting,
      leased,
      delayed: delayed.length + waiting,
      dead: dead.length,
    };
  }

  put(put: Put): "stored" | "full" {
    const { limits } = this, box = this.boxes.get(put.mailbox)!;
    const own = this.stat(put.mailbox), all = this.stat();
    const free = limits.whenFull === "refuse" || own.messages === 0
      ? []
      : box.filter(({ lease, due }) => lease === undefined && due === undefined);
    for (let drop = 0, bytes = put.bytes; drop <= free.length; bytes -= free[drop++]?.put.bytes ?? 0) {
      if (own.messages - drop >= limits.mailboxMessages || own.bytes + bytes > limits.mailboxBytes) continue;
      if (all.messages - drop >= limits.messages || all.bytes + bytes > limits.bytes) continue;
      for (const message of free.slice(0, drop)) box.splice(box.indexOf(message), 1);
      this.dropped += drop;
      const message = { put, attempts: 0 };
      if (put.delay) this.delayed.push({ ...message, due: put.time + put.delay });
      else box.push(message);
      return "stored";
    }
    return "full";
  }

  /** Messages as a lease or a take finds them: those that have expired go on the way. */
  /** @param takenBytes Most bytes of sender and text of each. */
  #oldest(box: Message[], max: number, maxBytes: number, takenBytes = Infinity): Message[] {
    const found: Message[] = [];
    let bytes = 0;
    for (const message of [...box]) {
      if (found.length === max) break;
      const { lease, due, put } = message;
      if (lease !== undefined || due !== undefined || put.sender.length + put.bytes > takenBytes) continue;
      if ((message.put.expires ?? Infinity) <= this.now) {
        box.splice(box.indexOf(message), 1);
        continue;
      }
      bytes += message.put.bytes;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(message);
    }
    return found;
  }

  lease({ session, tag, mailbox, max, maxBytes, duration, ahead }: LeaseRequest, outcome: Outcome): Outcome {
    const before = this.leases.find((lease) => lease.session === session && lease.tag === tag);
    const held = before?.held ?? this.#oldest(this.boxes.get(mailbox)!, max, maxBytes);
    if (held.length === 0) return "empty";
    // its token, and what the messages are called, are the engine's to choose
    const { token, messages } = outcome as Leased;
    const lease = before ??
      {
        token,
        session,
        tag,
        mailbox,
        duration,
        given: this.now,
        until: this.now + duration,
        confirmed: false,
        begun: ahead ? new Set<number>() : undefined,
        held,
      };
    if (before === undefined) this.leases.push(lease);
    for (const [i, message] of held.entries()) {
      message.lease = lease;
      message.id ??= messages[i]?.id ?? 0;
    }
    return {
      token: lease.token,
      messages: held.map(({ id, attempts, put: { sender, time, text } }) => (
        { id: id!, attempt: attempts + 1, sender, time, text }
      )),
    };
  }

  #letGo(message: Message) {
    const { lease } = message;
    delete message.lease;
    if (lease === undefined) return;
    lease.held = lease.held.filter((one) => one !== message);
    if (lease.held.length === 0) this.leases = this.leases.filter((one) => one !== lease);
  }

  #remove(message: Message) {
    this.#letGo(message);
    const box = this.boxes.get(message.put.mailbox)!;
    box.splice(box.indexOf(message), 1);
  }

  #giveBack(message: Message, token: string, failure?: FailedAttempt) {
    this.#letGo(message);
    message.token = token;
    if (failure !== undefined) message.attempts++;
    const isDead = failure !== undefined && message.attempts >= failure.attempts;
    if (!isDead && (message.put.expires ?? Infinity) > this.now) {
      if (failure !== undefined && failure.delay > 0) message.due = this.now + failure.delay;
      return;
    }
    this.#remove(message);
    if (!isDead) return;
    message.reason = failure.reason;
    this.dead.push(message);
    this.dead.sort((a, b) => a.id! - b.id!);
  }

  #each(ids: readonly number[], session: string, token: string, act: (message: Message) => void): number[] {
    const all = this.#in().here;
    return [...new Set(ids)].filter((id) => {
      const message = all.find((one) => one.id === id), lease = message?.lease;
      const isHeld = lease?.token === token && lease.session === session;
      if (message === undefined || !isHeld && (lease !== undefined || message.token !== token)) return true;
      act(message);
      return false;
    });
  }

  change(
    session: string,
    change: Exclude<OrderedRequest, ThreadChange>,
  ): RequestOutcome | "full" | undefined {
    const lost = (ids: number[]): RequestOutcome | undefined =>
      ids.length > 0 ? { kind: "lost", ids } : undefined;
    if (change.kind === "put") return this.put(change) === "full" ? "full" : undefined;
    if (change.kind === "skip") return { kind: "bad", reason: "withdrawn" };
    if (change.kind === "bad") return { kind: "bad", reason: change.reason };
    const lease = this.leases.find((one) => one.token === change.token && one.session === session);
    if (lease !== undefined) lease.confirmed = true;
    if (change.kind === "extend") {
      if (lease === undefined) return { kind: "lost", ids: [] };
      lease.duration = change.duration;
      lease.until = this.now + change.duration;
      return undefined;
    }
    if (change.kind === "begin") {
      const held = new Set(lease?.held.map(({ id }) => id));
      for (const id of change.ids) if (held.has(id)) lease!.begun?.add(id);
      return lost([...new Set(change.ids)].filter((id) => !held.has(id)));
    }
    return lost(
      this.#each(change.ids, session, change.token, (message) => {
        if (change.kind === "ack") this.#remove(message);
        else if (message.lease !== undefined) {
          this.#giveBack(message, change.token, change.kind === "fail" ? change : undefined);
        }
      }),
    );
  }

  /** @param outcome The engine's: what the disk refused alone is its to choose. */
  session({ session, fresh, first, low, changes }: OrderedBatch, outcome: Outcome): Outcome {
    const known = this.sessions.get(session);
    if (known === undefined && !fresh && this.sessions.isForgotten(session)) return "unknown";
    if (known === undefined && first > 1) return low > 1 ? "unknown" : { done: 0, outcomes: [] };
    const leaving = known === undefined ? this.sessions.leaving() : undefined;
    const state: SessionState = {
      done: known?.done ?? 0,
      outcomes: (known?.outcomes ?? []).filter(([n]) => n >= low),
    };
    const { refused, done } = outcome as SessionState,
      kept = (value: SessionState) => {
        if (value.done === 0) return value;
        if (leaving !== undefined) this.sessions.forget(leaving);
        this.sessions.set(session, { done: value.done, outcomes: value.outcomes });
        return value;
      };
    let n = first;
    for (const change of changes) {
      const last = n + (change.numbers ?? 1) - 1;
      if (n > state.done + 1) break;
      if (last > state.done) {
        if (refused !== undefined && refused.limit === undefined && state.done === done) {
          return kept({ ...state, refused });
        }
        // the mailbox's are the only ones here
        const result = this.change(session, change as Exclude<OrderedRequest, ThreadChange>);
        if (result === "full") return kept({ ...state, refused: { n: last, limit: "full" } });
        if (result !== undefined) state.outcomes.push([last, result]);
        state.done = last;
      }
      n = last + 1;
    }
    // of a half of them that the disk does not take it is told even where there was nothing to do
    return kept(refused === undefined || refused.limit !== undefined ? state : { ...state, refused });
  }

  perform(request: StoreRequest, outcome: Outcome): Outcome {
    switch (request.kind) {
      case "put":
        return this.put(request);
      case "take": {
        const [message] = this.#oldest(this.boxes.get(request.mailbox)!, 1, Infinity, this.takenBytes);
        if (message === undefined) return "empty";
        this.#remove(message);
        const { sender, time, text } = message.put;
        return { sender, time, text };
      }
      case "lease":
        return this.lease(request, outcome);
      case "confirm": {
        const lease = this.leases.find(({ session, tag }) =>
          session === request.session && tag === request.tag
        );
        if (lease !== undefined) lease.confirmed = true;
        return lease === undefined ? "unknown" : "confirmed";
      }
      case "release": {
        const lease = this.leases.find(({ session, tag }) =>
          session === request.session && tag === request.tag
        );
        for (const message of lease?.held ?? []) this.#giveBack(message, lease!.token);
        return "released";
      }
      case "session":
        return this.session(request, outcome);
      case "open":
        return this.open(request);
      case "stat":
        return this.stat(request.mailbox);
      case "clear": {
        const { messages } = this.stat(request.mailbox), { here, delayed } = this.#in(request.mailbox);
        for (const message of here) this.#remove(message);
        this.delayed = this.delayed.filter((message) => !delayed.includes(message));
        return messages;
      }
      case "dead":
        return this.letters(request);
      default:
        throw new Error(`No ${request.kind} here`);
    }
  }

  open({ session }: OpenSession): Outcome {
    this.sessions.use(session);
    const known = this.sessions.get(session);
    if (known !== undefined) return structuredClone(known);
    return this.sessions.isForgotten(session) ? "unknown" : "new";
  }

  letters(request: DeadLetters): Outcome {
    switch (request.what) {
      case "list":
        return this.dead.filter(({ id }) => id! > request.after).slice(0, request.limit).map((letter) => {
          const { id, attempts, reason, put: { mailbox, sender, time, text, bytes } } = letter;
          return {
            id: id!,
            mailbox,
            sender,
            time,
            attempts,
            reason: reason!,
            bytes,
            text: text.slice(0, 128),
          };
        });
      case "requeue":
        return this.#requeue(request.id);
      case "requeue all": {
        const ids = this.dead.map(({ id }) => id!).filter((id) => id > request.after).slice(0, request.limit);
        const done = ids.filter((id) => this.#requeue(id) === "requeued").length;
        return { done, full: ids.length - done, last: ids.at(-1) ?? 0 };
      }
      case "delete": {
        const before = this.dead.length;
        this.dead = this.dead.filter(({ id }) => id !== request.id);
        return this.dead.length < before ? 1 : "unknown";
      }
      case "delete all":
        return this.dead.splice(0).length;
    }
  }

  #requeue(id: number): "requeued" | "full" | "unknown" {
    const letter = this.dead.find((message) => message.id === id);
    if (letter === undefined) return "unknown";
    const { mailbox, sender, time, text, bytes } = letter.put;
    if (this.put({ kind: "put", mailbox, sender, time, text, bytes }) === "full") return "full";
    this.dead = this.dead.filter((message) => message !== letter);
    return "requeued";
  }

  tick() {
    const ended = this.leases.filter(({ confirmed, until, given }) =>
      (confirmed ? until : Math.min(until, given + 5000)) <= this.now
    );
    for (const { held, token, confirmed, begun } of ended) {
      for (const message of held) {
        const counts = confirmed && (begun?.has(message.id!) ?? true);
        this.#giveBack(
          message,
          token,
          counts ? { delay: 0, attempts: 5, reason: "lease ran out" } : undefined,
        );
      }
    }
    const due = this.delayed.filter((message) => message.due <= this.now);
    this.delayed = this.delayed.filter((message) => message.due > this.now);
    for (const { put } of due.sort((a, b) => a.due - b.due)) {
      this.boxes.get(put.mailbox)!.push({ put, attempts: 0 });
    }
    for (const message of this.#in().here) {
      if ((message.due ?? Infinity) <= this.now) delete message.due;
      if (message.lease === undefined && (message.put.expires ?? Infinity) <= this.now) this.#remove(message);
    }
  }

  restart() {
    for (const lease of this.leases) {
      lease.given = this.now;
      lease.until = this.now + lease.duration;
      lease.confirmed = true;
    }
  }
}
