import { assert, assertEquals } from "@std/assert";
import { type Handshake, Handshakes } from "../../../server/net/tls/handshakes.ts";
import { Clock } from "../../simulation/clock.ts";

/** Handshakes that are never done by themselves, by their names, in the order in which their hellos are answered. */
class HalfOpen {
  readonly clock = new Clock();
  readonly handshakes: Handshakes;
  readonly answered: string[] = [];
  readonly closed: string[] = [];
  readonly all = new Map<string, Handshake>();

  constructor(limits: { maxWaiting?: number; maxOpen?: number } = {}) {
    const { clock } = this;
    this.handshakes = new Handshakes({ monotonicClock: clock.now, setTimer: clock.setTimer, ...limits });
  }

  /** One with a part of a hello. */
  beginPart(hostname: string, name: string): Handshake {
    const handshake = this.handshakes.begin(hostname, () => this.closed.push(name));
    this.all.set(name, handshake);
    return handshake;
  }

  /** One with a whole hello. */
  begin(hostname: string, name: string) {
    this.beginPart(hostname, name).turn().then((isItsTurn) => {
      if (isItsTurn) this.answered.push(name);
      else this.closed.push(`${name} never began`);
    });
  }

  usage(): string[] {
    return this.handshakes.limits().map(({ used, limit }) => `${used}/${limit}`);
  }
}

// channels.md 10.9
Deno.test("hellos have a quarter of the time, and one of another address waits for none of those before it", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 400; i++) world.begin("192.0.2.1", `${i}`);
  await clock.run(0);
  assertEquals([world.answered.length, ...world.usage()], [42, "358/4096", "42/1024"]);
  world.begin("192.0.2.2", "other");
  await clock.run(12);
  assert(world.answered.includes("other"));
  assertEquals(world.answered.length, 44);
  await clock.run(588);
  assertEquals(world.answered.length, 44 + 98);
  world.handshakes.close();
});

// channels.md 10.9
Deno.test("what is done counts no more than a hello that was answered, however many are done together", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 200; i++) world.begin("192.0.2.1", `${i}`);
  await clock.run(600);
  const before = world.answered.length;
  for (const name of world.answered) world.all.get(name)!.end();
  world.begin("192.0.2.2", "other");
  await clock.run(12);
  assert(world.answered.slice(before).includes("other"));
  world.handshakes.close();
});

// channels.md 10.9
Deno.test("a part of a hello has no turn and costs no time, however many there are", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 3000; i++) world.beginPart(`192.0.${i >> 8}.${i & 255}`, `${i}`);
  world.begin("192.0.100.1", "other");
  await clock.run(0);
  assertEquals([world.answered, ...world.usage()], [["other"], "3000/4096", "1/1024"]);
  world.handshakes.close();
});

// channels.md 10.9
Deno.test("beside hellos of many addresses that are neighbours, one from elsewhere is among the next ones", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 3000; i++) world.begin(`10.70.${i >> 8}.${i & 255}`, `${i}`);
  await clock.run(0);
  world.begin("192.0.2.1", "other");
  world.begin("2001:db8::1", "another");
  await clock.run(24);
  assertEquals(world.answered.slice(42).toSorted(), ["42", "43", "another", "other"]);
  world.handshakes.close();
});

// channels.md 10.9
Deno.test("one whose client has gone gives its turn to the next one", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 300; i++) world.begin("192.0.2.1", `${i}`);
  await clock.run(0);
  for (let i = 42; i < 299; i++) world.all.get(`${i}`)!.end();
  assertEquals(world.usage(), ["1/4096", "42/1024"]);
  await clock.run(6);
  assertEquals(world.answered.at(-1), "299");
  world.handshakes.close();
});

// channels.md 10.10
Deno.test("of handshakes that are half open the oldest one of the address with most makes room", async () => {
  const world = new HalfOpen({ maxOpen: 4 }), { clock } = world;
  for (const name of ["a", "b", "c"]) world.begin("192.0.2.1", name);
  world.begin("2001:db8::1", "d");
  await clock.run(0);
  world.begin("2001:db8::2", "e");
  world.begin("198.51.100.3", "f");
  await clock.run(0);
  assertEquals([world.closed, world.usage()[1]], [["a", "b"], "4/4"]);
  // one that is done makes room by itself
  world.all.get("e")!.end();
  world.all.get("a")!.end();
  world.begin("192.0.2.4", "g");
  await clock.run(0);
  assertEquals([world.closed, world.usage()[1]], [["a", "b"], "4/4"]);
  world.handshakes.close();
});

// channels.md 10.10
Deno.test("of those that wait, the oldest one makes room: of the block with most, and in it of the address with most", async () => {
  const world = new HalfOpen({ maxWaiting: 6 }), { clock } = world;
  // two of an address that has no neighbours
  for (const name of ["x", "y"]) world.beginPart("198.51.100.1", name);
  for (const [i, name] of ["a", "b", "c", "d"].entries()) world.beginPart(`10.70.0.${Math.max(1, i)}`, name);
  world.beginPart("203.0.113.1", "new");
  world.beginPart("10.70.9.9", "another");
  assertEquals([world.closed, world.usage()[0]], [["a", "b"], "6/6"]);
  // one that has given way has no turn any more
  assertEquals(await world.all.get("a")!.turn(), false);
  await clock.run(0);
  world.handshakes.close();
});
