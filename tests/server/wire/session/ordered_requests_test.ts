import { assert, assertEquals } from "@std/assert";
import { encodeAnswer } from "../../../../protocol/session.ts";
import { ReorderQuota } from "../../../../server/wire/session/reorder_quota.ts";
import type { OrderedLine } from "../../../../server/wire/session/handler.ts";
import { OrderedRequests } from "../../../../server/wire/session/ordered_requests.ts";
import type { OrderedBatch, SessionOutcome } from "../../../../server/store/requests/session.ts";

/** A session's ordered requests, and a store that takes a batch and answers it when the test says so. */
class Subject {
  readonly answers: string[] = [];
  readonly lost: string[] = [];
  /** Whether the store takes anything more. */
  taking = true;
  readonly quota: ReorderQuota;
  readonly ordered: OrderedRequests;

  constructor(quota = new ReorderQuota(), network = "") {
    this.quota = quota;
    this.ordered = new OrderedRequests({
      session: {
        id: "s",
        account: "",
        network,
        receivedAt: 0,
        hostname: "127.0.0.1",
        startTime: 1,
        state: { done: 0, outcomes: [] },
        answer: (answer) => this.answers.push(encodeAnswer(answer)),
        send: (line) => this.answers.push(line),
      },
      handler: {
        toStore: (_, { text = "" }, bytes) => {
          return { kind: "put", mailbox: "bob", sender: "", time: 0, text, bytes };
        },
      },
      store: { gather: () => this.taking },
      quota,
      onLost: (why) => this.lost.push(why),
    });
  }

  /** Takes a datagram of puts with these numbers; their texts have so many bytes. */
  puts(numbers: readonly number[], bytes = 1) {
    const text = "x".repeat(bytes);
    this.#received(
      numbers.map((n) => ({ kind: "put", n, text })),
    );
  }

  parts(numbers: readonly number[], bytes: number) {
    for (const n of numbers) this.#received([{ kind: "part", n, text: "x".repeat(bytes) }]);
  }

  /** Takes an acknowledgement of these messages, of a client that lacks the outcomes from `low` on. */
  ack(n: number, ids: number[], low: number) {
    this.#received([{ kind: "ack", n, ids }], low);
  }

  #received(requests: OrderedLine[], low = this.ordered.done + 1) {
    this.ordered.received(requests, low);
  }

  /** Hands a batch to the store: its first and last number. */
  take(): [number, number] | undefined {
    const batch = this.ordered.take() as OrderedBatch | undefined;
    return batch &&
      [batch.first, batch.changes.reduce((n, { numbers = 1 }) => n + numbers, batch.first) - 1];
  }

  /** The store's answer to the batch that has been with it longest, and what the client is told. */
  settle(outcome: SessionOutcome): string[] {
    this.ordered.settle(outcome);
    return this.heard();
  }

  heard(): string[] {
    return this.answers.splice(0);
  }
}

const done = (n: number) => ({ done: n, outcomes: [] });

Deno.test("requests that arrive while a batch is with the store are in the next batch", () => {
  const s = new Subject();
  s.puts([1, 2]);
  assertEquals(s.take(), [1, 2]);
  s.puts([3, 5]);
  assertEquals(s.heard(), ["have,5"]);
  assertEquals(s.take(), [3, 3]);
  assertEquals(s.take(), undefined);
  assertEquals(s.settle(done(2)), ["ok,1-2"]);
  s.puts([4]);
  assertEquals(s.take(), [4, 5]);
  assertEquals(s.settle(done(3)), ["ok,3"]);
  assertEquals(s.settle(done(5)), ["ok,4-5"]);
});

// session.md 5.2, forum.md 2.4
Deno.test("a number 1,024 or more above the lowest without an outcome is dropped, and one below it is kept", () => {
  const s = new Subject();
  s.puts([1024]);
  assertEquals(s.heard(), ["have,1024"]);
  s.puts([1025]);
  assertEquals(s.heard(), []);
  s.puts(Array.from({ length: 1023 }, (_, i) => i + 1));
  const [first, last] = s.take()!;
  assertEquals([first, last <= 1024], [1, true]);
});

// session.md 3.5
Deno.test("a refusal drops the batch after it, and repeated requests continue from there", () => {
  const s = new Subject();
  s.puts([1, 2]);
  s.take();
  s.puts([3, 4]);
  s.take();
  assertEquals(s.settle({ ...done(1), refused: { n: 2, limit: "full" } }), ["ok,1", "full,2,full"]);
  s.puts([2, 3, 4]);
  assertEquals(s.take(), [2, 4]);
  assertEquals(s.settle(done(1)), []);
  assertEquals(s.settle(done(4)), ["ok,2-4"]);
  s.puts([5]);
  assertEquals([s.heard(), s.take()], [[], [5, 5]]);
});

Deno.test("two batches that fail one after the other are one refusal: requests repeated between them are not lost", () => {
  const s = new Subject();
  s.puts([1]);
  s.take();
  s.puts([2]);
  s.take();
  assertEquals(s.settle("storage"), ["storage,1"]);
  s.puts([1, 2]);
  assertEquals(s.take(), [1, 2]);
  assertEquals(s.settle("storage"), []);
  assertEquals(s.settle(done(2)), ["ok,1-2"]);
  s.puts([3]);
  assertEquals([s.heard(), s.take()], [[], [3, 3]]);
  assertEquals(s.settle("storage"), ["storage,3"]);
});

