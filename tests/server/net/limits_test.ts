import { assertEquals } from "@std/assert";
import { ConnectionCounter, RateLimit } from "../../../server/net/limits.ts";

const limits = { connections: 3, addressConnections: 2, messageRate: undefined };

Deno.test("ConnectionCounter limits connections in all and of one address", () => {
  const counter = new ConnectionCounter(limits);
  assertEquals(counter.add("10.0.0.1"), "added");
  assertEquals(counter.add("::ffff:10.0.0.1"), "added");
  assertEquals(counter.add("10.0.0.1"), "too many connections of an address");
  assertEquals(counter.add("10.0.0.2"), "added");
  assertEquals(counter.add("10.0.0.3"), "too many connections");
  counter.remove("10.0.0.1");
  assertEquals(counter.connections, 2);
  assertEquals(counter.add("10.0.0.1"), "added");
});

Deno.test("ConnectionCounter counts an IPv6 /64 as one address", () => {
  const counter = new ConnectionCounter({ ...limits, connections: 100 });
  assertEquals(counter.add("2001:db8::1"), "added");
  assertEquals(counter.add("2001:db8:0:0:ffff::2"), "added");
  assertEquals(counter.add("2001:db8::3:4:5"), "too many connections of an address");
  assertEquals(counter.add("2001:db8:0:1::1"), "added");
  assertEquals(counter.add("fe80::1%eth0"), "added");
  assertEquals(counter.add("fe80::2"), "added");
  assertEquals(counter.add("fe80::3"), "too many connections of an address");
});

Deno.test("this machine's own connections are limited only where that is asked for", () => {
  const counter = new ConnectionCounter({
    connections: 10_000,
    addressConnections: undefined,
    messageRate: 1,
  });
  for (let i = 0; i < 1001; i++) assertEquals(counter.add("127.0.0.1"), "added");
  for (let i = 0; i < 1000; i++) assertEquals(counter.add("192.0.2.1"), "added");
  assertEquals(counter.add("192.0.2.1"), "too many connections of an address");
});

Deno.test("RateLimit lets a burst pass, and tells how much too early the next comes", () => {
  let now = 0;
  const rate = new RateLimit(10, () => now);
  for (let i = 0; i < 10; i++) assertEquals(rate.take(), 0);
  assertEquals(rate.take(), 100);
  now = 100;
  assertEquals(rate.take(), 100);
  now = 1200;
  for (let i = 0; i < 10; i++) assertEquals(rate.take(), 0);
  assertEquals(rate.take(), 100);
});
