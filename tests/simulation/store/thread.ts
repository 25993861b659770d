import { assert, assertEquals } from "@std/assert";
import type { EntryPage, Post } from "../../../server/store/requests/thread.ts";
import type { OrderedClient } from "./ordered_client.ts";
import type { Ask } from "./world.ts";

/** So many posts it has before its user removes it and begins another one, and so many requests a client has open. */
const POSTS_MAX = 40, OPEN_MAX = 20;

/** The thread that one client writes to: each of its posts must be there once, in order. */
export class Thread {
  readonly #client: OrderedClient;
  #number = 1;
  #isCreated = false;
  #sent = 0;
  /** What is there for sure; undefined while there is no thread. */
  #texts: string[] | undefined;

  constructor(client: OrderedClient) {
    this.#client = client;
  }

  get #title(): string {
    return `${this.#client.session} ${this.#number}`;
  }

  act() {
    const client = this.#client, user = client.session, thread = this.#title;
    if (client.open >= OPEN_MAX) return;
    if (!this.#isCreated) {
      this.#isCreated = true;
      return client.add({ kind: "create", thread, user }, (outcome) => {
        assertEquals(outcome, undefined);
        this.#texts = [];
      });
    }
    if (this.#sent >= POSTS_MAX) {
      // nothing of it is on its way any more when the next one is created: the requests are carried out in order
      this.#number++;
      this.#isCreated = false;
      this.#sent = 0;
      return client.add({ kind: "remove", thread, user }, (outcome) => {
        assertEquals(outcome, undefined);
        this.#texts = undefined;
      });
    }
    const text = `${thread} ${++this.#sent}`;
    client.add({ kind: "post", thread, user, time: 1, text, bytes: text.length }, (outcome) => {
      assertEquals(outcome, undefined);
      this.#texts!.push(text);
    });
  }

  /** After a new start, when it is known of every request whether it was done. */
  async check(ask: Ask) {
    const [text] = this.#texts ?? [], thread = text?.split(" ").slice(0, 2).join(" ");
    if (thread === undefined) return;
    const texts: string[] = [];
    for (let after = 0, more = true; more;) {
      const page = await ask({ kind: "read", thread, from: { after }, limit: 50, maxBytes: 10_000 });
      assert(typeof page === "object", `${thread}: ${page}`);
      const { entries, more: isMore } = page as EntryPage;
      texts.push(...entries.map((entry) => (entry as Post).text));
      after = entries.at(-1)?.id ?? after;
      more = isMore;
    }
    assertEquals(texts, this.#texts);
  }
}
