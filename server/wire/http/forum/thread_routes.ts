/**
 * What the routes of threads answer, and the lines of the original's console about them. http.md section 10.
 *
 * @module
 */

import { type ForumChange, isWord } from "../../../../protocol/forum.ts";
import { doneText, type ForumCommand, refusedText } from "../../../../protocol/forum/forum_text.ts";
import { type ProblemCode, Refusal } from "../../../../protocol/http/problem.ts";
import type { THREAD_ROUTES } from "../../../../protocol/http/routes/thread.ts";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../../../protocol/session.ts";
import type { Forum } from "../../../service/forum.ts";
import type { Accounts } from "../../../service/account/accounts.ts";
import type { Moderation } from "../../../service/moderation.ts";
import type { Entry } from "../../../store/requests/thread.ts";
import { type Handlers, type HttpClient, type HttpExchange, json, text } from "../exchange.ts";
import { keyRefusal, requestKey } from "../request_key.ts";

/** Threads or entries of a page, and bytes of their texts. */
const PAGE = { limit: 200, maxBytes: 65_536 };

export interface ThreadRoutesOptions {
  forum: Forum;
  moderation: Pick<Moderation, "isMuted">;
  accounts: Pick<Accounts, "ownerOf">;
  /** Writes a line to the server's console, which a client at this address has caused. */
  console(line: string, hostname: string): void;
}

type ThreadRoutes = typeof THREAD_ROUTES;

/** A route that changes a thread. */
type ChangeRoute = ThreadRoutes[Exclude<keyof ThreadRoutes, "threads" | "thread">];

const REFUSALS: Readonly<Record<string, ProblemCode>> = {
  "exists": "thread exists",
  "no thread": "no thread",
  "no message": "no message",
  "another's": "not yours",
};

/** The refusal for a reason of the forum. */
export function forumRefusal(reason: string): Refusal {
  const code = REFUSALS[reason];
  if (code !== undefined) return new Refusal(code);
  const [, why] = /^(?:full|no ticket) (.*)$/s.exec(reason) ?? [];
  if (why !== undefined) return new Refusal("forum full", `the forum is full: ${why}`);
  return new Refusal("failed", `the forum refuses it: ${reason}`);
}

/** The account of a client. @throws {Refusal} `no log-in`: the forum is for accounts alone. */
export function userOf({ account }: HttpClient): string {
  if (account === "") throw new Refusal("no log-in", "the forum is for those who have logged in");
  return account;
}

/** @throws {Refusal} `muted`. */
export function checkMuted({ hostname, account }: HttpClient, moderation: Pick<Moderation, "isMuted">) {
  if (moderation.isMuted(hostname, account)) throw new Refusal("muted");
}

