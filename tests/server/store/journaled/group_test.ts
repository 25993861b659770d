import { assert, assertEquals, assertRejects } from "@std/assert";
import { GroupCommit, type Source, StoreOverloaded } from "../../../../server/store/journaled/group.ts";
import type { Put } from "../../../../server/store/requests/message.ts";
import type { OrderedBatch } from "../../../../server/store/requests/session.ts";
import type { Outcome, Store, StoreRequest } from "../../../../server/store/store.ts";
import { Random } from "../../../simulation/random.ts";

/** A store that answers a group when the test says so, in their order. */
class FakeStore implements Store {
  readonly opened = { messages: 0, bytes: 0, mailboxes: 0 };
  readonly dropped = 0;
  /** Groups that are with it, and all that ever were. */
  readonly groups: (PromiseWithResolvers<Outcome[]> & { requests: readonly StoreRequest[] })[] = [];
  readonly applied: (readonly StoreRequest[])[] = [];
  /** Whether somebody waits for an outcome of each of these. */
  readonly awaited: (boolean | undefined)[] = [];
  #coming = Promise.withResolvers<void>();

  apply(requests: readonly StoreRequest[], isAwaited?: boolean): Promise<Outcome[]> {
    const group = { ...Promise.withResolvers<Outcome[]>(), requests };
    this.groups.push(group);
    this.applied.push(requests);
    this.awaited.push(isAwaited);
    this.#coming.resolve();
    this.#coming = Promise.withResolvers<void>();
    return group.promise;
  }

  /** Waits until so many groups are with it. */
  async has(groups: number) {
    while (this.groups.length < groups) await this.#coming.promise;
  }

  /** Answers the oldest group. */
  answer() {
    const { requests, resolve } = this.groups.shift()!;
    resolve(requests.map(() => "stored"));
  }

  close() {
    return Promise.resolve();
  }
}

function put(text: string, bytes = 1): Put {
  return { kind: "put", mailbox: "bob", sender: "", time: 0, text, bytes };
}

/** A source of numbered puts, each of so many bytes. */
class Numbers implements Source<OrderedBatch> {
  #came = 0;
  #taken = 0;
  /** The first and last number of each batch that was settled. */
  readonly settled: [number, number][] = [];
  readonly #batches: [number, number][] = [];

  constructor(readonly session: string, readonly bytes = 1) {}

  more(group: GroupCommit, count: number): boolean {
    this.#came += count;
    return group.gather(this, count);
  }

  drop() {
    this.#came = this.#taken;
  }

  get came(): number {
    return this.#came;
  }

  take(): OrderedBatch | undefined {
    if (this.#came === this.#taken) return undefined;
    const first = this.#taken + 1;
    this.#taken = this.#came;
    this.#batches.push([first, this.#came]);
    const changes = Array.from(
      { length: this.#came - first + 1 },
      (_, i) => put(`${this.session} ${first + i}`, this.bytes),
    );
    return { kind: "session", session: this.session, first, low: 1, changes };
  }

  settle() {
    this.settled.push(this.#batches.shift()!);
  }
}

/** Lets everything happen that waits for nothing but the next turns of the event loop. */
async function turns(count: number) {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

const idle = (group: GroupCommit) => group.idle().then(() => "idle");

Deno.test("GroupCommit answers everything once and in order, however requests and commits meet", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), runs = given === undefined ? 200 : 1;
  const begin = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  for (let seed = begin; seed < begin + runs; seed++) {
    await interleave(new Random(seed)).catch((error) => {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    });
  }
});

async function interleave(random: Random) {
  const store = new FakeStore(),
    group = new GroupCommit(store, (error) => {
      throw error;
    });
  const sources = Array.from({ length: random.between(1, 8) }, (_, i) => new Numbers(`${i}`));
  const submitted: string[] = [], answered: string[] = [];
  const submit = () => {
    const text = `${submitted.length}`;
    submitted.push(text);
    assert(group.submit(put(text, random.between(1, 5000)), () => {
      answered.push(text);
      // as a lease that is asked for again
      if (random.chance(0.1) && submitted.length < 5000) submit();
    }, random.chance(0.5)));
  };
  for (let step = 0; step < 60; step++) {
    const what = random.between(0, 6), many = random.chance(0.1) ? random.between(1, 600) : 3;
    if (what < 2) { for (let i = 0; i < many; i++) submit(); }
    else if (what < 4) assert(sources[random.between(0, sources.length - 1)]!.more(group, many));
    else if (what < 5) await turns(random.between(0, 2));
    else if (store.groups.length > 0) store.answer();
  }
  const settled = idle(group);
  while (await Promise.race([settled, store.has(1)]) !== "idle") store.answer();
  assertEquals(answered, submitted);
  for (const { settled, came } of sources) {
    let end = 0;
    for (const [first, last] of settled) {
      assertEquals(first, end + 1);
      end = last;
    }
    assertEquals(end, came);
  }
  // the store got each in its order as well
  const texts = store.applied.flat().flatMap((request) => request.kind === "put" ? [request.text] : []);
  assertEquals(texts, submitted);
}

Deno.test("groups go to the store at once, however many are with it, and none is long work", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {});
  for (let i = 0; i < 5000; i++) group.submit(put(`${i}`), () => {});
  // those that came last go at the end of the turn
  assertEquals(store.groups.length, 19);
  await store.has(20);
  for (const requests of store.applied) assert(requests.length <= 256);
  assertEquals(store.applied.flat().length, 5000);
  while (store.groups.length > 0) store.answer();
  assertEquals(await idle(group), "idle");
});

