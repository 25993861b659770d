/**
 * What the page is shown in its views, empty and full: the same each time, for what looks at all of them.
 *
 * @module
 */

import type { FakeServer } from "./fake_server.ts";
import type { Page } from "./playwright.ts";

/** The longest name, and a text of 60,000 characters. */
export const LONG_NAME = "a-name-of-64-bytes-is-as-long-as-one-can-be-and-longer-is-refused".slice(0, 64);
export const LONG_TEXT = "All of these words are one message. ".repeat(1667).slice(0, 60_000);

const MINUTE_MS = 60_000, HOUR_MS = 3_600_000, DAY_MS = 86_400_000;

const ago = (ms: number) => new Date(Date.now() - ms);
const iso = (ms: number) => ago(ms).toISOString();

/** Has things said in channels; with the longest name and text, if it is to be hard. */
export function fillChannels(server: FakeServer, isHard: boolean) {
  const now = Date.now();
  const at = (minutes: number) => new Date(now - minutes * MINUTE_MS);
  const said: [minutes: number, sender: string, text: string][] = [
    [1503, "alice", "Is the lab open this afternoon?"],
    [1502, "bob", "Until six. The router in the corner drops every tenth datagram, on purpose."],
    [1498, "alice", "Thanks. That is just what I need to test with."],
    [64, "alice", "Does the frame have to be padded with spaces?"],
    [63, "ana", "Yes, to 200 bytes. `text.encode().ljust(200)` does it."],
    [63, "ana", "The server strips them again: http://127.0.0.1/channels.md has it in 1.2"],
    [61, "alice", "5 Ω, or more? ✓"],
    ...isHard
      ? [[58, LONG_NAME, "A name of 64 bytes."], [55, "bob", LONG_TEXT]] as [number, string, string][]
      : [],
    [20, "bob", 'Ω needs two bytes, so do not cut a frame within it: `"Ω".encode()` has 2.'],
    [12, "nc", "ana: hello from a plain socket"],
  ];
  for (const [minutes, sender, text] of said) server.say("room", sender, text, at(minutes));
  for (const member of ["alice", "bob", "nc"]) server.enter("room", member);
  server.say("lab", "bob", "The router is back.", at(30));
  server.channel("homework");
}