Deno.test("two batches of a forgotten session are answered once", () => {
  for (const why of ["unknown", "busy"] as const) {
    const s = new Subject();
    s.puts([1]);
    s.take();
    s.puts([2]);
    s.take();
    s.puts([3]);
    assertEquals(s.settle(why), []);
    assertEquals(s.lost, [why]);
    s.ordered.close();
    assertEquals([s.settle(why), s.settle("storage"), s.lost], [[], [], [why]]);
    assertEquals([s.take(), s.quota.bytes], [undefined, 0]);
  }
});

Deno.test("requests that the store can't take now are taken when they are repeated", () => {
  const s = new Subject();
  s.taking = false;
  s.puts([1, 2]);
  assertEquals([s.take(), s.quota.bytes], [undefined, 0]);
  s.taking = true;
  s.puts([1, 2]);
  assertEquals(s.take(), [1, 2]);
});

Deno.test("a client that never waits for an answer takes up no more memory while the disk is slow", () => {
  const s = new Subject();
  for (let n = 1; n <= 20_000; n++) s.puts([n], 1000);
  assert(s.quota.bytes <= 512 * 1024, `${s.quota.bytes} bytes`);
  const [first, last] = s.take()!;
  assertEquals([first, s.quota.bytes], [1, 0]);
  s.puts([last + 1]);
  assertEquals(s.take(), [last + 1, last + 1]);
});

Deno.test("parts without an end take up no more memory than anything else", () => {
  const s = new Subject();
  s.parts([...Array(5000).keys()].map((i) => i + 1), 1000);
  assert(s.quota.bytes <= 512 * 1024, `${s.quota.bytes} bytes`);
});

// session.md 5.2
Deno.test("requests held for later make room for the request that the session continues with", () => {
  const s = new Subject();
  for (let n = 2; n <= 1000; n++) s.puts([n], 1000);
  s.puts([1], 1000);
  assertEquals(s.take(), [1, 1]);
  for (let n = 2; n <= 100; n++) s.puts([n], 1000);
  assertEquals(s.take(), [2, 100]);
});

// session.md 5.4
Deno.test("sessions that hold numbers back leave others room for requests in their turn", () => {
  const quota = new ReorderQuota();
  for (let i = 0; i < 200; i++) {
    const hostile = new Subject(quota);
    for (let n = 2; n <= 600; n++) hostile.puts([n], 1000);
  }
  assert(quota.bytes <= 64 * 1024 * 1024, `${quota.bytes} bytes`);
  const s = new Subject(quota);
  s.parts([...Array(60).keys()].map((i) => i + 1), 1000);
  s.puts([61, 62]);
  assertEquals(s.take(), [1, 62]);
});

// session.md 5.4
Deno.test("memory for requests in their turn is limited too, and others can still put texts in parts", () => {
  const quota = new ReorderQuota();
  const hostile = Array.from({ length: 300 }, () => new Subject(quota, "192.0.2.0"));
  for (const each of hostile) each.parts([...Array(600).keys()].map((i) => i + 1), 1000);
  assert(quota.bytes <= 128 * 1024 * 1024, `${quota.bytes} bytes`);
  const [first, second] = [new Subject(quota, "192.0.3.0"), new Subject(quota, "192.0.4.0")];
  const parts = [...Array(60).keys()].map((i) => i + 1);
  first.parts(parts, 1000);
  second.parts(parts, 1000);
  hostile.at(-1)!.parts(parts, 1000);
  for (const s of [first, second]) {
    s.puts([61]);
    assertEquals(s.take(), [1, 61]);
  }
  assert(quota.bytes <= 128 * 1024 * 1024, `${quota.bytes} bytes`);
});

// session.md 5.4
Deno.test("a text whose parts were dropped for others is put once it is repeated, and not before", () => {
  const quota = new ReorderQuota(), s = new Subject(quota, "192.0.2.0");
  s.parts([1, 2], 1000);
  assertEquals(s.heard(), ["have,1", "have,2"]);
  const others = Array.from({ length: 300 }, () => new Subject(quota, "192.0.2.0"));
  for (const each of others) each.parts([...Array(600).keys()].map((i) => i + 1), 1000);
  s.puts([3]);
  assertEquals([s.heard(), s.take()], [[], undefined]);
  s.parts([1, 2], 1000);
  s.puts([3]);
  assertEquals([s.heard(), s.take()], [["have,1", "have,2"], [1, 3]]);
  assertEquals(s.settle(done(3)), ["ok,1-3"]);
});

// session.md 5.6
Deno.test("while the outcomes that a client may lack name too many IDs, no request that names any is taken", () => {
  const s = new Subject(), ids = Array.from({ length: 8192 }, (_, i) => i);
  s.ack(1, ids, 1);
  assertEquals(s.take(), [1, 1]);
  s.settle({ done: 1, outcomes: [[1, { kind: "lost", ids }]] });
  s.ack(2, [1], 1);
  assertEquals([s.take(), s.heard()], [undefined, []]);
  // the client repeats it, and has the outcome by then
  s.ack(2, [1], 2);
  assertEquals(s.take(), [2, 2]);
  assertEquals(s.settle(done(2)), ["ok,2"]);
});

// session.md 5.2
Deno.test("the IDs of requests that come early count as their texts do", () => {
  const s = new Subject(), ids = Array.from({ length: 10_000 }, (_, i) => i);
  for (let n = 2; n <= 9; n++) s.ack(n, ids, 1);
  assertEquals(s.heard(), [2, 3, 4, 5, 6, 7].map((n) => `have,${n}`));
});
