/**
 * The seal against a second implementation of its specification, in Python: seal_python/seal.py. It was written without
 * a look at the code here, on other libraries.
 */

import { assert, assertEquals } from "@std/assert";
import {
  authMessage,
  clientFinalBare,
  clientFirstBare,
  clientKeysOf,
  clientProof,
  encodeVerifier,
  GS2_HEADER,
  isClientProof,
  parseClientFinal,
  preparePassword,
  saltPassword,
  serverFinal,
  serverFirst,
  verifierOf,
} from "../../protocol/seal/scram.ts";
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
import { clientKeys, type DirectionKey, sealId, sealKey, serverKeys } from "../../protocol/seal/keys.ts";
import { RecordReader, RecordWriter, transferKeys } from "../../protocol/transfer/records.ts";
import { encodePrivateKey } from "../../protocol/syntax/key_text.ts";
import { pythonWith, runCommand } from "../program.ts";

const SCRIPT = new URL("seal_python/seal.py", import.meta.url).pathname;
const SPECIFICATION = new URL("../../protocol/seal.md", import.meta.url).pathname;

const python = await pythonWith("cryptography");
const ignore = python === undefined;

/** Vectors of each direction. Most of their time goes to start Python. */
const VECTORS = 40;

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** What a vector is computed from; bytes are hexadecimal. */
interface Given {
  service: string;
  "start id": string;
  cookie: string;
  "client key": string;
  "server key": string;
  "static key": string;
  password: string;
  salt: string;
  iterations: number;
  name: string;
  "client nonce": string;
  "server nonce": string;
  "to server": [number: number, plain: string][];
  "to client": [number: number, plain: string][];
  ticket: string;
  "records to server": [plain: string, isLast: boolean][];
  "records to client": [plain: string, isLast: boolean][];
}

type Made = Record<string, string>;

async function run(args: string[], input = ""): Promise<string[]> {
  const { code, out, err } = await runCommand([python!, SCRIPT, ...args], {
    input,
    env: { PYTHONIOENCODING: "utf-8", PYTHONDONTWRITEBYTECODE: "1" },
  });
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.trimEnd().split("\n");
}

/** Computes all that comes of the inputs, on both sides, and opens what is sealed. */
async function compute(given: Given): Promise<Made> {
  const [client, server, own] = (["client key", "server key", "static key"] as const)
    .map((name) => sealKey(Uint8Array.fromHex(given[name])));
  assert(client && server && own);
  const { service, "start id": startId, cookie } = given, id = sealId(client.public);
  const there = { id, startId, cookie }, back = { id, startId, cookie: "" };
  const keys = serverKeys({ service, id, startId }, server, own, client.public);
  assertEquals(clientKeys({ service, id, startId }, client, server.public, own.public), keys);
  const made: Made = {
    "client public": client.public.toHex(),
    "server public": server.public.toHex(),
    "static public": own.public.toHex(),
    "public text": own.text,
    "private text": encodePrivateKey(Uint8Array.fromHex(given["static key"])),
    hello: decoder.decode(encodeHello({ id, startId: "", cookie: "" }, client.public)),
    challenge: decoder.decode(encodeSealReply(there, "challenge")),
    "hello again": decoder.decode(encodeHello(there, client.public)),
    "to-server key": keys.toServer.key.toHex(),
    "to-client key": keys.toClient.key.toHex(),
    "to-server iv": keys.toServer.iv.toHex(),
    "to-client iv": keys.toClient.iv.toHex(),
    binding: keys.binding.toHex(),
    "files key": keys.files.toHex(),
    "hello answer": decoder.decode(encodeHelloAnswer(back, server.public, own.public, keys.confirm)),
    ...await computeLogin(given, keys.binding),
  };
  const directions: ["to server" | "to client", ">" | "<", typeof there, DirectionKey][] = [
    ["to server", ">", there, keys.toServer],
    ["to client", "<", back, keys.toClient],
  ];
  for (const [name, direction, header, key] of directions) {
    for (const [number, plain] of given[name]) {
      const sealer = new Sealer(direction, key);
      sealer.number = number - 1;
      const sealed = sealer.seal(header, Uint8Array.fromHex(plain));
      made[`${name.replace(" ", "-")} ${number}`] = sealed.toHex();
    }
  }
  return { ...made, ...await computeTransfer(given, keys.files) };
}

/** The keys and records of a transfer. */
async function computeTransfer(given: Given, filesKey: Uint8Array): Promise<Made> {
  const { toServer, toClient } = transferKeys(filesKey, given.ticket), made: Made = {};
  for (const [name, key] of [["to server", toServer], ["to client", toClient]] as const) {
    const dashed = name.replace(" ", "-");
    made[`transfer ${dashed} key`] = key.key.toHex();
    made[`transfer ${dashed} iv`] = key.iv.toHex();
    let number = 0;
    const writer = new RecordWriter(key, (record) => {
      made[`${dashed} record ${++number}`] = record.toHex();
      return Promise.resolve();
    });
    for (const [plain, isLast] of given[`records ${name}`]) {
      await writer.write(Uint8Array.fromHex(plain), isLast);
    }
  }
  return made;
}

async function computeLogin(given: Given, binding: Uint8Array): Promise<Made> {
  const { iterations } = given, salt = Uint8Array.fromHex(given.salt);
  const keys = clientKeysOf(await saltPassword(preparePassword(given.password), salt, iterations));
  const verifier = verifierOf(keys, salt, iterations);
  const bare = clientFirstBare(given.name, given["client nonce"]);
  const nonce = given["client nonce"] + given["server nonce"];
  const first = serverFirst(nonce, verifier), finalBare = clientFinalBare(nonce, binding);
  const message = authMessage(bare, first, finalBare);
  const final = `${finalBare},p=${clientProof(keys, message)}`;
  assert(isClientProof(parseClientFinal(final)!.proof, verifier, message));
  return {
    verifier: encodeVerifier(verifier),
    "client first": GS2_HEADER + bare,
    "server first": first,
    "client final": final,
    "server final": serverFinal(verifier, message),
  };
}

