import { assertEquals } from "@std/assert";
import { Metrics } from "../../../../server/report/metrics.ts";
import { ThroughputMeter } from "../../../../server/net/throughput_meter.ts";
import { TransferSlots } from "../../../../server/wire/transfer/slots.ts";

/** Slots for four transfers, three of them of one user, and which transfers were aborted. */
class Slots {
  readonly metrics = new Metrics();
  readonly aborted: string[] = [];
  readonly #slots = new TransferSlots({ max: 4, maxUser: 3, metrics: this.metrics });

  /** A transfer of the user `name[0]`, which recently moved so many bytes. */
  take(name: string, recentBytes = Infinity, network = "192.0.2.1"): boolean {
    const transfer = { recentBytes, abort: (code: string) => this.aborted.push(`${name} ${code}`) };
    return this.#slots.take(transfer, name[0]!, network);
  }
}

// transfer.md 7.2
Deno.test("a new transfer takes the slot of the slowest one", () => {
  const slots = new Slots();
  for (const [name, recentBytes] of [["a1", 1000], ["b1", 999], ["c1", 262_144], ["d1", Infinity]] as const) {
    assertEquals(slots.take(name, recentBytes), true);
  }
  assertEquals([slots.take("e1"), slots.aborted], [true, ["b1 busy"]]);
  assertEquals([slots.take("e2"), slots.aborted], [true, ["b1 busy", "a1 busy"]]);
  assertEquals([slots.take("e3"), slots.metrics.get("files displaced")], [false, 2]);
});

// transfer.md 7.2
Deno.test("at the limit of a user, a new transfer takes the slot of only that user's slow one", () => {
  const slots = new Slots();
  for (const [name, recentBytes] of [["a1", 1e9], ["a2", 1e9], ["a3", 1e9], ["b1", 0]] as const) {
    slots.take(name, recentBytes);
  }
  assertEquals([slots.take("a4"), slots.aborted], [false, []]);
  const own = new Slots();
  for (const [name, recentBytes] of [["a1", 1e9], ["a2", 5], ["a3", 7], ["b1", 0]] as const) {
    own.take(name, recentBytes);
  }
  assertEquals([own.take("a4"), own.aborted], [true, ["a2 busy"]]);
});

// transfer.md 7.2
Deno.test("the first transfer of a user takes a slot of the user with most, if that is more than one", () => {
  const slots = new Slots();
  for (const [name, recentBytes] of [["a1", 9e9], ["a2", 8e9], ["b1", 1e9], ["c1", 7e9]] as const) {
    slots.take(name, recentBytes);
  }
  assertEquals([slots.take("b2"), slots.aborted], [false, []], "b has one");
  assertEquals([slots.take("d1"), slots.aborted], [true, ["a2 busy"]]);
  assertEquals([slots.take("e1"), slots.aborted], [false, ["a2 busy"]], "each has one");
});

Deno.test("ThroughputMeter counts the bytes of the last 10 to 20 s", () => {
  const meter = new ThroughputMeter(500);
  meter.add(7, 10_499);
  assertEquals(meter.lately(10_499), Infinity, "it is too young to tell");
  assertEquals(meter.lately(10_500), 7);
  meter.add(2, 20_499);
  assertEquals(meter.lately(20_499), 9);
  assertEquals(meter.lately(20_500), 2);
  assertEquals(meter.lately(30_500), 0);
  meter.add(3, 99_000);
  assertEquals(meter.lately(99_000), 3);
});

// transfer.md 7.6
Deno.test("an address with many users gives up a transfer for another address, and not the other way round", () => {
  const slots = new Slots();
  for (const name of ["a1", "b1", "c1"]) slots.take(name);
  assertEquals([slots.take("v1", Infinity, "192.0.2.2"), slots.aborted], [true, []]);
  assertEquals([slots.take("w1", Infinity, "192.0.2.3"), slots.aborted], [true, ["a1 busy"]]);
  // now two of the address with most, and one of each other
  assertEquals([slots.take("x1", Infinity, "192.0.2.3"), slots.aborted], [false, ["a1 busy"]]);
  assertEquals([slots.take("d1"), slots.aborted], [false, ["a1 busy"]]);
});
