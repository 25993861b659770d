import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  connectOriginalMailbox,
  RefusedCommandError,
  type WatchUpdate,
} from "../../../client/original_mailbox.ts";
import { encodeControl } from "../../../protocol/mailbox.ts";
import { encodeEvent, encodeEvents, type WatchEvent } from "../../../protocol/watch.ts";

const SECRET = new TextEncoder().encode("a secret of an administrator");
const FILTER = { services: ["mailbox"], peers: [], names: [], texts: false };
const EVENT: WatchEvent = {
  time: "2026-01-31T12:00:00.000Z",
  direction: "in",
  service: "mailbox",
  peer: "127.0.0.1:1",
  what: "x",
};

/** A server that answers each command by the next answer, or by the last one, and sends `sent` after the first one. */
function scriptedServer(answers: readonly string[], sent: readonly string[]) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const commands: string[] = [];
  const running = (async () => {
    for await (const [datagram, from] of socket) {
      const text = new TextDecoder().decode(datagram);
      const send = (text: string) => socket.send(encodeControl(text), from);
      if (text.startsWith("A, challenge")) await send(`ok, ${"0".repeat(36)}`);
      else {
        commands.push(text.split(", ").slice(3).join(", "));
        await send(answers[Math.min(commands.length, answers.length) - 1]!);
        if (commands.length === 1) { for (const text of sent) await send(text); }
      }
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    commands,
    async [Symbol.asyncDispose]() {
      socket.close();
      await running;
    },
  };
}

// watch.md 3.3
Deno.test("events that were lost or left out are counted, and what is no event is ignored", async () => {
  const rows = (count: number) => Array(count).fill(encodeEvent(EVENT));
  await using server = scriptedServer(["ok, 8f3a1c02, 1, 0"], [
    encodeEvents("8f3a1c02", 1, 0, rows(2)),
    "events, 8f3a1c02, 3, 0\nnonsense",
    encodeEvents("00000000", 3, 0, rows(1)),
    encodeEvents("8f3a1c02", 6, 4, rows(1)),
    // one that comes late was counted as lost
    encodeEvents("8f3a1c02", 3, 4, rows(1)),
    encodeEvents("8f3a1c02", 7, 9, rows(3)),
  ]);
  await using mailbox = await connectOriginalMailbox({ port: server.port, timeout: 30_000 });
  const sum: Omit<WatchUpdate, "events"> & { events: number } = {
    events: 0,
    lost: 0,
    dropped: 0,
    isNew: false,
  };
  for await (const { events, lost, dropped, isNew } of mailbox.watch(SECRET, FILTER)) {
    sum.events += events.length;
    sum.lost += lost;
    sum.dropped += dropped;
    sum.isNew ||= isNew;
    if (sum.events >= 6) break;
  }
  assertEquals(sum, { events: 6, lost: 3, dropped: 9, isNew: false });
  // a watcher that ends says so
  assertEquals(server.commands, ["watch, 30, service=mailbox", "watch, 0, service=mailbox"]);
});

Deno.test("a subscription that is refused is an error", async () => {
  await using server = scriptedServer(["error, 4 watch already"], []);
  await using mailbox = await connectOriginalMailbox({ port: server.port, timeout: 30_000 });
  const error = await assertRejects(() => mailbox.watch(SECRET, FILTER).next(), RefusedCommandError);
  assertMatch(error.message, /^4 watch already$/);
});

// watch.md 1.2, 2.6
Deno.test("when the server stops, it is subscribed to anew at once", async () => {
  await using server = scriptedServer(["ok, 8f3a1c02, 1, 0", "ok, 00000001, 1, 0"], [
    encodeEvents("8f3a1c02", 1, 0, [encodeEvent(EVENT)]),
    encodeEvents("8f3a1c02", 2, 0, []),
  ]);
  await using mailbox = await connectOriginalMailbox({ port: server.port, timeout: 30_000 });
  let events = 0;
  for await (const update of mailbox.watch(SECRET, FILTER)) {
    events += update.events.length;
    if (update.isNew) break;
  }
  assertEquals(events, 1);
  assertEquals(server.commands.slice(0, 2), ["watch, 30, service=mailbox", "watch, 30, service=mailbox"]);
});
