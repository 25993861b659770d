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
  type OriginalReply,
  type OriginalRequest,
  type Refusal,
  SHARED_QUEUE,
  utf8Length,
} from "../../protocol/mailbox.ts";

const encoder = new TextEncoder();
const decode = (text: string, max?: number) => decodeOriginalRequest(encoder.encode(text), max);

function put(mailbox: string, sender: string, text: string): OriginalRequest {
  return { kind: "put", mailbox, sender, text, bytes: encoder.encode(text).length };
}
const take = (mailbox: string): OriginalRequest => ({ kind: "take", mailbox });

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

Deno.test("decodeRequest() takes types in either case and ignores spaces around fields", () => {
  assertEquals(decode("FOR, x"), put(SHARED_QUEUE, "", "x"));
  assertEquals(decode("  Req  "), take(SHARED_QUEUE));
  assertEquals(decode("f,bob,alice,x"), put("bob", "alice", "x"));
  assertEquals(decode(" F ,  bob , alice  ,x"), put("bob", "alice", "x"));
  assertEquals(decode("r,  Bob B  "), take("Bob B"));
});

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

Deno.test("decodeRequest() takes one line end off a datagram", () => {
  assertEquals(decode("R, bob\n"), take("bob"));
  assertEquals(decode("R, bob\r\n"), take("bob"));
  assertEquals(decode("F, b, a, x \r\n"), put("b", "a", "x "));
  assertEquals(decode("R, bob\n\n"), "not printable");
  assertEquals(decode("R, bob\r"), "not printable");
});

Deno.test("decodeRequest() takes NULs at the end of a datagram for padding", () => {
  assertEquals(decode("R, bob\0"), take("bob"));
  assertEquals(decode("R, bob\n\0\0"), take("bob"));
  assertEquals(decode("R, bob\0\r\n\0"), take("bob"));
  assertEquals(decode("F, b, a, x \0"), put("b", "a", "x "));
  assertEquals(decode("A, challenge\0"), { kind: "control", text: "challenge" });
  assertEquals(decode("R, bob\0\n\n"), "not printable");
  assertEquals(decode(`R, bob${"\0".repeat(1018)}`), take("bob"));
  assertEquals(decode(`R, bob${"\0".repeat(1019)}`), "too long");
});

Deno.test("decodeOriginalRequest() returns why a datagram is no request", () => {
  const long = "x".repeat(65);
  const rows: [string, Refusal][] = [
    ["", "unknown type"],
    ["hello", "unknown type"],
    ["N, t, alice, x", "unknown type"],
    ["X", "unknown type"],
    ["forward, x", "unknown type"],
    ["for", "malformed"],
    ["req,", "malformed"],
    ["R", "malformed"],
    ["R, bob, alice", "malformed"],
    ["F, bob", "malformed"],
    ["F, bob, alice", "malformed"],
    ["A", "malformed"],
    ["A, ok, 3", "malformed"],
    ["A, Error, unknown nonce", "malformed"],
    ["R,", "bad ID"],
    ["R,   ", "bad ID"],
    [`R, ${long}`, "bad ID"],
    ["R, a\tb", "bad ID"],
    [`F, ${long}, alice, x`, "bad ID"],
    ["F, bob,, x", "bad ID"],
    [`R, ${"Ω".repeat(33)}`, "bad ID"],
    ["F, bob, admin, x", "reserved sender"],
    ["F, b, a, x\x00y", "not printable"],
    ["\x00R, bob", "not printable"],
    ["\x00", "unknown type"],
    ["F, b, a, x\x1b[2J", "not printable"],
    ["F, b, a, x\x7f", "not printable"],
    ["F, b, a, x\u0085", "not printable"],
    ["F, b, a, x\ny", "not printable"],
    ["x".repeat(1025), "too long"],
  ];
  for (const [datagram, refusal] of rows) assertEquals(decode(datagram), refusal, JSON.stringify(datagram));
  assertEquals(decodeOriginalRequest(new Uint8Array([0x52, 0x2c, 0xff])), "not UTF-8");
  assertEquals(decodeOriginalRequest(new Uint8Array([0x52, 0x2c, 0xed, 0xa0, 0x80])), "not UTF-8");
});

Deno.test("decodeRequest() takes IDs up to 64 bytes", () => {
  assertEquals(decode(`R, ${"x".repeat(64)}`), take("x".repeat(64)));
  assertEquals(decode(`R, ${"Ω".repeat(32)}`), take("Ω".repeat(32)));
});

Deno.test("decodeRequest() refuses a message whose reply would not fit", () => {
  const fits = "x".repeat(maxMessage("b", "a"));
  const mail = { sender: "a", time: 0, text: fits };
  assertEquals(encodeMail("b", mail).length, 1024);
  assertEquals(decode(`F, b, a, ${fits}`), put("b", "a", fits));
  assertEquals(decode(`F, b, a, ${fits}x`), "too long");
  const wide = "Ω".repeat(maxMessage(SHARED_QUEUE, "") / 2);
  assertEquals(decode(`for, ${wide}`), put(SHARED_QUEUE, "", wide));
  assertEquals(decode(`for, ${wide}Ω`), "too long");
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

Deno.test("decodeOriginalReply() reads replies of other servers, and no requests", () => {
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
