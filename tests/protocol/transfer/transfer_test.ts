import { assert, assertEquals } from "@std/assert";
import {
  decodeTransferAnswer,
  decodeTransferRequest,
  encodeTransferAnswer,
  encodeTransferRequest,
  isFileName,
  isUploadProof,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
  type TransferAnswer,
  type TransferRequest,
  uploadProof,
} from "../../../protocol/transfer.ts";

const TICKET = "4fJmX0b2TzWq7yR1sNcVbA";

/** Those of the specification's example. */
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const HASH = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const SUM = "2a2d34512e457143fe78c9f55b7b2095f64da0664369eb72410555accd9ba000";
const STORED = "56cab21563f1480a5ba2cb4e4e6434b10fb169378c8172e8c09a786349ae0f0b";

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

Deno.test("requests of a transfer are the lines that the specification shows", () => {
  const lines: [TransferRequest, string][] = [
    [{ kind: "upload", ticket: TICKET }, `P1 upload ${TICKET}`],
    [{ kind: "from", offset: 0 }, "P1 from 0"],
    [{ kind: "from", offset: 4 * 1024 ** 3 }, "P1 from 4294967296"],
    [{ kind: "sum", mac: SUM }, `P1 sum ${SUM}`],
    [{ kind: "download", ticket: TICKET, offset: 0 }, `P1 download ${TICKET} 0`],
    [{ kind: "download", ticket: TICKET, offset: 1_048_576 }, `P1 download ${TICKET} 1048576`],
    [{ kind: "download", ticket: TICKET, offset: 4 * 1024 ** 3 }, `P1 download ${TICKET} 4294967296`],
  ];
  for (const [request, line] of lines) {
    assertEquals(text(encodeTransferRequest(request)), `${line}\n`);
    assertEquals(decodeTransferRequest(line), request);
    assert(line.length <= MAX_REQUEST_BYTES);
  }
});

// transfer.md 1.2
Deno.test("a malformed request of a transfer is not decoded", () => {
  const lines = [
    "",
    "P1",
    "P1 upload",
    `P1 upload ${TICKET} `,
    `P1 upload ${TICKET} 0`,
    `P1 upload ${TICKET}x`,
    `P1 upload ${TICKET.slice(1)}`,
    `P1 upload ${TICKET.slice(1)}=`,
    `P1  upload ${TICKET}`,
    ` P1 upload ${TICKET}`,
    `P2 upload ${TICKET}`,
    `P1 UPLOAD ${TICKET}`,
    `P1 download ${TICKET}`,
    `P1 download ${TICKET} `,
    `P1 download ${TICKET} -1`,
    `P1 download ${TICKET} 01`,
    `P1 download ${TICKET} 1e3`,
    `P1 download ${TICKET} 12345678901234567`,
    `P1 download ${TICKET} 0 0`,
    "P1 from",
    "P1 from ",
    "P1 from 01",
    "P1 from -1",
    "P1 from 0 0",
    `P1 from 0 ${HASH}`,
    "P1 sum",
    `P1 sum ${SUM.slice(1)}`,
    `P1 sum ${SUM.toUpperCase()}`,
    `P1 sum ${SUM} ${SUM}`,
    "GET / HTTP/1.1",
  ];
  for (const line of lines) assertEquals(decodeTransferRequest(line), undefined, line);
});

Deno.test("answers of a transfer are the lines that the specification shows", () => {
  const lines: [TransferAnswer, string][] = [
    [{ kind: "from", offset: 0 }, "P1 from 0"],
    [{ kind: "from", offset: 1_048_576 }, "P1 from 1048576"],
    [{ kind: "wait" }, "P1 wait"],
    [{ kind: "from", offset: 6, hash: HASH }, `P1 from 6 ${HASH}`],
    [{ kind: "stored", mac: STORED }, `P1 stored ${STORED}`],
    [{ kind: "no", code: "ticket", text: "" }, "P1 no ticket"],
    [
      { kind: "no", code: "thread", text: "File a exists in Thread b" },
      "P1 no thread File a exists in Thread b",
    ],
  ];
  for (const [answer, line] of lines) {
    assertEquals(text(encodeTransferAnswer(answer)), `${line}\n`);
    assertEquals(decodeTransferAnswer(line), answer);
  }
  for (
    const line of ["", "P1", "P1 from", "P1 from x", "P1 no", "P1 no idea", "P1 stored ", "N, x"].concat([
      "P1 stored",
      `P1 stored ${STORED} x`,
      `P1 stored ${STORED.slice(1)}`,
      "P1 from 6 x",
      `P1 from 6 ${HASH} x`,
    ])
  ) {
    assertEquals(decodeTransferAnswer(line), undefined, line);
  }
});

// transfer.md 3.3, 3.4, 3.5
Deno.test("the proofs of an upload are those that the specification shows, and others are refused", () => {
  assertEquals(uploadProof("sum", KEY, HASH), SUM);
  assertEquals(uploadProof("stored", KEY, HASH), STORED);
  assert(isUploadProof(SUM, "sum", KEY, HASH));
  assert(isUploadProof(STORED, "stored", KEY, HASH));
  for (const mac of ["", STORED, SUM.slice(1), `${SUM}0`, SUM.toUpperCase(), SUM.replace("2", "3")]) {
    assert(!isUploadProof(mac, "sum", KEY, HASH), mac);
  }
  assert(!isUploadProof(SUM, "sum", KEY, HASH.replace("b", "c")), "another content");
  assert(!isUploadProof(SUM, "sum", `B${KEY.slice(1)}`, HASH), "another key");
});

Deno.test("a refusal's text forges no line, and is cut between characters", () => {
  assertEquals(
    text(encodeTransferAnswer({ kind: "no", code: "thread", text: "a\nP1 stored\r\x1b" })),
    "P1 no thread a?P1 stored??\n",
  );
  for (const character of ["x", "é", "€", "😀"]) {
    const line = text(encodeTransferAnswer({ kind: "no", code: "full", text: character.repeat(2000) }));
    assert(new TextEncoder().encode(line).length <= MAX_ANSWER_BYTES + 1);
    assert(new TextEncoder().encode(line).length > MAX_ANSWER_BYTES - 4);
    assert(line.endsWith(`${character}\n`));
  }
});

// transfer.md 5.1
Deno.test("a file's name is one word, never a path", () => {
  for (const name of ["a", "notes.txt", "CON", "...", "-rf", "!@#$%.?,_-", "x".repeat(128)]) {
    assert(isFileName(name), name);
  }
  for (
    const name of [
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "/etc/passwd",
      "a\\b",
      "a b",
      "a\0",
      "a\n",
      "é",
      "~",
      "c:x",
      "x".repeat(129),
    ]
  ) assert(!isFileName(name), name);
});
