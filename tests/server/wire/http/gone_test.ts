/** Clients that are gone before they have their answer (http.md 8.4, 8.7). */

import { assertEquals } from "@std/assert";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import type { LeaseOutcome } from "../../../../server/store/requests/lease.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import type { HttpClient } from "../../../../server/wire/http/exchange.ts";
import { type GivenMessage, HttpReceivers } from "../../../../server/wire/http/mailbox/receivers.ts";
import { HttpPeer } from "../../../http.ts";
import { withHttp } from "./http_server.ts";

const CLIENT: HttpClient = {
  ...{ hostname: "192.0.2.1", port: 1, network: "192.0.2.1", account: "" },
  ...{ isTls: false, isPrivate: false },
};
const MESSAGE = { id: 7, attempt: 1, sender: "al", time: 0, text: "hi" };

/** Receivers, what they asked of the store, and what answers the first lease that is not answered. */
function withStore(
  use: (store: {
    receivers: HttpReceivers;
    asked: string[];
    answer(outcome: LeaseOutcome): void;
    receive(leaseMs?: number, waitMs?: number): { given: Promise<readonly GivenMessage[]>; cancel(): void };
  }) => Promise<void>,
): Promise<void> {
  const asked: string[] = [], open: ((outcome: never) => void)[] = [];
  const store = {
    submit(request: StoreRequest, done: (outcome: never) => void) {
      if (request.kind === "lease") {
        asked.push(`lease${request.taken ? " taken" : ""} ${request.tag}`);
        open.push(done);
      } else {asked.push(
          request.kind === "settle" ? `settle ${request.what.kind} ${request.id}` : request.kind,
        );}
      return true;
    },
  };
  const mailboxes = new Mailboxes({ store, wallClock: () => 0 });
  const receivers = new HttpReceivers({
    ...{ store, mailboxes, monotonicClock: () => 0 },
    random: (bytes) => new Uint8Array(bytes),
  });
  const receive = (leaseMs?: number, waitMs = 0) => {
    let cancel = () => {};
    const wanted = { mailbox: "bob", max: 1, waitMs, leaseMs };
    const given = receivers.receive(CLIENT, wanted, (withdraw) => cancel = withdraw);
    return { given, cancel: () => cancel() };
  };
  const answer = (outcome: LeaseOutcome) => open.shift()!(outcome as never);
  return use({ receivers, asked, answer, receive }).finally(() => receivers.close());
}

Deno.test("what the store gives to a client that is gone goes back at once", () =>
  withStore(({ asked, answer, receive }) => {
    for (const leaseMs of [undefined, 1000]) {
      const { cancel } = receive(leaseMs);
      cancel();
      answer({ token: "t", messages: [MESSAGE] });
    }
    assertEquals(asked, ["lease taken 1", "release", "lease 1", "release"]);
    return Promise.resolve();
  }));

Deno.test("a client that is gone while it waits is not given the next message", () =>
  withStore(async ({ receivers, asked, answer, receive }) => {
    const first = receive(1000, 60_000), second = receive(1000, 60_000);
    for (const _ of [first, second]) answer("empty");
    first.cancel();
    receivers.ready("bob");
    answer({ token: "t", messages: [MESSAGE] });
    assertEquals((await second.given).map(({ text }) => text), ["hi"]);
    assertEquals(asked.slice(0, 3), ["lease 1", "lease 1", "lease 1"]);
  }));

Deno.test("a take that could not be sent goes back, and one that was sent is removed; a lease is confirmed", () =>
  withStore(async ({ receivers, asked, answer, receive }) => {
    const { given } = receive();
    answer({ token: "t", messages: [MESSAGE] });
    const messages = await given;
    receivers.giveBack(messages);
    receivers.remove(messages, "");
    receivers.confirm(messages);
    assertEquals(asked, ["lease taken 1", "release", "settle ack 7", "confirm"]);
  }));

// http.md 1.5
Deno.test("a client that ends its side while it waits is not answered, and another one gets the message", () =>
  withHttp({}, async (port) => {
    using waiting = await HttpPeer.connect(port);
    await waiting.send("POST /mailbox/bob/receive?wait=30s");
    await waiting.conn.closeWrite();
    assertEquals(await new Response(waiting.conn.readable).text(), "");
    using peer = await HttpPeer.connect(port);
    await peer.request("POST /mailbox/bob", { body: "hi" });
    assertEquals((await peer.request("POST /mailbox/bob/receive")).body, "hi\n");
  }));
