import { type HistoryQuery, MAX_PAGE_MESSAGES } from "../../../protocol/channels/announced.ts";
import type { ChannelMessage } from "../../store/requests/channel.ts";
import type { ChannelRecord } from "./history.ts";

/** A message of a history, or a gap: of so many messages, or of an unknown number of them. */
export type HistoryEntry = { number: number; message: ChannelMessage } | { gap: number | undefined };

/** A piece of a channel's history (channels.md 8.7). */
export interface HistoryPage {
  /** The ID that the last of its messages has; the current one if it goes to the end. */
  history: string;
  entries: HistoryEntry[];
  /** Number of the last message of the channel; 0 if nothing was said yet. */
  last: number;
}

/** Which messages are asked for: as of an announced client, or those from a time on, in milliseconds since 1970. */
export type PageQuery = HistoryQuery | { fromTime: number };

/** Where a page begins. */
interface Start {
  number: number;
  /** What is missing before it. */
  gap?: HistoryEntry;
  /** From this number on, a new ID is a gap. */
  gapsFrom: number;
}

/**
 * What a query asks for: at most {@linkcode MAX_PAGE_MESSAGES} messages.
 *
 * @param fits Whether one more message may be added to those that are there.
 */
export function historyPage(
  record: ChannelRecord,
  query: PageQuery,
  fits: (message: ChannelMessage) => boolean,
): HistoryPage {
  const { next, ids } = record, start = startOf(record, query);
  const entries: HistoryEntry[] = start.gap === undefined ? [] : [start.gap];
  let { number } = start, count = 0;
  for (; count < MAX_PAGE_MESSAGES; number++, count++) {
    const isGap = number >= start.gapsFrom && ids.beginsAt(number);
    // also behind all that are there: those that were said last may have been lost
    if (number >= next) {
      if (isGap) entries.push({ gap: undefined });
      break;
    }
    const message = record.message(number);
    if (count > 0 && !fits(message)) break;
    if (isGap) entries.push({ gap: undefined });
    entries.push({ number, message });
  }
  return { history: number >= next ? ids.current : ids.at(number - 1), entries, last: next - 1 };
}

/**
 * The messages before the one that has this ID and number, as many as the limit: they end there, or at a new ID. What is
 * missing before them stands first.
 */
export function pageBefore(
  record: ChannelRecord,
  { history, number }: { history: string; number: number },
  limit: number,
): HistoryEntry[] {
  const { first, next, ids } = record, end = ids.endOf(history);
  if (end === undefined) return [{ gap: undefined }];
  // what had this number under an earlier ID may be another message now
  const to = Math.min(number, end, next);
  let from = to;
  while (from > first && to - from < limit && (from === to || !ids.beginsAt(from))) from--;
  const isNewId = ids.beginsAt(from) && from < to, isFirst = from === first && first > 1;
  const entries: HistoryEntry[] = isNewId ? [{ gap: undefined }] : isFirst ? [{ gap: first - 1 }] : [];
  for (let n = from; n < to; n++) entries.push({ number: n, message: record.message(n) });
  return entries;
}

function startOf(record: ChannelRecord, query: PageQuery): Start {
  const { first, next, ids } = record;
  if ("fromTime" in query) return startAt(record, query.fromTime);
  const last = (count: number) => {
    const number = Math.max(first, next - count);
    return { number, gapsFrom: number + 1 };
  };
  if ("last" in query) return last(Math.min(query.last, MAX_PAGE_MESSAGES));
  const end = ids.endOf(query.history);
  const isKnown = end !== undefined && (end !== Infinity || query.after < next);
  if (!isKnown) return { ...last(MAX_PAGE_MESSAGES), gap: { gap: undefined } };
  // what had this number or a higher one under the earlier ID is lost
  const number = Math.min(query.after + 1, end);
  if (number >= first) return { number, gapsFrom: end };
  return {
    number: first,
    gap: { gap: end <= first ? undefined : first - number },
    gapsFrom: Math.max(end, first + 1),
  };
}

function startAt(record: ChannelRecord, time: number): Start {
  const { first, next } = record;
  let number = next;
  while (number > first && record.message(number - 1).time >= time) number--;
  const start = { number, gapsFrom: number + 1 };
  // those before the first that is kept may have been said after that, too
  return number > first || first === 1 ? start : { ...start, gap: { gap: undefined } };
}
