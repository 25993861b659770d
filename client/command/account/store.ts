/**
 * Where accounts are kept: with a running server, or in the data directory of one that doesn't run.
 *
 * @module
 */

import {
  ACCOUNT_REFUSALS,
  type AccountAction,
  type AccountRefusal,
  MADE_AT,
  TOKEN_REFUSALS,
} from "../../../protocol/admin.ts";
import {
  clientKeysOf,
  decodeName,
  encodeName,
  encodeVerifier,
  ITERATIONS,
  SALT_BYTES,
  saltPassword,
  verifierOf,
} from "../../../protocol/seal/scram.ts";
import { type OriginalMailbox, RefusedCommandError } from "../../original_mailbox.ts";
import {
  type Administration,
  administration,
  type DataDirectoryCode,
  openDataDirectory,
} from "../admin/administration.ts";
import type { Arguments } from "../command.ts";
import { isServerNamed } from "../options/server_option.ts";

interface AccountStore extends AsyncDisposable {
  /**
   * Does with an account what the administrator asks for.
   *
   * @param value What the password is checked against, to add an account or set its password; its role; else empty.
   * @returns How many older messages of its mailbox were set apart, or why it was refused.
   */
  change(action: AccountAction, name: string, value: string): Promise<{ apart: number } | AccountRefusal>;
  /** Adds a token. */
  addToken(
    name: string,
    token: { id: string; verifier: string; ttlMs?: number | undefined },
  ): Promise<TokenOutcome>;
  removeToken(name: string, id: string): Promise<TokenOutcome>;
  /** The tokens of an account; undefined if there is no such account. */
  tokens(name: string): Promise<{ id: string; until: number | null }[] | undefined>;
  /** By name, in the order of its bytes; `mailbox` is whether an account covers the mailbox too. */
  list(): AsyncGenerator<ListedAccount, void, void>;
}

/** An account, as the administrator is shown it. */
export interface ListedAccount {
  name: string;
  /** Whether it covers the mailbox of its name too. */
  mailbox: boolean;
  role: string;
  /** The network at which a client has made it; empty if the administrator has made or confirmed it. */
  network: string;
}

/** What became of a token; `unknown` is an account, or its token. */
export type TokenOutcome = "changed" | "removed" | "unknown" | "exists" | "full" | "storage";

/** The server's code for a data directory that no server has open. */
export interface AccountCode extends DataDirectoryCode {
  readonly OfflineAccounts: { open(directory: string): Promise<AccountStore | "no database" | "in use"> };
}

/**
 * The accounts of `--server`, or of `--data`: of the server that has it open, if there is one.
 *
 * @throws {Error} The directory can't be used, or the server doesn't answer.
 */
export async function openAccounts(args: Arguments, code: AccountCode): Promise<AccountStore> {
  if (isServerNamed(args)) return new ServerAccounts(await administration(args, code));
  const directory = await openDataDirectory(args);
  const opened = await code.OfflineAccounts.open(directory);
  if (opened === "no database") {
    throw new Error(
      `No server has kept anything in ${directory}: start one there once, or give its --data or --server`,
    );
  }
  return opened === "in use" ? new ServerAccounts(await administration(args, code)) : opened;
}

const ACTIONS: Readonly<Record<AccountAction, string>> = {
  "add": "add",
  "confirm": "confirm",
  "set-password": "set the password of",
  "role": "change the role of",
  "remove": "remove",
};

/** Why an account was not changed. */
export function refused(action: AccountAction, name: string, why: AccountRefusal): Error {
  const text = why === "storage" ? "cannot write to disk" : ACCOUNT_REFUSALS[why];
  return new Error(`Cannot ${ACTIONS[action]} '${name}': ${text}`);
}

/** What a new password is checked against. */
export async function newVerifier(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const keys = clientKeysOf(await saltPassword(password, salt, ITERATIONS));
  return encodeVerifier(verifierOf(keys, salt, ITERATIONS));
}

class ServerAccounts implements AccountStore {
  readonly #mailbox: OriginalMailbox;
  readonly #secret: Uint8Array;

  constructor({ mailbox, secret }: Administration) {
    this.#mailbox = mailbox;
    this.#secret = secret;
  }

  #control(...fields: string[]): Promise<string[]> {
    return this.#mailbox.control(this.#secret, ["account", ...fields].join(", "));
  }

  async change(action: AccountAction, name: string, value: string) {
    try {
      const fields = [action, encodeName(name), ...value === "" ? [] : [value]];
      const [, apart] = await this.#control(...fields);
      return { apart: Number(apart ?? 0) };
    } catch (error) {
      if (!(error instanceof RefusedCommandError)) throw error;
      const { code } = error;
      if (code === undefined || code === "busy") throw error;
      return code;
    }
  }

  async addToken(name: string, { id, verifier, ttlMs = 0 }: Parameters<AccountStore["addToken"]>[1]) {
    return await this.#token(
      "changed",
      "add-token",
      encodeName(name),
      id,
      verifier,
      `${Math.ceil(ttlMs / 1000)}`,
    );
  }

  async removeToken(name: string, id: string) {
    return await this.#token("removed", "remove-token", encodeName(name), id);
  }

  async #token(done: TokenOutcome, ...fields: string[]): Promise<TokenOutcome> {
    try {
      await this.#control(...fields);
      return done;
    } catch (error) {
      if (!(error instanceof RefusedCommandError)) throw error;
      if (error.message === TOKEN_REFUSALS.full) return "full";
      if (error.message === TOKEN_REFUSALS.unknown || error.code === "unknown") return "unknown";
      throw error;
    }
  }

  async tokens(name: string) {
    const fields = await this.#control("tokens", encodeName(name));
    return fields.map((field) => {
      const [id = "", until = "-"] = field.split(" ");
      return { id, until: until === "-" ? null : Number(until) };
    });
  }

  async *list() {
    let last = "";
    for (let after: string[] = [];;) {
      const fields = await this.#control("list", ...after);
      if (fields.length === 0) return;
      for (const field of fields) {
        const [encoded = "", ...words] = field.split(" "), name = decodeName(encoded) ?? encoded;
        // a list that goes back would have no end
        if (name <= last) throw new Error(`The server's list is out of order: '${name}' after '${last}'`);
        const made = words.find((word) => word.startsWith(MADE_AT))?.slice(MADE_AT.length) ?? "";
        yield {
          name,
          mailbox: words.includes("mailbox"),
          role: words.includes("admin") ? "admin" : "user",
          network: made.replaceAll("-", " "),
        };
        last = name;
        after = [encoded];
      }
    }
  }

  [Symbol.asyncDispose]() {
    return this.#mailbox[Symbol.asyncDispose]();
  }
}
