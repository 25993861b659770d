import { assertEquals } from "@std/assert";
import {
  decodeOriginalReply,
  decodeOriginalRequest,
  encodeMail,
  encodeNone,
  encodePut,
  encodeTake,
  isId,
  maxMessage,
  type OriginalFault,
  type OriginalReply,
  type OriginalRequest,
  SHARED_QUEUE,
  utf8Length,
} from "../../protocol/mailbox.ts";

const encoder = new TextEncoder();
const decode = (text: string, max?: number) => decodeOriginalRequest(encoder.encode(text), max);

function put(mailbox: string, sender: string, text: string): OriginalRequest {
  return { kind: "put", mailbox, sender, text, bytes: encoder.encode(text).length };
}
const take = (mailbox: string): OriginalRequest => ({ kind: "take", mailbox });

// mailbox.md 1.1
Deno.test("decodeRequest() reads every form of the wire", () => {
  const rows: [string, OriginalRequest][] = [
    ["for, hello", put(SHARED_QUEUE, "", "hello")],
    ["for,hello", put(SHARED_QUEUE, "", "hello")],
    ["req", take(SHARED_QUEUE)],
    ["F, bob, alice, hello", put("bob", "alice", "hello")],
    ["R, bob", take("bob")],
    ["A, challenge", { kind: "control", text: "challenge" }],
    ["A, n, h, count, bob", { kind: "control", text: "n, h, count, bob" }],
  ];
  for (const [datagram, request] of rows) assertEquals(decode(datagram), request, datagram);
});

// mailbox.md 1.1
Deno.test("decodeRequest() takes types in either case and ignores spaces around fields", () => {
  assertEquals(decode("FOR, x"), put(SHARED_QUEUE, "", "x"));
  assertEquals(decode("  Req  "), take(SHARED_QUEUE));
  assertEquals(decode("f,bob,alice,x"), put("bob", "alice", "x"));
  assertEquals(decode(" F ,  bob , alice  ,x"), put("bob", "alice", "x"));
  assertEquals(decode("r,  Bob B  "), take("Bob B"));
});

// mailbox.md 1.3
Deno.test("decodeRequest() keeps a message as it is, but for one space before it", () => {
  assertEquals(decode("F, b, a, 1, 2, 3"), put("b", "a", "1, 2, 3"));
  assertEquals(
    decode("F, b, a,  two spaces before, two after  "),
    put("b", "a", " two spaces before, two after  "),
  );
  assertEquals(decode("F, b, a,"), put("b", "a", ""));
  assertEquals(decode("F, b, a, "), put("b", "a", ""));
  assertEquals(decode("for,"), put(SHARED_QUEUE, "", ""));
  assertEquals(decode("F, b, a, Ω ✓ 😀 \t."), put("b", "a", "Ω ✓ 😀 \t."));
});

// mailbox.md 1.2
Deno.test("decodeRequest() takes one line end off a datagram", () => {
  assertEquals(decode("R, bob\n"), take("bob"));
  assertEquals(decode("R, bob\r\n"), take("bob"));
  assertEquals(decode("F, b, a, x \r\n"), put("b", "a", "x "));
  assertEquals(decode("R, bob\n\n"), "control character");
  assertEquals(decode("R, bob\r"), "control character");
});

// mailbox.md 1.2
Deno.test("decodeRequest() takes NULs at the end of a datagram for padding", () => {
  assertEquals(decode("R, bob\0"), take("bob"));
  assertEquals(decode("R, bob\n\0\0"), take("bob"));
  assertEquals(decode("R, bob\0\r\n\0"), take("bob"));
  assertEquals(decode("F, b, a, x \0"), put("b", "a", "x "));
  assertEquals(decode("A, challenge\0"), { kind: "control", text: "challenge" });
  assertEquals(decode("R, bob\0\n\n"), "control character");
  assertEquals(decode(`R, bob${"\0".repeat(1018)}`), take("bob"));
  assertEquals(decode(`R, bob${"\0".repeat(1019)}`), "too long");
});

// mailbox.md 1.4, 3.1
Deno.test("decodeOriginalRequest() returns why a datagram is no request", () => {
  const long = "x".repeat(65);
  const rows: [string, OriginalFault][] = [
    ["", "empty"],
    ["  ", "empty"],
    ["hello", "unknown type"],
    ["N, t, alice, x", "reply"],
    ["X", "reply"],
    ["nxt, x", "reply"],
    [" xxx ", "reply"],
    ["forward, x", "unknown type"],
    ["F; bob", "no comma after type"],
    ["F bob, alice, x", "no comma after type"],
    ["for: x", "no comma after type"],
    ["for", "type alone"],
    ["F", "type alone"],
    ["req,", "more than a type"],
    ["R", "type alone"],
    ["R, bob, alice", "more than a receiver"],
    ["F, bob", "no sender"],
    ["F, bob, alice", "no text"],
    ["A", "type alone"],
    ["A, ok, 3", "control reply"],
    ["A, Error, unknown nonce", "control reply"],
    ["A, events, 8f3a1c02, 1, 0", "control reply"],
    ["R,", "receiver missing"],
    ["R,   ", "receiver missing"],
    [`R, ${long}`, "receiver too long"],
    ["R, a\tb", "receiver with control character"],
    [`F, ${long}, alice, x`, "receiver too long"],
    [`F, bob, ${long}, x`, "sender too long"],
    ["F, bob,, x", "sender missing"],
    ["F, bob, a\tb, x", "sender with control character"],
    [`R, ${"Ω".repeat(33)}`, "receiver too long"],
    ["F, bob, admin, x", "reserved sender"],
    ["F, b, a, x\x00y", "control character"],
    ["\x00R, bob", "control character"],
    ["\x00", "empty"],
    ["F, b, a, x\x1b[2J", "control character"],
    ["F, b, a, x\x7f", "control character"],
    ["F, b, a, x\u0085", "control character"],
    ["F, b, a, x\ny", "control character"],
    ["x".repeat(1025), "too long"],
  ];
  for (const [datagram, fault] of rows) assertEquals(decode(datagram), fault, JSON.stringify(datagram));
  assertEquals(decodeOriginalRequest(new Uint8Array([0x52, 0x2c, 0xff])), "not UTF-8");
  assertEquals(decodeOriginalRequest(new Uint8Array([0x52, 0x2c, 0xed, 0xa0, 0x80])), "not UTF-8");
});

