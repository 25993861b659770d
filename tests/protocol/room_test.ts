import { formatAddress } from "../../protocol/syntax/address.ts";
import { assertEquals } from "@std/assert";
import { CHANNELS_TEXTS, channelsPrefix, shownName } from "../../protocol/channels.ts";
import { isLikeAddress, ROOM_LINES, roomPrefix, type RoomSpeaker } from "../../protocol/room.ts";

function speakerAt(hostname: string, port: number): RoomSpeaker {
  return { name: formatAddress({ hostname, port }), address: { hostname, port } };
}

// room.md 1.2
Deno.test("lines about clients of the room have their addresses", () => {
  const speaker = speakerAt("127.0.0.1", 60602);
  assertEquals(ROOM_LINES.entered(speaker), "[127.0.0.1:60602] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<('127.0.0.1', 60602)> ");
  assertEquals(ROOM_LINES.offline(speaker), "Client (127.0.0.1, 60602) is offline\n");
  assertEquals(speaker.name, "127.0.0.1:60602");
});

// room.md 1.4
Deno.test("a line about a client at an IPv6 address has the form of Python", () => {
  const speaker = speakerAt("::1", 60602);
  assertEquals(ROOM_LINES.entered(speaker), "[[::1]:60602] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<('::1', 60602, 0, 0)> ");
  assertEquals(ROOM_LINES.offline(speaker), "Client (::1, 60602) is offline\n");
});

// room.md 4.2
Deno.test("lines about clients of the channels have their names", () => {
  const speaker = { name: "Alice" };
  assertEquals(ROOM_LINES.entered(speaker), "[Alice] entered room\n");
  assertEquals(roomPrefix(speaker), "\r<Alice> ");
  assertEquals(ROOM_LINES.offline(speaker), "Client Alice is offline\n");
});

/** All that a wire says of a member that says this, as it arrives: without white space at the end. */
function said(speaker: RoomSpeaker, text: string): string[] {
  const { name } = speaker;
  return [
    `room ${ROOM_LINES.entered(speaker)}`,
    `room ${roomPrefix(speaker)}${text}`,
    `room ${ROOM_LINES.offline(speaker)}`,
    `channels ${channelsPrefix(name)}${text}`,
    `channels ${CHANNELS_TEXTS.joined(name)}`,
    `channels ${CHANNELS_TEXTS.left(name)}`,
  ].map((line) => line.trimEnd());
}

// room.md 4.3
Deno.test("no name makes a line that has the bytes of a line about a client of the room", () => {
  const texts = ["", "hello", "has joined", "hello has left", "hello> hello", "hello] hello"];
  for (const peer of [speakerAt("127.0.0.1", 60602), speakerAt("2001:db8::1", 7)]) {
    const lines = new Set(texts.flatMap((text) => said(peer, text)));
    const forms = [
      peer.name,
      roomPrefix(peer).slice(2, -2),
      ROOM_LINES.offline(peer).slice("Client ".length, -12),
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

// room.md 4.3
Deno.test("a name is like a peer's only if it has an address and a port", () => {
  for (const name of ["12:30", "dead:5", "[Bob]:1", "(a)", "('Bob', 1)", "10.0.0.1", "v1.2.3.4:5", "Bob"]) {
    assertEquals([name, isLikeAddress(name)], [name, false]);
    assertEquals(shownName(name, true), name);
  }
  for (const name of ["127.0.0.1:1", "[::1]:1", "('::1', 1, 0, 0)", "(10.0.0.1, 1)", "[10.0.0.1:1"]) {
    assertEquals([name, isLikeAddress(name)], [name, true]);
    assertEquals(shownName(name, true), `~${name}`);
    // without a room, only clients that want to are called so
    assertEquals(shownName(name, false), name);
  }
});

// room.md 1.5
Deno.test("the sender of a line that is too long is sent the limit", () => {
  assertEquals(ROOM_LINES.tooLong(4096), "A line must have at most 4096 bytes: yours was not sent\n");
});
