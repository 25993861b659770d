/**
 * What the routes of channels and events answer. http.md section 9.
 *
 * @module
 */

import { MAX_MEMBER_NAMES, MAX_PAGE_MESSAGES } from "../../../../protocol/channels/announced.ts";
import { MAX_CHANNEL_NAME_BYTES } from "../../../../protocol/channels.ts";
import {
  encodePosition,
  MAX_STREAM_CHANNELS,
  parseEventId,
  parsePosition,
  type Position,
  type ShownMessage,
} from "../../../../protocol/http/events.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import { parseDuration } from "../../../../protocol/http/query.ts";
import { type CHANNEL_ROUTES, MAX_SAID_LINES } from "../../../../protocol/http/routes/channel.ts";
import { isLogin } from "../../../../protocol/channels/login.ts";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import { linesOf, printable } from "../../../../protocol/syntax/line.ts";
import type { Metrics } from "../../../report/metrics.ts";
import type { Accounts } from "../../../service/account/accounts.ts";
import type { Channel } from "../../../service/hub/channel.ts";
import {
  type HistoryEntry,
  historyPage,
  pageBefore,
  type PageQuery,
} from "../../../service/hub/history_page.ts";
import type { Hub } from "../../../service/hub/hub.ts";
import type { Moderation } from "../../../service/moderation.ts";
import type { GroupCommit } from "../../../store/journaled/group.ts";
import { type Handlers, type HttpExchange, json, text } from "../exchange.ts";
import { type SenderOptions, speakerOf } from "../sender.ts";
import type { EventStreams } from "./event_streams.ts";
import { endOf, shown } from "./replay.ts";
import { requestKey } from "../request_key.ts";
import { onDisk, type Said, SaidOnce } from "./said_once.ts";

export interface ChannelRoutesOptions {
  hub: Hub;
  streams: EventStreams;
  /** Longest line, in bytes. */
  maxLineBytes: number;
  moderation: Pick<Moderation, "isBannedName" | "isMuted">;
  accounts: SenderOptions["accounts"] & Pick<Accounts, "ownerOf">;
  metrics: Metrics;
  store: Pick<GroupCommit, "ask">;
  wallClock(): number;
}

export function channelHandlers(options: ChannelRoutesOptions): Handlers<typeof CHANNEL_ROUTES> {
  const { hub, streams, metrics, wallClock } = options;
  const saidOnce = new SaidOnce(hub, options.store, options.accounts);
  const find = (name: string): Channel => {
    const channel = hub.find(name);
    if (channel === undefined) throw new Refusal("no channel", `there is no channel '${name}': PUT makes it`);
    return channel;
  };
  const senders = { ...options, hasRoom: () => hub.hasRoom };
  return {
    channels({ form }) {
      const { channels } = hub;
      if (form !== "json") return text(channels.map(({ name }) => `${name}\n`).join(""));
      const rows = channels.map(({ name, size, record }) => ({ name, members: size, last: endOf(record) }));
      return json({ channels: rows });
    },
    createChannel({ path: { channel: name }, client }) {
      const isNew = hub.find(name) === undefined;
      // one that was kept from an earlier run is taken up, as by '/create' (channels.md 2.5)
      const made = hub.make(isNew ? channelName(name) : name, client.hostname);
      if (made === "too many") throw new Refusal("too many channels");
      return text(`${name}\n`, isNew ? 201 : 200);
    },
    history({ path, query: { since, before, limit = MAX_PAGE_MESSAGES }, form }) {
      const channel = find(path.channel), { record } = channel, last = endOf(record);
      if (since !== undefined && before !== undefined) {
        throw new Refusal("bad query", "since and before do not go together");
      }
      if (since === undefined) {
        // without a place, those before the end
        const end = { history: record.ids.current, number: record.next };
        const place = before === undefined ? end : positionIn("before", before),
          entries = pageBefore(record, place, limit);
        return historyAnswer(channel, entries, form, { last, position: last });
      }
      let count = 0;
      const query = queryOf(since, wallClock());
      const { entries, history } = historyPage(record, query, () => ++count < limit);
      // at a gap within, the next page begins
      const cut = entries.findIndex((entry, i) => i > 0 && "gap" in entry && "message" in entries[i - 1]!);
      const whole = cut < 0 ? entries : entries.slice(0, cut), end = whole.at(-1);
      const isAll = cut < 0 && (end === undefined || !("number" in end) || end.number === record.next - 1);
      const position = isAll || end === undefined || !("number" in end)
        ? last
        : encodePosition({ history: cut < 0 ? history : record.ids.at(end.number), number: end.number });
      return historyAnswer(channel, whole, form, { last, position });
    },
    async say(exchange) {
      const { path, query, client, form } = exchange;
      const keyed = requestKey(client, exchange.header("idempotency-key"));
      const lines = linesIn(await saidText(exchange), options.maxLineBytes);
      const channel = find(path.channel), speaker = speakerOf(client, query.sender, senders);
      if (options.moderation.isMuted(client.hostname, speaker.name)) throw new Refusal("muted");
      const sayNow = (): Said => {
        metrics.add("http received", lines.length);
        const said = lines.map((line) => hub.say(channel, speaker, line)).at(-1)!;
        hub.flushIfFull({ channel });
        return said;
      };
      const key = keyed?.(["say", channel.name, query.sender ?? "", ...lines]);
      const said = key === undefined ? sayNow() : await saidOnce.say(channel, client, key, sayNow);
      if (key === undefined) await onDisk(hub, channel, said);
      await hub.congestion({ channel });
      const id = encodePosition({ history: channel.record.ids.at(said.number), number: said.number });
      if (form !== "json") return text(`${id}\n`, 201);
      return json({ id, time: new Date(said.time).toISOString(), lines: lines.length }, 201);
    },
    members({ path, form }) {
      const channel = find(path.channel), names = channel.names(MAX_MEMBER_NAMES);
      if (form === "json") return json({ members: channel.size, names });
      return text(names.map((name) => `${name}\n`).join(""));
    },
    async events(exchange) {
      const { query, client, incoming } = exchange;
      const names = [...new Set(query.channel)];
      if (names.length === 0 || names.length > MAX_STREAM_CHANNELS) {
        throw new Refusal("bad query", `expected 1 to ${MAX_STREAM_CHANNELS} channels, got ${names.length}`);
      }
      const channels = names.map(find);
      const speaker = query.sender === undefined ? undefined : speakerOf(client, query.sender, senders);
      const since = placesOf(exchange.header("last-event-id"), query.since, wallClock());
      if (incoming.method === "HEAD") {
        return { status: 200, headers: { "content-type": "text/event-stream" } };
      }
      await streams.open(exchange, { channels, speaker, since });
      return "opened";
    },
  };
}

