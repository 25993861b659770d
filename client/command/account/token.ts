/**
 * `wirepost account token`: what programs log in by instead of a password.
 *
 * @module
 */

import {
  clientKeysOf,
  encodeVerifier,
  SALT_BYTES,
  saltPassword,
  TOKEN_ITERATIONS,
  tokenId,
  tokenText,
  verifierOf,
} from "../../../protocol/seal/scram.ts";
import { outputLine, write } from "../../terminal/output.ts";
import type { Arguments } from "../command.ts";
import { type AccountCode, openAccounts, type TokenOutcome } from "./store.ts";

/** Bytes of randomness of a token: four for its ID. */
const TOKEN_BYTES = 20;

/** Why a token was not added or removed. */
const WHY: Readonly<Record<string, string>> = {
  unknown: "no account has this name",
  full: "the account has as many tokens as it may have; remove one",
  exists: "it has one of this ID; try again",
  storage: "cannot write to disk",
};

/** Adds a token, and prints it: it can't be shown again. */
export async function addToken(args: Arguments, code: AccountCode, name: string): Promise<number> {
  const token = tokenText(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const keys = clientKeysOf(await saltPassword(token, salt, TOKEN_ITERATIONS));
  const verifier = encodeVerifier(verifierOf(keys, salt, TOKEN_ITERATIONS));
  await using accounts = await openAccounts(args, code);
  const outcome = await accounts.addToken(name, {
    id: tokenId(token)!,
    verifier,
    ttlMs: args.duration("ttl"),
  });
  if (outcome !== "changed") throw failed("add a token of", name, outcome);
  await write(`${token}\n`);
  return 0;
}

/** Removes a token: what has logged in by it ends. */
export async function removeToken(
  args: Arguments,
  code: AccountCode,
  name: string,
  id: string,
): Promise<number> {
  await using accounts = await openAccounts(args, code);
  const outcome = await accounts.removeToken(name, id);
  if (outcome === "removed") return 0;
  if (outcome !== "unknown") throw failed("remove a token of", name, outcome);
  throw new Error(`Cannot remove the token ${id} of '${name}': there is none`);
}

/** Each token's ID, and when it is over. */
export async function listTokens(args: Arguments, code: AccountCode, name: string): Promise<number> {
  await using accounts = await openAccounts(args, code);
  const tokens = await accounts.tokens(name);
  if (tokens === undefined) throw failed("list the tokens of", name, "unknown");
  for (const { id, until } of tokens) {
    const time = until === null ? null : new Date(until).toISOString();
    await write(
      args.flag("json") ? outputLine(JSON.stringify({ id, until: time })) : `${id}  ${time ?? "for good"}\n`,
    );
  }
  return 0;
}

function failed(what: string, name: string, why: TokenOutcome): Error {
  return new Error(`Cannot ${what} '${name}': ${WHY[why]}`);
}
