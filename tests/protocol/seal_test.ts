import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeSealToClient,
  decodeSealToServer,
  encodeHello,
  encodeHelloAnswer,
  encodeSealReply,
  MAX_NUMBER,
  Opener,
  Sealer,
} from "../../protocol/seal.ts";
import { clientKeys, sealId, sealKey, serverKeys } from "../../protocol/seal/keys.ts";
import {
  authMessage,
  clientFinalBare,
  clientFirstBare,
  clientKeysOf,
  clientProof,
  encodeVerifier,
  GS2_HEADER,
  parseServerFirst,
  saltPassword,
  serverFinal,
  serverFirst,
  verifierOf,
} from "../../protocol/seal/scram.ts";

/** The test vectors of the specification, by their names. */
async function readVectors(): Promise<(name: string) => string> {
  const seal = await Deno.readTextFile(new URL("../../protocol/seal.md", import.meta.url));
  const [, block = ""] = /## 13\. Test vectors\n.*?```text\n(.*?)```/s.exec(seal) ?? [];
  const vectors = new Map(
    block.trimEnd().split("\n").map((line) => {
      const [, name = "", value = ""] = /^(.*?) += (.*)$/.exec(line) ?? [];
      return [name, value.replaceAll("\\n", "\n")];
    }),
  );
  return (name) => {
    const value = vectors.get(name);
    if (value === undefined) throw new Error(`The specification has no vector '${name}'`);
    return value;
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

// seal.md 3.1, 4.1
Deno.test("the seal computes the test vectors of its specification", async () => {
  const vector = await readVectors(), hex = (name: string) => Uint8Array.fromHex(vector(name));
  const client = sealKey(hex("client key")), server = sealKey(hex("server key"));
  const own = sealKey(hex("static key"));
  assertEquals(
    [client, server, own].map((key) => key.public.toHex()),
    ["client public", "server public", "static public"].map(vector),
  );
  const id = sealId(client.public), none = { id, startId: "", cookie: "" };
  assertEquals(text(encodeHello(none, client.public)), vector("hello"));
  const challenge = decodeSealToClient(bytes(vector("challenge")))!;
  assertEquals(challenge.body, { kind: "challenge" });
  const { startId, cookie } = challenge.header,
    there = { id, startId, cookie },
    back = { ...there, cookie: "" };
  assertEquals(text(encodeSealReply(there, "challenge")), vector("challenge"));
  assertEquals(text(encodeHello(there, client.public)), vector("hello again"));

  const exchange = { service: vector("service"), id, startId };
  const keys = serverKeys(exchange, server, own, client.public);
  const answer = encodeHelloAnswer(back, server.public, own.public, keys.confirm);
  assertEquals(text(answer), vector("hello answer"));
  const atClient = clientKeys(exchange, client, server.public, own.public);
  assertEquals(atClient.confirm, keys.confirm);
  assertEquals(atClient.binding.toHex(), vector("binding"));
  for (const { toServer, toClient, binding } of [keys, atClient]) {
    assertEquals([toServer.key, toClient.key].map((key) => key.toHex()), [
      vector("to-server key"),
      vector("to-client key"),
    ]);
    assertEquals([toServer.iv, toClient.iv].map((iv) => iv.toHex()), [
      vector("to-server iv"),
      vector("to-client iv"),
    ]);
    assertEquals(binding.toHex(), vector("binding"));
  }
  const up = new Sealer(">", keys.toServer), down = new Sealer("<", keys.toClient);
  const opened = { up: new Opener(keys.toServer), down: new Opener(keys.toClient) };
  const plains = ["plain 1", "plain 2", "plain 3", "plain 4", "plain 5", "plain 6"];
  for (const [i, plain] of plains.entries()) {
    const n = (i >> 1) + 1, toServer = i % 2 === 0;
    const sealed = toServer ? up.seal(there, bytes(vector(plain))) : down.seal(back, bytes(vector(plain)));
    assertEquals(sealed.toHex(), vector(`to-${toServer ? "server" : "client"} ${n}`));
    const opener = toServer ? opened.up : opened.down;
    assertEquals(text(opener.open(sealed, n) as Uint8Array), vector(plain));
    assertEquals(opener.open(sealed, n), "twice");
  }
});

// seal.md 5.4
Deno.test("the log-in of the specification's test vectors", async () => {
  const vector = await readVectors();
  const [, , sent = ""] = /^first,(\d+),(.*)$/.exec(vector("plain 1")) ?? [];
  const clientNonce = /r=(.*)$/.exec(sent)![1]!;
  const bare = clientFirstBare("alice", clientNonce);
  assertEquals(sent, GS2_HEADER + bare);
  const answer = vector("plain 2").slice("first,1,".length);
  const { salt, iterations, nonce } = parseServerFirst(answer, clientNonce)!;
  const keys = clientKeysOf(await saltPassword(vector("password"), salt, iterations));
  const verifier = verifierOf(keys, salt, iterations);
  assertEquals(encodeVerifier(verifier), vector("verifier"));
  assertEquals(serverFirst(nonce, verifier), answer);
  const final = clientFinalBare(nonce, Uint8Array.fromHex(vector("binding")));
  const message = authMessage(bare, answer, final);
  assertEquals(
    `final,2,${"A".repeat(22)},${final},p=${clientProof(keys, message)}`,
    vector("plain 3"),
  );
  assertEquals(`final,2,${serverFinal(verifier, message)}`, vector("plain 4"));
});

// seal.md 4.4, 4.5
Deno.test("a datagram under seal opens once, whole, in its direction, and only while its number is young", () => {
  const keys = serverKeys({ service: "s", id: "i", startId: "e" }, key(1), key(2), key(3).public);
  const header = { id: "A".repeat(22), startId: "00000001", cookie: "" };
  const sealer = new Sealer("<", keys.toClient);
  const sealed = Array.from({ length: 1100 }, (_, i) => sealer.seal(header, bytes(`${i + 1}`)));
  const opener = new Opener(keys.toClient);
  const open = (n: number) => {
    const plain = opener.open(sealed[n - 1]!, n);
    return typeof plain === "string" ? plain : Number(text(plain));
  };
  assertEquals([3, 1, 3, 2, 1].map(open), [3, 1, "twice", 2, "twice"]);
  assertEquals(
    [1030, 6, 7, 6, 1030, 1100, 76, 77, 1099, 1099].map(open),
    [
      1030,
      "twice",
      7,
      "twice",
      1030,
      1100,
      "twice",
      77,
      1099,
      "twice",
    ].map((n, i) => i === 4 ? "twice" : n),
  );
  assertEquals(opener.open(sealed[4]!, MAX_NUMBER + 1), "too often");
  assertEquals(new Opener(keys.toServer).open(sealed[0]!, 1), "wrong");
  assertEquals(new Opener(keys.toClient).open(sealed[0]!, 2), "wrong");
});

// seal.md 4.3
Deno.test("every bit of a sealed datagram counts", () => {
  const keys = serverKeys({ service: "s", id: "i", startId: "e" }, key(1), key(2), key(3).public);
  const header = { id: "A".repeat(22), startId: "00000001", cookie: "0123456789abcdef" };
  const sealed = new Sealer(">", keys.toServer).seal(header, bytes("1\nput,1,bob,alice,,,hi"));
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const number = decodeSealToServer(changed)?.body;
    if (number?.kind !== "sealed") continue;
    assertEquals(new Opener(keys.toServer).open(changed, number.number), "wrong", `bit ${bit}`);
  }
  for (let end = 0; end < sealed.length; end++) {
    const body = decodeSealToServer(sealed.subarray(0, end))?.body;
    if (body?.kind === "sealed") {
      assertEquals(new Opener(keys.toServer).open(sealed.subarray(0, end), body.number), "wrong");
    }
  }
});

// seal.md 1.3, 1.4
Deno.test("a datagram that the specification does not allow is no sealed one", () => {
  const id = "A".repeat(22), startId = "00000001", cookie = "0123456789abcdef", k = "A".repeat(43);
  const good = [`S1> ${id} - - hello,${k}`, `S1> ${id} ${startId} ${cookie} 1\n${"x".repeat(16)}`];
  for (const datagram of good) assert(decodeSealToServer(bytes(datagram)), datagram);
  const bad = [
    "",
    "S1>",
    `S1< ${id} - - hello,${k}`,
    `S1> ${id} - - hello,${k}\n`,
    `S1> ${id} - - hello,${k}x`,
    // unused bits that are not zero
    `S1> ${id} - - hello,${"A".repeat(42)}B`,
    `S1> ${id} - - hello`,
    `S1> ${id} - - 1`,
    `S1> ${id} - - 1\n${"x".repeat(15)}`,
    `S1> ${id} - - 01\n${"x".repeat(16)}`,
    `S1> ${id} - - 0\n${"x".repeat(16)}`,
    `S1> ${id} - - 1234567890\n${"x".repeat(16)}`,
    `S1> ${id}A - - 1\n${"x".repeat(16)}`,
    `S1> ${id} ${startId} ${cookie} 1\n${"x".repeat(1200)}`,
    `S1> ${id} 0000000é - 1\n${"x".repeat(16)}`,
  ];
  for (const datagram of bad) assertEquals(decodeSealToServer(bytes(datagram)), undefined, datagram);
  const badForClients = [
    `S1< ${id} - - unknown`,
    `S1< ${id} ${startId} ${cookie} unknown`,
    `S1< ${id} ${startId} - challenge`,
    `S1< ${id} ${startId} - hello,${k}`,
    `S1< ${id} ${startId} - what`,
  ];
  for (const datagram of badForClients) {
    assertEquals(decodeSealToClient(bytes(datagram)), undefined, datagram);
  }
});

/** Every way to write a point of X25519 of an order of 8 or less: with each secret key, the exchange comes to zeros. */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  // p - 1, p and p + 1, where p is 2^255 - 19
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.fromHex(hex)).flatMap((point) => {
  // the highest bit says nothing (RFC 7748, section 5)
  return [point, Uint8Array.from(point, (byte, i) => i === 31 ? byte | 0x80 : byte)];
});

