import { assertEquals } from "@std/assert";
import { BatchEngine } from "../../../batch_engine.ts";
import type { Counts, MessageOperations, Put } from "../../../../server/store/requests/message.ts";
import type { Outcome } from "../../../../server/store/store.ts";
import type { StoreLimits } from "../../../../server/store/limits.ts";

/** Requests of the original wire and of its administration. */
type StoreRequest = MessageOperations["put" | "take" | "clear" | "count" | "list" | "limit"][0];

/** Random whole numbers that come again with the seed (mulberry32), from 0 to below the one given. */
function randomOf(seed: number): (below: number) => number {
  return (below) => {
    let t = seed = seed + 0x6d2b79f5 | 0;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * below);
  };
}

/** What the engine has to do, in arrays. */
class Model {
  boxes = new Map<string, Put[]>();
  /** Whose message was the first of what a mailbox holds. */
  makers = new Map<string, string | undefined>();
  dropped = 0;
  constructor(public limits: StoreLimits) {}

  counts(name?: string): Counts {
    const held = [...this.boxes].filter(([of, { length }]) => length > 0 && (name ?? of) === of);
    const puts = held.flatMap(([, puts]) => puts);
    const bytes = puts.reduce((sum, put) => sum + put.bytes, 0);
    return { messages: puts.length, bytes, mailboxes: held.length };
  }

  /** Whether this put would be more than its owner's share, where its mailbox holds these messages. */
  passesShare(put: Put, own: readonly Put[], isNew: boolean): boolean {
    const { share, messages, bytes, mailboxes } = this.limits, { owner } = put;
    if (share === 100 || owner === undefined) return false;
    const most = (limit: number) => Math.max(1, Math.floor(limit * share / 100));
    const others = [...this.boxes].filter(([name, { length }]) => length > 0 && name !== put.mailbox);
    const held = [...others.flatMap(([, puts]) => puts), ...own, put].filter((one) => one.owner === owner);
    const made = others.filter(([name]) => this.makers.get(name) === owner).length;
    return held.length > most(messages) || held.reduce((sum, { bytes }) => sum + bytes, 0) > most(bytes) ||
      isNew && made >= most(mailboxes);
  }

  perform(request: StoreRequest): Outcome {
    if (request.kind === "limit") return this.limits.mailboxMessages = request.messages, "set";
    if (request.kind === "count") return this.counts(request.mailbox);
    if (request.kind === "list") {
      return [...this.boxes.keys()].sort().filter((name) =>
        request.after === undefined || name > request.after
      )
        .map((mailbox) => ({ mailbox, messages: this.counts(mailbox).messages }))
        .filter(({ messages }) => messages > 0).slice(0, request.limit);
    }
    if (request.kind === "clear") {
      const { messages } = this.counts(request.mailbox);
      for (const name of request.mailbox === undefined ? this.boxes.keys() : [request.mailbox]) {
        this.boxes.delete(name);
      }
      return messages;
    }
    const own = this.boxes.get(request.mailbox) ?? [];
    if (request.kind === "take") {
      const { sender, time, text } = own.shift() ?? {} as Put;
      return sender === undefined ? "empty" : { sender, time, text };
    }
    // of a mailbox that is full, the fewest of its oldest messages make room, or none does
    const { limits } = this, others = own.length > 0 ? -1 : this.counts().mailboxes;
    const { owner } = request, passesShare = this.passesShare(request, own, own.length === 0);
    // a share is made room in with what its own owner has, in a mailbox that holds nothing else
    const isOwn = this.makers.get(request.mailbox) === owner && own.every((put) => put.owner === owner);
    const mayDrop = limits.whenFull === "drop-oldest" && (!passesShare || isOwn);
    let outcome: "full" | "full share" = "full";
    for (let drop = 0; drop === 0 || mayDrop && drop <= own.length; drop++) {
      const isPassed = this.passesShare(request, own.slice(drop), own.length === 0);
      this.boxes.set(request.mailbox, [...own.slice(drop), request]);
      const all = this.counts(), kept = this.counts(request.mailbox);
      if (kept.messages > limits.mailboxMessages || kept.bytes > limits.mailboxBytes) continue;
      if (all.messages > limits.messages || all.bytes > limits.bytes || others >= limits.mailboxes) continue;
      if (drop === 0 && isPassed) outcome = "full share";
      if (isPassed) continue;
      if (own.length === drop) this.makers.set(request.mailbox, owner);
      this.dropped += drop;
      return "stored";
    }
    this.boxes.set(request.mailbox, own);
    return outcome;
  }
}