/** What only the other implementation shows: here it stays inside. */
const INSIDE = ["transcript hash", "secrets", "confirm key"];

// seal.md section 13
Deno.test(
  "python3-cryptography: a second implementation computes every test vector of seal.md",
  { ignore },
  async () => {
    const lines = await run(["vectors", SPECIFICATION]);
    assertEquals(lines.filter((line) => !line.endsWith(": right")), []);
    assert(lines.length >= 28, `${lines.length}`);
  },
);

// seal.md 3.1, 4.1, 5.4, 5.8, 5.10, 7.4
Deno.test(
  "python3-cryptography: what a second implementation makes is made here too, and opens",
  { ignore },
  async () => {
    for (const line of await run(["make", `${VECTORS}`])) {
      const { given, made } = JSON.parse(line) as { given: Given; made: Made };
      const here = await compute(given);
      for (const [name, value] of Object.entries(made)) {
        if (!INSIDE.includes(name)) assertEquals(here[name], value, `${name} of ${line}`);
      }
      assertOpens(given, made);
      await assertRecordsOpen(given, made);
    }
  },
);

/** Opens what the other side has sealed. */
function assertOpens(given: Given, made: Made) {
  const client = sealKey(Uint8Array.fromHex(given["client key"]));
  const answer = decodeSealToClient(encoder.encode(made["hello answer"]));
  assert(answer?.body.kind === "hello");
  const { header: { id, startId }, body: { key, server, confirm } } = answer;
  const keys = clientKeys({ service: given.service, id, startId }, client, key, server);
  assertEquals(confirm, keys.confirm);
  for (const name of ["to server", "to client"] as const) {
    const isToServer = name === "to server";
    for (const [number, plain] of given[name]) {
      const sealed = Uint8Array.fromHex(made[`${name.replace(" ", "-")} ${number}`]!);
      const decoded = isToServer ? decodeSealToServer(sealed) : decodeSealToClient(sealed);
      assertEquals(decoded?.body, { kind: "sealed", number });
      const opened = new Opener(isToServer ? keys.toServer : keys.toClient).open(sealed, number);
      assert(typeof opened !== "string", `${opened}`);
      assertEquals(opened.toHex(), plain);
    }
  }
}

/** Opens the records that the other side has sealed. */
async function assertRecordsOpen(given: Given, made: Made) {
  const { toServer, toClient } = transferKeys(Uint8Array.fromHex(made["files key"]!), given.ticket);
  for (const [name, key] of [["to server", toServer], ["to client", toClient]] as const) {
    const plains = given[`records ${name}`];
    const records = plains.map((_, i) =>
      Uint8Array.fromHex(made[`${name.replace(" ", "-")} record ${i + 1}`]!)
    );
    const reader = new RecordReader(key, (buffer) => {
      const record = records.shift();
      if (record !== undefined) buffer.set(record);
      return Promise.resolve(record?.length ?? null);
    });
    for (const [plain] of plains) assertEquals((await reader.next())?.toHex(), plain);
    assertEquals(await reader.next(), null);
  }
}

// seal.md 3.1, 4.1, 5.4, 5.8, 5.10, 7.4
Deno.test(
  "python3-cryptography: what is made here a second implementation makes too",
  { ignore },
  async () => {
    const vectors: string[] = [];
    for (let i = 0; i < VECTORS; i++) {
      const given = randomInput(i);
      vectors.push(JSON.stringify({ given, made: { ...await compute(given) } }));
    }
    const lines = await run(["check"], vectors.map((line) => `${line}\n`).join(""));
    assertEquals(new Set(lines), new Set([`47 compared, ${INSIDE.join(", ")} wrong`]));
    assertEquals(lines.length, VECTORS);
  },
);

const PASSWORDS = [
  "a",
  "correct horse",
  "en\u2003space\u00a0",
  "e\u0301\u0323 \u2126",
  "密码 😀",
  "n=,=2C",
  "x".repeat(1024),
];
const NAMES = ["alice", ",", "!@#$%.?,_-", "a,b,c", "Z".repeat(64)];

function randomInput(i: number): Given {
  const hex = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)).toHex();
  const base64 = () => crypto.getRandomValues(new Uint8Array(18)).toBase64();
  const below = (end: number) => Math.floor(Math.random() * end);
  const sealed = () =>
    [1, 9, 10, 255, 65536, MAX_NUMBER, 1 + below(MAX_NUMBER)]
      .map((number): [number, string] => [number, hex(below(1100))]);
  const records = () =>
    [1 + below(1024), 1 + below(5000), below(5000)]
      .map((length, i): [string, boolean] => [hex(length), i === 2]);
  return {
    service: ["mailbox", "forum"][i % 2]!,
    "start id": hex(4),
    cookie: hex(8),
    "client key": hex(32),
    "server key": hex(32),
    "static key": hex(32),
    password: PASSWORDS[i % PASSWORDS.length]!,
    salt: hex(16),
    iterations: 1 + below(3000),
    name: NAMES[i % NAMES.length]!,
    "client nonce": base64(),
    "server nonce": base64(),
    "to server": sealed(),
    "to client": sealed(),
    ticket: crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true }),
    "records to server": records(),
    "records to client": records(),
  };
}
