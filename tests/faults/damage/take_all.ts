/**
 * A process that starts a server in one data directory after the other, takes everything out of it as its clients would,
 * and says what came: for each line of its input, a {@linkcode Directory} in JSON, it prints one, what was {@linkcode Taken}.
 *
 * @module
 */

import { connectForum } from "../../../client/forum.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import { serve, type Server } from "../../../server/server.ts";
import { openJournaledStore } from "../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import type { Account } from "../../../server/store/requests/account.ts";
import type { DeadLetter, PeekedPage } from "../../../server/store/requests/message.ts";
import type { OutcomeOf, StoreEvent, StoreRequest } from "../../../server/store/store.ts";
import { Peer } from "../../program.ts";
import { answerLines } from "../line_process.ts";
import { PATIENCE_MS } from "../../patience.ts";

export interface Directory {
  directory: string;
  mailboxes: readonly string[];
  /** Mailboxes whose messages are shown and not taken: they wait for something. */
  peeked: readonly string[];
  /** A request of each session that was carried out: it must not be carried out again. */
  repeated: readonly { session: string; number: number; line: string }[];
  account: { name: string; password: string };
  serverKey: string;
  thread: string;
  /** For files that are downloaded. */
  temporary: string;
}

export interface Taken {
  /** Why the server did not start, or ended. */
  ended: string[];
  /** What clients were told to have failed. */
  errors: string[];
  log: string;
  /** Sender and text of the messages by mailbox. */
  mailboxes: Record<string, string[]>;
  /** What was shown of mailboxes whose messages wait. */
  peeked: Record<string, string[]>;
  /** Dead letters, accounts and channels with their messages, as the store gives them. */
  listed: string[];
  /** What the sessions were answered. */
  repeated: string[];
  /** User and text of each message of the thread, or a file with its content's beginning and size. */
  entries: string[];
}

async function takeAll(of: Directory): Promise<Taken> {
  const taken: Taken = {
    ended: [],
    errors: [],
    log: "",
    mailboxes: {},
    peeked: {},
    listed: [],
    repeated: [],
    entries: [],
  };
  let server: Server;
  try {
    server = await serve({
      ...DEFAULT_OPTIONS,
      version: "0",
      ports: { mailbox: 0, channels: 0, forum: 0 },
      leaveOutTaken: false,
      data: of.directory,
    }, {
      ready: () => Promise.resolve(),
      log: (bytes) => Promise.resolve(taken.log += new TextDecoder().decode(bytes)),
    });
  } catch (error) {
    taken.ended.push((error as Error).message);
    return taken;
  }
  server.stopping.catch((error) => taken.ended.push(error.message));
  const attempt = async (take: () => Promise<void>) => {
    try {
      // when the store is lost nobody is answered any more
      await Promise.race([take(), server.stopping]);
    } catch (error) {
      taken.errors.push((error as Error).message);
    }
  };
  const port = (service: string) => server.listening.find(({ name }) => name === service)!.addresses[0]!.port;
  await attempt(() => repeat(of, port("mailbox"), taken));
  await attempt(() => takeMessages(of, port("mailbox"), taken));
  await attempt(() => readForum(of, port("forum"), taken));
  await attempt(() => server.close());
  if (taken.ended.length > 0) return taken;
  try {
    await list(of, taken);
  } catch (error) {
    taken.ended.push((error as Error).message);
  }
  return taken;
}

/** What no client is shown whole, from the store. */
async function list({ directory, peeked }: Directory, taken: Taken) {
  const onEvent = (event: StoreEvent) => {
    if (event.kind === "damaged") taken.log += `T error row ${event.key} of ${event.table} is damaged\n`;
  };
  const store = await openJournaledStore({ directory, limits: DEFAULT_LIMITS, onEvent });
  try {
    const ask = async <R extends StoreRequest>(request: R) =>
      (await store.apply([request]))[0] as OutcomeOf<R>;
    for (const mailbox of peeked) {
      const page = await ask({ kind: "peek", mailbox, after: 0, limit: 1000 }) as PeekedPage;
      taken.peeked[mailbox] = page.messages.map(({ sender, time, text }) => `${sender} ${time} ${text}`);
    }
    const dead = await ask({ kind: "dead", what: "list", after: 0, limit: 1000 }) as DeadLetter[];
    const whole = dead.filter(({ reason }) => reason !== "damaged");
    const accounts = await ask({ kind: "account", what: "list", limit: 1000 });
    const channels = (await ask({ kind: "channels" })).flatMap(({ name, messages }) =>
      messages.map(({ sender, time, text }) => ({ name, sender, time, text }))
    );
    taken.listed = [...whole, ...accounts as Account[], ...channels].map((each) => JSON.stringify(each));
  } finally {
    await store.close();
  }
}

async function repeat({ repeated }: Directory, port: number, taken: Taken) {
  for (const { session, number, line } of repeated) {
    using peer = new Peer(port);
    const [, , startId, cookie] = (await peer.ask(`P1> ${session} - - ${number}`)).split(" ");
    let answer = await peer.ask(`P1> ${session} ${startId} ${cookie} ${number}\n${line}`);
    // a client that ended before may still say something to this port
    while (!answer.startsWith(`P1< ${session} `)) answer = await peer.receive();
    taken.repeated.push(answer.replace(/^P1< \S+ \S+ - /, ""));
  }
}

async function takeMessages({ mailboxes }: Directory, port: number, taken: Taken) {
  using peer = new Peer(port);
  for (const mailbox of mailboxes) {
    const messages: string[] = taken.mailboxes[mailbox] = [];
    for (let reply = ""; (reply = await peer.ask(`R, ${mailbox}`)) !== "X";) {
      while (reply !== "X" && !reply.startsWith("N, ")) reply = await peer.receive();
      if (reply === "X") break;
      messages.push(reply.replace(/^N, \S+, /, ""));
    }
  }
}

async function readForum(of: Directory, port: number, taken: Taken) {
  const { account, serverKey, thread, temporary } = of;
  await using forum = await connectForum({ port, serverKey, timeout: PATIENCE_MS, as: account });
  for await (const entry of forum.read(thread)) {
    if ("text" in entry) {
      taken.entries.push(`${entry.number} ${entry.user} ${entry.text}`);
      continue;
    }
    const path = `${temporary}/download`;
    try {
      await forum.download(thread, entry.file, path, { force: true });
      const bytes = await Deno.readFile(path);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      taken.entries.push(`${entry.user} ${entry.file} ${hash}`);
    } catch (error) {
      taken.errors.push(`${entry.file}: ${(error as Error).message}`);
    }
  }
}

if (import.meta.main) await answerLines(takeAll);
