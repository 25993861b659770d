/**
 * Where the accounts are that a command works on: in a data directory, or with the server that has it open.
 *
 * @module
 */

import { decodeName, encodeName } from "../../protocol/scram.ts";
import { makeDataDirectory } from "../../server/data_directory.ts";
import { SqliteStore } from "../../server/store/sqlite.ts";
import type { Account, AccountOutcome, AccountRequest } from "../../server/store/account_requests.ts";
import { DEFAULT_LIMITS, type Store, StoreLocked } from "../../server/store/store.ts";
import type { BasicMailbox } from "../basic_mailbox.ts";
import { type Administration, administration } from "./admin.ts";
import type { Arguments } from "./command.ts";

/** Accounts, wherever they are. */
export interface AccountPlace extends AsyncDisposable {
  /** Returns false where the name has one. */
  add(name: string, verifier: string): Promise<boolean>;
  /** Gives an account another verifier. @throws {Error} There is none of that name. */
  change(name: string, verifier: string): Promise<void>;
  /** @throws {Error} There is none of that name. */
  remove(name: string): Promise<void>;
  names(): AsyncGenerator<string, void, void>;
}

/** Names that are read at a time. */
const PAGE = 1000;

/**
 * The accounts of `--server`, or of `--data`: through the server that has it open, if there is one.
 *
 * @throws {Error} The directory can't be used, or the server can't be asked.
 */
export async function openAccounts(args: Arguments): Promise<AccountPlace> {
  if (args.text("server") !== undefined) return new WithServer(await administration(args));
  const directory = args.text("data") ?? "parley-data";
  await makeDataDirectory(directory);
  try {
    return new InDirectory(
      await SqliteStore.open({
        directory,
        limits: DEFAULT_LIMITS,
        // what fails is told by the outcome
        onEvent() {},
      }),
    );
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    return new WithServer(await administration(args));
  }
}

const REFUSED = {
  full: "there are as many accounts as there may be",
  storage: "the disk takes nothing",
  unknown: "no account has this name",
} as const;

class InDirectory implements AccountPlace {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async #ask(request: AccountRequest): Promise<AccountOutcome> {
    const [outcome] = await this.#store.apply([request]);
    return outcome as AccountOutcome;
  }

  async add(name: string, verifier: string): Promise<boolean> {
    const outcome = await this.#ask({ kind: "account", what: "add", name, verifier });
    if (outcome === "full" || outcome === "storage") {
      throw new Error(`Cannot add '${name}': ${REFUSED[outcome]}`);
    }
    return outcome === "added";
  }

  async change(name: string, verifier: string) {
    const outcome = await this.#ask({ kind: "account", what: "change", name, verifier });
    if (outcome === "unknown" || outcome === "storage") {
      throw new Error(`Cannot set the password of '${name}': ${REFUSED[outcome]}`);
    }
  }

  async remove(name: string) {
    const outcome = await this.#ask({ kind: "account", what: "remove", name });
    if (outcome === "unknown" || outcome === "storage") {
      throw new Error(`Cannot remove '${name}': ${REFUSED[outcome]}`);
    }
  }

  async *names() {
    for (let after = "";;) {
      const page = await this.#ask({ kind: "account", what: "list", after, limit: PAGE }) as Account[];
      for (const { name } of page) yield name;
      if (page.length < PAGE) return;
      after = page.at(-1)!.name;
    }
  }

  [Symbol.asyncDispose]() {
    return this.#store.close();
  }
}

class WithServer implements AccountPlace {
  readonly #mailbox: BasicMailbox;
  readonly #secret: Uint8Array;

  constructor({ mailbox, secret }: Administration) {
    this.#mailbox = mailbox;
    this.#secret = secret;
  }

  async #control(...fields: string[]): Promise<string[]> {
    return await this.#mailbox.control(this.#secret, ["account", ...fields].join(", "));
  }

  async add(name: string, verifier: string): Promise<boolean> {
    try {
      await this.#control("add", encodeName(name), verifier);
      return true;
    } catch (error) {
      if ((error as Error).message.endsWith("the name has an account")) return false;
      throw error;
    }
  }

  async change(name: string, verifier: string) {
    await this.#control("set-password", encodeName(name), verifier);
  }

  async remove(name: string) {
    await this.#control("remove", encodeName(name));
  }

  async *names() {
    let last = "";
    for (let after: string[] = [];;) {
      const names = await this.#control("list", ...after);
      if (names.length === 0) return;
      for (const encoded of names) {
        const name = decodeName(encoded) ?? encoded;
        // a list that goes back would have no end
        if (name <= last) throw new Error(`The server's list is out of order: '${name}' after '${last}'`);
        yield last = name;
      }
      after = names.slice(-1);
    }
  }

  [Symbol.asyncDispose]() {
    return this.#mailbox[Symbol.asyncDispose]();
  }
}
