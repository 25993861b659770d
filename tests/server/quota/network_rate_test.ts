/** How often something may come from one address: of what is refused, others notice nothing. */

import { connect } from "node:net";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLimits } from "../../../client/command/status/report.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import { Networks } from "../../../server/quota/address.ts";
import { FairTable } from "../../../server/quota/fair_table.ts";
import { NetworkRate } from "../../../server/quota/network_rate.ts";
import { ReplyRate } from "../../../server/wire/mailbox/reply_rate.ts";
import type { Linked } from "../../../server/quota/owner_lists.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { UNWATCHED } from "../../../server/report/watch.ts";
import { OriginalWire } from "../../../server/wire/mailbox/original_wire.ts";
import { Peer } from "../../program.ts";
import { withAdministrator } from "../administrator.ts";

Deno.test("each IPv4 address and IPv6 /64 has a bucket of its own; this machine has none by default", () => {
  let now = 0;
  const options = { remotePerSecond: 2, monotonicClock: () => now };
  const rate = new NetworkRate({ ...options, perSecond: undefined });
  const take = (...hostnames: string[]) => hostnames.map((hostname) => rate.take(hostname));
  assertEquals(take("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"), [true, true, false]);
  assertEquals(take("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1"), [
    ...[true, true, false, true],
  ]);
  assertEquals(rate.fullest, 2);
  for (let i = 0; i < 100; i++) assertEquals(take("127.0.0.1", "::1", "127.9.9.9"), [true, true, true]);
  now = 500;
  assertEquals(take("192.0.2.1", "192.0.2.1"), [true, false]);
  now = 5000;
  assertEquals([rate.fullest, ...take("192.0.2.1", "192.0.2.1", "192.0.2.1")], [0, true, true, false]);
  const own = new NetworkRate({ ...options, perSecond: 1 });
  assertEquals([own.take("127.0.0.1"), own.take("127.0.0.1"), own.take("127.0.0.2")], [true, false, true]);
});

// session.md 10.8
Deno.test("datagrams of one address beyond its rate are dropped unread, and others are served", () =>
  withAdministrator({ datagramsPerSecond: 50 }, async ({ control, port }) => {
    using greedy = new Peer(port("mailbox"), "127.0.0.1", "127.0.0.9");
    using other = new Peer(port("mailbox"), "127.0.0.1", "127.0.0.8");
    for (let i = 0; i < 200; i++) await greedy.send("F, bob, mallory, spam");
    // read behind all of these
    assertEquals(await other.ask("R, carol"), "X");
    const status = (await control("status")).join("\n");
    const count = Number(/^refused datagram rate (\d+)$/m.exec(status)?.[1]);
    assert(count > 100 && count < 200, `${count}`);
    assertMatch(
      (await control("limits")).join("\n"),
      /^mailbox datagrams of an address,datagram-rate,[1-9]\d*,50$/m,
    );
  }));

// channels.md 6.4
Deno.test("connections of one address that come too fast are closed, and others are served", () => {
  const connections = {
    connections: 100,
    addressConnections: 3,
    messagesPerSecond: undefined,
    connectionsPerSecond: 1,
  };
  const hubLimits = { ...DEFAULT_OPTIONS.hubLimits, connections };
  return withAdministrator({ hubLimits }, async ({ control, port }) => {
    // the room answers a line that is too long
    const ask = (localAddress: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port: port("room"), host: "127.0.0.1", localAddress });
        socket.on("data", (bytes) => {
          if (String(bytes).includes("A line must have")) resolve("served"), socket.destroy();
        });
        socket.on("error", () => {}).on("close", () => resolve("closed"));
        socket.write(`${"x".repeat(5000)}\n`);
      });
    for (let i = 0; i < 3; i++) assertEquals(await ask("127.0.0.9"), "served");
    assertEquals([await ask("127.0.0.9"), await ask("127.0.0.8")], ["closed", "served"]);
    assertMatch((await control("status")).join("\n"), /^room too fast 1$/m);
    const name = "new connections of one address";
    const limit = (await readLimits(control)).find((limit) => limit.name === name);
    assertEquals(limit, { name, option: "connection-rate", used: 3, limit: 3 });
  });
});