/** @throws {Refusal} No channel can be called so. */
function channelName(name: string): string {
  if (/\s/.test(name) || printable(name) !== name || utf8Length(name) > MAX_CHANNEL_NAME_BYTES) {
    const detail = `a channel's name has at most ${MAX_CHANNEL_NAME_BYTES} bytes, and no white space in it`;
    throw new Refusal("bad ID", detail);
  }
  return name;
}

function positionIn(parameter: string, text: string): Position {
  const position = parsePosition(text);
  if (position !== undefined) return position;
  throw new Refusal("bad query", `query parameter '${parameter}': expected HISTORY:NUMBER, got '${text}'`);
}

function queryOf(since: string, now: number): PageQuery {
  const fromTime = timeOf(since, now);
  if (fromTime !== undefined) return { fromTime };
  const { history, number } = positionIn("since", since);
  return { history, after: number };
}

/** The time of `10m` or of RFC 3339, in milliseconds since 1970; undefined if it is neither. */
function timeOf(since: string, now: number): number | undefined {
  const ms = parseDuration(since);
  if (ms !== undefined) return now - ms;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(since);
  const time = isTime ? Date.parse(since) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Where a stream of events begins. */
function placesOf(lastEventId: string | undefined, since: string | undefined, now: number) {
  if (lastEventId !== undefined && lastEventId !== "") {
    const places = parseEventId(lastEventId);
    if (places === undefined) throw new Refusal("bad header", "Last-Event-ID is not the ID of an event");
    return places;
  }
  if (since === undefined) return undefined;
  const places = timeOf(since, now) ?? parseEventId(since);
  if (places !== undefined) return places;
  const expected = "expected an event's ID, a duration such as 10m, or a time";
  throw new Refusal("bad query", `query parameter 'since': ${expected}, got '${since}'`);
}

async function saidText(exchange: HttpExchange): Promise<string> {
  if (exchange.type !== "application/json") return (await exchange.text()).replace(/\r?\n$/, "");
  const { text } = await exchange.object();
  if (typeof text === "string") return text;
  throw new Refusal("bad body", "the object has no 'text' that is a string");
}

/** @throws {Refusal} There are too many lines, one is too long, or one would show a password. */
function linesIn(text: string, maxLineBytes: number): string[] {
  const lines = linesOf(text);
  if (lines.length > MAX_SAID_LINES) {
    throw new Refusal("too long", `the text has more than ${MAX_SAID_LINES} lines`);
  }
  for (const line of lines) {
    if (utf8Length(line) > maxLineBytes) {
      throw new Refusal("too long", `a line is longer than ${maxLineBytes} bytes`);
    }
    if (isLogin(line)) {
      throw new Refusal("bad body", "what begins with /login would show a password to others");
    }
  }
  return lines;
}

/** A page of a history: at most one gap, before all of its messages. */
function historyAnswer(
  { name, record }: Channel,
  entries: readonly HistoryEntry[],
  form: HttpExchange["form"],
  places: { last: string; position: string },
) {
  let gap: number | null = 0;
  const messages: ShownMessage[] = [];
  for (const entry of entries) {
    if ("gap" in entry) gap = entry.gap ?? null;
    else messages.push(shown(record, entry.number, entry.message));
  }
  if (form === "json") return json({ channel: name, messages, gap, ...places });
  const missing = gap === 0
    ? ""
    : gap === null
    ? "(messages are missing)\n"
    : `(${gap} messages are missing)\n`;
  return text(missing + messages.map(({ time, sender, text }) => `${time} [${sender}] ${text}\n`).join(""));
}
