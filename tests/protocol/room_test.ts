import { assertEquals } from "@std/assert";
import { enteredRoom, isOffline, lineTooLong, roomName, roomPrefix } from "../../protocol/room.ts";

Deno.test("the room tells of its clients by their addresses", () => {
  const speaker = { hostname: "127.0.0.1", port: 60602 };
  assertEquals(enteredRoom(speaker), "[127.0.0.1:60602] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<('127.0.0.1', 60602)> ");
  assertEquals(isOffline(speaker), "Client (127.0.0.1, 60602) is offline\n");
  assertEquals(roomName(speaker), "127.0.0.1:60602");
});

Deno.test("the room tells of a client at an IPv6 address as Python does", () => {
  const speaker = { hostname: "::1", port: 60602 };
  assertEquals(enteredRoom(speaker), "[[::1]:60602] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<('::1', 60602, 0, 0)> ");
  assertEquals(isOffline(speaker), "Client (::1, 60602) is offline\n");
});

Deno.test("the room tells of clients of the channels by their names", () => {
  const speaker = { name: "Alice" };
  assertEquals(enteredRoom(speaker), "[Alice] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<Alice> ");
  assertEquals(isOffline(speaker), "Client Alice is offline\n");
});

Deno.test("the sender of a line that is too long is told the limit", () => {
  assertEquals(lineTooLong(4096), "A line must have at most 4096 bytes: yours was not sent\n");
});
