/**
 * What a server reports about itself to its administrator: asked for by the commands of admin.md section 4, and read.
 *
 * @module
 */

import { split } from "../../../protocol/syntax/fields.ts";
import { allRows, type Control, skipping, timeIn, unreadable } from "../admin/pages.ts";

/** A value of `status`: a number of the server's, or how full a table is. */
export interface Value {
  name: string;
  count: number;
  /** Of a table. */
  limit?: number;
}

export interface Service {
  name: string;
  transport: string;
  address: string;
}

/** A mailbox with its oldest message. */
export interface OldestMailbox {
  /** When the server received it. */
  time: Date;
  messages: number;
  mailbox: string;
}

export interface StatusReport {
  version: string;
  /** Since the server started, as it says it: `3m 5s`. */
  up: string;
  /** In the order in which the server has them. */
  values: Value[];
  services: Service[];
  /** The one with the oldest message first; empty without a mailbox. */
  oldest: OldestMailbox[];
}

export interface LimitReport {
  name: string;
  /** The option of `serve` that changes it. */
  option: string | null;
  /** Null for a limit of a single thing. */
  used: number | null;
  /** Null if there is none. */
  limit: number | null;
}

/** Asks for everything that `wirepost status` shows. */
export async function readStatus(control: Control): Promise<StatusReport> {
  const fields = await allRows(control, ...skipping("status"));
  const services = (await control("services")).map(serviceOf);
  const hasMailbox = services.some(({ name }) => name === "mailbox");
  const oldest = hasMailbox ? (await control("oldest")).map(oldestOf) : [];
  const text = (name: string) => fields.find((field) => field.startsWith(`${name} `))?.slice(name.length + 1);
  const values = fields.flatMap((field) => valueOf(field) ?? []);
  return { version: text("version") ?? "", up: text("up") ?? "", values, services, oldest };
}

/** Asks for every limit with its use. */
export async function readLimits(control: Control): Promise<LimitReport[]> {
  return (await allRows(control, ...skipping("limits"))).map(limitOf);
}

/** `mailbox sessions 3/100000`, `messages 17`; undefined for a field that is no number, or about one client. */
function valueOf(field: string): Value | undefined {
  const match = /^(\D.*) (\d{1,15})(?:\/(\d{1,15}))?$/.exec(field);
  if (match === null || / (at|of) /.test(match[1]!)) return undefined;
  const [, name = "", count, limit] = match;
  return { name, count: Number(count), ...limit === undefined ? {} : { limit: Number(limit) } };
}

function serviceOf(row: string): Service {
  const [name, transport, address] = read(row, 3);
  return { name, transport, address };
}

function oldestOf(row: string): OldestMailbox {
  const [time, messages, mailbox] = read(row, 3);
  return { time: timeIn(row, time), messages: Number(messages), mailbox };
}

function limitOf(row: string): LimitReport {
  const [name, option, used, limit] = read(row, 4);
  const number = (text: string) => text === "" ? null : Number(text);
  return { name, option: option || null, used: number(used), limit: number(limit) };
}

/** @throws {Error} It has fewer fields: the server is another version. */
function read<N extends number>(row: string, fields: N) {
  const values = split(row, fields);
  if (values === undefined) throw unreadable(row);
  return values;
}
