/**
 * The mailbox's control commands.
 *
 * @module
 */

import { cutText, SHARED_QUEUE } from "../../../protocol/mailbox.ts";
import type { AdminCommand } from "./admin_requests.ts";
import type { GroupCommit } from "../../store/journal/group.ts";
import type { DeadLetter, Requeued } from "../../store/requests/message.ts";
import type { OutcomeOf, StoreRequest } from "../../store/store.ts";

/** Mailboxes that are looked up for one answer to `list`: more than fit into it. */
const LISTED = 256;

/** Dead letters that are looked up for one answer, of which none has a row of less than 20 bytes; and bytes of a text. */
const LISTED_DEAD = 50, DEAD_TEXT = 128;

/** Dead letters that are given out again by one command: some milliseconds' work. */
const REQUEUED = 1000;

/** The number of a dead letter. */
function idOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError(`not the number of a dead letter: '${text}'`);
  return Number(text);
}

function afterOf(text: string | undefined): number {
  return text === undefined ? 0 : idOf(text);
}

function deadRow({ id, mailbox, sender, time, attempts, reason, bytes, text }: DeadLetter): string {
  return [id, mailbox, sender, time, attempts, reason, bytes, cutText(text, 0, DEAD_TEXT)].join(",");
}

/** The commands, in the order in which `help` names them. */
export function mailboxCommands(store: GroupCommit): AdminCommand[] {
  const ask = async <R extends StoreRequest>(request: R) => {
    const outcome = await store.ask(request);
    if (outcome === "storage") throw new RangeError("the disk takes nothing");
    return outcome as Exclude<OutcomeOf<R>, "storage">;
  };

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
      usage: "clear, ID",
      min: 1,
      max: 1,
      async run([mailbox = ""]) {
        // an empty one is what a script says whose variable is not set
        if (mailbox === "") throw new RangeError("usage: clear, ID");
        return [String(await ask({ kind: "clear", mailbox }))];
      },
    },
    {
      name: "clear-shared",
      usage: "clear-shared",
      min: 0,
      max: 0,
      run: async () => [String(await ask({ kind: "clear", mailbox: SHARED_QUEUE }))],
    },
    {
      name: "clear-all",
      usage: "clear-all",
      min: 0,
      max: 0,
      run: async () => [String(await ask({ kind: "clear" }))],
    },
    {
      name: "dead",
      usage: "dead[, AFTER]",
      min: 0,
      max: 1,
      rows: true,
      async run([after]) {
        const listed = await ask({ kind: "dead", what: "list", after: afterOf(after), limit: LISTED_DEAD });
        return (listed as DeadLetter[]).map(deadRow);
      },
    },
    ...(["requeue", "delete"] as const).map((what): AdminCommand => ({
      name: what,
      usage: `${what}, NUMBER`,
      min: 1,
      max: 1,
      async run([number = ""]) {
        const id = idOf(number), outcome = await ask({ kind: "dead", what, id });
        if (outcome === "unknown") throw new RangeError(`no dead letter has the number ${id}`);
        if (outcome === "full") throw new RangeError(`there is no room for ${id} in its mailbox`);
        return ["1"];
      },
    })),
    {
      name: "requeue-all",
      usage: "requeue-all[, AFTER]",
      min: 0,
      max: 1,
      async run([after]) {
        const outcome = await ask({
          kind: "dead",
          what: "requeue all",
          after: afterOf(after),
          limit: REQUEUED,
        });
        const { done, full, last } = outcome as Requeued;
        return [done, full, last].map(String);
      },
    },
    {
      name: "delete-all",
      usage: "delete-all",
      min: 0,
      max: 0,
      run: async () => [String(await ask({ kind: "dead", what: "delete all" }))],
    },
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