/** JSON of routes that {@linkcode FakeServer} does not have. */
function answers(isFull: boolean, isHard: boolean): Record<string, unknown> {
  const some = <T>(...rows: T[]): T[] => isFull ? rows : [];
  return {
    "/": {
      version: "0.1.0",
      services: { mailbox: 21001, channels: 55555, room: 6000, forum: 10005 },
      you: { account: "ana", role: "admin", isPrivate: true },
    },
    "/mailbox/ana": {
      mailbox: "ana",
      ready: isFull ? 3 : 0,
      leased: isFull ? 1 : 0,
      delayed: isFull ? 1 : 0,
      dead: isFull ? 1 : 0,
      more: false,
      messages: some(
        {
          id: 31,
          state: "ready",
          attempts: 0,
          time: iso(2 * DAY_MS),
          sender: "alice",
          bytes: 18,
          text: "5 Ω, or more? ✓",
        },
        {
          id: 32,
          state: "leased",
          attempts: 1,
          time: iso(HOUR_MS),
          sender: "build",
          bytes: 30,
          text: "job 4711: render the frames 1 to 200",
        },
        {
          id: 33,
          state: "delayed",
          attempts: 0,
          time: iso(MINUTE_MS),
          sender: isHard ? LONG_NAME : "ana",
          bytes: 19,
          text: "Remind me tomorrow.",
        },
        {
          id: 34,
          state: "ready",
          attempts: 2,
          time: iso(9000),
          sender: "cron",
          bytes: isHard ? 60_000 : 24,
          text: isHard ? LONG_TEXT : "backup failed, 1 error ✗",
        },
        {
          id: 35,
          state: "ready",
          attempts: 0,
          time: iso(5000),
          sender: "cron",
          bytes: 21,
          text: "backup done, 0 errors",
        },
      ),
    },
    "/mailbox/ana/receive": {
      messages: [{
        id: 31,
        attempt: 1,
        time: iso(2 * DAY_MS),
        sender: "alice",
        text: "5 Ω, or more? ✓",
        lease: "1f",
      }],
    },
    // whoever leaves the page gives it back
    "/lease/1f/release": {},
    "/admin/dead": {
      messages: some(
        {
          id: 17,
          mailbox: "ana",
          sender: "alice",
          time: iso(2 * HOUR_MS),
          attempts: 5,
          reason: "exit 3",
          bytes: 22,
          text: "How are you, dear Bob?",
        },
        {
          id: 21,
          mailbox: "jobs",
          sender: "carol",
          time: iso(70_000),
          attempts: 5,
          reason: "lease ran out",
          bytes: 5,
          text: "Bob!?",
        },
      ),
    },
    "/admin/limits": {
      limits: some(
        { name: "messages", option: "max-messages", used: 212, limit: 10_000_000 },
        { name: "database bytes", option: "max-file", used: 106_496, limit: 1_073_741_824 },
        { name: "connections", option: "max-connections", used: 901, limit: 1000 },
        { name: "mailbox sessions", option: "", used: 3, limit: 100_000 },
      ),
    },
    "/admin/connections": {
      connections: some(
        {
          number: 4,
          service: "channels",
          kind: "connection",
          address: "10.0.0.7:51044",
          since: iso(HOUR_MS),
          name: "alice",
          receivedBytes: 2400,
          sentBytes: 6200,
        },
        {
          number: 9,
          service: "mailbox",
          kind: "session",
          address: "10.0.0.8:40122",
          since: iso(3 * HOUR_MS),
          name: "bob",
          receivedBytes: 420,
          sentBytes: 380,
        },
      ),
    },
    "/thread": {
      threads: some(
        ...["thread0", "sockets-howto", "frames", "exam-2026"].map((title, id) => ({ title, id })),
      ),
    },
    "/thread/thread0": {
      title: "thread0",
      more: false,
      entries: some(
        {
          id: 1,
          kind: "message",
          number: 1,
          author: "yoda",
          time: iso(3 * DAY_MS),
          version: 0,
          text: "Files you keep here, hmm? Read `transfer.md` you must.",
        },
        {
          id: 2,
          kind: "message",
          number: 2,
          author: "ana",
          time: iso(DAY_MS),
          version: 1,
          text:
            "I did: `UPD,4,0,11,-,thread0 hello.txt` is answered by a ticket, and the content goes over TCP.",
        },
        {
          id: 3,
          kind: "file",
          author: "ana",
          time: iso(DAY_MS),
          name: "trace.pcap",
          size: 4_204_123,
        },
        {
          id: 4,
          kind: "message",
          number: 3,
          author: isHard ? LONG_NAME : "luke",
          time: iso(MINUTE_MS),
          version: 0,
          text: "Thanks! That helps.",
        },
      ),
    },
  };
}

/** What a server counted, a second later each time it is asked. */
function* statuses() {
  const perSecond = {
    "stored": 204,
    "session put": 1010,
    "session ack": 1090,
    "forwarded": 80,
    "channels received": 12,
    "channels delivered": 130,
    "journal syncs": 900,
    "journal sync time": 380,
    "journal bytes": 400_000,
    "refused malformed": 2,
  };
  const counts = new Map<string, number>();
  for (let second = 1;; second++) {
    for (const [name, count] of Object.entries(perSecond)) {
      const wave = 1 + .35 * Math.sin(second / 4 + name.length) + .2 * Math.sin(second * 1.7 + name.length);
      counts.set(name, Math.round((counts.get(name) ?? 0) + count * wave));
    }
    const values = [...counts].map(([name, count]) => ({ name, count }));
    values.push({ name: "messages", count: 213 + second % 40 }, { name: "mailboxes", count: 2 });
    values.push({ name: "bytes", count: 432_013_312 }, { name: "backlog", count: 123_000 });
    const oldest = [
      { mailbox: "jobs", messages: 212, time: iso(4 * MINUTE_MS) },
      { mailbox: "ana", messages: 5, time: iso(12_000) },
    ];
    yield { version: "0.1.0", up: "3d 2h", values, oldest };
  }
}

/** Has the page of a {@linkcode FakeServer} shown all of its views, as to an administrator. */
export async function showAll(page: Page, isFull: boolean, isHard = false) {
  const status = statuses(), all = answers(isFull, isHard);
  await page.route(
    (url) => Object.hasOwn(all, url.pathname) || url.pathname === "/admin/status",
    async (route) => {
      if (route.request().headers()["accept"]?.includes("text/html")) return await route.fallback();
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ json: pathname === "/admin/status" ? status.next().value : all[pathname] });
    },
  );
}
