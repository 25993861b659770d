/**
 * What the server does, for its administrators: the commands of admin.md, with their rows as JSON. http.md section 12.
 *
 * @module
 */

import { Refusal } from "../../../protocol/http/problem.ts";
import type { ADMIN_ROUTES } from "../../../protocol/http/routes/admin.ts";
import { type Fields, split } from "../../../protocol/syntax/fields.ts";
import { type AnswerForm } from "../../../protocol/http/accept.ts";
import { type Handlers, type HttpAnswer, json, text } from "./exchange.ts";

/**
 * Carries out a command of the administrator. Returns its rows; undefined if there is no such command, because its service
 * does not run.
 *
 * @throws {Error} It can't be done: the message says why.
 */
export type AdminRun = (command: string, args: readonly string[]) => Promise<readonly string[] | undefined>;

export function adminHandlers(run: AdminRun): Handlers<typeof ADMIN_ROUTES> {
  const list = async (command: string, after?: number) =>
    await run(command, after === undefined ? [] : [`${after}`]) ?? [];
  const change = async (command: string, letter: string): Promise<HttpAnswer> => {
    let rows: readonly string[] | undefined;
    try {
      rows = await run(command, [letter]);
    } catch (error) {
      throw new Refusal("not done", (error as Error).message);
    }
    if (rows === undefined) throw new Refusal("not served");
    return { status: 204 };
  };
  return {
    async status({ form }) {
      const lines = await list("status");
      if (form !== "json") return linesOf(lines);
      const value = (name: string) =>
        lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
      const oldest = (await list("oldest")).map((row) => {
        const [time, messages, mailbox] = fieldsOf(row, 3);
        return { mailbox, messages: Number(messages), time: timeOf(time) };
      });
      return json({ version: value("version"), up: value("up"), values: lines.flatMap(valueOf), oldest });
    },
    async limits({ form }) {
      return rowsAs(form, "limits", await list("limits"), (row) => {
        const [name, option, used, limit] = fieldsOf(row, 4);
        return { name, option: option || null, used: countOf(used), limit: countOf(limit) };
      });
    },
    async connections({ form, query }) {
      return rowsAs(form, "connections", await list("connections", query.after), (row) => {
        const [number, service, kind, address, since, , , received, , sent, name] = fieldsOf(row, 11);
        const [receivedBytes, sentBytes] = [Number(received), Number(sent)];
        return {
          number: Number(number),
          name,
          service,
          kind,
          address,
          since: timeOf(since),
          receivedBytes,
          sentBytes,
        };
      });
    },
    async deadLetters({ form, query }) {
      return rowsAs(form, "messages", await list("dead", query.after), (row) => {
        const [id, mailbox, sender, time, attempts, reason, bytes, text] = fieldsOf(row, 8);
        const counts = { id: Number(id), attempts: Number(attempts), bytes: Number(bytes) };
        return { ...counts, mailbox, sender, time: timeOf(time), reason, text };
      });
    },
    requeue: ({ path }) => change("requeue", path.letter),
    deleteDead: ({ path }) => change("delete", path.letter),
  };
}

/** A list, as JSON under its name, or as the rows are. */
function rowsAs(form: AnswerForm, name: string, rows: readonly string[], read: (row: string) => unknown) {
  return form === "json" ? json({ [name]: rows.map(read) }) : linesOf(rows);
}

function linesOf(rows: readonly string[]): HttpAnswer {
  return text(rows.map((row) => `${row}\n`).join(""));
}

/** `mailbox sessions 3/100000`, `messages 17`; nothing for a line that is no number, or about one client. */
function valueOf(line: string): { name: string; count: number; limit?: number }[] {
  const match = /^(\D.*) (\d{1,15})(?:\/(\d{1,15}))?$/.exec(line);
  if (match === null || / (at|of) /.test(match[1]!)) return [];
  const [, name = "", count, limit] = match;
  return [{ name, count: Number(count), ...limit === undefined ? {} : { limit: Number(limit) } }];
}

function fieldsOf<N extends number>(row: string, count: N): Fields<N> {
  const fields = split(row, count);
  if (fields === undefined) {
    throw new Error(`A row of the administrator has less than ${count} fields: ${row}`);
  }
  return fields;
}

function timeOf(ms: string): string {
  return new Date(Number(ms)).toISOString();
}

function countOf(text: string): number | null {
  return text === "" ? null : Number(text);
}