// seal.md 2.7
Deno.test("a key that makes every secret zero is refused", () => {
  for (const point of LOW_ORDER) {
    assertThrows(() => serverKeys({ service: "s", id: "i", startId: "e" }, key(1), key(2), point), Error);
    assertThrows(
      () => clientKeys({ service: "s", id: "i", startId: "e" }, key(1), key(2).public, point),
      Error,
    );
    assertThrows(
      () => clientKeys({ service: "s", id: "i", startId: "e" }, key(1), point, key(2).public),
      Error,
    );
  }
});

// seal.md 3.2, 3.5, 5.5
Deno.test("what one handshake agrees upon is of use in no other: of another service, id, start or key", () => {
  const exchange = { service: "mailbox", id: "i", startId: "e" };
  const handshakes = [
    serverKeys(exchange, key(1), key(2), key(3).public),
    serverKeys({ ...exchange, service: "forum" }, key(1), key(2), key(3).public),
    serverKeys({ ...exchange, id: "other" }, key(1), key(2), key(3).public),
    serverKeys({ ...exchange, startId: "other" }, key(1), key(2), key(3).public),
    serverKeys(exchange, key(4), key(2), key(3).public),
    serverKeys(exchange, key(1), key(4), key(3).public),
    serverKeys(exchange, key(1), key(2), key(4).public),
  ];
  const all = handshakes.flatMap(({ toServer, toClient, confirm, binding, files }) =>
    [toServer.key, toServer.iv, toClient.key, toClient.iv, confirm, binding, files].map((of) => of.toHex())
  );
  assertEquals([all.length, new Set(all).size], [49, 49]);
});

// seal.md 4.14
Deno.test("a key that was erased is zeros, seals nothing and opens nothing, not even what zeros sealed", () => {
  const keys = serverKeys({ service: "s", id: "i", startId: "e" }, key(1), key(2), key(3).public);
  const header = { id: "A".repeat(22), startId: "00000001", cookie: "" };
  const sealer = new Sealer("<", keys.toClient), opener = new Opener(keys.toClient);
  const sealed = sealer.seal(header, bytes("1"));
  sealer.erase();
  opener.erase();
  assertEquals(keys.toClient, { key: new Uint8Array(32), iv: new Uint8Array(12) });
  assertThrows(() => sealer.seal(header, bytes("2")), TypeError);
  assertEquals(opener.open(sealed, 1), "wrong");
  assertEquals(opener.open(new Sealer("<", keys.toClient).seal(header, bytes("made up")), 1), "wrong");
});

function key(byte: number) {
  return sealKey(new Uint8Array(32).fill(byte));
}
