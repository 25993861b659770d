/** What a server sends to an address that has not shown that it receives anything: README.md 1.5. */

import { assert, assertEquals } from "@std/assert";
import { encodeHello } from "../../../../protocol/seal.ts";
import { sealId, sealKey } from "../../../../protocol/seal/keys.ts";
import { Peer } from "../../../program.ts";
import { withServer } from "../../serve.ts";

const ID = "A".repeat(22), LAST = "LAST".padEnd(22, "_"), KEY = sealKey(new Uint8Array(32).fill(1));
const MOST = 3;

/** Sends the datagram, and gives all that comes before the answer to another one. */
async function answers(peer: Peer, datagram: string): Promise<string[]> {
  await peer.send(datagram);
  await peer.send(`P1> ${LAST} - - 1`);
  for (const all: string[] = [];;) {
    const answer = await peer.receive();
    if (answer.startsWith(`P1< ${LAST}`)) return all;
    all.push(answer);
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** The shortest datagram of each kind that a stranger can send, and longer ones. */
function strangers(start: string, sealStart: string): Record<string, string> {
  const hello = new TextDecoder().decode(
    encodeHello({ id: sealId(KEY.public), startId: "", cookie: "" }, KEY.public),
  );
  return {
    "a session's first": `P1> ${ID} - - 1`,
    "one with the start ID": `P1> ${ID} ${start} - 1`,
    "one with a wrong cookie": `P1> ${ID} ${start} ${"0".repeat(28)} 1`,
    "one with a request": `P1> ${ID} ${start} - 1\nput,1,bob,alice,,,x`,
    "one with an old start ID": `P1> ${ID} 00000000 - 2\nbye`,
    "a hello": hello,
    "a hello with the start ID": hello.replace(" - - ", ` ${sealStart} - `),
    "the shortest sealed one": `S1> ${ID} - - 1\n${"x".repeat(16)}`,
    "a sealed one with the start ID": `S1> ${ID} ${sealStart} - 1\n${"x".repeat(16)}`,
    "a sealed one with a wrong cookie": `S1> ${ID} ${sealStart} ${"0".repeat(16)} 1\n${"x".repeat(16)}`,
    "a challenge for the administrator": "A,challenge",
    "a challenge, padded": `A,${" ".repeat(30)}challenge`,
    "a wrong proof": "A,x,x,status",
    "a control message without a proof": "A,x",
    "the same, longer": `A, ${"x".repeat(60)}`,
  };
}

const UNREADABLE = [
  ...["", "\0", "x", "P1>", "P1> ", "S1>", "S1> ", "P1> - - - 1", `P1> ${ID} - -`, `P1> ${ID} - - 1 `],
  ...[`P1> ${ID} - - 1\n`, `P1> ${ID} - - 1\nput`, `P1> ${ID} - - 1\nwhat,1`, `p1> ${ID} - - 1`],
  ...[
    `P1> ${"A".repeat(21)} - - 1`,
    `P1> ${ID} 0 - 1`,
    `P1> ${ID} - 0 1`,
    `P1> ${ID} - - 1${"0".repeat(1200)}`,
  ],
  ...[`S1> ${ID} - - hello`, `S1> ${ID} - - hello,x`, `S1> ${ID} - - 01\nx`, `S1> ${ID} - - `],
  ...["F", "R", "R,", "F, bob", "Q, bob", "N, x", "X", "A"],
];

async function startIds(peer: Peer): Promise<[string, string]> {
  const [session] = await answers(peer, `P1> ${ID} - - 1`);
  const [seal] = await answers(peer, strangers("-", "-")["the shortest sealed one"]!);
  return [session!.split(" ")[2]!, seal!.split(" ")[2]!];
}

for (const service of ["mailbox", "forum"] as const) {
  Deno.test(`an address that has proved nothing gets at most 3 times its bytes from the ${service}`, () =>
    withServer({ ports: { [service]: 0 } }, async ({ addresses: [address] }) => {
      using peer = new Peer(address!.port);
      const all = strangers(...await startIds(peer));
      for (const [name, datagram] of Object.entries(all)) {
        const got = await answers(peer, datagram), sent = got.reduce((sum, text) => sum + bytesOf(text), 0);
        assert(
          sent <= MOST * bytesOf(datagram),
          `${name}: ${bytesOf(datagram)} bytes are answered by ${sent}: ${got.join("\n")}`,
        );
        // nothing is carried out, and what answers has an answer
        if (name.startsWith("a session") || name.startsWith("a hello")) assertEquals(got.length, 1, name);
      }
    }));

  Deno.test(`the ${service} does not answer what it can't read`, () =>
    withServer({ ports: { [service]: 0 } }, async ({ addresses: [address] }) => {
      using peer = new Peer(address!.port);
      for (const datagram of UNREADABLE) assertEquals(await answers(peer, datagram), [], datagram);
    }));
}