// mailbox.md 7.1
Deno.test("replies of the original wire outside private networks have a rate for each prefix", () => {
  let now = 0, isStored = true;
  const sent: string[] = [], refused: string[] = [], taken: string[] = [];
  const wire = new OriginalWire({
    mailboxes: {
      take(mailbox: string, _: string, done: (outcome: unknown) => void) {
        taken.push(mailbox);
        done(isStored ? "empty" : "storage");
      },
    } as never,
    admin: { answer: () => undefined },
    originalFrom: new Networks(["0.0.0.0/0", "::/0"]),
    replyRate: new ReplyRate({ bytesPerSecond: 100, maxBytes: 40, monotonicClock: () => now }),
    timestamps: true,
    maxDatagramBytes: 400,
    metrics: new Metrics(),
    taps: { mailbox: UNWATCHED, admin: UNWATCHED },
    onRefused: (reason, { address }) => refused.push(`${address.hostname} ${reason}`),
    debug() {},
  });
  const ask = (hostname: string, count = 1) => {
    const address = { transport: "udp", hostname, port: 9 } as const;
    const socket = { send: (bytes: Uint8Array) => void sent.push(new TextDecoder().decode(bytes)) };
    for (let i = 0; i < count; i++) {
      wire.received(new TextEncoder().encode("R, bob"), { address, socket: socket as never });
    }
    return [sent.splice(0).length, refused.splice(0).length];
  };
  // each X has one byte
  assertEquals(ask("192.0.2.1", 1000), [100, 900]);
  assertEquals([ask("192.0.2.254"), ask("::ffff:192.0.2.7"), ask("192.0.3.1")], [[0, 1], [0, 1], [1, 0]]);
  assertEquals(ask("2001:db8::1", 1000), [100, 900]);
  assertEquals([ask("2001:db8:0:ff::1"), ask("2001:db8:0:100::1")], [[0, 1], [1, 0]]);
  for (const own of ["127.0.0.1", "10.0.0.1", "fd00::1"]) assertEquals(ask(own, 1000), [1000, 0]);
  // what is refused has taken nothing
  assertEquals(taken.splice(0).length, 100 + 100 + 3000 + 2);
  now = 200;
  assertEquals(ask("192.0.2.1", 100), [20, 80]);
  // no reply uses up nothing
  now = 10_000;
  isStored = false;
  assertEquals(ask("192.0.2.1", 1000), [0, 1000]);
  assertEquals(taken.splice(0).length, 1020);
});

// session.md 10.7
Deno.test("what is for accounts is shared out by network: each gets a quarter of what is left, whatever accounts it has", () => {
  const limits = { all: 1000, ofNetwork: 1000, ofAccount: 10, sharedOut: true };
  const table = new FairTable<Thing>(limits, (thing) => thing);
  let accounts = 0;
  /** Fills the table from this network, each time as another user. Gives how many things it got. */
  const fill = (network: string) => {
    for (let count = 0;; count++) {
      const origin = { network, account: `user ${accounts++}` };
      if (table.roomFor(origin) === "full") return count;
      table.add({ ...origin, older: undefined, newer: undefined, use: 0 });
    }
  };
  assertEquals([fill("192.0.2.1"), fill("192.0.2.1"), fill("192.0.2.2")], [250, 0, 188]);
  for (let i = 3; i < 10; i++) fill(`192.0.2.${i}`);
  assertEquals([fill("192.0.2.100"), fill(""), fill("192.0.2.1")], [19, 14, 0]);
});

// session.md 10.7
Deno.test("accounts that were made at one network have no more of it than a network, wherever they are logged in from", () => {
  const limits = { all: 1000, ofNetwork: 1000, ofAccount: 10, sharedOut: true };
  const table = new FairTable<Thing>(limits, (thing) => thing);
  const things: Thing[] = [];
  const fill = (maker: string | undefined) => {
    for (let count = 0;; count++) {
      const origin = { network: `10.0.0.${things.length}`, account: `user ${things.length}`, maker };
      if (table.roomFor(origin) === "full") return count;
      const thing = { ...origin, older: undefined, newer: undefined, use: 0 };
      things.push(thing);
      table.add(thing);
    }
  };
  assertEquals([fill("192.0.2.1"), fill("192.0.2.1"), fill("192.0.2.2")], [250, 0, 188]);
  for (const thing of things.splice(0, 250)) table.remove(thing);
  assertEquals([fill("192.0.2.2"), fill("192.0.2.1"), fill(undefined)], [62, 188, 562]);
});

interface Thing extends Linked<Thing> {
  network: string;
  account: string;
  maker?: string | undefined;
}
