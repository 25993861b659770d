/**
 * Clients of a store that is stopped at random, who hold against its promises what they are answered: nothing that was
 * acknowledged is lost or comes back, nothing is there twice, order is kept, and a session's outcomes stay the same.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import { SESSION_LIMITS } from "../../../server/quota/fair_table.ts";
import type { Leased } from "../../../server/store/requests/lease.ts";
import type { DeadLetter, PeekedMessage, PeekedPage, Stats } from "../../../server/store/requests/message.ts";
import type { StoreRequest } from "../../../server/store/store.ts";
import type { Random } from "../random.ts";
import { Ledger } from "./ledger.ts";
import { OrderedClient } from "./ordered_client.ts";
import { type Register, registers } from "./registers.ts";
import { Takes } from "./takes.ts";
import { Thread } from "./thread.ts";
import type { Ask, Load, Submit } from "./world.ts";

const MAILBOXES = ["left", "right"], CLIENTS = 4;

/** So many messages a mailbox has at most. */
const OPEN_MAX = 60;

/** Where the messages of sessions are, and who acknowledges them. */
interface Lease {
  token: string;
  tag: number;
  mailbox: string;
  messages: Map<number, string>;
}

export class Promises implements Load {
  readonly #random: Random;
  readonly #clients: OrderedClient[];
  readonly #leases: Lease[][];
  readonly #threads: Thread[];
  readonly #ledgers = new Map(MAILBOXES.map((name) => [name, new Ledger()]));
  readonly #sent = new Map<string, number>();
  readonly #registers: Register[];
  readonly #takes = new Takes();
  #tag = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => new OrderedClient(`s${i}`, random));
    this.#leases = this.#clients.map(() => []);
    this.#threads = this.#clients.map((client) => new Thread(client));
    this.#registers = registers(random);
  }

  start(): StoreRequest[] {
    return [{
      kind: "configure",
      limits: { ...DEFAULT_LIMITS, share: 100 },
      takeBytesMax: 1000,
      forumLimits: { ...DEFAULT_FORUM_LIMITS, share: 100 },
      sessionLimits: SESSION_LIMITS,
    }];
  }

  act(submit: Submit): number {
    const random = this.#random, kind = random.between(0, 99);
    const i = random.between(0, CLIENTS - 1), client = this.#clients[i]!;
    if (kind < 20) this.#put(i);
    else if (kind < 28) this.#threads[i]!.act();
    else if (kind < 40) this.#lease(submit, i);
    else if (kind < 55) this.#finish(submit, i);
    else if (kind < 75) {
      const batch = client.next();
      if (batch) submit(batch, (outcome) => client.answered(outcome));
    } else if (kind < 92) this.#takes.act(submit, random);
    else this.#registers[random.between(0, this.#registers.length - 1)]!.act(submit);
    if (random.chance(0.9)) return 0;
    return random.chance(0.97) ? random.between(1, 100) : random.between(1000, 40_000);
  }

  #put(i: number) {
    const random = this.#random, mailbox = MAILBOXES[random.between(0, 1)]!, client = this.#clients[i]!;
    const ledger = this.#ledgers.get(mailbox)!, sender = `${client.session} ${mailbox}`;
    if (ledger.open >= OPEN_MAX || client.open > 20) return;
    const number = (this.#sent.get(sender) ?? 0) + 1, text = `${sender} ${number}`;
    this.#sent.set(sender, number);
    ledger.send(text, sender, number);
    const padded = text + " ".repeat(random.chance(0.1) ? random.between(0, 60) : 0);
    const put = { kind: "put", mailbox, sender, time: 1, text: padded, bytes: padded.length } as const;
    client.add(put, (outcome) => {
      assertEquals(outcome, undefined);
      ledger.store(text);
    });
  }

  #lease(submit: Submit, i: number) {
    const random = this.#random, client = this.#clients[i]!, leases = this.#leases[i]!;
    if (leases.length >= 3) return;
    const mailbox = MAILBOXES[random.between(0, 1)]!, tag = ++this.#tag;
    const request: StoreRequest = {
      kind: "lease",
      session: client.session,
      tag,
      mailbox,
      max: random.between(1, 10),
      maxBytes: random.between(1, 500),
      duration: 30_000,
      ahead: random.chance(0.3),
      subscribe: random.chance(0.3),
    };
    submit(request, (outcome) => {
      if (typeof outcome === "string") return;
      const { token, messages } = outcome as Leased, ledger = this.#ledgers.get(mailbox)!;
      for (const { id, text } of messages) ledger.deliver(text.trimEnd(), id);
      leases.push({
        token,
        tag,
        mailbox,
        messages: new Map(messages.map(({ id, text }) => [id, text.trimEnd()])),
      });
    });
  }

  /** Does something with messages that a client has. */
  #finish(submit: Submit, i: number) {
    const random = this.#random, client = this.#clients[i]!, leases = this.#leases[i]!, [lease] = leases;
    if (lease === undefined || client.open > 20) return;
    const { token, tag, mailbox, messages } = lease, { session } = client;
    const kind = random.between(0, 99), ids = [...messages.keys()].filter(() => random.chance(0.8));
    if (kind < 10) return submit({ kind: "confirm", session, tag }, () => {});
    if (kind < 15) {
      leases.shift();
      return submit({ kind: "release", session, tag }, () => {});
    }
    if (kind < 20) return client.add({ kind: "extend", token, duration: 30_000 }, () => {});
    if (kind < 25) return client.add({ kind: "begin", token, ids }, () => {});
    const texts = new Map(ids.map((id) => [id, messages.get(id)!]));
    for (const id of ids) messages.delete(id);
    if (messages.size === 0 || random.chance(0.1)) leases.shift();
    if (ids.length === 0) return;
    if (kind < 30) return client.add({ kind: "back", token, ids }, () => {});
    if (kind < 37) {
      const delay = random.between(0, 3000), attempts = random.between(3, 20);
      return client.add({ kind: "fail", token, ids, delay, attempts, reason: "no" }, () => {});
    }
    client.add({ kind: "ack", token, ids }, (outcome) => {
      assert(outcome?.kind !== "bad");
      const lost = new Set(outcome?.ids);
      for (const [id, text] of texts) if (!lost.has(id)) this.#ledgers.get(mailbox)!.acknowledge(text);
    });
  }

  async restarted(ask: Ask) {
    // after this it is known of every ordered request whether it was done
    for (const client of this.#clients) client.reopened(await ask(client.reopen()));
    const letters = await ask({ kind: "dead", what: "list", after: 0, limit: 1000 }) as DeadLetter[];
    for (const [mailbox, ledger] of this.#ledgers) {
      const dead = letters.filter((letter) => letter.mailbox === mailbox)
        .map(({ id, text }) => ({ id, text: text.trimEnd() }));
      ledger.check(await messagesOf(mailbox, ask), dead);
    }
    this.#takes.check(await messagesOf(this.#takes.mailbox, ask));
    for (const register of this.#registers) register.check(await ask(register.query));
    for (const thread of this.#threads) await thread.check(ask);
  }

  async end(ask: Ask) {
    for (const client of this.#clients) {
      while (client.open > 0) {
        const batch = client.next();
        if (batch) client.answered(await ask(batch));
      }
    }
    await this.restarted(ask);
  }
}

/** All messages of a mailbox, which must be as many as are counted. */
async function messagesOf(mailbox: string, ask: Ask): Promise<PeekedMessage[]> {
  const all: PeekedMessage[] = [];
  for (let more = true; more;) {
    const page = await ask({ kind: "peek", mailbox, after: all.at(-1)?.id ?? 0, limit: 100 }) as PeekedPage;
    all.push(...page.messages);
    more = page.more;
  }
  assertEquals(
    (await ask({ kind: "stat", mailbox }) as Stats).messages,
    all.length,
    `messages of ${mailbox}`,
  );
  return all.map((message) => ({ ...message, text: message.text.trimEnd() }));
}
