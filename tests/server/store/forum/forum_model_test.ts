import { assertEquals } from "@std/assert";
import { BatchEngine } from "../../../batch_engine.ts";
import type { OrderedRequest, SessionState } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { EntryPage, ThreadPage } from "../../../../server/store/requests/thread.ts";
import { Random } from "../../../simulation/random.ts";

/** What an entry is, in the model: a line of `RDT` without its number. */
interface ModelEntry {
  user: string;
  text: string;
  file: boolean;
}

/** So few that a user comes to the end of his share, and both together to that of all. */
const LIMITS = { ...DEFAULT_FORUM_LIMITS, threads: 3, entries: 300, bytes: 60_000, share: 60 };
const SHARE = { threads: 1, entries: 180, bytes: 36_000 };

/** What the store has to do with threads, in arrays. */
class Model {
  threads: { title: string; creator: string; entries: ModelEntry[] }[] = [];

  /** Why so much more of this user does not fit. */
  full(user: string, more: number, bytes: number): string | undefined {
    const all = this.threads.flatMap(({ entries }) => entries),
      own = all.filter((entry) => entry.user === user);
    const size = (entries: ModelEntry[]) => entries.reduce((sum, { text }) => sum + text.length, bytes);
    if (more > 0 && all.length >= LIMITS.entries) return `full ${LIMITS.entries} entries`;
    if (bytes > 0 && size(all) > LIMITS.bytes) return `full ${LIMITS.bytes} bytes`;
    if (more > 0 && own.length >= SHARE.entries) return `full ${SHARE.entries} entries of one user`;
    return bytes > 0 && size(own) > SHARE.bytes ? `full ${SHARE.bytes} bytes of one user` : undefined;
  }

  /** Carries the change out, or gives the reason for which it can't be. */
  change(change: OrderedRequest): string | undefined {
    if (change.kind === "create") {
      if (this.#find(change.thread) !== undefined) return "exists";
      if (this.threads.some(({ creator }) => creator === change.user)) return "full 1 threads of one user";
      this.threads.push({ title: change.thread, creator: change.user, entries: [] });
      return undefined;
    }
    if (!("thread" in change)) throw new Error(`The model knows no ${change.kind}`);
    const thread = this.#find(change.thread);
    if (thread === undefined) return "no thread";
    if (change.kind === "post") {
      const full = this.full(change.user, 1, change.bytes);
      if (full !== undefined) return full;
      thread.entries.push({ user: change.user, text: change.text, file: false });
      return undefined;
    }
    if (change.kind === "remove") {
      if (thread.creator !== change.user) return "another's";
      this.threads = this.threads.filter((other) => other !== thread);
      return undefined;
    }
    const message = thread.entries.filter(({ file }) => !file)[change.number - 1];
    if (message === undefined) return "no message";
    if (message.user !== change.user) return "another's";
    if (change.kind === "edit") {
      const full = this.full(change.user, 0, change.bytes - message.text.length);
      if (full !== undefined) return full;
      message.text = change.text;
    } else thread.entries.splice(thread.entries.indexOf(message), 1);
    return undefined;
  }

  #find(title: string) {
    return this.threads.find((thread) => thread.title === title);
  }

  attach(title: string, user: string, name: string): string {
    const entries = this.#find(title)?.entries;
    if (entries === undefined) return "no thread";
    if (entries.some(({ file, text }) => file && text === name)) return "file exists";
    const full = this.full(user, 1, name.length);
    if (full !== undefined) return full;
    entries.push({ user, text: name, file: true });
    return "stored";
  }

  read(title: string): string[] | "no thread" {
    let number = 0;
    return this.#find(title)?.entries.map(({ user, text, file }) =>
      `${file ? "-" : ++number} ${user} ${text}`
    ) ??
      "no thread";
  }
}

const USERS = ["yoda", "hans"], TITLES = ["a", "b", "c"];

