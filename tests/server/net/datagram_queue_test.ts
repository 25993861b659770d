import { assertEquals } from "@std/assert";
import {
  DATAGRAM_OVERHEAD_BYTES,
  DatagramQueue,
  MAX_UNHANDLED_BYTES,
} from "../../../server/net/datagram_queue.ts";

const from = (hostname: string, port = 1) => ({ transport: "udp", hostname, port } as const);

/** Who sent what is still there, in its turn, so many at a time. */
function senders(queue: DatagramQueue, count = 1): string[] {
  const all: string[] = [];
  while (queue.length > 0) {
    for (const { from, bytes } of queue.take(count)) all.push(`${from.hostname}:${from.port} ${bytes[0]}`);
  }
  return all;
}

Deno.test("blocks of networks take turns, and in each of them its clients, whose own datagrams stay in order", () => {
  const queue = new DatagramQueue(7), bytes = new Uint8Array(1);
  const push = (hostname: string, port: number, n: number) => {
    // the buffer is used again: the queue has a copy
    bytes[0] = n;
    queue.push(bytes, from(hostname, port));
  };
  for (let n = 1; n <= 3; n++) push("10.1.0.1", 1, n);
  push("10.1.0.1", 2, 1);
  push("10.1.200.9", 1, 1);
  push("192.0.2.1", 1, 1);
  push("192.0.2.1", 1, 2);
  push("2001:db8:1::1", 1, 1);
  push("2001:db8:2::1", 1, 1);
  assertEquals(queue.length, 9);
  assertEquals(senders(queue), [
    "10.1.0.1:1 1",
    "192.0.2.1:1 1",
    "2001:db8:1::1:1 1",
    "10.1.0.1:2 1",
    "192.0.2.1:1 2",
    "2001:db8:2::1:1 1",
    "10.1.200.9:1 1",
    "10.1.0.1:1 2",
    "10.1.0.1:1 3",
  ]);
  assertEquals([queue.length, queue.bytes], [0, 0]);
});

// README.md 1.4
Deno.test("IPv4 addresses that are mapped into IPv6 have the blocks of IPv4", () => {
  const queue = new DatagramQueue(7), bytes = new Uint8Array([1]);
  for (let port = 1; port <= 3; port++) queue.push(bytes, from("::ffff:10.1.0.1", port));
  queue.push(bytes, from("::ffff:192.0.2.1"));
  queue.push(bytes, from("10.1.0.2"));
  assertEquals(senders(queue), [
    "::ffff:10.1.0.1:1 1",
    "::ffff:192.0.2.1:1 1",
    "::ffff:10.1.0.1:2 1",
    "::ffff:10.1.0.1:3 1",
    "10.1.0.2:1 1",
  ]);
});

Deno.test("where all have their turn at once, they keep the order in which they came", () => {
  const queue = new DatagramQueue(7), came: string[] = [];
  for (let n = 0; n < 50; n++) {
    const sender = from(n % 3 === 0 ? "10.1.0.1" : "192.0.2.1", n % 5);
    queue.push(new Uint8Array([n]), sender);
    came.push(`${sender.hostname}:${sender.port} ${n}`);
  }
  assertEquals(senders(queue, 50), came);
});

Deno.test("where there is no room, a flood loses its own oldest datagrams, and nobody else any", () => {
  const queue = new DatagramQueue(7), most = MAX_UNHANDLED_BYTES / (DATAGRAM_OVERHEAD_BYTES + 256);
  const flood = (n: number) => queue.push(new Uint8Array(256).fill(n), from("10.1.0.1"));
  assertEquals(queue.push(new Uint8Array([9]), from("10.1.0.2")), 0);
  assertEquals(queue.push(new Uint8Array([9]), from("192.0.2.1")), 0);
  let dropped = 0;
  for (let n = 0; n < most - 2; n++) dropped += flood(0);
  assertEquals(dropped, 0);
  for (let n = 0; n < 100; n++) dropped += flood(1);
  assertEquals(queue.length, most + 100 - dropped);
  const left = senders(queue);
  assertEquals(left.filter((sender) => sender.endsWith(" 9")).length, 2);
  assertEquals(left.filter((sender) => sender === "10.1.0.1:1 1").length, 100);
  assertEquals([queue.length, queue.bytes], [0, 0]);
});

Deno.test("nor does a flood from many addresses cost another block its datagrams", () => {
  const queue = new DatagramQueue(7), bytes = new Uint8Array(1);
  queue.push(bytes, from("192.0.2.1"));
  let dropped = 0;
  for (let n = 0; n < 10_000; n++) dropped += queue.push(bytes, from(`10.1.${n >> 8}.${n & 255}`, 1024 + n));
  assertEquals(dropped, 10_001 - queue.length);
  assertEquals(senders(queue).filter((sender) => sender.startsWith("192.0.2.1")).length, 1);
});
