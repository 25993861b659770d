/** What is said on the wire of a message whose attempt failed. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  decodeMailboxRequest,
  failureFields,
  type MailboxRequest,
} from "../../../../protocol/session/mailbox_requests.ts";
import { decodeRequests } from "../../../../protocol/session.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import type { DeadLetter } from "../../../../server/store/requests/message.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { Peer, temporaryDirectory } from "../../../program.ts";
import { withServer } from "../../serve.ts";

const TOKEN = "eca43648c5ecc233";
const header = `P1> ${"s".repeat(22)} - - 1`;

const decode = (line: string) =>
  decodeRequests(new TextEncoder().encode(`${header}\n${line}`), decodeMailboxRequest)?.requests;

/** The line of a request, with all that was read of it. */
function written(request: MailboxRequest & { kind: "back" | "fail" }): string {
  const { kind, n, token, ids } = request;
  return [kind, n, token, ...kind === "fail" ? [failureFields(request)] : [], ids.join(" ")].join(",");
}

// session.md 2.5
Deno.test("back and fail are read as they are written", () => {
  for (
    const line of [
      `back,1,${TOKEN},7`,
      `back,1,${TOKEN},7 8 9`,
      `fail,12,${TOKEN},0,1,exit 3,7`,
      `fail,12,${TOKEN},86400000,1000,signal 9,7 8`,
      `fail,12,${TOKEN},1,1,${"Ω".repeat(32)},7`,
    ]
  ) {
    assertEquals(
      decode(line)?.map((request) => written(request as MailboxRequest & { kind: "back" | "fail" })),
      [line],
    );
  }
});

// session.md 1.5
Deno.test("a back or fail that is not of the grammar is no datagram", () => {
  for (
    const line of [
      `back,1,${TOKEN}`,
      `back,1,${TOKEN},failed,7`,
      `back,1,${TOKEN},unused,7`,
      `back,1,ECA43648C5ECC233,7`,
      `fail,1,${TOKEN},0,5,exit 3`,
      `fail,1,${TOKEN},,5,exit 3,7`,
      `fail,1,${TOKEN},0,,exit 3,7`,
      `fail,1,${TOKEN},86400001,5,exit 3,7`,
      `fail,1,${TOKEN},-1,5,exit 3,7`,
      `fail,1,${TOKEN},0,0,exit 3,7`,
      `fail,1,${TOKEN},0,1001,exit 3,7`,
      `fail,1,${TOKEN},0,5,,7`,
      `fail,1,${TOKEN},0,5,a\x07b,7`,
      `fail,1,${TOKEN},0,5,exit, 3,7`,
      `fail,1,${TOKEN},0,5,${"x".repeat(65)},7`,
      `fail,1,${TOKEN},0,5,exit 3,`,
      `fail,1,short,0,5,exit 3,7`,
    ]
  ) assertEquals(decode(line), undefined, line);
});

