/**
 * A data directory with something of everything that a server stores, as one that was killed left it.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import { openJournaledStore } from "../../../server/store/journaled/open.ts";
import type { StoreRequest } from "../../../server/store/store.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, ServerProcess } from "../../program.ts";
import { Load } from "../power/load.ts";
import type { Directory } from "./take_all.ts";

const AMOUNT = { rounds: 8, files: 6 };

/** Mailboxes of messages that no client of the load puts. */
const DEAD = "dead-letters", DELAYED = "delayed-messages", SHARED = "shared-mailbox";

/** Milliseconds: more than any test takes. */
const LATER_MS = 24 * 60 * 60 * 1000;

/** Fills a new data directory. Returns what is in it, and how to ask for it. */
export async function fill(directory: string, temporary: string): Promise<Omit<Directory, "directory">> {
  const ports = { mailbox: freePort(), channels: freePort(), forum: freePort() };
  const services = Object.entries(ports).flatMap(([name, port]) => [name, `${port}`]);
  await using load = new Load(temporary);
  // one life that ends as it should, so that the database has everything of it, and one that does not
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const server = await ServerProcess.start([...services, "--data", directory], { command: FROM_SOURCE });
    for (const name of Object.keys(ports)) await server.ready(name);
    await load.run(server, ports, AMOUNT);
    await server.end(signal);
    if (signal === "SIGTERM") await addWithoutClients(directory);
  }
  return {
    mailboxes: [...load.senders.flatMap((_, i) => [load.kept(i), load.passed(i)]), load.taken, SHARED],
    peeked: [DELAYED, DEAD],
    repeated: [...load.senders, ...load.receivers].map(({ id, last }) => ({ session: id, ...last })),
    account: { name: load.name, password: `of ${load.name}` },
    serverKey: load.serverKey,
    thread: load.thread,
    temporary,
  };
}

/** Puts delayed messages, dead letters, messages of several owners, accounts and measures. */
async function addWithoutClients(directory: string) {
  const store = await openJournaledStore({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
  const time = Date.now();
  const put = (mailbox: string, i: number, more = {}): StoreRequest => {
    const text = `${i} of ${mailbox} ${"und so weiter ✓ ".repeat(i % 7)}`,
      bytes = new TextEncoder().encode(text).length;
    return { kind: "put", mailbox, sender: "somebody", time, text, bytes, ...more };
  };
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  await store.apply([
    ...numbers.map((i) => put(DELAYED, i, { delay: LATER_MS })),
    ...numbers.map((i) => put(SHARED, i, { owner: `[192.0.2.${i % 5}]`, expires: time + 2 * LATER_MS })),
    ...numbers.map((i) => put(DEAD, i)),
  ]);
  const session = "0123456789abcdef0123456789abcdef",
    lease = { session, tag: 1, mailbox: DEAD, max: 30, maxBytes: 1e6 };
  const [leased] = await store.apply([{ kind: "lease", ...lease, duration: LATER_MS, subscribe: false }]);
  const { token, messages } = leased as { token: string; messages: { id: number }[] };
  const ids = messages.map(({ id }) => id);
  await store.apply([
    { kind: "confirm", session, tag: 1 },
    {
      kind: "session",
      session,
      first: 1,
      low: 1,
      changes: [
        { kind: "fail", token, ids: ids.slice(0, 12), delay: 0, attempts: 1, reason: "a test" },
        { kind: "fail", token, ids: ids.slice(12, 20), delay: LATER_MS, attempts: 5, reason: "a test" },
      ],
    },
    ...numbers.map((i): StoreRequest => ({
      kind: "account",
      what: "add",
      name: `user-${i}`,
      verifier: `SCRAM-SHA-256$4096:${i}`,
    })),
  ]);
  await store.close();
}
