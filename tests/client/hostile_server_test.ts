/** Servers that answer and make no progress: the client ends in bounded time, after a bounded number of datagrams. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Forum } from "../../client/forum.ts";
import type { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import type { SessionEnvironment } from "../../client/session/environment.ts";
import { Session } from "../../client/session/session.ts";
import { decodeForumAnswer, type ForumAnswer } from "../../protocol/forum.ts";
import { follow, type Followed, Script } from "../simulation/script.ts";

/** Most datagrams that a client sends to a server that makes no progress. */
const MAX_DATAGRAMS = 1000;

/** Longest time until the client ends, and that time if the server is busy now and then. */
const END_MS = 61_000, END_BUSY_MS = 301_000;

/** A client, and a server that answers each of its datagrams, at once or after some milliseconds. */
class Hostile extends Script {
  received = 0;
  #salt = 0;

  constructor(
    answers: (lines: string[], server: Hostile) => unknown,
    delay = 0,
    newClient?: (environment: SessionEnvironment) => MailboxSession,
  ) {
    super(undefined, undefined, newClient);
    this.sending = (datagram) => {
      // otherwise this would never end
      if (++this.received > MAX_DATAGRAMS) return;
      const [, ...lines] = new TextDecoder().decode(datagram).split("\n");
      this.clock.setTimer(delay, () => {
        if (this.startId === "") this.challenge();
        else answers(lines, this);
      });
    };
  }

