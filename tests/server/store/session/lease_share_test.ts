import { assertEquals } from "@std/assert";
import { LEASE_LIMITS, type TableLimits } from "../../../../server/quota/fair_table.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { temporaryDirectory } from "../../../program.ts";

const SMALL: TableLimits = { ...LEASE_LIMITS, all: 16, ofNetwork: 16, ofAccount: 16 };

let tag = 0;

/** A message for this user, and the lease that the user asks for from a network. */
function requests(account: string, network: string): StoreRequest[] {
  const put = { kind: "put", mailbox: account, sender: "a", time: 0, text: "x", bytes: 1 } as const;
  const lease = { kind: "lease", session: account, account, network, tag: ++tag, mailbox: account } as const;
  return [put, { ...lease, max: 1, maxBytes: 10, duration: 60_000, subscribe: false }];
}

// session.md 10.7
Deno.test("leases of those that have logged in are shared out by address, whatever accounts it has, over a restart", async () => {
  await using directory = await temporaryDirectory();
  const open = () =>
    new BatchEngine({
      directory: directory.path,
      limits: DEFAULT_LIMITS,
      leaseLimits: SMALL,
      onEvent() {},
    });
  let engine = open(), users = 0;
  /** How many leases this network gets, each for another user. */
  const fill = (network: string) => {
    for (let count = 0;; count++) {
      const [, leased] = engine.apply(requests(`user${users++}`, network)).outcomes;
      if (leased === "busy") return count;
    }
  };
  assertEquals([fill("192.0.2.1"), fill("192.0.2.1"), fill("192.0.2.2")], [4, 0, 3]);
  engine.close();
  engine = open();
  assertEquals([fill("192.0.2.1"), fill("192.0.2.2"), fill("192.0.2.3"), fill("")], [0, 0, 3, 2]);
  engine.close();
});

// store 8.1: a record of before leases were shared out comes to what it came to then
Deno.test("a configuration that says nothing about leases does not share them out", () => {
  const engine = new Engine({ directory: undefined });
  const apply = (number: number, ...requests: StoreRequest[]) => {
    const start = { number, canStore: true, wallClock: 1, monotonicClock: 1, random: new Uint8Array(32) };
    engine.begin(start);
    return requests.map((request) => engine.apply(request));
  };
  const parts = { limits: DEFAULT_LIMITS, takeBytesMax: 99, forumLimits: DEFAULT_FORUM_LIMITS };
  const configure = { kind: "configure", ...parts, sessionLimits: SMALL } as const;
  apply(1, configure);
  assertEquals(engine.configuration.leaseLimits, { ...LEASE_LIMITS, sharedOut: false });
  apply(2, { ...configure, leaseLimits: SMALL });
  assertEquals(engine.configuration.leaseLimits, SMALL);
  engine.close();
});
