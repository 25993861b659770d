/** Messages that are longer than a reply of the original wire, which come in over the session. */

import { assertEquals, assertLess } from "@std/assert";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { connectMailbox, SHARED_QUEUE } from "../../../../client/mailbox.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import type { StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { transcript, withServer } from "../../serve.ts";

/** With the sender `alice`, what makes a reply of just 1,024 bytes. */
const FITS = "x".repeat(988), LONG = "y".repeat(989), LONGEST = "Ω".repeat(32_500);

// mailbox.md 2.4, 2.5
Deno.test("a message that is longer than a reply stays for 'receive', and keeps nothing back that fits", () =>
  withServer({}, async (server, log) => {
    const [{ port }] = server.addresses as [Deno.NetAddr];
    await using mailbox = await connectMailbox({ port });
    for (const text of [LONG, "one", LONGEST, FITS]) await mailbox.send("bob", "alice", text);
    await transcript(
      server,
      `
      bob   > R, bob
      bob   < N, TIME, alice, one
      alice > F, bob, alice, two
      bob   > R, bob
      bob   < N, TIME, alice, ${FITS}
      bob   > R, bob
      bob   < N, TIME, alice, two
      bob   > R, bob
      bob   < X
      bob   > R, bob
      bob   < X
      carol > R, carol
      carol < X
      `,
    );
    const told = log.filter((line) => line.includes("too long for the original wire"));
    assertEquals(told.map((line) => line.replace(/^\S+ /, "")), [
      "warn mailbox - mailbox 'bob' has a message that is too long for the original wire: " +
      "it stays for 'wirepost receive'\n",
    ]);
    const received: string[] = [];
    for await (const message of mailbox.messages("bob", { wait: 0 })) {
      received.push(message.text);
      assertEquals(await message.ack(), true);
    }
    assertEquals(received, [LONG, LONGEST]);
  }));

for (const timestamps of [true, false]) {
  // mailbox.md 2.4
  Deno.test(`the shared queue gives no long message either, with timestamps ${timestamps ? "on" : "off"}`, () =>
    withServer({ timestamps }, async (server) => {
      const [{ port }] = server.addresses as [Deno.NetAddr];
      await using mailbox = await connectMailbox({ port });
      for (const length of [994, 993]) await mailbox.send(SHARED_QUEUE, "", "z".repeat(length));
      await transcript(
        server,
        `
        bob > req
        bob < nxt, ${timestamps ? "TIME, " : ""}${"z".repeat(993)}
        bob > req
        bob < xxx
        `,
      );
      assertEquals((await mailbox.stat(SHARED_QUEUE)).messages, 1);
    }));
}

// mailbox.md 2.3
Deno.test("--max-datagram lets longer replies out", () =>
  withServer({ maxDatagramBytes: 2048 }, async (server) => {
    const [{ port }] = server.addresses as [Deno.NetAddr];
    await using mailbox = await connectMailbox({ port });
    for (const length of [2013, 2012]) await mailbox.send("bob", "alice", "z".repeat(length));
    await transcript(
      server,
      `\nbob > R, bob\nbob < N, TIME, alice, ${"z".repeat(2012)}\nbob > R, bob\nbob < X`,
    );
  }));

const put = (text: string): StoreRequest => ({
  kind: "put",
  mailbox: "bob",
  sender: "alice",
  time: 0,
  text,
  bytes: text.length,
});
const take: StoreRequest = { kind: "take", mailbox: "bob" };
const lease = (tag: number, max: number): StoreRequest => (
  {
    kind: "lease",
    session: "s",
    tag,
    mailbox: "bob",
    max,
    maxBytes: 8192,
    duration: 60_000,
    subscribe: false,
  }
);

