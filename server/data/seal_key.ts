/**
 * The server's own key: where it is kept, and when a new one is made. seal.md section 7 is the
 * specification.
 *
 * @module
 */

import { type SealKey, sealKey } from "../../protocol/seal/keys.ts";
import { decodePrivateKey, encodePrivateKey, KEY_BYTES } from "../../protocol/syntax/key_text.ts";
import { replaceFile } from "../store/files/durable_file.ts";
import { readTextFile, sizeOf } from "./directory.ts";

const SEAL_KEY_FILE = "seal-key";

export interface SealKeyOptions {
  /** The data directory, which is locked; undefined if everything is in memory. */
  data: string | undefined;
  /** Where the key is, if not in there. */
  sealKeyFile?: string | undefined;
  /** Whether a lost key is replaced, though there are accounts. */
  newSealKey?: boolean;
  /** The number of accounts. */
  accounts: number;
}

/**
 * The server's key. If there is none, one is made, unless there are accounts: their clients know the lost one.
 *
 * @throws {Error} It can't be read, is no key, or has been lost.
 */
export async function obtainSealKey(options: SealKeyOptions): Promise<SealKey> {
  const { data, sealKeyFile, newSealKey, accounts } = options;
  if (sealKeyFile !== undefined) return await readSealKey(sealKeyFile);
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  if (data === undefined) return sealKey(bytes);
  const path = `${data}/${SEAL_KEY_FILE}`, size = await sizeOf(path);
  if (size <= 0) {
    if (accounts > 0 && !newSealKey) throw lostKey(path, size < 0 ? "missing" : "empty", accounts);
    await replaceFile(path, `${encodePrivateKey(bytes)}\n`);
  }
  return await readSealKey(path);
}

function lostKey(path: string, state: "missing" | "empty", accounts: number): Error {
  const clients = `the clients of ${accounts} ${accounts === 1 ? "account" : "accounts"}`;
  return new Error(
    `Cannot start without the server's key: ${path} is ${state}, and ${clients} know the server by it. ` +
      "Restore the file from a backup; or start once with --new-seal-key, which makes a new key: then each client " +
      "refuses the server until its user runs 'wirepost known-servers remove HOST:PORT' or gives the new key",
  );
}

/** @throws {Error} It can't be read, or is no key. */
async function readSealKey(path: string): Promise<SealKey> {
  const text = await readTextFile(path, "key");
  try {
    return sealKey(decodePrivateKey(text));
  } catch (error) {
    throw new Error(`Cannot use the key in ${path}: ${(error as Error).message}`);
  }
}