export function threadHandlers(options: ThreadRoutesOptions): Handlers<ThreadRoutes> {
  const { forum } = options;
  const change = (exchange: HttpExchange<ChangeRoute>, command: ForumChange, id?: number) =>
    changed(options, exchange, command, id);
  return {
    async threads({ client, query: { after = 0 }, form }) {
      userOf(client);
      const { threads, more } = await new Promise<Parameters<Parameters<Forum["list"]>[1]>[0]>((done) =>
        forum.list(after, done, PAGE)
      );
      return form === "json"
        ? json({ threads, more })
        : text(threads.map(({ title }) => `${title}\n`).join(""));
    },
    async createThread(exchange) {
      const { client, form } = exchange;
      userOf(client);
      const title = await valueOf(exchange, "title");
      if (!isWord(title)) throw new Refusal("bad ID", "a title has 1 to 64 letters, digits or !@#$%.?,_-");
      const { id } = await change(exchange, { kind: "CRT", title });
      return form === "json" ? json({ id, title }, 201) : text(`${title}\n`, 201);
    },
    async thread({ client, path: { thread: title }, query: { after = 0, from }, form }) {
      userOf(client);
      const start = from === undefined ? { after } : { number: from };
      const page = await new Promise<Parameters<Parameters<Forum["read"]>[2]>[0]>((done) =>
        forum.read(title, start, done, PAGE)
      );
      if (page === "no thread") throw new Refusal("no thread");
      const { entries, more } = page;
      if (form === "json") return json({ title, entries: entries.map(shown), more });
      return text(entries.map((entry) => `${lineOf(entry)}\n`).join(""));
    },
    async post(exchange) {
      const { client, path: { thread: title }, form } = exchange;
      userOf(client);
      const said = postText(await valueOf(exchange, "text"));
      const place = await change(exchange, { kind: "MSG", title, text: said });
      return form === "json" ? json(place, 201) : text(`${place.number}\n`, 201);
    },
    async removeThread(exchange) {
      await change(exchange, { kind: "RMV", title: exchange.path.thread });
      return { status: 204 };
    },
    async editMessage(exchange) {
      const { client, path: { thread: title, number }, query } = exchange;
      userOf(client);
      const said = postText(await valueOf(exchange, "text"));
      await change(exchange, { kind: "EDT", title, number: numberIn(number), text: said }, query.id);
      return { status: 204 };
    },
    async deleteMessage(exchange) {
      const { path: { thread: title, number }, query } = exchange;
      await change(exchange, { kind: "DLT", title, number: numberIn(number) }, query.id);
      return { status: 204 };
    },
  };
}

/** Carries a change out, and reports it on the console as if it had come in a session. */
async function changed(
  { forum, accounts, moderation, console }: ThreadRoutesOptions,
  exchange: HttpExchange<ChangeRoute>,
  command: ForumChange,
  id: number | undefined,
): Promise<{ id: number; number: number }> {
  const { client } = exchange, user = userOf(client);
  checkMuted(client, moderation);
  const key = requestKey(client, exchange.header("idempotency-key"))?.([
    JSON.stringify([command, id ?? null]),
  ]);
  const outcome = await forum.change(user, command, "text" in command ? utf8Length(command.text) : 0, {
    ...id === undefined ? {} : { id },
    ...key === undefined ? {} : { key, owner: accounts.ownerOf(user) },
  });
  if (outcome === "storage") throw new Refusal("storage");
  if (outcome === "syntax") throw new Refusal("not printable", NO_POST);
  if (outcome === "other request" || outcome === "keys full") throw keyRefusal(outcome);
  const refused = "refused" in outcome ? outcome.refused : undefined;
  console(`${user} issued ${command.kind} command`, client.hostname);
  console(
    refused === undefined ? doneText(command) : refusedText(command as ForumCommand, refused),
    client.hostname,
  );
  if ("refused" in outcome) throw forumRefusal(outcome.refused);
  return outcome;
}

const NO_POST = "a message is one line with something to read, without control characters other than TAB";

function postText(text: string): string {
  if (utf8Length(text) > MAX_TEXT_BYTES) {
    throw new Refusal("too long", `the text has more than ${MAX_TEXT_BYTES} bytes`);
  }
  return text;
}

/** @throws {Refusal} It is no number: there is no such message. */
function numberIn(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Refusal("no message");
  return Number(text);
}

/** The text of a body, or that of a member of its object. */
async function valueOf(exchange: HttpExchange, name: string): Promise<string> {
  if (exchange.type !== "application/json") return (await exchange.text()).replace(/\r?\n$/, "");
  const value = (await exchange.object())[name];
  if (typeof value === "string") return value;
  throw new Refusal("bad body", `the object has no '${name}' that is a string`);
}

function shown(entry: Entry) {
  const { id, user: author } = entry, time = new Date(entry.time).toISOString();
  if ("file" in entry) return { id, kind: "file", author, time, name: entry.file, size: entry.size };
  const { number, version, text } = entry;
  return { id, kind: "message", author, time, number, version, text };
}

/** As the forum's client shows it. */
function lineOf(entry: Entry): string {
  return "file" in entry
    ? `${entry.user} uploaded ${entry.file}`
    : `${entry.number} ${entry.user}: ${entry.text}`;
}