/** An engine on a directory of its own that takes messages of up to so many bytes, with their sender. */
class Subject implements Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "wirepost-long-" });
  readonly events: StoreEvent[] = [];
  engine: BatchEngine;

  constructor(takenBytes: number) {
    this.engine = this.#open(takenBytes);
  }

  #open(takeBytesMax: number): BatchEngine {
    const { directory, events } = this;
    return new BatchEngine({
      directory,
      limits: DEFAULT_LIMITS,
      takeBytesMax,
      onEvent: (event) => events.push(event),
    });
  }

  /** What each of these requests comes to, as text. */
  apply(...requests: StoreRequest[]): (string | string[])[] {
    return this.engine.apply(requests).outcomes.map((outcome) => {
      if (typeof outcome !== "object") return String(outcome);
      if ("messages" in outcome && typeof outcome.messages === "object") {
        return outcome.messages.map(({ text }) => text);
      }
      return "text" in outcome ? `${outcome.text}${"overtakes" in outcome ? " overtakes" : ""}` : "";
    });
  }

  /** @param meanwhile Has the closed database. */
  restart(takenBytes: number, meanwhile?: (db: DatabaseSync) => void) {
    this.engine.close();
    if (meanwhile !== undefined) {
      const db = new DatabaseSync(`${this.directory}/messages.db`);
      meanwhile(db);
      db.close();
    }
    this.engine = this.#open(takenBytes);
  }

  [Symbol.dispose]() {
    this.engine.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

const long = (n: number) => `${n}`.padEnd(20, "x");

Deno.test("a lease gives long and short messages in their order", () => {
  using s = new Subject(15);
  s.apply(...[long(1), "2", long(3), long(4), "5", "6", long(7)].map(put));
  assertEquals(s.apply(lease(1, 3)), [[long(1), "2", long(3)]]);
  assertEquals(s.apply(take), ["5 overtakes"]);
  assertEquals(s.apply(lease(2, 64)), [[long(4), "6", long(7)]]);
  assertEquals(s.apply(take), ["empty"]);
  s.apply({ kind: "release", session: "s", tag: 1 });
  assertEquals(s.apply(take, take, lease(3, 64)), ["2 overtakes", "too long", [long(1), long(3)]]);
});

// mailbox.md 2.6
Deno.test("a take passes over what is put with it in one batch, and that is told once", () => {
  using s = new Subject(15);
  assertEquals(
    s.apply(put(long(1)), put("2"), take, put(long(3)), take, put("4"), take, take),
    ["stored", "stored", "2 overtakes", "stored", "too long", "stored", "4 overtakes", "too long"],
  );
  assertEquals(s.apply(take), ["too long"]);
  assertEquals(s.events, [{ kind: "long", mailbox: "bob" }]);
});

Deno.test("a message that fits is found after any number of long messages at once, after a restart too", () => {
  using s = new Subject(15);
  const front = 100_000;
  for (let i = 0; i < front; i += 1000) s.apply(...Array.from({ length: 1000 }, (_, k) => put(long(i + k))));
  s.apply(...["1", "2", "3"].map(put));
  const { all } = StatementSync.prototype;
  let rows = 0;
  StatementSync.prototype.all = function (this: StatementSync, ...values) {
    const found = Reflect.apply(all, this, values);
    if (this.sourceSQL.includes("FROM message")) rows += found.length;
    return found;
  };
  try {
    assertEquals(s.apply(take), ["1 overtakes"]);
    s.restart(15);
    assertEquals(s.apply(take, take, take), ["2 overtakes", "3 overtakes", "too long"]);
  } finally {
    StatementSync.prototype.all = all;
  }
  assertLess(rows, 20);
  assertEquals(s.engine.counts.messages, front);
});

Deno.test("an existing data directory keeps everything, and with another limit the messages that fit now are found", () => {
  using s = new Subject(15);
  s.apply(...[long(1), "2", long(3), "4"].map(put));
  s.restart(15, (db) => {
    // as a server of before that kept it
    const before = MIGRATIONS.findIndex((step) => step.includes("CREATE TABLE taken"));
    const checked = [
      "lease",
      "message",
      "delayed",
      "dead",
      "session",
      "account",
      "thread",
      "entry",
      "content",
    ]
      .concat("channel", "said").map((table) => `ALTER TABLE ${table} DROP COLUMN checksum;`).join("");
    const renames = MIGRATIONS.find((step) => step.includes("RENAME"))!.split(";").toReversed().join(";")
      .replaceAll(/(\w+) RENAME TO (\w+)/g, "$2 RENAME TO $1")
      .replaceAll(/RENAME COLUMN (\w+) TO (\w+)/g, "RENAME COLUMN $2 TO $1");
    db.exec(`
      ${checked}
      ${
      ["given", "until", "confirmed", "use", "taken"].map((name) => `ALTER TABLE lease DROP COLUMN ${name};`)
        .join("")
    }
      ALTER TABLE account DROP COLUMN role;
      ALTER TABLE account DROP COLUMN tokens;
      ALTER TABLE account DROP COLUMN network;
      DROP TABLE covering;
      DROP TABLE request_key;
      DROP TABLE outcome;
      DROP INDEX dead_mailbox;
      ALTER TABLE session DROP COLUMN lacking;
      ALTER TABLE session ADD COLUMN outcomes TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE session DROP COLUMN use;
      ALTER TABLE session RENAME COLUMN used_at TO used;
      DROP TABLE forgotten;
      ALTER TABLE forgotten_times DROP COLUMN horizon;
      ALTER TABLE forgotten_times RENAME COLUMN latest TO start_time;
      ALTER TABLE forgotten_times RENAME TO horizon;
      ${renames};
      ALTER TABLE channel DROP COLUMN history;
      DROP TABLE channels_complete;
      DROP TABLE measure;
      DROP TABLE position;
      DROP TABLE configuration;
      DROP TABLE epoch;
      DROP TABLE engine;
      DROP TABLE checksums_complete;
      DROP TABLE taken;
      DROP INDEX message_order;
      ALTER TABLE message DROP COLUMN long;
      CREATE INDEX message_order ON message (mailbox, seq);
      PRAGMA user_version = ${before};
    `);
  });
  assertEquals(s.apply(take), ["2 overtakes"]);
  s.restart(100);
  assertEquals(s.apply(take, take), [long(1), long(3)]);
  s.restart(5);
  assertEquals(s.apply(take, lease(1, 64)), ["too long", ["4"]]);
});
