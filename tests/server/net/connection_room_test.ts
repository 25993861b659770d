import { assertEquals } from "@std/assert";
import { ConnectionRoom, type Guest } from "../../../server/net/connection_room.ts";

/** A room, and the names of those that were closed in it. */
class Subject {
  readonly closed: string[] = [];
  readonly #room = new ConnectionRoom({ connections: 5, addressConnections: 3 });
  readonly #guests = new Map<string, Guest>();

  enter(name: string, hostname: string, hasTicket = false): string {
    const guest = { hasTicket, close: () => void this.closed.push(name) };
    this.#guests.set(name, guest);
    return this.#room.enter(hostname, guest);
  }

  leave(name: string) {
    this.#room.leave(this.#guests.get(name)!);
  }
}

Deno.test("an address that has as many connections as it may makes room by the oldest of its own without a ticket", () => {
  const s = new Subject();
  s.enter("other", "10.0.0.2");
  s.enter("a", "10.0.0.1", true);
  s.enter("b", "10.0.0.1");
  s.enter("c", "::ffff:10.0.0.1");
  assertEquals([s.enter("d", "10.0.0.1"), s.closed], ["displaced", ["b"]]);
  assertEquals([s.enter("e", "10.0.0.1"), s.closed], ["displaced", ["b", "c"]]);
  s.leave("b");
  s.leave("d");
  assertEquals([s.enter("f", "10.0.0.1", true), s.closed], ["entered", ["b", "c"]]);
});

Deno.test("where there are as many as may be, the address that has most without a ticket makes room", () => {
  const s = new Subject();
  for (const name of ["a", "b", "c"]) s.enter(name, "10.0.0.1", true);
  s.enter("d", "10.0.0.2");
  s.enter("e", "10.0.0.2");
  assertEquals([s.enter("f", "10.0.0.3"), s.closed], ["displaced", ["d"]]);
  s.leave("d");
  assertEquals([s.enter("g", "10.0.0.3", true), s.closed], ["displaced", ["d", "e"]]);
  assertEquals([s.enter("h", "10.0.0.4", true), s.closed], ["displaced", ["d", "e", "f"]]);
  assertEquals(s.enter("i", "10.0.0.5"), "full");
  assertEquals(s.enter("j", "10.0.0.1"), "full");
  s.leave("g");
  assertEquals(s.enter("k", "10.0.0.5"), "entered");
});
