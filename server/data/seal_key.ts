/**
 * The server's own key: where it is kept, and when a new one is made. `protocol/README.md`, "Trust", is the
 * specification.
 *
 * @module
 */

import { decodePrivateKey, encodePrivateKey, KEY_BYTES } from "../../protocol/key_text.ts";
import { type SealKey, sealKey } from "../../protocol/seal.ts";
import { replaceFile } from "../store/files/durable_file.ts";

const SEAL_KEY_FILE = "seal-key";

export interface SealKeyOptions {
  /** The data directory, which is locked; undefined where everything is in memory. */
  data: string | undefined;
  /** Where the key is, if not in there. */
  sealKeyFile?: string | undefined;
  /** Whether a lost key may be replaced, though there are accounts. */
  newSealKey?: boolean;
  /** Accounts that there are. */
  accounts: number;
}

/**
 * The server's key; one is made where there is none, unless clients of accounts know the one that was there.
 *
 * @throws {Error} It can't be read, is none, or has been lost.
 */
export async function obtainSealKey(options: SealKeyOptions): Promise<SealKey> {
  const { data, sealKeyFile, newSealKey, accounts } = options;
  if (sealKeyFile !== undefined) return await readSealKey(sealKeyFile);
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  if (data === undefined) return sealKey(bytes);
  const path = `${data}/${SEAL_KEY_FILE}`, lost = await isLost(path);
  if (lost !== undefined) {
    if (accounts > 0 && !newSealKey) throw new Error(lostKey(path, lost, accounts));
    await replaceFile(path, `${encodePrivateKey(bytes)}\n`);
  }
  return await readSealKey(path);
}

/** How the file is not there, if so. @throws {Error} It can't be read: then it may be there. */
async function isLost(path: string): Promise<"missing" | "empty" | undefined> {
  try {
    return (await Deno.stat(path)).size === 0 ? "empty" : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw new Error(`Cannot read the key in ${path}: ${(error as Error).message}`);
  }
}

function lostKey(path: string, lost: string, accounts: number): string {
  const whose = accounts === 1 ? "the clients of 1 account know" : `the clients of ${accounts} accounts know`;
  return `Cannot start without the server's key: ${path} is ${lost}, and ${whose} the server by it. ` +
    "Restore the file from a backup; or start once with --new-seal-key, which makes a new key: then each client " +
    "refuses the server until its user runs 'wirepost known-servers remove HOST:PORT' or gives the new key";
}

/**
 * The server's own key in a file.
 *
 * @throws {Error} It can't be read, or is none.
 */
export async function readSealKey(path: string): Promise<SealKey> {
  let text: string;
  try {
    text = (await Deno.readTextFile(path)).trim();
  } catch (error) {
    throw new Error(`Cannot read the key in ${path}: ${(error as Error).message}`);
  }
  try {
    return sealKey(decodePrivateKey(text));
  } catch (error) {
    throw new Error(`Cannot use the key in ${path}: ${(error as Error).message}`);
  }
}
