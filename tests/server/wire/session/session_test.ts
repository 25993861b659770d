import { assertEquals } from "@std/assert";
import { decodeServiceAnswer } from "../../../../protocol/session/service_requests.ts";
import { decodeAnswers, encodeRequests } from "../../../../protocol/session.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { MailboxRequests } from "../../../../server/wire/session/mailbox/mailbox_requests.ts";
import { SessionWire } from "../../../../server/wire/session/session_wire.ts";
import { SessionStartTimes } from "../../../../server/wire/session/start_times.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";

// session.md 8.21
Deno.test("a client that has more outcomes than the state is answered unknown, and its session alone ends", async () => {
  const said: string[] = [], asked: string[] = [], ahead: number[] = [];
  const cookies = new Map<string, { startId: string; cookie: string }>();
  const store = {
      submit({ kind, session }: StoreRequest & { session: string }, done: (outcome: unknown) => void) {
        asked.push(`${kind} ${session[0]}`);
        done({ done: 2, outcomes: [] });
        return true;
      },
      gather: () => true,
    } as never,
    wallClock = () => 1_700_000_000_000,
    monotonicClock = () => 0;
  const service = new SessionWire({
    startTimes: new SessionStartTimes(0, wallClock),
    store,
    handler: new MailboxRequests({ store, mailboxes: new Mailboxes({ store, wallClock }), monotonicClock }),
    onAhead: ({ port }) => ahead.push(port),
    send(datagram) {
      const { header: { session, startId, cookie }, answers } = decodeAnswers(datagram, decodeServiceAnswer)!;
      if (cookie !== "") cookies.set(session, { startId, cookie });
      said.push(...answers.map(({ kind }) => kind));
    },
    wallClock,
    monotonicClock,
    random: (bytes) => new Uint8Array(bytes),
    setTimer: () => () => {},
  });
  const says = async (name: string, low: number, line: string) => {
    const session = name.repeat(22), from = { hostname: "192.0.2.1", port: name.charCodeAt(0) };
    // the first datagram of a session asks for its cookie
    for (let i = cookies.has(session) ? 1 : 0; i < 2; i++) {
      const header = { session, ...cookies.get(session) ?? { startId: "", cookie: "" }, low };
      service.received(encodeRequests(header, [line]), from);
    }
    // what is said goes out at the end of the turn
    await Promise.resolve();
    return said.splice(0);
  };
  assertEquals(await says("B", 3, "put,2,bob,al,,,x"), ["ok"]);
  assertEquals(await says("A", 4, "put,4,bob,al,,,x"), ["unknown"]);
  assertEquals(asked.splice(0), ["open B", "open A", "end A"]);
  // also if it shows later
  assertEquals(await says("B", 9, "put,9,bob,al,,,x"), ["unknown"]);
  assertEquals([asked, ahead, service.size], [["end B"], [65, 66], 0]);
});

// session.md 6.14
Deno.test("sessions are forgotten, and waits end, whatever the time of day is set to", async () => {
  let now = 1_700_000_000_000, clock = 0, callback = () => {};
  const said: string[] = [], from = { hostname: "192.0.2.1", port: 1 };
  let header = { session: "A".repeat(22), startId: "", cookie: "", low: 1 };
  const store = {
      submit({ kind }: StoreRequest, done: (outcome: never) => void) {
        done((kind === "open" ? "new" : "empty") as never);
        return true;
      },
      gather: () => true,
    } as never,
    wallClock = () => now,
    monotonicClock = () => clock;
  const service = new SessionWire({
    startTimes: new SessionStartTimes(0, wallClock),
    store,
    handler: new MailboxRequests({ store, mailboxes: new Mailboxes({ store, wallClock }), monotonicClock }),
    send(datagram) {
      const { header: { startId, cookie }, answers } = decodeAnswers(datagram, decodeServiceAnswer)!;
      header = { ...header, startId, cookie: cookie || header.cookie };
      said.push(...answers.map(({ kind }) => kind));
    },
    wallClock,
    monotonicClock,
    random: (bytes) => new Uint8Array(bytes),
    setTimer(_, again) {
      callback = again;
      return () => {};
    },
  });
  const hears = (...lines: string[]) => service.received(encodeRequests(header, lines), from);
  const pass = async (ms: number) => {
    clock += ms;
    callback();
    // what is said goes out at the end of the turn
    await Promise.resolve();
    return said.splice(0);
  };
  hears();
  hears("lease,1,bob,1,30000,10000");
  assertEquals(await pass(0), ["pending"]);
  now -= 86_400_000;
  assertEquals(await pass(10_000), ["none"]);
  now += 2 * 86_400_000;
  await pass(50_000);
  assertEquals(service.size, 1);
  await pass(1000);
  assertEquals(service.size, 0);
});
