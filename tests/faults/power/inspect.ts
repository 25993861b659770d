/**
 * A process that opens one data directory after the other as a server would, and says what is in it: for each line of its
 * input, an {@linkcode Inspection} in JSON, it prints one, a {@linkcode Found}. It changes the directory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { openStore } from "../../../server/data/open_store.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import { Log } from "../../../server/report/log.ts";
import { answerLines } from "../line_process.ts";
import type { OutcomeOf, Store, StoreRequest } from "../../../server/store/store.ts";

export interface Inspection {
  directory: string;
  sessions: readonly string[];
}

export interface FoundMessage {
  id: number;
  state: string;
  /** Bytes of the text, and its beginning. */
  bytes: number;
  text: string;
}

/** An entry of a thread: a file with whether its content is what its entry says. */
export type FoundEntry = { text: string } | { file: string; isWhole: boolean };

export interface Found {
  /** Why it could not be opened or read. */
  error?: string;
  /** Messages by mailbox, in their order. */
  mailboxes: Record<string, FoundMessage[]>;
  /** How many messages there are in all. */
  count: number;
  dead: number;
  /** How far each session has come. */
  sessions: Record<string, number | string>;
  threads: Record<string, FoundEntry[]>;
  channels: Record<string, string[]>;
  log: string;
}

const MANY = { limit: 1000, maxBytes: 1 << 24 };

async function inspect({ directory, sessions }: Inspection): Promise<Found> {
  const found: Found = {
    mailboxes: {},
    count: 0,
    dead: 0,
    sessions: {},
    threads: {},
    channels: {},
    log: "",
  };
  try {
    const log = new Log((bytes) => Promise.resolve(found.log += new TextDecoder().decode(bytes)), {
      format: "text",
      level: "info",
    });
    const { limits, forumLimits, beginNew } = DEFAULT_OPTIONS, options = { directory, limits, beginNew };
    const store = await openStore({ ...options, forumLimits: forumLimits.threads }, log, {
      ready() {},
      unused() {},
      lost: (error) => found.error ??= error.message,
    });
    try {
      await read(store, directory, sessions, found);
    } finally {
      await store.close();
    }
  } catch (error) {
    found.error = (error as Error).message;
  }
  return found;
}

async function read(store: Store, directory: string, sessions: readonly string[], found: Found) {
  const ask = async <R extends StoreRequest>(request: R) =>
    (await store.apply([request]))[0] as Exclude<OutcomeOf<R>, "storage">;
  const list = await ask({ kind: "list", limit: MANY.limit });
  for (const { mailbox } of list as { mailbox: string }[]) {
    const messages: FoundMessage[] = found.mailboxes[mailbox] = [];
    for (let more = true; more;) {
      const after = messages.at(-1)?.id ?? 0;
      const page = await ask({ kind: "peek", mailbox, after, limit: MANY.limit }) as {
        messages: FoundMessage[];
        more: boolean;
      };
      messages.push(...page.messages.map(({ id, state, bytes, text }) => ({ id, state, bytes, text })));
      more = page.more;
    }
  }
  found.count = (await ask({ kind: "count" })).messages;
  found.dead = (await ask({ kind: "dead", what: "list", after: 0, limit: MANY.limit }) as unknown[]).length;
  for (const session of sessions) {
    const state = await ask({ kind: "open", session });
    found.sessions[session] = typeof state === "string" ? state : state.done;
  }
  for (const { title } of (await ask({ kind: "threads", after: 0, ...MANY })).threads) {
    found.threads[title] = await readThread(store, directory, title);
  }
  for (const { name, messages } of await ask({ kind: "channels" })) {
    found.channels[name] = messages.map(({ text }) => text);
  }
  const put = { kind: "put", mailbox: "more", sender: "", time: Date.now(), text: "more", bytes: 4 } as const;
  const [outcome] = await store.apply([put]);
  if (outcome !== "stored") throw new Error(`nothing more can be stored: ${outcome}`);
}

async function readThread(store: Store, directory: string, thread: string): Promise<FoundEntry[]> {
  const entries: FoundEntry[] = [];
  for (let after = 0, more = true; more;) {
    const [page] = await store.apply([{ kind: "read", thread, from: { after }, ...MANY }]) as [
      OutcomeOf<{ kind: "read" } & StoreRequest>,
    ];
    if (page === "no thread") break;
    for (const entry of page.entries) {
      after = entry.id;
      if ("text" in entry) entries.push({ text: entry.text });
      else {
        const { file, user } = entry;
        const [of] = await store.apply([{ kind: "file", thread, name: file, user }]);
        const { content, hash } = (of as { file: { content: string; hash: string } }).file;
        const bytes = await Deno.readFile(`${directory}/files/${content}`).catch(() => new Uint8Array());
        entries.push({ file, isWhole: createHash("sha256").update(bytes).digest("hex") === hash });
      }
    }
    more = page.more;
  }
  return entries;
}

if (import.meta.main) await answerLines(inspect);
