import { assertEquals } from "@std/assert";
import { encodeAnswer, type SessionAnswer } from "../../../../protocol/session.ts";
import { Leases } from "../../../../server/wire/session/mailbox/leases.ts";
import type { SessionClient } from "../../../../server/wire/session/handler.ts";
import type { TableLimits } from "../../../../server/quota/fair_table.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";

// accounts.md 2.1
Deno.test("messages leased while the mailbox was given to an account go back, and are not sent", () => {
  const asked: { request: StoreRequest; done(outcome: never): void }[] = [], said: string[] = [];
  let owned = false;
  const leases = new Leases({
    store: {
      submit(request: StoreRequest, done: (outcome: never) => void) {
        asked.push({ request, done });
        return true;
      },
    } as never,
    monotonicClock: () => 0,
    isDenied: () => owned,
  });
  const client = {
    id: "A".repeat(22),
    account: "",
    network: "",
    receivedAt: 0,
    hostname: "127.0.0.1",
    answer: (answer: SessionAnswer) => void said.push(encodeAnswer(answer)),
    send: (line: string) => void said.push(line),
  };
  leases.request(client, { kind: "lease", t: 1, mailbox: "alice", max: 1, duration: 30_000, wait: 0 });
  // the account is on the disk before the store comes to the lease
  owned = true;
  leases.review("alice");
  const message = { id: 1, attempt: 1, sender: "bob", time: 0, text: "for alice" };
  asked[0]!.done({ token: "0".repeat(16), messages: [message] } as never);
  assertEquals(said, ["denied,1"]);
  assertEquals(asked.slice(1).map(({ request }) => request), [{
    kind: "release",
    session: client.id,
    tag: 1,
  }]);
});

/** Who waits, at a service where as many may as `limits` say. */
class Waits {
  readonly #leases: Leases;
  readonly #said: string[] = [];

  constructor(limits: TableLimits) {
    const submit = (_: StoreRequest, done: (outcome: never) => void) => {
      done("empty" as never);
      return true;
    };
    this.#leases = new Leases({ store: { submit } as never, monotonicClock: () => 0, limits });
  }

  client(network: string, account = ""): SessionClient {
    const send = (line: string) => void this.#said.push(line);
    const answer = (answer: SessionAnswer) => send(encodeAnswer(answer));
    return { id: network, account, network, receivedAt: 0, hostname: "127.0.0.1", answer, send };
  }

  /** Tags of the client that are known, the oldest first. */
  tags(client: SessionClient): number[] {
    return this.#leases.tagsOf(client);
  }

  /** Asks for a message, and gives the answer. */
  wait(client: SessionClient, t: number): string | undefined {
    this.#leases.request(client, {
      kind: "lease",
      t,
      mailbox: "bob",
      max: 1,
      duration: 30_000,
      wait: 60_000,
    });
    return this.#said.splice(0)[0]?.split(",")[0];
  }
}

// session.md 10.2
Deno.test("a network with as many waits as it may have loses its own oldest one", () => {
  const waits = new Waits({ all: 5, ofNetwork: 2, ofAccount: 1 });
  const stranger = waits.client("192.0.2.1"), other = waits.client("192.0.2.2");
  assertEquals([1, 2].map((t) => waits.wait(stranger, t)), ["pending", "pending"]);
  assertEquals(waits.wait(other, 1), "pending");
  // it asks again for the first, so that the second is the oldest
  waits.wait(stranger, 1);
  assertEquals(waits.wait(stranger, 3), "pending");
  assertEquals([waits.tags(stranger), waits.tags(other)], [[1, 3], [1]]);
});

// session.md 10.2
Deno.test("if there are as many waits as there may be, the network with most of them makes room", () => {
  const waits = new Waits({ all: 3, ofNetwork: 2, ofAccount: 1 });
  const own = waits.client(""), other = waits.client("192.0.2.2");
  assertEquals([1, 2, 3].map((t) => waits.wait(own, t)), ["pending", "pending", "pending"]);
  assertEquals(waits.wait(other, 1), "pending");
  assertEquals([waits.tags(own), waits.tags(other)], [[2, 3], [1]]);
});

// session.md 10.5
Deno.test("waits without an account take no room from those with one", () => {
  const waits = new Waits({ all: 4, ofNetwork: 4, ofAccount: 1 });
  const stranger = waits.client("192.0.2.1"), owner = waits.client("192.0.2.1", "al");
  for (let t = 1; t <= 9; t++) waits.wait(stranger, t);
  assertEquals([waits.wait(owner, 1), waits.wait(owner, 2)], ["pending", "busy"]);
  for (let t = 10; t <= 19; t++) waits.wait(stranger, t);
  assertEquals(waits.tags(owner), [1]);
});

Deno.test("a message for a session that was removed meanwhile goes to the next receiver", () => {
  const asked: { request: StoreRequest; done(outcome: never): void }[] = [], said: string[] = [];
  const leases = new Leases({
    store: {
      submit(request: StoreRequest, done: (outcome: never) => void) {
        asked.push({ request, done });
        return true;
      },
    } as never,
    monotonicClock: () => 0,
  });
  const [gone, next] = ["gone", "next"].map((id): SessionClient => {
    const send = (line: string) => void said.push(line);
    const answer = (answer: SessionAnswer) => send(encodeAnswer(answer));
    return { id, account: "", network: "", receivedAt: 0, hostname: "127.0.0.1", answer, send };
  }) as [SessionClient, SessionClient];
  for (const client of [gone, next]) {
    leases.request(client, { kind: "lease", t: 1, mailbox: "bob", max: 1, duration: 30_000, wait: 60_000 });
    asked.pop()!.done("empty" as never);
  }
  leases.ready("bob");
  leases.forget(gone);
  const leased = { token: "0".repeat(16), messages: [] };
  asked.shift()!.done(leased as never);
  assertEquals(asked.map(({ request }) => [request.kind, (request as { session: string }).session]), [
    ["release", "gone"],
    ["lease", "next"],
  ]);
});
