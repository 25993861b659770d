/**
 * The accounts of a data directory that no server has open, for `wirepost account` beside it.
 *
 * @module
 */

import type { AccountAction } from "../protocol/admin.ts";
import { obtainSealKey } from "./data/seal_key.ts";
import { hasDatabase } from "./data/start_check.ts";
import { Accounts, readAccounts } from "./service/account/accounts.ts";
import { StoreLocked } from "./store/errors.ts";
import { Again } from "./store/requests/again.ts";
import { openJournaledStore } from "./store/journaled/open.ts";
import type { LastOutcomeOf, Store, StoreRequest } from "./store/store.ts";

export class OfflineAccounts {
  readonly #store: Store;
  readonly #accounts: Accounts;
  readonly #directory: string;
  readonly #ask: ConstructorParameters<typeof Accounts>[0]["store"]["ask"];
  #obtainedKey: Promise<void> | undefined;

  private constructor(store: Store, directory: string) {
    this.#store = store;
    this.#directory = directory;
    const ask = this.#ask = async <R extends StoreRequest>(request: R): Promise<LastOutcomeOf<R>> => {
      const [outcome] = await store.apply([request]);
      return outcome instanceof Again ? await ask(outcome.request as R) : outcome as LastOutcomeOf<R>;
    };
    this.#accounts = new Accounts({ store: { ask }, known: [], monotonicClock: () => performance.now() });
  }

  /**
   * @returns `no database`: no server has run there yet. `in use`: a server has it open, and has to be asked.
   * @throws {Error} The database can't be opened.
   */
  static async open(directory: string): Promise<OfflineAccounts | "no database" | "in use"> {
    if (!await hasDatabase(directory)) return "no database";
    try {
      const store = await openJournaledStore({ directory, onEvent() {} });
      return new OfflineAccounts(store, directory);
    } catch (error) {
      if (error instanceof StoreLocked) return "in use";
      throw error;
    }
  }

  /** Does what the administrator asks for. The name, and the verifier or role in `value`, are checked by the caller. */
  async change(action: AccountAction, name: string, value: string): ReturnType<Accounts["administer"]> {
    if (action === "add") await (this.#obtainedKey ??= this.#obtainKey());
    return await this.#accounts.administer(action, name, value);
  }

  /** If there are accounts, a server takes a missing key for one that was lost: so the key comes before them. */
  async #obtainKey() {
    if ((await this.#accounts.list("", 1)).length === 0) {
      await obtainSealKey({ data: this.#directory, accounts: 0 });
    }
  }

  async addToken(name: string, token: Parameters<Accounts["addToken"]>[1]) {
    return await (await this.#read()).addToken(name, token);
  }

  async removeToken(name: string, id: string) {
    return await (await this.#read()).removeToken(name, id);
  }

  async tokens(name: string) {
    const accounts = await this.#read();
    return accounts.has(name) ? accounts.tokens(name) : undefined;
  }

  /** With what the store holds now. */
  async #read(): Promise<Accounts> {
    const known = await readAccounts(this.#store);
    return new Accounts({ store: { ask: this.#ask }, known, monotonicClock: () => performance.now() });
  }

  async *list() {
    yield* await readAccounts(this.#store);
  }

  [Symbol.asyncDispose]() {
    return this.#store.close();
  }
}