  /** An startId or a cookie that is new each time. */
  another(length: number): string {
    return (++this.#salt).toString(16).padStart(length, "0");
  }

  /** Waits until it ends, and returns the error. */
  async end(followed: Followed<unknown>, longest = END_MS): Promise<string> {
    assert(await this.clock.until(() => followed.state !== "open", longest), `open after ${longest} ms`);
    assertEquals(followed.state, "failed");
    assertLess(this.received, MAX_DATAGRAMS);
    return `${followed.error!.name}: ${followed.error!.message}`;
  }
}

const numbered = (line: string) => /^\w+,(\d+)/.exec(line)![1]!;

const GIVEN_UP = "ServerTimeoutError: Cannot go on: the server answers, but";
const NOTHING = `${GIVEN_UP} makes no progress for 60 s`;
const NO_ROOM = "BusyError: Cannot be served by the server: it has had no room for one more client for 60 s";
const ANEW = `${GIVEN_UP} makes the session begin anew again and again`;

/** What a server answers to a datagram, and the error that ends a put, a lease and a count. */
const SERVERS: Readonly<
  Record<string, [(lines: string[], server: Hostile) => unknown, string | RegExp, number?]>
> = {
  "says 'have' to everything": [
    (lines, server) => server.answer(...lines.map((line) => `have,${numbered(line)}`)),
    NOTHING,
  ],
  "says 'pending' to everything": [
    (lines, server) => server.answer(...lines.map((line) => `pending,${numbered(line)}`)),
    NOTHING,
  ],
  "answers what was not asked": [
    (_, server) => server.answer("ok,99", "none,99", "stat,99,messages 0"),
    NOTHING,
  ],
  "sends datagrams with nothing in them": [(_, server) => server.answer(), NOTHING],
  "always ends": [(_, server) => server.answer("ending"), NOTHING],
  "is always busy": [(_, server) => server.answer("busy"), NO_ROOM],
  "is busy and then not, again and again": [
    (_, server) => server.answer(server.received % 4 === 0 ? "have,99" : "busy"),
    // that says nothing of room for a lease
    new RegExp(`^(${GIVEN_UP}|${NO_ROOM})`),
    END_BUSY_MS,
  ],
  "has another startId each time": [(_, server) => server.challenge(server.another(8)), ANEW],
  "has another cookie each time": [(_, server) => server.challenge(server.startId, server.another(16)), ANEW],
};

for (const [name, [answers, error, longest]] of Object.entries(SERVERS)) {
  for (const delay of [0, 20]) {
    const title = `a put, a lease and a count end where the server ${name}, after ${delay} ms`;
    Deno.test(title, async (t) => {
      for (const what of ["put", "lease", "count"] as const) {
        await t.step(what, async () => {
          const server = new Hostile(answers, delay);
          const { client } = server;
          const followed: Followed<unknown> = what === "put"
            ? server.put("a")
            : what === "lease"
            ? follow(client.lease("bob"))
            : follow(client.stat());
          const ended = await server.end(followed, longest);
          assert(typeof error === "string" ? ended.startsWith(error) : error.test(ended), ended);
        });
      }
    });
  }
}

Deno.test("a server that never knows the session is given up, and nothing is said to be unknown", async () => {
  const server = new Hostile((_, server) => {
    server.answer("unknown");
    server.startId = "";
  });
  assertEquals(await server.end(follow(server.client.lease("bob", { wait: 3_600_000 }))), ANEW);
});

Deno.test("a lease whose messages never fit together, or never come in whole, is given up", async () => {
  const parts: Readonly<Record<string, (t: string, server: Hostile) => string[]>> = {
    "tokens of two leases": (t, server) => [
      `msg,${t},1,2,${server.another(16)},1,1,0,alice,1,a`,
      `msg,${t},2,2,${server.another(16)},2,1,0,alice,1,a`,
    ],
    "one of two messages": (t) => [`msg,${t},1,2,${"1".repeat(16)},1,1,0,alice,1,a`],
    "a text without its end": (t) => [`msg,${t},1,1,${"1".repeat(16)},1,1,0,alice,9,a`],
    "more than was asked for": (t) => [`msg,${t},1,3,${"1".repeat(16)},1,1,0,alice,1,a`],
  };
  for (const part of Object.values(parts)) {
    const server = new Hostile((lines, server) => {
      for (const line of lines) {
        if (line.startsWith("lease")) server.answer(...part(numbered(line), server));
      }
    }, 1);
    const error = await server.end(follow(server.client.lease("bob", { max: 2 })));
    assert(error.startsWith(GIVEN_UP), error);
  }
});

Deno.test("'full' is waited for as long as the sender says, and its 'skip' no longer than that of others", async () => {
  const server = new Hostile(
    (lines, server) => server.answer(...lines.map((line) => `full,${numbered(line)},1 messages`)),
  );
  assertEquals(await server.end(server.put("a", { wait: 5000 }), 66_000), NOTHING);
});

Deno.test("an acknowledgement that the disk never takes is given up", async () => {
  const server = new Hostile((lines, server) => {
    for (const line of lines) {
      if (line.startsWith("lease")) {
        server.answer(`msg,${numbered(line)},1,1,${"1".repeat(16)},1,1,0,alice,1,a`);
      } else server.answer(`storage,${numbered(line)}`);
    }
  });
  const lease = follow(server.client.lease("bob"));
  await server.clock.run(0);
  assertEquals(await server.end(follow(lease.value!.ack())), NOTHING);
});

Deno.test("a session whose work goes on outlasts any time", async () => {
  let n = 0;
  const server = new Hostile((lines, server) => {
    for (const line of lines) if (line.startsWith("put")) server.answer(`ok,${n = Number(numbered(line))}`);
  }, 1000);
  for (let i = 1; i <= 90; i++) {
    const put = server.put(`${i}`);
    assert(await server.clock.until(() => put.state === "done", 10_000));
  }
  assertEquals(n, 90);
});

/** A forum whose server answers `LST` and `RDT` in this way. */
function forumOf(answers: (t: string, place: string, server: Hostile) => string[]) {
  let session: Session<ForumAnswer>;
  const newClient = (environment: SessionEnvironment) => {
    session = new Session(environment, decodeForumAnswer);
    return session as unknown as MailboxSession;
  };
  const server = new Hostile(
    (lines, server) => {
      for (const line of lines) {
        const [, kind, t = "", place = ""] = /^(LST|RDT),(\d+),([^,]+)/.exec(line) ?? [];
        if (kind !== undefined) server.answer(...answers(t, place, server));
      }
    },
    1,
    newClient,
  );
  const forum = new Forum(session!, { hostname: "127.0.0.1", port: 1 });
  const all = async (rows: AsyncIterable<unknown>) => {
    let count = 0;
    for await (const _ of rows) count++;
    return count;
  };
  return { server, list: () => follow(all(forum.threads())), read: () => follow(all(forum.read("a"))) };
}

const LISTS: Readonly<Record<string, [(t: string, place: string) => string[], string]>> = {
  "pages with nothing in them": [(t, place) => [`next,${t},${place}`], "a page with nothing in it"],
  "the first page again and again": [
    (t, place) => [`title,${t},${place},1,a`, `next,${t},1`],
    "a line that is not behind the one before it",
  ],
  "lines in a circle": [
    (t, place) => [`title,${t},${place},2,a`, `title,${t},2,1,b`, `title,${t},1,2,a`],
    "a line that is not behind the one before it",
  ],
};

for (const [name, [answers, error]] of Object.entries(LISTS)) {
  Deno.test(`a list of ${name} is an error`, async () => {
    const { server, list } = forumOf(answers);
    assertEquals(await server.end(list()), `WrongAnswerError: Cannot read on: the server sends ${error}`);
    assertLess(server.received, 10);
  });
}

Deno.test("a page that does not come to its end is given up", async () => {
  // each time one thread more, and never the end of the page
  let id = 0;
  const titles = forumOf((t, place) => [`title,${t},${place},${++id},a`]);
  assertEquals(await titles.server.end(titles.list()), NOTHING);
  // a text whose last byte never comes
  const text = forumOf((t, place) => [`line,${t},${place},1,1,0,0,9,yoda 12345678`, `end,${t},1`]);
  assertEquals(await text.server.end(text.read()), NOTHING);
  // lines, one behind the other, as fast as the network carries them
  let at = 0;
  const { server, list } = forumOf((t) => {
    const more = () => {
      server.answer(...Array.from({ length: 30 }, () => `title,${t},${at},${++at},a`));
      if (at < 100_000) server.clock.setTimer(1, more);
    };
    more();
    return [];
  });
  const endless = "WrongAnswerError: Cannot read on: the server sends a page without an end";
  assertEquals(await server.end(list()), endless);
  assertLess(at, 10_000);
});