// session.md 6.17, 6.19
Deno.test("a message that failed waits while the one behind it goes on, and comes back before it", async () => {
  await withServer({}, async (server) => {
    using peer = new Peer(server.addresses[0]!.port);
    const id = "s".repeat(22);
    const [, , startId, cookie] = (await peer.ask(`P1> ${id} - - 1`)).split(" ");
    /** Says this, and gives the answers without what differs from run to run. */
    const said = async (low: number, ...lines: string[]) => {
      await peer.send([`P1> ${id} ${startId} ${cookie} ${low}`, ...lines].join("\n"));
      return await heard();
    };
    const heard = async () => (await peer.receive()).split("\n").slice(1);
    const shown = (lines: string[]) =>
      lines.map((line) => line.replace(/,[0-9a-f]{16},(\d+),(\d+),\d{13},/, ",TOKEN,$1,$2,TIME,"));

    const puts = ["one", "two", "three"].map((text, i) => `put,${i + 1},bob,alice,,,${text}`);
    assertEquals(await said(1, ...puts), ["ok,1-3"]);
    const first = await said(4, "lease,1,bob,2,30000,0");
    assertEquals(shown(first), [
      "msg,1,1,2,TOKEN,1,1,TIME,alice,3,one",
      "msg,1,2,2,TOKEN,2,1,TIME,alice,3,two",
    ]);
    const token = first[0]!.split(",")[4]!;
    assertEquals(await said(4, `fail,4,${token},2000,5,exit 3,1`, `back,5,${token},2`), ["ok,4-5"]);
    assertEquals(await said(6, "stat,2,bob"), [
      "stat,2,messages 3,bytes 11,ready 2,leased 0,delayed 1,dead 0",
    ]);
    // said again, it changes nothing; and what is not there any more is lost
    assertEquals(await said(4, `fail,4,${token},2000,5,exit 3,1`), ["ok,4"]);
    assertEquals(await said(6, `fail,6,${token},2000,5,exit 3,99`), ["lost,6,99"]);
    assertEquals(shown(await said(7, "lease,3,bob,1,30000,0")), ["msg,3,1,1,TOKEN,2,1,TIME,alice,3,two"]);
    const third = await said(7, "got,3", "lease,4,bob,1,30000,0");
    const all = [...third, ...third.length < 2 ? await heard() : []];
    assertEquals(shown(all).toSorted(), ["got,3", "msg,4,1,1,TOKEN,3,1,TIME,alice,5,three"]);
    // nothing is ready: the wait ends when its time has come
    const answers = await said(7, "got,4", "lease,5,bob,1,30000,600000");
    while (!answers.some((line) => line.startsWith("msg,5,"))) answers.push(...await heard());
    assertEquals(shown(answers).toSorted(), ["got,4", "msg,5,1,1,TOKEN,1,2,TIME,alice,3,one", "pending,5"]);
    const last = answers.find((line) => line.startsWith("msg,5,"))!.split(",")[4]!;
    assertEquals(await said(7, `fail,7,${last},0,2,signal 9,1`), ["ok,7"]);
    assertEquals(await said(8, "stat,6,bob"), [
      "stat,6,messages 2,bytes 8,ready 0,leased 2,delayed 0,dead 1",
    ]);
  });
});

Deno.test("dead letters of an earlier version are kept, and their reason is not known", async () => {
  await using directory = await temporaryDirectory();
  const before = MIGRATIONS.findIndex((step) => step.includes("ALTER TABLE dead ADD COLUMN reason"));
  const db = new DatabaseSync(`${directory.path}/messages.db`);
  for (const step of MIGRATIONS.slice(0, before)) db.exec(step);
  db.exec(`
    INSERT INTO mailbox (id, name, messages, bytes) VALUES (1, 'bob', 1, 4);
    INSERT INTO message (seq, mailbox, sender, time, body, bytes, attempts) VALUES (2, 1, 'alice', 1000, 'left', 4, 3);
    INSERT INTO dead (id, mailbox, sender, time, body, bytes) VALUES (1, 'bob', 'alice', 999, 'dead', 4);
    UPDATE sequence SET last = 2;
    PRAGMA application_id = ${0x50726c79};
    PRAGMA user_version = ${before};
  `);
  db.close();
  const engine = new BatchEngine({ directory: directory.path, limits: DEFAULT_LIMITS, onEvent() {} });
  try {
    const [dead, taken, stat] = engine.apply([
      { kind: "dead", what: "list", after: 0, limit: 9 },
      { kind: "take", mailbox: "bob" },
      { kind: "stat" },
    ]).outcomes;
    const letter: DeadLetter = {
      id: 1,
      mailbox: "bob",
      sender: "alice",
      time: 999,
      attempts: 5,
      reason: "",
      bytes: 4,
      text: "dead",
    };
    assertEquals(dead, [letter]);
    assertEquals(taken, { sender: "alice", time: 1000, text: "left" });
    assertEquals(stat, { messages: 0, bytes: 0, ready: 0, leased: 0, delayed: 0, dead: 1 });
  } finally {
    engine.close();
  }
});
