import { assertEquals } from "@std/assert";
import type { SessionAnswer } from "../../protocol/session.ts";
import { LeaseService, type Tag } from "../../server/session_leases.ts";
import type { SessionClient } from "../../server/session_requests.ts";
import type { StoreRequest } from "../../server/store/store.ts";

Deno.test("what was leased for somebody while the mailbox got an owner goes back, and is not shown", () => {
  const asked: { request: StoreRequest; done(outcome: never): void }[] = [], said: SessionAnswer[] = [];
  let owned = false;
  const leases = new LeaseService({
    store: {
      submit(request: StoreRequest, done: (outcome: never) => void) {
        asked.push({ request, done });
        return true;
      },
    } as never,
    now: () => 0,
    isDenied: () => owned,
  });
  const client = {
    id: "A".repeat(22),
    user: undefined,
    network: "",
    heard: 0,
    tags: new Map<number, Tag>(),
    answer: (answer: SessionAnswer) => void said.push(answer),
  };
  leases.request(client, { kind: "lease", t: 1, mailbox: "alice", max: 1, duration: 30_000, wait: 0 });
  // the account is on the disk before the store comes to the lease
  owned = true;
  leases.review("alice");
  const message = { id: 1, attempt: 1, sender: "bob", time: 0, message: "for alice" };
  asked[0]!.done({ token: "0".repeat(16), messages: [message] } as never);
  assertEquals(said, [{ kind: "denied", t: 1 }]);
  assertEquals(asked.slice(1).map(({ request }) => request), [{
    kind: "release",
    session: client.id,
    tag: 1,
  }]);
});

Deno.test("one network can't take all waits", () => {
  const leases = new LeaseService({
    store: {
      submit(_: StoreRequest, done: (outcome: never) => void) {
        done("empty" as never);
        return true;
      },
    } as never,
    now: () => 0,
  });
  const said: SessionAnswer[] = [];
  const client = (id: number, network: string) => ({
    id: `${id}`,
    user: undefined,
    network,
    heard: 0,
    tags: new Map<number, Tag>(),
    answer: (answer: SessionAnswer) => void said.push(answer),
  });
  const wait = (client: SessionClient, t: number) => {
    leases.request(client, { kind: "lease", t, mailbox: "bob", max: 1, duration: 30_000, wait: 60_000 });
    return said.splice(0).map(({ kind }) => kind);
  };
  const many = Array.from({ length: 200 }, (_, id) => client(id, "192.0.2.1"));
  for (const client of many) for (let t = 1; t <= 50; t++) assertEquals(wait(client, t), ["pending"]);
  assertEquals(wait(many[0]!, 51), ["busy"]);
  assertEquals(wait(client(200, "192.0.2.2"), 1), ["pending"]);
  // this machine's own
  assertEquals(wait(client(201, ""), 1), ["pending"]);
  leases.forget(many[1]!);
  assertEquals(wait(many[0]!, 51), ["pending"]);
});
