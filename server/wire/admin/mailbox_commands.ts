/**
 * The mailbox's control commands.
 *
 * @module
 */

import { cutText, SHARED_QUEUE } from "../../../protocol/mailbox.ts";
import type { GroupCommit } from "../../store/journaled/group.ts";
import type { DeadLetter, Requeued } from "../../store/requests/message.ts";
import type { Again } from "../../store/requests/again.ts";
import type { OutcomeOf, StoreRequest } from "../../store/store.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** Mailboxes, and dead letters, that are looked up for one answer: more than fit into it. */
const MAX_LISTED = 256, MAX_LISTED_DEAD = 50;

/** Mailboxes that `oldest` names. */
const MAX_OLDEST = 16;

/** How much of a dead letter's text is shown. */
const SHOWN_TEXT_BYTES = 128;

/** Dead letters that are requeued by one command: some milliseconds' work. */
const MAX_REQUEUED = 1000;

/** The number of a dead letter. */
function idOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError(`not the number of a dead letter: '${text}'`);
  return Number(text);
}

function deadRow({ id, mailbox, sender, time, attempts, reason, bytes, text }: DeadLetter): string {
  return [id, mailbox, sender, time, attempts, reason, bytes, cutText(text, 0, SHOWN_TEXT_BYTES)].join(",");
}

/** The commands, in the order in which `help` names them. */
export function mailboxCommands(store: GroupCommit): AdminCommand[] {
  const ask = async <R extends StoreRequest>(request: R) => {
    const outcome = await store.ask(request);
    if (outcome === "storage") throw new RangeError("cannot write to disk");
    return outcome as Exclude<OutcomeOf<R>, "storage" | Again>;
  };
  const clear = async (request: StoreRequest & { kind: "clear" }) => [String(await ask(request))];
  return [
    {
      usage: "list[, AFTER]",
      async run([after]) {
        const listed = await ask({
          kind: "list",
          limit: MAX_LISTED,
          ...after === undefined ? {} : { after },
        });
        return listed.map(({ mailbox, messages }) => `${messages} ${mailbox}`);
      },
    },
    {
      usage: "oldest",
      rows: true,
      async run() {
        const oldest = await ask({ kind: "oldest", limit: MAX_OLDEST });
        return oldest.map(({ time, messages, mailbox }) => `${time},${messages},${mailbox}`);
      },
    },
    {
      usage: "count[, ID]",
      async run([mailbox]) {
        const { messages } = await ask({ kind: "count", ...mailbox === undefined ? {} : { mailbox } });
        return [String(messages)];
      },
    },
    {
      usage: "clear, ID",
      async run([mailbox = ""]) {
        // a script whose variable is not set sends an empty one
        if (mailbox === "") throw new RangeError("usage: clear, ID");
        return await clear({ kind: "clear", mailbox });
      },
    },
    { usage: "clear-shared", run: () => clear({ kind: "clear", mailbox: SHARED_QUEUE }) },
    { usage: "clear-all", run: () => clear({ kind: "clear" }) },
    {
      usage: "dead[, AFTER]",
      rows: true,
      async run([after = "0"]) {
        const listed = await ask({
          kind: "dead",
          what: "list",
          after: idOf(after),
          limit: MAX_LISTED_DEAD,
        });
        return (listed as DeadLetter[]).map(deadRow);
      },
    },
    ...(["requeue", "delete"] as const).map((what): AdminCommand => ({
      usage: `${what}, NUMBER`,
      async run([number = ""]) {
        const id = idOf(number), outcome = await ask({ kind: "dead", what, id });
        if (outcome === "unknown") throw new RangeError(`no dead letter has the number ${id}`);
        if (outcome === "full") throw new RangeError(`there is no room for ${id} in its mailbox`);
        if (outcome === "damaged") throw new RangeError(`${id} is damaged: it is not given out again`);
        return ["1"];
      },
    })),
    {
      usage: "requeue-all[, AFTER]",
      async run([after = "0"]) {
        const outcome = await ask({
          kind: "dead",
          what: "requeue all",
          after: idOf(after),
          limit: MAX_REQUEUED,
        });
        const { done, full, last } = outcome as Requeued;
        return [done, full, last].map(String);
      },
    },
    {
      usage: "delete-all",
      run: async () => [String(await ask({ kind: "dead", what: "delete all" }))],
    },
    {
      usage: "limit, N",
      async run([text = ""]) {
        const messages = /^\d{1,15}$/.test(text) ? Number(text) : 0;
        if (messages === 0) throw new RangeError(`limit is not a number from 1: '${text}'`);
        await ask({ kind: "limit", messages });
        return [String(messages)];
      },
    },
  ];
}
