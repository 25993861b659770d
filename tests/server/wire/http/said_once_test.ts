import { assertEquals, assertRejects } from "@std/assert";
import { Refusal } from "../../../../protocol/http/problem.ts";
import { ChannelRecord } from "../../../../server/service/hub/history.ts";
import type { UsedKey } from "../../../../server/store/requests/keyed.ts";
import { SaidOnce } from "../../../../server/wire/http/channel/said_once.ts";

// http.md 9.4, 9.5
Deno.test("what was said and could not be stored is not said again when it is repeated with its key", async () => {
  const record = new ChannelRecord("room", 10), channel = { record };
  let isDiskFull = true, saidCount = 0;
  const stored = new Map<string, UsedKey>();
  const hub = {
    setKey: ({ record }: typeof channel, key: UsedKey) => record.keys.set(key.id, key),
    stored() {
      if (!isDiskFull) {
        for (const used of record.keys.values()) stored.set(used.key, used);
        record.keys.clear();
      }
      return Promise.resolve(!isDiskFull);
    },
  };
  const store = { ask: ({ key }: { key: string }) => Promise.resolve(stored.get(key) ?? "new") };
  const saidOnce = new SaidOnce(hub as never, store as never, { ownerOf: (account) => account });
  const say = (key: string, digest: string) =>
    saidOnce.say(channel as never, { account: "ana" } as never, { key, digest }, () => {
      saidCount++;
      return { number: saidCount, time: 0 };
    });
  const codeOf = async (key: string, digest: string) =>
    (await assertRejects(() => say(key, digest), Refusal)).code;
  assertEquals(await codeOf("a", "1"), "storage");
  assertEquals(await codeOf("a", "1"), "storage");
  assertEquals(await codeOf("a", "2"), "other body");
  assertEquals(await codeOf("b", "1"), "storage");
  assertEquals(saidCount, 2);
  isDiskFull = false;
  assertEquals(await say("a", "1"), { number: 1, time: 0 });
  assertEquals(await say("b", "1"), { number: 2, time: 0 });
  assertEquals(await say("c", "1"), { number: 3, time: 0 });
  assertEquals([saidCount, await say("a", "1")], [3, { number: 1, time: 0 }]);
});
