import { assertEquals } from "@std/assert";
import {
  ACTIVE_THREADS,
  NO_THREADS,
  parseCommand,
  threadIsEmpty,
} from "../../../../protocol/forum/forum_text.ts";
import { doneText, type ForumCommand, refusedText } from "../../../../protocol/forum/forum_text.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import type { OrderedRequest, SessionState } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import type { ForumLimits } from "../../../../server/store/limits.ts";
import type { EntryPage, FindFileOutcome, ThreadPage } from "../../../../server/store/requests/thread.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { entryText } from "../../../../client/command/forum/commands.ts";
import { exchanges, TRANSCRIPTS } from "./forum_transcripts.ts";

/** A store on a directory of its own, with a session for each user. */
class Subject implements Disposable {
  readonly events: StoreEvent[] = [];
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-forum-" });
  #engine: BatchEngine;
  readonly #numbers = new Map<string, number>();

  constructor(readonly forumLimits: Partial<ForumLimits> = {}) {
    this.#engine = this.#open();
  }

  #open() {
    return new BatchEngine({
      directory: this.#directory,
      limits: DEFAULT_LIMITS,
      forumLimits: this.forumLimits,
      onEvent: (event) => this.events.push(event),
      wallClock: () => 1_700_000_000_000,
    });
  }

  restart() {
    this.#engine.close();
    this.#engine = this.#open();
  }

  sweep() {
    while (this.#engine.hasCleared) this.#engine.sweep();
  }

  ask(request: StoreRequest): Outcome {
    return this.#engine.apply([request]).outcomes[0]!;
  }

  /** Carries a change out, and gives the reason for which it was not. */
  change(user: string, change: OrderedRequest): string | undefined {
    const n = (this.#numbers.get(user) ?? 0) + 1;
    this.#numbers.set(user, n);
    const state = this.ask({ kind: "session", session: user, first: n, low: n, changes: [change] });
    const { done, outcomes } = state as unknown as SessionState;
    assertEquals(done, n);
    return outcomes.map(([, outcome]) => outcome.kind === "bad" ? outcome.reason : outcome.kind)[0];
  }

  /** What the user is told of what he types. */
  say(user: string, line: string): string[] {
    const typed = parseCommand(line);
    if (typeof typed === "string") return [typed];
    if (typed.kind === "LST") {
      const { threads } = this.ask({
        kind: "threads",
        after: 0,
        limit: 99,
        maxBytes: 1e6,
      }) as unknown as ThreadPage;
      return threads.length === 0 ? [NO_THREADS] : [ACTIVE_THREADS, ...threads.map(({ title }) => title)];
    }
    if (typed.kind === "RDT") return this.read(typed.title);
    const reason = this.change(user, toChange(user, typed));
    return [reason === undefined ? doneText(typed) : refusedText(typed, reason)];
  }

  read(title: string): string[] {
    const page = this.ask({
      kind: "read",
      thread: title,
      from: { after: 0 },
      limit: 999,
      maxBytes: 1e9,
    }) as unknown as
      | EntryPage
      | "no thread";
    if (page === "no thread") return [refusedText({ kind: "RDT", title }, page)];
    return page.entries.length === 0 ? [threadIsEmpty(title)] : page.entries.map(entryText);
  }

  /** Uploads a file that has this content. */
  attach(user: string, title: string, name: string, content: string): Outcome {
    const { thread } = this.ask({ kind: "file", thread: title, name, user }) as unknown as { thread: number };
    return this.ask({ kind: "attach", thread, name, user, time: 0, size: 3, hash: "0".repeat(64), content });
  }

  [Symbol.dispose]() {
    this.#engine.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function toChange(user: string, typed: ForumCommand): OrderedRequest {
  switch (typed.kind) {
    case "CRT":
      return { kind: "create", thread: typed.title, user };
    case "RMV":
      return { kind: "remove", thread: typed.title, user };
    case "DLT":
      return { kind: "delete", thread: typed.title, user, number: typed.number };
    case "MSG":
    case "EDT": {
      const { title: thread, text } = typed, bytes = new TextEncoder().encode(text).length;
      return typed.kind === "MSG"
        ? { kind: "post", thread, user, time: 0, text, bytes }
        : { kind: "edit", thread, user, number: typed.number, text, bytes };
    }
    default:
      throw new Error(`${typed.kind} is no change`);
  }
}

for (const [name, transcript] of Object.entries(TRANSCRIPTS)) {
  // forum.md 2.6, 2.7, 2.8
  Deno.test(`the store: ${name}`, () => {
    using forum = new Subject();
    for (const { user, typed, told } of exchanges(transcript)) {
      assertEquals(forum.say(user, typed), told, `${user}> ${typed}`);
      if (typed.startsWith("RMV")) forum.sweep();
      if (typed.startsWith("DLT")) forum.restart();
    }
  });
}

// forum.md 2.1
Deno.test("a repeated request for a refused command is not carried out, and gets the same answer", () => {
  using forum = new Subject();
  const create: OrderedRequest = { kind: "create", thread: "a", user: "yoda" };
  const again = { kind: "session", session: "s", first: 1, low: 1, changes: [create, create] } as const;
  const outcomes = [[2, { kind: "bad", reason: "exists" }]];
  assertEquals(forum.ask(again) as unknown, { done: 2, outcomes });
  forum.say("yoda", "RMV a");
  assertEquals(forum.ask(again) as unknown, { done: 2, outcomes });
  forum.restart();
  assertEquals(forum.ask(again) as unknown, { done: 2, outcomes });
  assertEquals(forum.say("yoda", "LST"), [NO_THREADS]);
});

// forum.md 2.9
Deno.test("a file is an entry without a number, once in its thread, and is removed with it", () => {
  using forum = new Subject();
  forum.say("yoda", "CRT a");
  forum.say("yoda", "MSG a one");
  assertEquals(forum.attach("hans", "a", "x.txt", "c1"), "stored");
  forum.say("yoda", "MSG a two");
  assertEquals(forum.attach("yoda", "a", "x.txt", "c2"), "file exists");
  assertEquals(forum.read("a"), ["1 yoda: one", "hans uploaded x.txt", "2 yoda: two"]);
  assertEquals(forum.say("hans", "DLT a 2"), ["The message belongs to another user and cannot be deleted"]);
  assertEquals(forum.say("yoda", "DLT a 2"), ["The message has been deleted"]);
  assertEquals(forum.say("hans", "DLT a 2"), ["Message 2 does not exist"]);
  forum.restart();
  const found = forum.ask({
    kind: "file",
    thread: "a",
    name: "x.txt",
    user: "yoda",
  }) as unknown as FindFileOutcome;
  const file = { user: "hans", size: 3, hash: "0".repeat(64), content: "c1" };
  assertEquals(found, { thread: 1, file });
  assertEquals(forum.ask({ kind: "file", thread: "b", name: "x.txt", user: "yoda" }), "no thread");
  assertEquals(forum.ask({ kind: "file", thread: "a", name: "y.txt", user: "yoda" }) as unknown, {
    thread: 1,
  });
  assertEquals(forum.ask({ kind: "contents", contents: ["c0", "c1"] }), [{ content: "c1", user: "hans" }]);
  forum.say("yoda", "RMV a");
  // the title is another thread's now
  forum.say("hans", "CRT a");
  assertEquals(
    forum.ask({
      kind: "attach",
      thread: 1,
      name: "z",
      user: "yoda",
      time: 0,
      size: 0,
      hash: "",
      content: "c3",
    }),
    "no thread",
  );
  assertEquals(forum.read("a"), ["Thread a is empty"]);
  assertEquals(forum.events, []);
  forum.sweep();
  assertEquals(forum.events, [{ kind: "unused", contents: ["c1"] }]);
  // its file may still be there
  assertEquals(forum.ask({ kind: "contents", contents: ["c0", "c1"] }), [{ content: "c1", user: "" }]);
  forum.restart();
  assertEquals(forum.ask({ kind: "unused", gone: [], limit: 10 }), ["c1"]);
  assertEquals(forum.ask({ kind: "unused", gone: ["c1"], limit: 10 }), []);
  assertEquals(forum.ask({ kind: "contents", contents: ["c0", "c1"] }), []);
});

// forum.md section 6
Deno.test("each limit is named when it is reached, and freed room can be used again", () => {
  using forum = new Subject({ share: 100, threads: 2, threadEntries: 2, entries: 3, bytes: 10 });
  const full = (what: string) => [`The forum is full: ${what}`];
  forum.say("yoda", "CRT a");
  forum.say("yoda", "CRT b");
  assertEquals(forum.say("yoda", "CRT c"), full("2 threads"));
  assertEquals(forum.say("yoda", "MSG a 12345678901"), full("10 bytes"));
  forum.say("yoda", "MSG a 12");
  forum.say("yoda", "MSG a 34");
  assertEquals(forum.say("yoda", "MSG a 56"), full("2 entries of a thread"));
  assertEquals(forum.say("yoda", "EDT a 1 123456789"), full("10 bytes"));
  assertEquals(forum.say("yoda", "EDT a 1 12345678"), ["The message has been edited"]);
  assertEquals(forum.say("yoda", "MSG b x"), full("10 bytes"));
  assertEquals(forum.say("yoda", "EDT a 1 1"), ["The message has been edited"]);
  assertEquals(forum.attach("yoda", "b", "f", "c"), "stored");
  assertEquals(forum.say("yoda", "MSG b x"), full("3 entries"));
  forum.restart();
  assertEquals(forum.say("yoda", "MSG b x"), full("3 entries"));
  forum.say("yoda", "RMV a");
  assertEquals(forum.say("yoda", "MSG b x"), ["Message posted to b thread"]);
  assertEquals(forum.say("yoda", "CRT c"), ["Thread c created"]);
});

// forum.md section 6
Deno.test("one user can fill only a share of a forum, and others can use the rest", () => {
  using forum = new Subject({ threads: 8, threadEntries: 100, entries: 16, bytes: 40 });
  const full = (what: string) => [`The forum is full: ${what} of one user`];
  const posted = (title: string) => [`Message posted to ${title} thread`];
  forum.say("yoda", "CRT a");
  forum.say("yoda", "CRT b");
  assertEquals(forum.say("yoda", "CRT c"), full("2 threads"));
  assertEquals(forum.say("hans", "CRT c"), ["Thread c created"]);

  for (const title of ["a", "b", "c", "c"]) assertEquals(forum.say("yoda", `MSG ${title} x`), posted(title));
  assertEquals(forum.say("yoda", "MSG a x"), full("4 entries"));
  assertEquals(forum.attach("yoda", "a", "f", "c1"), "full 4 entries of one user");
  assertEquals(forum.say("hans", "MSG a 1234567890"), posted("a"));
  assertEquals(forum.say("hans", "MSG a x"), full("10 bytes"));
  assertEquals(forum.say("hans", "EDT a 2 12345678901"), full("10 bytes"));
  assertEquals(forum.say("hans", "EDT a 2 12345678"), ["The message has been edited"]);

  // what is another's thread goes with what is in it, and nobody has that any more
  forum.restart();
  assertEquals(forum.say("yoda", "MSG a x"), full("4 entries"));
  forum.say("hans", "RMV c");
  assertEquals(forum.say("yoda", "MSG a x"), posted("a"));
  assertEquals(forum.say("yoda", "MSG a x"), posted("a"));
  assertEquals(forum.say("yoda", "MSG a x"), full("4 entries"));
  forum.say("yoda", "RMV a");
  assertEquals(forum.say("hans", "MSG b 1234567890"), posted("b"));
  assertEquals(forum.say("yoda", "CRT d"), ["Thread d created"]);
});

// forum.md 3.4
Deno.test("a page follows IDs: a DLT between two pages skips and repeats nothing", () => {
  using forum = new Subject();
  forum.say("yoda", "CRT a");
  for (let i = 1; i <= 300; i++) forum.say("yoda", `MSG a ${i}`);
  const texts: string[] = [], numbers: number[] = [];
  for (let after = 0, more = true; more;) {
    const read = { kind: "read", thread: "a", from: { after }, limit: 7, maxBytes: 1e6 } as const;
    const page = forum.ask(read) as unknown as EntryPage;
    for (const entry of page.entries) {
      if ("text" in entry) texts.push(entry.text), numbers.push(entry.number);
      after = entry.id;
    }
    more = page.more;
    // always one that was read, so that all that follow move up
    if (more) assertEquals(forum.say("yoda", "DLT a 1"), ["The message has been deleted"]);
  }
  assertEquals(texts, Array.from({ length: 300 }, (_, i) => `${i + 1}`));
  // the pages' numbers are those of their moment
  assertEquals([numbers[6], numbers[7], numbers[13], numbers[14]], [7, 7, 13, 13]);
  const from = { kind: "read", thread: "a", from: { number: 250 }, limit: 2, maxBytes: 1e6 } as const;
  assertEquals((forum.ask(from) as unknown as EntryPage).entries.map(entryText), [
    "250 yoda: 292",
    "251 yoda: 293",
  ]);
});
