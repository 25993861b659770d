import { assertEquals } from "@std/assert";
import { decodeServiceAnswer } from "../../../../protocol/session/service_requests.ts";
import { decodeAnswers, encodeRequests } from "../../../../protocol/session.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { MailboxRequests } from "../../../../server/wire/session/mailbox/mailbox_requests.ts";
import { SessionWire } from "../../../../server/wire/session/session_wire.ts";
import { SessionStartTimes } from "../../../../server/wire/session/start_times.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";

const LIMITS = { all: 3, ofNetwork: 3, ofAccount: 3 };

/** Sessions of one address, and a store that says of each that it is new when the test lets it. */
class Subject {
  readonly service: SessionWire<{ hostname: string; port: number }>;
  readonly #from = { hostname: "192.0.2.1", port: 1 };
  readonly #cookies = new Map<string, { startId: string; cookie: string }>();
  #opening: ((outcome: never) => void)[] = [];
  #said: string[] = [];

  constructor(tableLimits = LIMITS) {
    const store = {
        submit({ kind }: StoreRequest, done: (outcome: never) => void) {
          if (kind === "open") opening().push(done);
          return true;
        },
        gather: () => true,
      } as never,
      wallClock = () => 1_700_000_000_000,
      monotonicClock = () => 0;
    this.service = new SessionWire({
      startTimes: new SessionStartTimes(0, wallClock),
      store,
      handler: new MailboxRequests({ store, mailboxes: new Mailboxes({ store, wallClock }), monotonicClock }),
      send: (datagram) => {
        const { header: { session, startId, cookie }, answers } = decodeAnswers(
          datagram,
          decodeServiceAnswer,
        )!;
        if (cookie !== "") this.#cookies.set(session, { startId, cookie });
        this.#said.push(
          ...answers.map((answer) => "from" in answer ? `${answer.kind},${answer.from}` : answer.kind),
        );
      },
      wallClock,
      monotonicClock,
      random: (bytes) => new Uint8Array(bytes),
      setTimer: () => () => {},
      tableLimits,
    });
    const opening = () => this.#opening;
  }

  /** Sends a datagram of a session, once that has its cookie. */
  says(name: string, ...lines: string[]) {
    const session = name.padEnd(22, "_"), from = this.#from;
    if (!this.#cookies.has(session)) {
      this.service.received(encodeRequests({ session, startId: "", cookie: "", low: 1 }, []), from);
    }
    const header = { session, ...this.#cookies.get(session)!, low: 1 };
    this.service.received(encodeRequests(header, lines), from);
  }

  /** Lets the store answer, and gives what the clients are told. */
  async opens(): Promise<string[]> {
    for (const done of this.#opening.splice(0)) done("new" as never);
    // what is said goes out at the end of the turn
    await Promise.resolve();
    return this.#said.splice(0);
  }
}

Deno.test("a session that ends before the server has looked it up leaves the table as full as it is", async () => {
  const s = new Subject();
  s.says("A");
  s.says("B");
  await s.opens();
  s.says("C", "bye");
  s.says("C", "put,1,bob,,,,x");
  await s.opens();
  assertEquals(s.service.size, 2);
  for (let i = 0; i < 9; i++) {
    s.says(`${i}`);
    await s.opens();
    assertEquals([s.service.size, s.service.tables[0]?.[1].anonymous], [3, 3]);
  }
});

Deno.test("requests after the end of a session take no memory from others", async () => {
  const s = new Subject({ all: 1000, ofNetwork: 1000, ofAccount: 1000 });
  const numbers = [...Array(1000).keys()].map((i) => i + 2);
  for (let i = 0; i < 300; i++) {
    s.says(`${i}`, "bye");
    while (numbers.length > 0) s.says(`${i}`, ...numbers.splice(0, 50).map((n) => `put,${n},bob,,,,x`));
    numbers.push(...[...Array(1000).keys()].map((i) => i + 2));
    await s.opens();
  }
  s.says("other");
  await s.opens();
  s.says("other", "put,2,bob,,,,x");
  assertEquals(await s.opens(), ["have,2"]);
});
