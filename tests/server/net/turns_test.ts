import { assert, assertEquals } from "@std/assert";
import { Turns } from "../../../server/net/turns.ts";
import { Clock } from "../../simulation/clock.ts";

/** Work that counts half a millisecond of a tenth of the time: one every 5 ms, and 4 at once. */
class Workshop {
  readonly clock = new Clock();
  /** What was done, with the time at which it was. */
  readonly done: string[] = [];
  readonly stale: string[] = [];
  readonly turns: Turns;
  /** What the next piece takes, in milliseconds. */
  takes = 0;
  #lost = 0;

  constructor() {
    const { clock } = this;
    const monotonicClock = () => clock.now() + this.#lost;
    this.turns = new Turns({ share: 0.1, least: 0.5, saved: 2, monotonicClock, setTimer: clock.setTimer });
  }

  take(who: string, name: string): boolean {
    return this.turns.take(who, name, {
      run: () => {
        this.done.push(`${this.clock.now()} ${who} ${name}`);
        this.#lost += this.takes;
      },
      stale: () => this.stale.push(`${who} ${name}`),
    });
  }
}

Deno.test("work is done at once while there is time for it, and then at its share of the time", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 6; i++) assert(shop.take("a", `${i}`));
  assertEquals(shop.done, ["0 a 0", "0 a 1", "0 a 2", "0 a 3"]);
  await shop.clock.run(100);
  assertEquals(shop.done.slice(4), ["5 a 4", "10 a 5"]);
  for (let i = 6; i < 12; i++) shop.take("a", `${i}`);
  await shop.clock.run(100);
  assertEquals(shop.done.slice(6), ["100 a 6", "100 a 7", "100 a 8", "100 a 9", "105 a 10", "110 a 11"]);
});

Deno.test("those who wait take turns, however much one of them asks for", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 8; i++) shop.take("a", `${i}`);
  shop.take("b", "0");
  shop.take("b", "1");
  shop.take("c", "0");
  await shop.clock.run(100);
  assertEquals(shop.done.slice(4).map((line) => line.slice(line.indexOf(" ") + 1)), [
    "a 4",
    "b 0",
    "c 0",
    "a 5",
    "b 1",
    "a 6",
    "a 7",
  ]);
});

Deno.test("work that takes longer than the least counts for as long as it takes, up to a hundredth of a second", async () => {
  const shop = new Workshop();
  shop.takes = 2;
  for (let i = 0; i < 3; i++) shop.take("a", `${i}`);
  await shop.clock.run(1000);
  // 2 ms of work want 20 ms of time
  assertEquals(shop.done, ["0 a 0", "3 a 1", "21 a 2"]);
  shop.takes = 3_600_000;
  shop.take("a", "suspended");
  shop.takes = 0;
  shop.take("a", "later");
  await shop.clock.run(100);
  assertEquals(shop.done.at(-1), "1000 a later");
});

Deno.test("one may have 128 pieces waiting, 1,024 may have one, and all together 8,192 more", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 4; i++) shop.take("a", `${i}`);
  for (let i = 0; i < 128; i++) assert(shop.take("a", `waits ${i}`));
  assert(!shop.take("a", "waits 128"));
  assert(shop.turns.isFull("a") && !shop.turns.isFull("b"));
  // whoever has none waiting finds a place, however many others have
  for (let i = 1; i < 1024; i++) {
    assert(shop.take(`${i}`, "waits"));
    for (let more = 0; more < 127 && !shop.turns.isFull(`${i}`); more++) shop.take(`${i}`, `waits ${more}`);
  }
  assert(!shop.take("1023", "another") && !shop.take("b", "waits"));
  assert(shop.turns.isFull("b"));
  assert(shop.turns.has("1", "waits") && !shop.turns.has("1", "other") && !shop.turns.has("b", "waits"));
  await shop.clock.run(60_000);
  assertEquals(shop.done.length + shop.stale.length, 4 + 1024 + 8192);
  assert(shop.take("b", "waits"));
});

Deno.test("work that has waited for ten seconds is not done any more, nor what waits at the end", async () => {
  const shop = new Workshop();
  shop.takes = 10;
  for (let i = 0; i < 1024; i++) shop.take(`${i}`, "waits");
  await shop.clock.run(30_000);
  const { length } = shop.done;
  assert(length > 100 && length < 1024);
  assertEquals(shop.stale.length, 1024 - length);
  for (let i = 0; i < 10; i++) shop.take(`${i}`, "waits");
  shop.turns.close();
  await shop.clock.run(30_000);
  assertEquals(shop.done.length, length + 1);
});
