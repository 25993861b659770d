/** The machine's clock is set forward and back while a server runs, and before it starts again. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";
import { CI, FULL, report } from "../form.ts";
import { type Leased, RecordedSession } from "../power/recorded_session.ts";
import { FakeClock } from "./fake_clock.ts";

const HOUR = 3600, DAY = 24 * HOUR;

/** Where the clock is set, in seconds after the real one, one after the other. */
const SHIFTS: Readonly<Record<string, number>> = FULL
  ? {
    "an hour forward": HOUR,
    "two days forward": 3 * DAY,
    "an hour back": 3 * DAY - HOUR,
    "back to now": 0,
    "two days back": -2 * DAY,
    "a day forward": -DAY,
  }
  : { "two days forward": 2 * DAY, "two days back": 0 };

/** Milliseconds of the shortest lease, and of a delay. */
const SHORT_MS = 1000, DELAY_MS = 1500;

/** Milliseconds that a lease waits for a message: more than any load explains. */
const WAIT_MS = 60_000;

class Clients implements Disposable {
  readonly #sessions: RecordedSession[] = [];

  constructor(readonly port: number) {}

  begin(): RecordedSession {
    const session = new RecordedSession(this.port);
    this.#sessions.push(session);
    return session;
  }

  /** What any session was answered that it must not be. */
  get errors(): string[] {
    return this.#sessions.flatMap(({ error }) => error === "" ? [] : [error]);
  }

  [Symbol.dispose]() {
    for (const session of this.#sessions) session[Symbol.dispose]();
  }
}

/** Waits until leases that end by themselves have ended: after that the server has looked at its clocks. */
async function passTime(port: number, round: number) {
  using sender = new RecordedSession(port),
    first = new RecordedSession(port),
    second = new RecordedSession(port);
  const mailbox = `passing-${round}`;
  await sender.put(mailbox, `of round ${round}`);
  assertEquals((await first.lease(mailbox, 1, SHORT_MS, WAIT_MS)).length, 1);
  const again = await second.lease(mailbox, 1, WAIT_MS, WAIT_MS);
  assertEquals(again.length, 1);
  await second.ack(mailbox, again);
}

// store 4.3, 4.4; session.md 8.2
Deno.test("setting the clock ends no lease, forgets no session, and moves no delay of a server that runs", async () => {
  await using directory = await temporaryDirectory();
  const clock = await FakeClock.create(`${directory.path}/clock`);
  if (clock === undefined) {
    assert(!CI, "libfaketime has to be installed");
    return report("skipped, libfaketime is not installed");
  }
  const data = `${directory.path}/data`, port = freePort();
  const start = () =>
    ServerProcess.start(["mailbox", `${port}`, "--data", data], { command: clock.command(FROM_SOURCE) });
  await using stack = new AsyncDisposableStack();
  let server = stack.use(await start());
  using clients = new Clients(port);
  const sender = clients.begin(), holder = clients.begin(), other = clients.begin();
  // it has a row and is silent until the end
  const silent = clients.begin();
  await silent.put("silent", "first");
  await sender.put("later", "not before an hour is over", `${HOUR * 1000}`);
  await sender.put("short-lived", "for an hour", "", `${HOUR * 1000}`);

  let held: Leased[] = [], round = 0;
  for (const [name, shift] of Object.entries(SHIFTS)) {
    await sender.put("held", `${round}`);
    held = await holder.lease("held", 1, 600_000, WAIT_MS);
    assertEquals(held.map(({ text }) => text), [`${round}`]);
    await sender.put("delayed", `${round}`, `${DELAY_MS}`);
    await clock.set(shift);
    await passTime(port, round);
    assertEquals(await other.lease("held", 1), [], `${name}: a lease has ended`);
    assertEquals(await other.lease("later", 1), [], `${name}: a delay is over`);
    const shortLived = await other.lease("short-lived", 1, SHORT_MS, 0);
    assertEquals(shortLived.length, 1, `${name}: a message has expired`);
    const delayed = await other.lease("delayed", 1, 600_000, WAIT_MS);
    assertEquals(delayed.map(({ text }) => text), [`${round}`], name);
    await other.ack("delayed", delayed);
    await holder.ack("held", held);
    assertEquals(clients.errors, [], name);
    round++;
    // what is leased again in the next round has to be free
    await passTime(port, 1000 + round);
  }
  await silent.put("silent", "second");
  assertEquals(clients.errors, []);

  // the time in which no server ran does not count, whatever the clock says
  await sender.put("held", "over the restart");
  held = await holder.lease("held", 1, 600_000, WAIT_MS);
  assertEquals((await server.end()).code, 0);
  await clock.set(30 * DAY);
  server = stack.use(await start());
  assertEquals(await other.lease("held", 1), [], "a lease has ended");
  await holder.ack("held", held);
  await sender.put("after", "the restart");
  await silent.put("silent", "third");
  assertEquals(clients.errors, []);
  assertEquals((await server.end()).code, 0);

  // back to a time before all that is there
  await clock.set(-30 * DAY);
  server = stack.use(await start());
  const fresh = clients.begin();
  await fresh.put("after", "the clock was set back");
  await sender.put("after", "it goes on");
  await silent.put("silent", "fourth");
  const after = await other.lease("after", 3, 600_000, WAIT_MS);
  assertEquals(after.map(({ text }) => text), ["the restart", "the clock was set back", "it goes on"]);
  assertEquals(clients.errors, []);
  report(`clock set ${round + 2} times: ${Object.keys(SHIFTS).join(", ")}, and before two starts`);
});
