import { assertEquals } from "@std/assert";
import { ConnectionSlots, type SlottedConnection } from "../../../server/net/connection_slots.ts";

/** Slots of connections that may be replaced until they are busy, and the names of those that were closed. */
class Subject {
  readonly closed: string[] = [];
  readonly #slots = new ConnectionSlots({ connections: 5, addressConnections: 3 }, { canReplace: true });
  readonly #holders = new Map<string, SlottedConnection>();

  take(name: string, hostname: string, isBusy = false): string {
    const holder = { isReplaceable: !isBusy, close: () => void this.closed.push(name) };
    this.#holders.set(name, holder);
    return this.#slots.take(hostname, holder);
  }

  release(name: string) {
    this.#slots.release(this.#holders.get(name)!);
  }
}

// transfer.md 7.3
Deno.test("an address at its limit gets a slot by the oldest replaceable connection of its own", () => {
  const s = new Subject();
  s.take("other", "10.0.0.2");
  s.take("a", "10.0.0.1", true);
  s.take("b", "10.0.0.1");
  s.take("c", "::ffff:10.0.0.1");
  assertEquals([s.take("d", "10.0.0.1"), s.closed], ["replaced", ["b"]]);
  assertEquals([s.take("e", "10.0.0.1"), s.closed], ["replaced", ["b", "c"]]);
  s.release("b");
  s.release("d");
  assertEquals([s.take("f", "10.0.0.1", true), s.closed], ["taken", ["b", "c"]]);
});

// transfer.md 7.3
Deno.test("at the limit of all, the address with the most replaceable connections gives up its oldest", () => {
  const s = new Subject();
  for (const name of ["a", "b", "c"]) s.take(name, "10.0.0.1", true);
  s.take("d", "10.0.0.2");
  s.take("e", "10.0.0.2");
  assertEquals([s.take("f", "10.0.0.3"), s.closed], ["replaced", ["d"]]);
  s.release("d");
  assertEquals([s.take("g", "10.0.0.3", true), s.closed], ["replaced", ["d", "e"]]);
  assertEquals([s.take("h", "10.0.0.4", true), s.closed], ["replaced", ["d", "e", "f"]]);
  assertEquals(s.take("i", "10.0.0.5"), "too many connections");
  assertEquals(s.take("j", "10.0.0.1"), "too many connections");
  s.release("g");
  assertEquals(s.take("k", "10.0.0.5"), "taken");
});

/** Takes slots that are not given up by themselves, and releases the last one that an address has taken. */
class Counter {
  readonly slots: ConnectionSlots;
  readonly #holders = new Map<string, SlottedConnection>();

  constructor(connections: number, addressConnections: number | undefined = 2) {
    this.slots = new ConnectionSlots({ connections, addressConnections });
  }

  take(hostname: string): string {
    const holder = { close() {} }, outcome = this.slots.take(hostname, holder);
    if (outcome === "taken") this.#holders.set(hostname, holder);
    return outcome;
  }

  release(hostname: string) {
    this.slots.release(this.#holders.get(hostname)!);
  }
}

// channels.md section 6
Deno.test("ConnectionSlots limits connections in all and of one address", () => {
  const counter = new Counter(3);
  assertEquals(counter.take("10.0.0.1"), "taken");
  assertEquals(counter.take("::ffff:10.0.0.1"), "taken");
  assertEquals(counter.take("10.0.0.1"), "too many connections of an address");
  assertEquals(counter.take("10.0.0.2"), "taken");
  assertEquals(counter.take("10.0.0.2"), "too many connections");
  counter.release("10.0.0.1");
  assertEquals(counter.slots.taken, 2);
  assertEquals(counter.take("10.0.0.1"), "taken");
});

// channels.md section 6
Deno.test("ConnectionSlots counts an IPv6 /64 as one address", () => {
  const counter = new Counter(100);
  assertEquals(counter.take("2001:db8::1"), "taken");
  assertEquals(counter.take("2001:db8:0:0:ffff::2"), "taken");
  assertEquals(counter.take("2001:db8::3:4:5"), "too many connections of an address");
  assertEquals(counter.take("2001:db8:0:1::1"), "taken");
  assertEquals(counter.take("fe80::1%eth0"), "taken");
  assertEquals(counter.take("fe80::2"), "taken");
  assertEquals(counter.take("fe80::3"), "too many connections of an address");
});

// channels.md section 6
Deno.test("this machine's own connections are limited only where that is asked for", () => {
  const slots = new ConnectionSlots({ connections: 10_000, addressConnections: undefined });
  for (let i = 0; i < 1001; i++) assertEquals(slots.take("127.0.0.1", { close() {} }), "taken");
  for (let i = 0; i < 1000; i++) assertEquals(slots.take("192.0.2.1", { close() {} }), "taken");
  assertEquals(slots.take("192.0.2.1", { close() {} }), "too many connections of an address");
});

// channels.md 6.3
Deno.test("connections are shared out by address when all are taken: one address keeps nobody out", () => {
  const slots = new ConnectionSlots({ connections: 6, addressConnections: undefined }), closed: string[] = [];
  const take = (name: string, hostname: string) => slots.take(hostname, { close: () => closed.push(name) });
  for (const name of ["a", "b", "c", "d", "e", "f"]) take(name, "127.0.0.1");
  assertEquals(take("g", "127.0.0.1"), "too many connections");
  assertEquals([take("h", "192.0.2.1"), take("i", "192.0.2.2"), closed], ["replaced", "replaced", [
    "f",
    "e",
  ]]);
  assertEquals([take("j", "192.0.2.1"), closed], ["replaced", ["f", "e", "d"]]);
  // three, two and one: one more would only be taken from one address and given to another
  assertEquals(take("k", "192.0.2.1"), "too many connections");
  assertEquals([take("l", "192.0.2.3"), take("m", "192.0.2.4"), closed.length], ["replaced", "replaced", 5]);
  assertEquals(slots.taken, 6);
});

// channels.md 6.3
Deno.test("whether there is no slot is known before anything is made for a connection", () => {
  const outcomes = new Set<string>();
  for (const addressConnections of [2, 4]) {
    const slots = new ConnectionSlots({ connections: 7, addressConnections }), held: SlottedConnection[] = [];
    for (let i = 0; i < 300; i++) {
      const hostname = `192.0.2.${i * i % 11 % 5}`, refusal = slots.refusal(hostname);
      const connection: SlottedConnection = { close: () => void held.splice(held.indexOf(connection), 1) };
      const outcome = slots.take(hostname, connection),
        isTaken = outcome === "taken" || outcome === "replaced";
      assertEquals([i, refusal], [i, isTaken ? undefined : outcome]);
      if (isTaken) held.push(connection);
      assertEquals(slots.taken, held.length);
      if (i % 7 === 0) slots.release(held.shift()!);
      outcomes.add(outcome);
    }
  }
  assertEquals(
    outcomes,
    new Set(["taken", "replaced", "too many connections", "too many connections of an address"]),
  );
});