Deno.test("a group is awaited if the outcome of one of its requests is", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {});
  const awaited: boolean[][] = [[false, false], [false, true], [true], [false]];
  for (const [i, each] of awaited.entries()) {
    for (const isAwaited of each) group.submit(put("x"), () => {}, isAwaited);
    await store.has(i + 1);
  }
  new Numbers("s").more(group, 1);
  await store.has(5);
  assertEquals(store.awaited, [false, true, true, false, true]);
  while (store.groups.length > 0) store.answer();
  await idle(group);
});

Deno.test("a group has few bytes, whatever its sources bring", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {});
  const sources = Array.from({ length: 1000 }, (_, i) => new Numbers(`${i}`, 65_000));
  for (const source of sources) assert(source.more(group, 1));
  const settled = idle(group);
  while (await Promise.race([settled, store.has(1)]) !== "idle") store.answer();
  for (const requests of store.applied) assert(requests.length * 65_000 < 1.2 * 1024 * 1024);
  assertEquals(store.applied.flat().map((request) => (request as OrderedBatch).session), [
    ...Array(1000).keys().map(String),
  ]);
});

Deno.test("each of many sources has its turn, however much one of them has", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {});
  const busy = new Numbers("busy"), others = Array.from({ length: 1000 }, (_, i) => new Numbers(`${i}`));
  busy.more(group, 1000);
  for (const source of others) source.more(group, 1);
  for (let i = 0; i < 3; i++) {
    await store.has(1);
    while (store.groups.length > 0) store.answer();
    busy.more(group, 1000);
    await turns(1);
  }
  assertEquals(others.filter(({ settled }) => settled.length === 0), []);
  const settled = idle(group);
  while (await Promise.race([settled, store.has(1)]) !== "idle") store.answer();
});

Deno.test("a source that has nothing any more when its turn comes is told nothing", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {}), source = new Numbers("s");
  source.more(group, 3);
  source.drop();
  const settled = idle(group);
  while (await Promise.race([settled, store.has(1)]) !== "idle") store.answer();
  assertEquals(source.settled, []);
  source.more(group, 2);
  await store.has(1);
  store.answer();
  assertEquals(await idle(group), "idle");
  assertEquals(source.settled, [[1, 2]]);
});

Deno.test("what is too much is refused, a source too, until the disk has caught up", async () => {
  const store = new FakeStore(), group = new GroupCommit(store, () => {}), source = new Numbers("s");
  let taken = 0;
  while (group.submit(put(`${taken}`), () => {})) taken++;
  assertEquals(taken, 65_536);
  assertEquals([source.more(group, 1), group.gather(source, 1)], [false, false]);
  await assertRejects(() => group.ask(put("one more")), StoreOverloaded, "too much is waiting for the disk");
  store.answer();
  await turns(1);
  assertEquals(group.gather(source, 1), true);
  const settled = idle(group);
  while (await Promise.race([settled, store.has(1)]) !== "idle") store.answer();
  assertEquals(source.settled, [[1, 1]]);
  assert(group.submit(put("long", 32 * 1024 * 1024 - 1000), () => {}));
  assertEquals(group.submit(put("longer", 1000), () => {}), false);
  await store.has(1);
  store.answer();
  await idle(group);
});

Deno.test("a store that fails with two groups ends everything once, and answers nothing of either", async () => {
  for (const second of ["fails", "works"]) {
    const lost: unknown[] = [], told: unknown[] = [], failure = new Error("the disk is gone");
    const store = new FakeStore(), group = new GroupCommit(store, (error) => lost.push(error));
    for (let i = 0; i < 5000; i++) group.submit(put(`${i}`), () => told.push(i));
    await store.has(2);
    const settled = Promise.allSettled([group.idle(), group.idle()]);
    const [one, two] = store.groups;
    one!.reject(failure);
    if (second === "fails") two!.reject(new Error("and again"));
    else two!.resolve(two!.requests.map(() => "stored"));
    assertEquals((await settled).map((each) => each.status === "rejected" && each.reason), [
      failure,
      failure,
    ]);
    await turns(3);
    assertEquals([lost, told], [[failure], []]);
    await assertRejects(() => group.idle(), Error, "the disk is gone");
  }
});

Deno.test("nothing is acknowledged any more once the data directory is known to be gone", async () => {
  const lost: unknown[] = [], told: unknown[] = [], gone = new Error("the directory is gone");
  const store = new FakeStore(), group = new GroupCommit(store, (error) => lost.push(error));
  const tell = (outcome: unknown) => told.push(outcome);
  group.submit(put("a"), tell);
  await store.has(1);
  group.submit(put("b"), tell);
  group.lose(gone);
  store.answer();
  group.submit(put("c"), tell);
  await assertRejects(() => group.idle(), Error, "the directory is gone");
  // what waited would be told in a turn of the event loop
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve));
  while (store.groups.length > 0) store.answer();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals([lost, told], [[gone], []]);
});

Deno.test("a fault in what is told of one outcome is no failure of the store, and keeps nothing from the others", async () => {
  const lost: unknown[] = [], told: string[] = [], faults: unknown[] = [];
  const store = new FakeStore(), group = new GroupCommit(store, (error) => lost.push(error));
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    faults.push(event.error.message);
  };
  addEventListener("error", onError);
  for (const text of ["a", "b", "c"]) {
    group.submit(put(text), () => {
      if (text === "b") throw new Error("a fault");
      told.push(text);
    });
  }
  await store.has(1);
  store.answer();
  await group.idle();
  removeEventListener("error", onError);
  assertEquals([told, faults, lost], [["a", "c"], ["a fault"], []]);
});
