/** Tokens of accounts, as tests make them. */

import {
  clientKeysOf,
  encodeVerifier,
  SALT_BYTES,
  saltPassword,
  TOKEN_ITERATIONS,
  tokenId,
  tokenText,
  verifierOf,
} from "../../protocol/scram.ts";

/** A token, and the arguments by which it is added. */
export async function newToken() {
  const token = tokenText(crypto.getRandomValues(new Uint8Array(20)));
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const keys = clientKeysOf(await saltPassword(token, salt, TOKEN_ITERATIONS));
  const verifier = encodeVerifier(verifierOf(keys, salt, TOKEN_ITERATIONS));
  return { token, id: tokenId(token)!, verifier };
}
