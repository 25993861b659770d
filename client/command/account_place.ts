/**
 * Where the accounts are that a command works on: in a data directory, or with the server that has it open.
 *
 * @module
 */

import { decodeName, encodeName } from "../../protocol/scram.ts";
import { obtainSealKey } from "../../server/data/seal_key.ts";
import { hasDatabase } from "../../server/data/start_check.ts";
import { SqliteStore } from "../../server/store/journal/sqlite.ts";
import type {
  Account,
  AccountOutcome,
  AccountRequest,
  Coverage,
} from "../../server/store/requests/account.ts";
import type { Store } from "../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../server/store/limits.ts";
import { StoreLocked } from "../../server/store/errors.ts";
import type { OriginalMailbox } from "../original_mailbox.ts";
import { type Administration, administration } from "./admin.ts";
import type { Arguments } from "./command.ts";

/** Accounts, wherever they are. */
export interface AccountPlace extends AsyncDisposable {
  /** Returns what it covers, or undefined where the name has one. */
  add(name: string, verifier: string): Promise<Coverage | undefined>;
  /** Lets an account cover the mailbox of its name too. @throws {Error} There is none of that name. */
  cover(name: string): Promise<Coverage>;
  /** Gives an account another verifier. @throws {Error} There is none of that name. */
  change(name: string, verifier: string): Promise<void>;
  /** @throws {Error} There is none of that name. */
  remove(name: string): Promise<void>;
  list(): AsyncGenerator<Pick<Account, "name" | "mailbox">, void, void>;
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
  if (!await hasDatabase(directory)) {
    throw new Error(
      `No server has kept anything in ${directory}: start one there once, or give its --data or --server`,
    );
  }
  let store: Store;
  try {
    // what fails is told by the outcome
    store = await SqliteStore.open({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    return new WithServer(await administration(args));
  }
  return new InDirectory(store, directory);
}

const REFUSED = {
  full: "there are as many accounts as there may be",
  storage: "the disk takes nothing",
  unknown: "no account has this name",
  "apart full": "its mailbox holds more than can be set apart; have it received, or clear it, first",
  reserved: "the mailbox of this name is no account's",
} as const;

class InDirectory implements AccountPlace {
  readonly #store: Store;
  readonly #directory: string;
  #key: Promise<void> | undefined;

  constructor(store: Store, directory: string) {
    this.#store = store;
    this.#directory = directory;
  }

  async #ask(request: AccountRequest): Promise<AccountOutcome> {
    const [outcome] = await this.#store.apply([request]);
    return outcome as AccountOutcome;
  }

  async add(name: string, verifier: string): Promise<Coverage | undefined> {
    await this.#obtainKey();
    const outcome = await this.#ask({ kind: "account", what: "add", name, verifier });
    return outcome === "exists" ? undefined : covered(outcome, `Cannot add '${name}'`);
  }

  async cover(name: string): Promise<Coverage> {
    return covered(await this.#ask({ kind: "account", what: "cover", name }), `Cannot confirm '${name}'`);
  }

  /** Before the first account there is a key: a server takes a missing one for one that was lost, where there are any. */
  async #obtainKey() {
    this.#key ??= (async () => {
      const some = await this.#ask({ kind: "account", what: "list", limit: 1 }) as Account[];
      if (some.length === 0) await obtainSealKey({ data: this.#directory, accounts: 0 });
    })();
    await this.#key;
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

  async *list() {
    for (let after = "";;) {
      const page = await this.#ask({ kind: "account", what: "list", after, limit: PAGE }) as Account[];
      yield* page;
      if (page.length < PAGE) return;
      after = page.at(-1)!.name;
    }
  }

  [Symbol.asyncDispose]() {
    return this.#store.close();
  }
}

/** @throws {Error} It covers nothing; `action` says what was to be done. */
function covered(outcome: AccountOutcome, action: string): Coverage {
  if (typeof outcome === "object" && "apart" in outcome) return outcome;
  throw new Error(`${action}: ${REFUSED[outcome as keyof typeof REFUSED]}`);
}

class WithServer implements AccountPlace {
  readonly #mailbox: OriginalMailbox;
  readonly #secret: Uint8Array;

  constructor({ mailbox, secret }: Administration) {
    this.#mailbox = mailbox;
    this.#secret = secret;
  }

  async #control(...fields: string[]): Promise<string[]> {
    return await this.#mailbox.control(this.#secret, ["account", ...fields].join(", "));
  }

  async add(name: string, verifier: string): Promise<Coverage | undefined> {
    try {
      return coverage(await this.#control("add", encodeName(name), verifier));
    } catch (error) {
      if ((error as Error).message.endsWith("the name has an account")) return undefined;
      throw error;
    }
  }

  async cover(name: string): Promise<Coverage> {
    return coverage(await this.#control("confirm", encodeName(name)));
  }

  async change(name: string, verifier: string) {
    await this.#control("set-password", encodeName(name), verifier);
  }

  async remove(name: string) {
    await this.#control("remove", encodeName(name));
  }

  async *list() {
    let last = "";
    for (let after: string[] = [];;) {
      const fields = await this.#control("list", ...after);
      if (fields.length === 0) return;
      for (const field of fields) {
        const [encoded = "", what] = field.split(" "), name = decodeName(encoded) ?? encoded;
        // a list that goes back would have no end
        if (name <= last) throw new Error(`The server's list is out of order: '${name}' after '${last}'`);
        yield { name, mailbox: what === "mailbox" };
        last = name;
        after = [encoded];
      }
    }
  }

  [Symbol.asyncDispose]() {
    return this.#mailbox[Symbol.asyncDispose]();
  }
}

/** What the server answers about an account that covers its mailbox: its name, and what was set apart. */
function coverage([_, apart]: string[]): Coverage {
  return { mailbox: true, apart: Number(apart ?? 0) };
}