function randomRequest(random: (below: number) => number, names: number, time: number): StoreRequest {
  const mailbox = ["", "Ω", "b", "a"][random(names)] ?? `m${random(names)}`;
  const text = "x".repeat(random(8) === 0 ? random(900) : random(9)) + time;
  const kind = random(100);
  const owner = [undefined, "ann", "[10.0.0.1]", "[10.0.0.2]"][random(4)];
  const put = { kind: "put", mailbox, sender: "s", time, text, bytes: text.length } as const;
  if (kind < 52) return owner === undefined ? put : { ...put, owner };
  if (kind < 90) return { kind: "take", mailbox };
  if (kind < 93) return { kind: "count", ...random(2) ? { mailbox } : {} };
  if (kind < 96) return { kind: "list", limit: 1 + random(5), ...random(2) ? { after: mailbox } : {} };
  return kind < 98
    ? { kind: "limit", messages: 1 + random(12) }
    : { kind: "clear", ...random(4) ? { mailbox } : {} };
}

/** One history: random batches, on a disk that sometimes has no room, with new starts under other limits. */
function play(random: (below: number) => number, directory: string | undefined) {
  const names = [3, 8, 300][random(3)]!;
  const limits = (): StoreLimits => ({
    mailboxMessages: 1 + random(10),
    mailboxBytes: 20 + random(1500),
    messages: 5 + random(60),
    bytes: 100 + random(5000),
    mailboxes: 1 + random(12),
    share: [20, 30, 50, 100][random(4)]!,
    whenFull: random(2) ? "refuse" : "drop-oldest",
  });
  const model = new Model(limits());
  let canStore = true;
  // never, always, or at random moments: nothing that it answers depends on that
  const writing = random(3);
  const writes = () => writing === 0 ? 0 : writing === 1 || random(5) === 0 ? "checkpoint" : random(20);
  const start = () =>
    new BatchEngine({ directory, limits: model.limits, canStore: () => canStore, writes, onEvent() {} });
  let engine = start();
  for (let batch = 0, number = 0; batch < 60; batch++) {
    const requests = Array.from({ length: 1 + random(30) }, () => randomRequest(random, names, ++number));
    canStore = random(5) > 0;
    const { outcomes, dropped } = engine.apply(requests);
    model.dropped = 0;
    const expected = requests.map((request) =>
      request.kind === "put" && !canStore ? "storage" : model.perform(request)
    );
    assertEquals({ outcomes, dropped }, { outcomes: expected, dropped: model.dropped }, `batch ${batch}`);
    if (random(3) === 0) engine.sweep();
    if (directory !== undefined && random(8) === 0) {
      engine.close();
      model.limits = limits();
      engine = start();
    }
    assertEquals(engine.counts, model.counts(), `counts after batch ${batch}`);
  }
  engine.close();
}

// store 4.7
Deno.test("Engine does with random batches, full disks and new starts, written or not, what a list of arrays does", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), runs = given === undefined ? 40 : 1;
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  for (let seed = first; seed < first + runs; seed++) {
    const directory = await Deno.makeTempDir({ prefix: "wirepost-engine-" });
    try {
      play(randomOf(seed), seed % 2 === 0 ? undefined : directory);
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
