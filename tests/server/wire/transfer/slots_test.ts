import { assertEquals } from "@std/assert";
import { Metrics } from "../../../../server/report/metrics.ts";
import { ThroughputMeter } from "../../../../server/net/throughput_meter.ts";
import { TransferSlots } from "../../../../server/wire/transfer/slots.ts";

/** Places for four transfers, three of them of one user, and who was cut. */
class Places {
  readonly metrics = new Metrics();
  readonly cuts: string[] = [];
  readonly #places = new TransferSlots({ max: 4, maxUser: 3, metrics: this.metrics });

  /** A transfer of the user `name[0]`, which moved so many bytes lately. */
  take(name: string, lately = Infinity): boolean {
    return this.#places.take({ lately, abort: (code) => this.cuts.push(`${name} ${code}`) }, name[0]!);
  }
}

Deno.test("a newcomer takes the place of the slow transfer that moved least", () => {
  const places = new Places();
  for (const [name, lately] of [["a1", 1000], ["b1", 999], ["c1", 262_144], ["d1", Infinity]] as const) {
    assertEquals(places.take(name, lately), true);
  }
  assertEquals([places.take("e1"), places.cuts], [true, ["b1 busy"]]);
  assertEquals([places.take("e2"), places.cuts], [true, ["b1 busy", "a1 busy"]]);
  assertEquals([places.take("e3"), places.metrics.get("files displaced")], [false, 2]);
});

Deno.test("a user who has as many as he may takes the place of his own slow one alone", () => {
  const places = new Places();
  for (const [name, lately] of [["a1", 1e9], ["a2", 1e9], ["a3", 1e9], ["b1", 0]] as const) {
    places.take(name, lately);
  }
  assertEquals([places.take("a4"), places.cuts], [false, []]);
  const own = new Places();
  for (const [name, lately] of [["a1", 1e9], ["a2", 5], ["a3", 7], ["b1", 0]] as const) {
    own.take(name, lately);
  }
  assertEquals([own.take("a4"), own.cuts], [true, ["a2 busy"]]);
});

Deno.test("a user who has none takes a place of one who has most, and more than one", () => {
  const places = new Places();
  for (const [name, lately] of [["a1", 9e9], ["a2", 8e9], ["b1", 1e9], ["c1", 7e9]] as const) {
    places.take(name, lately);
  }
  assertEquals([places.take("b2"), places.cuts], [false, []], "he has one");
  assertEquals([places.take("d1"), places.cuts], [true, ["a2 busy"]]);
  assertEquals([places.take("e1"), places.cuts], [false, ["a2 busy"]], "each has one");
});

Deno.test("a pace is that of the last 10 to 20 s", () => {
  const pace = new ThroughputMeter(500);
  pace.add(7, 10_499);
  assertEquals(pace.lately(10_499), Infinity, "it is too young to tell");
  assertEquals(pace.lately(10_500), 7);
  pace.add(2, 20_499);
  assertEquals(pace.lately(20_499), 9);
  assertEquals(pace.lately(20_500), 2);
  assertEquals(pace.lately(30_500), 0);
  pace.add(3, 99_000);
  assertEquals(pace.lately(99_000), 3);
});
