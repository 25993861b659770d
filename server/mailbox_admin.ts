/**
 * The mailbox's control commands.
 *
 * @module
 */

import type { AdminCommand } from "./admin.ts";
import type { GroupCommit } from "./store/group.ts";
import type { DeadLetter } from "./store/message_requests.ts";
import type { OutcomeOf, StoreRequest } from "./store/store.ts";

/** Mailboxes that are looked up for one answer to `list`: more than fit into it. */
const LISTED = 256;

/** Dead letters that are given out again by one command: some milliseconds' work. */
const REQUEUED = 1000;

/** The number of a dead letter. */
function idOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError(`not the number of a dead letter: '${text}'`);
  return Number(text);
}

/** The commands, in the order in which `help` names them. */
export function mailboxCommands(store: GroupCommit): AdminCommand[] {
  const ask = <R extends StoreRequest>(request: R) =>
    new Promise<Exclude<OutcomeOf<R>, "storage">>((resolve, reject) => {
      const taken = store.submit(request, (outcome) => {
        if (outcome === "storage") reject(new RangeError("the disk takes nothing"));
        else resolve(outcome as Exclude<OutcomeOf<R>, "storage">);
      });
      if (!taken) reject(new RangeError("too much is waiting for the disk"));
    });

  return [
    {
      name: "list",
      usage: "list[, AFTER]",
      min: 0,
      max: 1,
      async run([after]) {
        const listed = await ask({
          kind: "list",
          limit: LISTED,
          ...after === undefined ? {} : { after },
        });
        return listed.map(({ mailbox, messages }) => `${messages} ${mailbox}`);
      },
    },
    {
      name: "count",
      usage: "count[, ID]",
      min: 0,
      max: 1,
      async run([mailbox]) {
        const { messages } = await ask({ kind: "count", ...mailbox === undefined ? {} : { mailbox } });
        return [String(messages)];
      },
    },
    {
      name: "clear",
      usage: "clear[, ID]",
      min: 0,
      max: 1,
      async run([mailbox]) {
        return [String(await ask({ kind: "clear", ...mailbox === undefined ? {} : { mailbox } }))];
      },
    },
    {
      name: "dead",
      usage: "dead[, AFTER]",
      min: 0,
      max: 1,
      async run([after]) {
        const listed = await ask({
          kind: "dead",
          what: "list",
          limit: LISTED,
          ...after === undefined ? {} : { id: idOf(after) },
        });
        return (listed as DeadLetter[]).map(({ id, mailbox }) => `${id} ${mailbox}`);
      },
    },
    ...(["requeue", "drop"] as const).map((what): AdminCommand => ({
      name: what,
      usage: `${what}[, NUMBER]`,
      min: 0,
      max: 1,
      async run([id]) {
        const some = id === undefined ? {} : { id: idOf(id) };
        return [String(await ask({ kind: "dead", what, limit: REQUEUED, ...some }))];
      },
    })),
    {
      name: "limit",
      usage: "limit, N",
      min: 1,
      max: 1,
      async run([text = ""]) {
        const messages = /^\d{1,15}$/.test(text) ? Number(text) : 0;
        if (messages === 0) throw new RangeError(`limit is not a number from 1: '${text}'`);
        await ask({ kind: "limit", messages });
        return [String(messages)];
      },
    },
  ];
}
