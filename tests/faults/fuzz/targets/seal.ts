/** Handshakes, sealed datagrams, log-ins, and the texts of keys. */

import {
  decodeSealToClient,
  decodeSealToServer,
  encodeHello,
  encodeHelloAnswer,
  encodeSealReply,
  Opener,
  Sealer,
} from "../../../../protocol/seal.ts";
import {
  authMessage,
  decodeName,
  decodeVerifier,
  encodeName,
  encodeVerifier,
  GS2_HEADER,
  isClientProof,
  isServerFinal,
  parseClientFinal,
  parseClientFirst,
  parseServerFirst,
  preparePassword,
  tokenId,
} from "../../../../protocol/seal/scram.ts";
import {
  decodePrivateKey,
  decodePublicKey,
  encodePrivateKey,
  encodePublicKey,
} from "../../../../protocol/syntax/key_text.ts";
import { isFingerprint } from "../../../../protocol/syntax/fingerprint.ts";
import {
  describeDroppedSeal,
  describeLogin,
  describeLoginAnswer,
  describeSealToClient,
  describeSealToServer,
} from "../../../../protocol/describe/seal.ts";
import { allowing, type Bytes, bytesOf, holds, isSame, type Target, textOf } from "../engine/target.ts";
import { checkDescribed } from "./bounds.ts";

const ID = "A".repeat(22), KEY = "A".repeat(43), COOKIE = "1".repeat(16);

const DIRECTION = () => ({ key: new Uint8Array(32).fill(3), iv: new Uint8Array(12).fill(5) });

function sealed(plain: string): Bytes {
  return new Sealer(">", DIRECTION()).seal({ id: ID, startId: "00000001", cookie: "" }, bytesOf(plain));
}

export const SEAL_DATAGRAMS: Target = {
  name: "seal_datagrams",
  covers: ["protocol/"],
  words: [
    "S1> ",
    "S1< ",
    ID,
    KEY,
    COOKIE,
    "00000001",
    "hello,",
    "challenge",
    "unknown",
    "busy",
    "-",
    " ",
    ",",
    "\n",
    "268435456",
  ],
  seeds: [
    ...[
      `S1> ${ID} - - hello,${KEY}`,
      `S1> ${ID} 00000001 ${COOKIE} hello,${KEY}`,
      sealed("1\nbye"),
      sealed(""),
    ],
    ...["challenge", "unknown", "busy"].map((word) =>
      `S1< ${ID} 00000001 ${word === "challenge" ? COOKIE : "-"} ${word}`
    ),
    `S1< ${ID} 00000001 - hello,${KEY},${KEY},${KEY}`,
    `S1< ${ID} 00000001 - 7\n0123456789abcdefghij`,
  ],
  maxBytes: 1300,
  shortInputs: 2000,
  maxMs: 250,
  run(input) {
    const asked = decodeSealToServer(input), answered = decodeSealToClient(input);
    for (
      const what of [describeSealToServer(input), describeSealToClient(input), describeDroppedSeal(input)]
    ) {
      checkDescribed(what, input);
    }
    if (asked?.body.kind === "hello") {
      isSame(textOf(encodeHello(asked.header, asked.body.key)), textOf(input), "hello");
    }
    if (asked?.body.kind === "sealed") {
      const opener = new Opener(DIRECTION()), first = opener.open(input, asked.body.number);
      if (typeof first === "object") isSame(opener.open(input, asked.body.number), "twice", "opened");
      else holds(opener.highest === 0, () => "what is wrong has moved the window");
    }
    const body = answered?.body;
    if (body?.kind === "hello") {
      const { key, server, confirm } = body;
      isSame(textOf(encodeHelloAnswer(answered!.header, key, server, confirm)), textOf(input), "hello");
    } else if (body !== undefined && body.kind !== "sealed") {
      isSame(textOf(encodeSealReply(answered!.header, body.kind)), textOf(input), body.kind);
    }
  },
};

const NONCE = "0123456789abcdef", SALT = "A".repeat(22) + "==", HASH = "A".repeat(43) + "=";

export const LOGIN_TEXTS: Target = {
  name: "login_texts",
  covers: ["protocol/"],
  words: [
    ...[
      "n=",
      ",r=",
      ",s=",
      ",i=",
      ",p=",
      ",t=",
      "c=",
      "v=",
      "=2C",
      "=3D",
      "e=invalid-proof",
      GS2_HEADER,
      NONCE,
      SALT,
    ],
    ...[
      "SCRAM-SHA-256$600000:",
      "$",
      ":",
      HASH,
      "first,1,",
      "final,2,",
      "make,3,",
      "bye,4",
      "here",
      "wait,1,500",
    ],
    ...["token-0123abcd-", "public1", "private1", "sha256:", "\u200b", "\u00a0", "é", "e\u0301"],
  ],
  seeds: [
    ...[
      `${GS2_HEADER}n=alice,r=${NONCE}`,
      `${GS2_HEADER}n=a=2Cb,r=${NONCE},t=0123abcd`,
      `c=AAAA,r=${NONCE},p=${HASH}`,
    ],
    ...[`r=${NONCE}${NONCE},s=${SALT},i=600000`, `SCRAM-SHA-256$600000:${SALT}$${HASH}:${HASH}`, `v=${HASH}`],
    ...[`first,1,${ID},${GS2_HEADER}n=alice,r=${NONCE}`, `final,2,${ID},c=AAAA,r=${NONCE},p=${HASH}`, "here"],
    ...[
      `make,3,bob,SCRAM-SHA-256$600000:${SALT}$${HASH}:${HASH}`,
      "wait,1,500",
      "refused,1,no room",
      "none,1,closed",
    ],
    ...[`token-0123abcd-${ID}`, `sha256:${"0".repeat(64)}`, "pässword", "final,2,e=invalid-proof"],
    ...[encodePublicKey(new Uint8Array(32).fill(7)), encodePrivateKey(new Uint8Array(32).fill(7)), KEY],
  ],
  maxBytes: 16_384,
  shortInputs: 2000,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const text = textOf(input);
    const first = parseClientFirst(text), final = parseClientFinal(text);
    if (first !== undefined) isSame(decodeName(encodeName(first.name)), first.name, "name");
    const server = parseServerFirst(text, NONCE);
    if (server !== undefined) holds(server.salt.length === 16, () => "another salt");
    const verifier = decodeVerifier(text, 1);
    if (verifier !== undefined) {
      isSame(encodeVerifier(verifier), text, "verifier");
      if (final !== undefined) isClientProof(final.proof, verifier, authMessage(text, text, final.bare));
    }
    isServerFinal(text, { clientKey: new Uint8Array(32), serverKey: new Uint8Array(32) }, text);
    const prepared = allowing([TypeError, RangeError], () => preparePassword(text));
    if (prepared !== undefined) isSame(preparePassword(prepared), prepared, "password");
    tokenId(text), isFingerprint(text), decodeName(text);
    for (
      const [decode, encode] of [[decodePublicKey, encodePublicKey], [
        decodePrivateKey,
        encodePrivateKey,
      ]] as const
    ) {
      const key = allowing([SyntaxError], () => decode(text));
      if (key !== undefined) isSame(decode(encode(key)), key, "key");
    }
    for (const account of ["", "alice"]) {
      checkDescribed(describeLogin(ID, text, account), input);
      checkDescribed(describeLoginAnswer(ID, text, account), input);
    }
  },
};