function randomChange(random: Random): OrderedRequest {
  const user = USERS[random.between(0, 1)]!, thread = TITLES[random.between(0, 2)]!;
  const number = random.chance(0.5) ? random.between(0, 5) : random.between(0, 400);
  const text = "x".repeat(random.chance(0.05) ? random.between(500, 9000) : random.between(1, 9));
  const post: OrderedRequest = { kind: "post", thread, user, time: 0, text, bytes: text.length };
  const kind = random.between(0, 999);
  if (kind < 600) return post;
  if (kind < 800) return { kind: "delete", thread, user, number };
  if (kind < 940) return { kind: "edit", thread, user, number, text, bytes: text.length };
  return kind < 985 ? { kind: "create", thread, user } : { kind: "remove", thread, user };
}

/** One history: random batches of several sessions, sweeps in pieces, and new starts. */
function play(random: Random, directory: string) {
  const model = new Model();
  const start = () =>
    new BatchEngine({ directory, limits: DEFAULT_LIMITS, forumLimits: LIMITS, onEvent() {} });
  let engine = start(), contents = 0;
  const done = new Map(USERS.map((session) => [session, 0]));
  const ask = <T>(request: StoreRequest) => engine.apply([request]).outcomes[0]! as Outcome as T;
  const read = (title: string): string[] | "no thread" => {
    const lines: string[] = [];
    for (let after = 0, more = true; more;) {
      const limit = random.between(1, 200), maxBytes = random.between(1, 20_000);
      const page = ask<EntryPage | "no thread">({
        kind: "read",
        thread: title,
        from: { after },
        limit,
        maxBytes,
      });
      if (page === "no thread") return page;
      for (const entry of page.entries) {
        lines.push(
          "file" in entry ? `- ${entry.user} ${entry.file}` : `${entry.number} ${entry.user} ${entry.text}`,
        );
        after = entry.id;
      }
      ({ more } = page);
    }
    return lines;
  };
  for (let batch = 0; batch < 80; batch++) {
    const requests = Array.from({ length: random.between(1, 6) }, (): StoreRequest & { kind: "session" } => {
      const session = USERS[random.between(0, 1)]!;
      const changes = Array.from({ length: random.between(1, 12) }, () => randomChange(random));
      const first = done.get(session)! + 1;
      done.set(session, first + changes.length - 1);
      return { kind: "session", session, first, low: first, changes };
    });
    const { outcomes } = engine.apply(requests);
    const expected = requests.map(({ first, changes }) => {
      const outcomes = changes.flatMap((change, i) => {
        const reason = model.change(change);
        return reason === undefined ? [] : [[first + i, { kind: "bad", reason }]];
      });
      return { done: first + changes.length - 1, outcomes };
    });
    assertEquals(outcomes as unknown as SessionState[] as unknown, expected, `batch ${batch}`);
    if (random.chance(0.3)) {
      const title = TITLES[random.between(0, 2)]!, name = `f${random.between(0, 9)}`;
      const found = ask<{ thread: number } | "no thread">({
        kind: "file",
        thread: title,
        name,
        user: "hans",
      });
      const expected = model.attach(title, "hans", name);
      if (found === "no thread") assertEquals(expected, found);
      else {
        const file = { name, user: "hans", time: 0, size: 0, hash: "0", content: `${++contents}` };
        assertEquals(ask<string>({ kind: "attach", ...found, ...file }), expected);
      }
    }
    if (random.chance(0.3)) engine.sweep();
    if (random.chance(0.1)) {
      engine.close();
      engine = start();
    }
    const title = TITLES[random.between(0, 2)]!;
    assertEquals(read(title), model.read(title), `${title} after batch ${batch}`);
    const { threads } = ask<ThreadPage>({ kind: "threads", after: 0, limit: 9, maxBytes: 999 });
    assertEquals(threads.map(({ title }) => title), model.threads.map(({ title }) => title));
  }
  for (const title of TITLES) assertEquals(read(title), model.read(title), `${title} at the end`);
  engine.close();
}

// forum.md 2.1, 3.1
Deno.test("threads do in random histories, with sweeps and new starts, what a list of arrays does", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), runs = given === undefined ? 20 : 1;
  const first = given === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! : Number(given);
  for (let seed = first; seed < first + runs; seed++) {
    const directory = await Deno.makeTempDir({ prefix: "wirepost-forum-" });
    try {
      play(new Random(seed), directory);
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
