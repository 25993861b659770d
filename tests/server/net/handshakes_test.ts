import { assert, assertEquals } from "@std/assert";
import { Handshakes } from "../../../server/net/tls/handshakes.ts";
import { Clock } from "../../simulation/clock.ts";

/** Handshakes that begin and are never done, by their names, in the order in which they begin. */
class HalfOpen {
  readonly clock = new Clock();
  readonly handshakes: Handshakes;
  readonly begun: string[] = [];
  readonly closed: string[] = [];
  readonly ends = new Map<string, () => void>();

  constructor(max?: number) {
    const { clock } = this;
    const more = max === undefined ? {} : { max };
    this.handshakes = new Handshakes({ monotonicClock: clock.now, setTimer: clock.setTimer, ...more });
  }

  begin(hostname: string, name: string) {
    this.handshakes.begin(hostname, () => this.closed.push(name)).then((end) => {
      if (end === undefined) return this.closed.push(`${name} never began`);
      this.begun.push(name);
      this.ends.set(name, end);
    });
  }

  usage(): string[] {
    return this.handshakes.limits().map(({ used, limit }) => `${used}/${limit}`);
  }
}

// channels.md 10.9
Deno.test("handshakes have a quarter of the time, and one of another address waits for none of those before it", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 400; i++) world.begin("192.0.2.1", `${i}`);
  await clock.run(0);
  assertEquals([world.begun.length, ...world.usage()], [42, "358/9216", "42/1024"]);
  world.begin("192.0.2.2", "other");
  await clock.run(12);
  assert(world.begun.includes("other"));
  assertEquals(world.begun.length, 44);
  await clock.run(988);
  assertEquals(world.begun.length, 43 + 166);
  world.handshakes.close();
});

// channels.md section 10
Deno.test("what one address may have waiting is limited, and what waits too long never begins", async () => {
  const world = new HalfOpen(), { clock } = world;
  for (let i = 0; i < 42 + 513; i++) world.begin("192.0.2.1", `${i}`);
  await clock.run(0);
  assertEquals(world.closed, ["554 never began"]);
  world.begin("192.0.2.2", "other");
  await clock.run(12);
  assert(world.begun.includes("other"));
  world.handshakes.close();
});

// channels.md 10.10
Deno.test("of handshakes that are half open the oldest one of the address with most makes room", async () => {
  const world = new HalfOpen(4), { clock } = world;
  for (const name of ["a", "b", "c"]) world.begin("192.0.2.1", name);
  world.begin("2001:db8::1", "d");
  await clock.run(0);
  world.begin("2001:db8::2", "e");
  world.begin("192.0.2.3", "f");
  await clock.run(0);
  assertEquals([world.closed, world.usage()[1]], [["a", "b"], "4/4"]);
  // one that is done makes room by itself
  world.ends.get("e")!();
  world.ends.get("a")!();
  world.begin("192.0.2.4", "g");
  await clock.run(0);
  assertEquals([world.closed, world.usage()[1]], [["a", "b"], "4/4"]);
  world.handshakes.close();
});
