import { type HistoryQuery, MAX_PAGE_MESSAGES } from "../../protocol/announced.ts";
import type { ChannelMessage } from "../store/requests/channel.ts";
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
  query: HistoryQuery,
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

function startOf({ first, next, ids }: ChannelRecord, query: HistoryQuery): Start {
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
