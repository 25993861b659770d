import { assert, assertEquals } from "@std/assert";
import { Tickets, type UploadGrant } from "../../../server/service/tickets.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const none = () => Promise.reject(new Error("nothing is transferred here"));
const grant = (user = "alice"): UploadGrant => ({
  kind: "upload",
  user,
  size: 1,
  hash: undefined,
  key: "A".repeat(43),
  begin: none,
  attach: none,
});

// transfer.md 2.1, 2.4
Deno.test("a ticket is valid once", () => {
  const tickets = new Tickets({ monotonicClock: () => 0, random });
  const ticket = tickets.issue(grant())!;
  assert(/^[A-Za-z0-9_-]{22}$/.test(ticket), ticket);
  assertEquals(tickets.take(ticket), grant());
  assertEquals(tickets.take(ticket), undefined);
  assertEquals(tickets.size, 0);
});

// transfer.md 2.1
Deno.test("a ticket is valid for 60 s", () => {
  let now = 0;
  const tickets = new Tickets({ monotonicClock: () => now, random });
  const early = tickets.issue(grant())!, late = tickets.issue(grant())!;
  now = 59_999;
  assertEquals(tickets.take(early), grant());
  now = 60_000;
  assertEquals(tickets.take(late), undefined);
  assertEquals(tickets.size, 0);
});

// transfer.md section 8
Deno.test("a user has 16 tickets, and loses the oldest", () => {
  const tickets = new Tickets({ monotonicClock: () => 0, random });
  const bob = tickets.issue(grant("bob"))!;
  const own = Array.from({ length: 17 }, () => tickets.issue(grant())!);
  assertEquals(tickets.size, 17);
  assertEquals(tickets.take(own[0]!), undefined);
  for (const ticket of own.slice(1)) assertEquals(tickets.take(ticket), grant());
  assertEquals(tickets.take(bob), grant("bob"));
});

// transfer.md section 8
Deno.test("with too many unused tickets there is no new one until one is used or expires", () => {
  let now = 0;
  const tickets = new Tickets({ monotonicClock: () => now, random, max: 2 });
  const first = tickets.issue(grant("a"))!;
  now = 10;
  tickets.issue(grant("b"));
  assertEquals(tickets.issue(grant("c")), undefined);
  tickets.take(first);
  assert(tickets.issue(grant("c")));
  assertEquals(tickets.issue(grant("d")), undefined);
  now = 60_010;
  assert(tickets.issue(grant("d")));
  assertEquals(tickets.size, 1);
});

// transfer.md 2.1
Deno.test("the tickets of one user are revoked, and those of others stay", () => {
  const tickets = new Tickets({ monotonicClock: () => 0, random });
  const own = [tickets.issue(grant())!, tickets.issue(grant())!], bob = tickets.issue(grant("bob"))!;
  tickets.revoke(grant().user);
  tickets.revoke("nobody");
  assertEquals(own.map((ticket) => tickets.take(ticket)), [undefined, undefined]);
  assertEquals(tickets.take(bob), grant("bob"));
});

// transfer.md 7.6
Deno.test("an address with many users gives up its oldest ticket for another address", () => {
  const tickets = new Tickets({ monotonicClock: () => 0, random, max: 4 });
  const own = ["a", "b", "c", "d"].map((user) => tickets.issue(grant(user), "192.0.2.1")!);
  assertEquals(tickets.issue(grant("e"), "192.0.2.1"), undefined);
  const others = ["v", "w"].map((user) => tickets.issue(grant(user), "192.0.2.2")!);
  assertEquals(tickets.issue(grant("x"), "192.0.2.2"), undefined);
  assertEquals(own.map((ticket) => tickets.take(ticket) !== undefined), [false, false, true, true]);
  assertEquals(others.map((ticket) => tickets.take(ticket)?.user), ["v", "w"]);
});
