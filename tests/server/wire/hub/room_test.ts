import { assertEquals } from "@std/assert";
import { LinePeer } from "../../../stream.ts";
import { converse, type Writes } from "./conversation.ts";
import { withServer } from "../../serve.ts";

const rows: Readonly<Record<string, string>> = {
  "all others read who has come, what it says, and that it has gone": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    c enter
    a < [127.0.0.1:{c}] entered room
    b < [127.0.0.1:{c}] entered room
    a > hello
    b < \\r<('127.0.0.1', {a})> hello
    c < \\r<('127.0.0.1', {a})> hello
    b > 5 Ω, or more? ✓
    a < \\r<('127.0.0.1', {b})> 5 Ω, or more? ✓
    c < \\r<('127.0.0.1', {b})> 5 Ω, or more? ✓
  `,
  "a line may end with CR LF, be blank, and hold spaces and TAB": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    b > hello\\r
    b >
    b >   two  spaces\\t␣
    a < \\r<('127.0.0.1', {b})> hello
    a < \\r<('127.0.0.1', {b})>␣
    a < \\r<('127.0.0.1', {b})>   two  spaces\\t␣
  `,
  "NULs at either end of a line are padding, as programs in C send them": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    b > hello\\0
    b > \\0one\\0\\0\\r
    b > ${"\\0".repeat(5000)}two
    b > within\\0it
    b > \\0\\0
    a < \\r<('127.0.0.1', {b})> hello
    a < \\r<('127.0.0.1', {b})> one
    a < \\r<('127.0.0.1', {b})> two
    a < \\r<('127.0.0.1', {b})> within\ufffdit
    a < \\r<('127.0.0.1', {b})>␣
  `,
  "no client can make a line that looks like another's": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    b > hello\\r<('127.0.0.1', 1)> I am another
    b > \\x1b[2J
    a < \\r<('127.0.0.1', {b})> hello
    a < \\r<('127.0.0.1', {b})> <('127.0.0.1', 1)> I am another
    a < \\r<('127.0.0.1', {b})> \ufffd[2J
  `,
  "a line that is too long is dropped, and its sender gets an error line": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    b > before
    b > ${"x".repeat(4096)}
    b > ${"y".repeat(4097)}
    b > ${"z".repeat(10_000)}
    b > behind
    b < A line must have at most 4096 bytes: yours was not sent
    b < A line must have at most 4096 bytes: yours was not sent
    a < \\r<('127.0.0.1', {b})> before
    a < \\r<('127.0.0.1', {b})> ${"x".repeat(4096)}
    a < \\r<('127.0.0.1', {b})> behind
  `,
};

for (const writes of ["a message a write", "a byte a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    // room.md 1.2
    Deno.test(`room, ${writes}: ${row}`, () =>
      withServer({ ports: { room: 0 } }, (server) => converse(server, conversation, writes)));
  }
}

// room.md 1.3
Deno.test("a NUL behind the last line end is no line", () =>
  withServer({ ports: { room: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    using alice = await LinePeer.connect(port);
    using bob = await LinePeer.connect(port);
    assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
    await bob.write(new TextEncoder().encode("hello\n\0"));
    await bob.conn.closeWrite();
    assertEquals(await alice.next(), `\r<('127.0.0.1', ${bob.port})> hello`);
    assertEquals(await alice.next(), `Client (127.0.0.1, ${bob.port}) is offline`);
  }));

// room.md 1.1
Deno.test("the room says by its own address that a client has gone, and sends its last line without an end", () =>
  withServer({ ports: { room: 0 } }, async (server, log) => {
    const { port } = server.addresses[0]!;
    using alice = await LinePeer.connect(port);
    using bob = await LinePeer.connect(port);
    assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
    await bob.write(new TextEncoder().encode("bye"));
    bob.conn.close();
    assertEquals(await alice.next(), `\r<('127.0.0.1', ${bob.port})> bye`.replace(/NaN|undefined/, ""));
    assertEquals(await alice.next(), `Client (127.0.0.1, ${bob.port}) is offline`);
    assertEquals(log.join("").split("\n").filter((line) => /^C/.test(line)), [
      `Chat server started on port ${port}`,
      `Client (127.0.0.1, ${alice.port}) connected`,
      `Client (127.0.0.1, ${bob.port}) connected`,
      `Client (127.0.0.1, ${bob.port}) is offline`,
    ]);
  }));

// room.md 1.4
Deno.test("lines about clients of the room at IPv6 addresses have the form of Python", () =>
  withServer({ ports: { room: 0 }, hosts: ["::1"] }, async (server) => {
    const { port } = server.addresses[0]!;
    using alice = await LinePeer.connect(port, "::1");
    using bob = await LinePeer.connect(port, "::1");
    const bobs = bob.port;
    assertEquals(await alice.next(), `[[::1]:${bobs}] entered room`);
    await bob.send("hello");
    assertEquals(await alice.next(), `\r<('::1', ${bobs}, 0, 0)> hello`);
    bob.conn.close();
    assertEquals(await alice.next(), `Client (::1, ${bobs}) is offline`);
  }));
