import { assertEquals, assertLessOrEqual } from "@std/assert";
import { BatchEngine } from "../../batch_engine.ts";
import type { OrderedRequest, SessionState } from "../../../server/store/requests/session.ts";
import type { Outcome, StoreRequest } from "../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import type { EntryPage, ThreadPage } from "../../../server/store/requests/thread.ts";
import { temporaryDirectory } from "../../program.ts";
import { FULL, median, randomNumbers, report } from "../form.ts";

/** Threads, and messages in each, of a large forum and of a small one. */
const LARGE: readonly [number, number] = FULL ? [1000, 1000] : [60, 200],
  SMALL: readonly [number, number] = [10, 20];

/** Messages of a long thread. */
const LONG = FULL ? 100_000 : 10_000;

/** How much more a command may cost in a large forum, and a DLT in a long thread. */
const MOST = 1.3, MOST_DELETE = 2;

/** Commands that are measured at a time, and how many times. */
const COMMANDS = 200, ROUNDS = FULL ? 15 : 5;

const TEXT = "a message of forty bytes, more or less..";

class Subject {
  readonly #engine: BatchEngine;
  #number = 0;

  constructor(directory: string) {
    this.#engine = new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
  }

  ask<T>(request: StoreRequest): T {
    return this.#engine.apply([request]).outcomes[0]! as Outcome as T;
  }

  /** Carries changes out, in one commit. */
  change(...changes: OrderedRequest[]) {
    const first = this.#number + 1;
    this.#number += changes.length;
    const state = this.ask<SessionState>({ kind: "session", session: "s", first, low: first, changes });
    assertEquals(state, { done: this.#number, outcomes: [] });
  }

  fill(threads: number, messages: number) {
    for (let i = 0; i < threads; i++) this.change({ kind: "create", thread: `t${i}`, user: "yoda" });
    // as they come in: one after the other in all of the threads
    for (let m = 0; m < messages; m++) {
      this.change(...Array.from({ length: threads }, (_, i) => post(`t${i}`)));
    }
  }

  /** Reads a thread page by page, and gives how many lines there were. */
  read(thread: string): number {
    let lines = 0;
    for (let after = 0, more = true; more;) {
      const page = this.ask<EntryPage>({ kind: "read", thread, from: { after }, limit: 128, maxBytes: 8192 });
      lines += page.entries.length;
      after = page.entries.at(-1)!.id;
      ({ more } = page);
    }
    return lines;
  }

  list(): number {
    let titles = 0;
    for (let after = 0, more = true; more;) {
      const page = this.ask<ThreadPage>({ kind: "threads", after, limit: 128, maxBytes: 8192 });
      titles += page.threads.length;
      after = page.threads.at(-1)!.id;
      ({ more } = page);
    }
    return titles;
  }

  close() {
    this.#engine.close();
  }
}

function post(thread: string): OrderedRequest {
  return { kind: "post", thread, user: "yoda", time: 0, text: TEXT, bytes: TEXT.length };
}

/** Microseconds a unit of what `work` does, which gives their number; of two in turn, so that both see the same machine. */
function compare(one: () => number, other: () => number): [number, number, number] {
  const time = (work: () => number) => {
    const began = performance.now(), units = work();
    return (performance.now() - began) * 1000 / units;
  };
  const rounds = Array.from({ length: ROUNDS }, () => [time(one), time(other)] as const);
  return [
    median(rounds.map(([a]) => a)),
    median(rounds.map(([, b]) => b)),
    median(rounds.map(([a, b]) => b / a)),
  ];
}

function print(what: string, [small, large, ratio]: [number, number, number]): number {
  report(
    `${what}: ${small.toFixed(1)} and ${large.toFixed(1)} microseconds, ${ratio.toFixed(2)} times as much`,
  );
  return ratio;
}

Deno.test("MSG per command, LST per title and RDT per line cost the same in a large forum", async () => {
  await using one = await temporaryDirectory();
  await using other = await temporaryDirectory();
  const small = new Subject(one.path), large = new Subject(other.path), random = randomNumbers(7);
  small.fill(...SMALL);
  large.fill(...LARGE);
  const msg = (forum: Subject, threads: number) => () => {
    for (let i = 0; i < COMMANDS; i++) forum.change(post(`t${random(threads)}`));
    return COMMANDS;
  };
  const rdt = (forum: Subject, threads: number, lines: number) => () => {
    let read = 0;
    while (read < lines) read += forum.read(`t${random(threads)}`);
    return read;
  };
  const lst = (forum: Subject, titles: number) => () => {
    let listed = 0;
    while (listed < titles) listed += forum.list();
    return listed;
  };
  const what = `${SMALL.join(" x ")} and ${LARGE.join(" x ")} messages`;
  try {
    const ratios = [
      print(`MSG with ${what}`, compare(msg(small, SMALL[0]), msg(large, LARGE[0]))),
      print("RDT per line", compare(rdt(small, SMALL[0], 5000), rdt(large, LARGE[0], 5000))),
      print("LST per title", compare(lst(small, 2000), lst(large, 2000))),
    ];
    // a machine with other work to do measures that as well
    if (FULL) { for (const ratio of ratios) assertLessOrEqual(ratio, MOST); }
  } finally {
    small.close();
    large.close();
  }
});

Deno.test(`DLT in a thread of ${LONG} messages costs at most twice what it costs in one of 100`, async () => {
  await using directory = await temporaryDirectory();
  const forum = new Subject(directory.path), random = randomNumbers(7);
  for (const thread of ["short", "long"]) forum.change({ kind: "create", thread, user: "yoda" });
  for (let left = LONG; left > 0; left -= 1000) {
    forum.change(...Array.from({ length: Math.min(left, 1000) }, () => post("long")));
  }
  forum.change(...Array.from({ length: 100 }, () => post("short")));
  const dlt = (thread: string, messages: number) => () => {
    let spent = 0;
    for (let i = 0; i < COMMANDS; i++) {
      const began = performance.now();
      forum.change({ kind: "delete", thread, user: "yoda", number: 1 + random(messages) });
      spent += performance.now() - began;
      forum.change(post(thread));
    }
    return { spent };
  };
  const rounds = Array.from(
    { length: ROUNDS },
    () => [dlt("short", 100)().spent, dlt("long", LONG)().spent] as const,
  );
  const each = (which: 0 | 1) => median(rounds.map((round) => round[which])) * 1000 / COMMANDS;
  const ratio = median(rounds.map(([a, b]) => b / a));
  print("DLT", [each(0), each(1), ratio]);
  if (FULL) assertLessOrEqual(ratio, MOST_DELETE);
  assertEquals([forum.read("short"), forum.read("long")], [100, LONG]);
  forum.close();
});
