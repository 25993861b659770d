/** Requests that tests of a store make, and tests that every kind of store has to pass. */

import { openJournaledStore } from "../../../server/store/journaled/open.ts";
import { Again } from "../../../server/store/requests/again.ts";
import type { Put } from "../../../server/store/requests/message.ts";
import type { Outcome, Store, StoreEvent, StoreRequest } from "../../../server/store/store.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../../server/store/limits.ts";

export interface Setting {
  limits?: Partial<StoreLimits>;
  maxFileBytes?: number;
  events?: StoreEvent[];
}

export function open(
  directory: string | undefined,
  { limits, maxFileBytes, events }: Setting = {},
): Promise<Store> {
  return openJournaledStore({
    directory,
    limits: { ...DEFAULT_LIMITS, ...limits },
    maxFileBytes,
    onEvent: (event) => events?.push(event),
  });
}

export const put = (mailbox: string, text: string, sender = "alice"): Put => ({
  kind: "put",
  mailbox,
  sender,
  time: 1_700_000_000_000,
  text,
  bytes: new TextEncoder().encode(text).length,
});
export const take = (mailbox: string): StoreRequest => ({ kind: "take", mailbox });
export const count = (mailbox?: string): StoreRequest => ({
  kind: "count",
  ...mailbox === undefined ? {} : { mailbox },
});
export const list = (limit = 10, after?: string): StoreRequest => ({
  kind: "list",
  limit,
  ...after === undefined ? {} : { after },
});
export const clear = (mailbox?: string): StoreRequest => ({
  kind: "clear",
  ...mailbox === undefined ? {} : { mailbox },
});
export const counts = (messages: number, bytes: number, mailboxes: number) => ({
  messages,
  bytes,
  mailboxes,
});

/** What a take gave: the text of a message, or why there is none. */
export const text = (outcome: Outcome): unknown =>
  typeof outcome === "object" && "text" in outcome ? outcome.text : outcome;

/** Runs the batches one after the other and gives their outcomes, messages as their texts. */
export async function run(store: Store, ...batches: StoreRequest[][]): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (const batch of batches) {
    for (const outcome of await store.apply(batch)) outcomes.push(text(await lastOf(store, outcome)));
  }
  return outcomes;
}

/** What the last piece of a request comes to. */
async function lastOf(store: Store, outcome: Outcome): Promise<Outcome> {
  while (outcome instanceof Again) {
    [outcome] = await store.apply([outcome.request as StoreRequest]) as [Outcome];
  }
  return outcome;
}

export async function withDirectory(use: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-store-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A test of what every store does; each implementation has to pass it. */
export function everyStore(
  name: string,
  test: (store: Store, events: StoreEvent[]) => Promise<void>,
  setting: Setting = {},
) {
  const use = async (directory: string | undefined) => {
    const events: StoreEvent[] = [];
    const store = await open(directory, { ...setting, events });
    try {
      await test(store, events);
    } finally {
      await store.close();
    }
  };
  Deno.test(`a store in memory ${name}`, () => use(undefined));
  Deno.test(`a store on disk ${name}`, () => withDirectory(use));
}