// mailbox.md section 7
Deno.test("decodeRequest() takes IDs up to 64 bytes", () => {
  assertEquals(decode(`R, ${"x".repeat(64)}`), take("x".repeat(64)));
  assertEquals(decode(`R, ${"Ω".repeat(32)}`), take("Ω".repeat(32)));
});

// mailbox.md 3.3
Deno.test("decodeRequest() refuses a message whose reply would not fit", () => {
  const fits = "x".repeat(maxMessage("b", "a"));
  const mail = { sender: "a", time: 0, text: fits };
  assertEquals(encodeMail("b", mail).length, 1024);
  assertEquals(decode(`F, b, a, ${fits}`), put("b", "a", fits));
  assertEquals(decode(`F, b, a, ${fits}x`), "text too long");
  const wide = "Ω".repeat(maxMessage(SHARED_QUEUE, "") / 2);
  assertEquals(decode(`for, ${wide}`), put(SHARED_QUEUE, "", wide));
  assertEquals(decode(`for, ${wide}Ω`), "text too long");
});

Deno.test("decodeRequest() never throws and only gives requests that keep the rules", () => {
  for (let i = 0; i < 20_000; i++) {
    const bytes = crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * 40)));
    const prefix = encoder.encode(["F,", "R,", "for,", "req", "A,", ""][i % 6]!);
    const request = decodeOriginalRequest(new Uint8Array([...prefix, ...bytes]));
    if (typeof request === "string" || request.kind === "control") continue;
    assertEquals(request.mailbox === SHARED_QUEUE || isId(request.mailbox), true);
    if (request.kind === "put") assertEquals(request.bytes, encoder.encode(request.text).length);
  }
});

// mailbox.md 2.1, 2.2
Deno.test("replies are written as the wire has them, and read back", () => {
  const mail = { sender: "alice", time: Date.UTC(2026, 0, 31, 12, 0, 0, 7), text: "a, b ✓ " };
  const rows: [Uint8Array, string, OriginalReply][] = [
    [encodeMail("bob", mail), "N, 2026-01-31T12:00:00.007Z, alice, a, b ✓ ", {
      kind: "mail",
      shared: false,
      mail,
    }],
    [encodeMail(SHARED_QUEUE, mail), "nxt, 2026-01-31T12:00:00.007Z, a, b ✓ ", {
      kind: "mail",
      shared: true,
      mail: { ...mail, sender: "" },
    }],
    [encodeMail(SHARED_QUEUE, mail, false), "nxt, a, b ✓ ", {
      kind: "mail",
      shared: true,
      mail: { sender: "", time: NaN, text: "a, b ✓ " },
    }],
    [encodeNone("bob"), "X", { kind: "none", shared: false }],
    [encodeNone(SHARED_QUEUE), "xxx", { kind: "none", shared: true }],
  ];
  for (const [bytes, text, reply] of rows) {
    assertEquals(new TextDecoder().decode(bytes), text);
    assertEquals(decodeOriginalReply(bytes), reply, text);
  }
});

// mailbox.md 3.2
Deno.test("decodeReply() reads replies of other servers, and no requests", () => {
  const reply = (text: string) => decodeOriginalReply(encoder.encode(text));
  assertEquals(reply("nxt,2020-01-01 10:00:00,hi"), {
    kind: "mail",
    shared: true,
    mail: { sender: "", time: Date.parse("2020-01-01 10:00:00"), text: "hi" },
  });
  assertEquals(reply("X\0"), { kind: "none", shared: false });
  for (const text of ["R, bob", "N, x", "", "hello", "F, a, b, c"]) assertEquals(reply(text), undefined);
  assertEquals(decodeOriginalReply(new Uint8Array([0x4e, 0x2c, 0xff])), undefined);
});

Deno.test("requests are read as they were written", () => {
  assertEquals(decodeOriginalRequest(encodePut("bob", "alice", "x, y")), put("bob", "alice", "x, y"));
  assertEquals(decodeOriginalRequest(encodePut(SHARED_QUEUE, "", "x, y")), put(SHARED_QUEUE, "", "x, y"));
  assertEquals(decodeOriginalRequest(encodeTake("bob")), take("bob"));
  assertEquals(decodeOriginalRequest(encodeTake(SHARED_QUEUE)), take(SHARED_QUEUE));
});

Deno.test("utf8Length() is the length that the encoder makes", () => {
  for (
    const text of ["", "a", "Ω", "✓", "😀", "a😀Ω✓b", "\ud800", "\ude00x", "x\ud83d", "\ud83d\ud83d\ude00"]
  ) {
    assertEquals(utf8Length(text), encoder.encode(text).length, JSON.stringify(text));
  }
});
