import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  authMessage,
  clientFinalBare,
  clientFirstBare,
  clientKeysOf,
  clientProof,
  decodeName,
  decodeVerifier,
  encodeName,
  encodeVerifier,
  isClientProof,
  isServerFinal,
  parseClientFinal,
  parseClientFirst,
  parseServerFirst,
  preparePassword,
  SALT_BYTES,
  saltPassword,
  serverFinal,
  serverFirst,
  verifierOf,
} from "../../protocol/seal/scram.ts";

// seal.md 5.4
Deno.test("SCRAM-SHA-256 computes the example of RFC 7677, section 3", async () => {
  const clientNonce = "rOprNGfwEbeRWgbNEkqO";
  const bare = clientFirstBare("user", clientNonce);
  assertEquals(bare, "n=user,r=rOprNGfwEbeRWgbNEkqO");
  const first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
  const { nonce, salt, iterations } = parseServerFirst(first, clientNonce)!;
  const keys = clientKeysOf(await saltPassword("pencil", salt, iterations));
  const verifier = verifierOf(keys, salt, iterations);
  assertEquals(serverFirst(nonce, verifier), first);
  // the example binds no channel
  const final = clientFinalBare(nonce, new Uint8Array(), "n,,");
  assertEquals(final, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  const message = authMessage(bare, first, final);
  assertEquals(clientProof(keys, message), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  assertEquals(serverFinal(verifier, message), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
});

// seal.md 5.6
Deno.test("each side of a log-in believes the right proof alone", async () => {
  const salt = new Uint8Array(16).fill(7);
  const keys = clientKeysOf(await saltPassword("correct", salt, 600_000));
  const others = clientKeysOf(new Uint8Array(32));
  const verifier = verifierOf(keys, salt, 600_000);
  const final = clientFinalBare("nonce", new Uint8Array(32));
  const message = authMessage(clientFirstBare("alice", "no"), serverFirst("nonce", verifier), final);
  const { proof, bare } = parseClientFinal(`${final},p=${clientProof(keys, message)}`)!;
  assertEquals(bare, final);
  assert(isClientProof(proof, verifier, message));
  assert(!isClientProof(proof, verifier, `${message} `));
  assert(
    !isClientProof(parseClientFinal(`${final},p=${clientProof(others, message)}`)!.proof, verifier, message),
  );
  assert(isServerFinal(serverFinal(verifier, message), keys, message));
  assert(!isServerFinal(serverFinal(verifier, message), others, message));
  assert(!isServerFinal("v=", keys, message));
});

// seal.md 5.9, 5.10
Deno.test("a verifier is read as RFC 5803 writes it, and no weaker one", () => {
  const keys = clientKeysOf(new Uint8Array(32));
  const text = (salt: number, iterations: number) =>
    encodeVerifier(verifierOf(keys, new Uint8Array(salt), iterations));
  assertEquals(encodeVerifier(decodeVerifier(text(16, 600_000))!), text(16, 600_000));
  for (
    const bad of [
      "",
      text(15, 600_000),
      text(16, 599_999),
      text(16, 10_000_001),
      `${text(16, 600_000)}=`,
      `${text(16, 600_000)} `,
      text(16, 600_000).replace("256", "1"),
      text(16, 600_000).replace("$6", "$06"),
    ]
  ) assertEquals(decodeVerifier(bad), undefined, bad);
});

// seal.md 5.7
Deno.test("names are words, and a comma travels in them", () => {
  for (const name of ["a", "Yoda!@#$%.?_-9", "a,b", "x".repeat(64)]) {
    assert(!encodeName(name).includes(","));
    assertEquals(decodeName(encodeName(name)), name);
  }
  for (const bad of ["", "a b", "é", "a,b", "a=2c", "a=", "=3D", "x".repeat(65), "a\n"]) {
    assertEquals(decodeName(bad), undefined, bad);
  }
});

// seal.md 5.8
Deno.test("a password is prepared as an OpaqueString", () => {
  assertEquals(preparePassword("correct\u00a0horse \u3000"), "correct horse  ");
  assertEquals(preparePassword("A\u030angstro\u0308m"), "\u00c5ngstr\u00f6m");
  assertEquals(preparePassword("πß°å,ABC"), "πß°å,ABC");
  for (const bad of ["", "a\tb", "a\n", "\ud800", "a\u200bb", "\ue000", "\u0378"]) {
    assertThrows(() => preparePassword(bad), TypeError);
  }
  assertThrows(() => preparePassword("x".repeat(1025)), RangeError);
});

Deno.test("a message that RFC 5802 does not allow is none of a log-in", () => {
  const first = "p=parley-seal-1,,n=alice,r=12345678";
  const parsed = { name: "alice", nonce: "12345678", bare: "n=alice,r=12345678", token: undefined };
  assertEquals(parseClientFirst(first), parsed);
  const bare = "n=alice,r=12345678,t=0123abcd";
  assertEquals(parseClientFirst(`${first},t=0123abcd`), { ...parsed, bare, token: "0123abcd" });
  assertEquals(parseClientFirst(`${first},t=0123abc`), undefined);
  for (
    const bad of [
      "",
      "n,,n=alice,r=12345678",
      "y,,n=alice,r=12345678",
      "p=tls-exporter,,n=alice,r=12345678",
      "p=parley-seal-1,a=bob,n=alice,r=12345678",
      "p=parley-seal-1,,m=x,n=alice,r=12345678",
      `${first},x=1`,
      "p=parley-seal-1,,n=alice,r=1234567",
      "p=parley-seal-1,,n=,r=12345678",
    ]
  ) assertEquals(parseClientFirst(bad), undefined, bad);
  const salt = new Uint8Array(SALT_BYTES).toBase64(), answer = `r=12345678abc,s=${salt},i=600000`;
  assert(parseServerFirst(answer, "12345678"));
  for (
    const bad of [
      `r=12345678,s=${salt},i=600000`,
      `r=x2345678abc,s=${salt},i=600000`,
      `r=12345678abc,s=${salt.slice(0, -1)},i=600000`,
      `r=12345678abc,s=${salt},i=0`,
      `r=12345678abc,s=${salt},i=600000,x`,
      `m=x,r=12345678abc,s=${salt},i=600000`,
      // salts of another length (seal.md 5.9)
      ...[1, 15, 17, 32].map((bytes) => `r=12345678abc,s=${new Uint8Array(bytes).toBase64()},i=600000`),
    ]
  ) assertEquals(parseServerFirst(bad, "12345678"), undefined, bad);
  const proof = `p=${"A".repeat(43)}=`;
  assert(parseClientFinal(`c=AAAA,r=x,${proof}`));
  for (const bad of ["", `c=AAAA,r=x`, `c=AAAA,r=x,p=AAAA`, `c=AAAA,r=x,${proof},y`, `r=x,c=AAAA,${proof}`]) {
    assertEquals(parseClientFinal(bad), undefined, bad);
  }
});
