import { formatAddress } from "../../protocol/address.ts";
import { assertEquals } from "@std/assert";
import { channelsPrefix, hasJoined, hasLeft, shownName } from "../../protocol/channels.ts";
import {
  enteredRoom,
  isLikeAddress,
  isOffline,
  lineTooLong,
  roomPrefix,
  type RoomSpeaker,
} from "../../protocol/room.ts";

function speakerAt(hostname: string, port: number): RoomSpeaker {
  return { name: formatAddress({ hostname, port }), address: { hostname, port } };
}

Deno.test("the room tells of its clients by their addresses", () => {
  const speaker = speakerAt("127.0.0.1", 60602);
  assertEquals(enteredRoom(speaker), "[127.0.0.1:60602] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<('127.0.0.1', 60602)> ");
  assertEquals(isOffline(speaker), "Client (127.0.0.1, 60602) is offline\n");
  assertEquals(speaker.name, "127.0.0.1:60602");
});

Deno.test("the room tells of a client at an IPv6 address as Python does", () => {
  const speaker = speakerAt("::1", 60602);
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

/** All that a wire says of a member that says this, as it arrives: without white space at the end. */
function said(speaker: RoomSpeaker, text: string): string[] {
  const { name } = speaker;
  return [
    `room ${enteredRoom(speaker)}`,
    `room ${roomPrefix(speaker)}${text}`,
    `room ${isOffline(speaker)}`,
    `channels ${channelsPrefix(name)}${text}`,
    `channels ${hasJoined(name)}`,
    `channels ${hasLeft(name)}`,
  ].map((line) => line.trimEnd());
}

Deno.test("no name makes a line that has the bytes of a line about a client of the room", () => {
  const texts = ["", "hello", "has joined", "hello has left", "hello> hello", "hello] hello"];
  for (const peer of [speakerAt("127.0.0.1", 60602), speakerAt("2001:db8::1", 7)]) {
    const lines = new Set(texts.flatMap((text) => said(peer, text)));
    const forms = [
      peer.name,
      roomPrefix(peer).slice(2, -2),
      isOffline(peer).slice("Client ".length, -12),
    ];
    for (const form of forms) {
      for (const name of [form, `[${form}`]) {
        for (const rest of ["", ">", "]", "> hello", "] hello", " has joined", "] hello has"]) {
          const speaker = { name: shownName(name + rest, true) };
          for (const line of texts.flatMap((text) => said(speaker, text))) {
            assertEquals(lines.has(line) ? line : "", "", `the name ${name + rest}`);
          }
        }
      }
    }
  }
});

Deno.test("a name is like a peer's only where it has an address and a port", () => {
  for (const name of ["12:30", "dead:5", "[Bob]:1", "(a)", "('Bob', 1)", "10.0.0.1", "v1.2.3.4:5", "Bob"]) {
    assertEquals([name, isLikeAddress(name)], [name, false]);
    assertEquals(shownName(name, true), name);
  }
  for (const name of ["127.0.0.1:1", "[::1]:1", "('::1', 1, 0, 0)", "(10.0.0.1, 1)", "[10.0.0.1:1"]) {
    assertEquals([name, isLikeAddress(name)], [name, true]);
    assertEquals(shownName(name, true), `~${name}`);
    // where there is no room, nobody is named so but clients that want to be
    assertEquals(shownName(name, false), name);
  }
});

Deno.test("the sender of a line that is too long is told the limit", () => {
  assertEquals(lineTooLong(4096), "A line must have at most 4096 bytes: yours was not sent\n");
});
