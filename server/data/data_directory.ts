/**
 * The directory that a server keeps its things in: the store, the administrator's secret, and who is running.
 *
 * @module
 */

import { replaceFile } from "../store/files/durable_file.ts";

const SECRET_FILE = "secret";
const RUNNING_FILE = "server.json";

/** Bytes of a secret. */
const SECRET_BYTES = 32;

/** What a running server tells of itself. */
export interface Running {
  pid: number;
  /** Address of each service by its name: `127.0.0.1:21001`. */
  services: Record<string, string[]>;
}

/** Makes the directory where it is not there, for its owner alone. */
export async function makeDataDirectory(directory: string) {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
}

/** The administrator's secret in this directory, made at first; only who has locked the directory may ask for it. */
export async function obtainSecret(directory: string): Promise<Uint8Array> {
  const path = secretPath(directory);
  const { size } = await Deno.stat(path).catch(() => ({ size: 0 }));
  if (size === 0) await makeSecret(path);
  return await readSecret(path);
}

/** Whole, or not at all: a start that is interrupted leaves no half of a secret. */
async function makeSecret(path: string) {
  await replaceFile(path, `${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex()}\n`);
}

/** Where the secret is in a data directory. */
export function secretPath(directory: string): string {
  return `${directory}/${SECRET_FILE}`;
}

/**
 * The secret in a file: its text without the line end, as bytes.
 *
 * @throws {Error} It can't be read, or is too short to be one.
 */
export async function readSecret(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = (await Deno.readTextFile(path)).trim();
  } catch (error) {
    throw new Error(`Cannot read the secret in ${path}: ${(error as Error).message}`);
  }
  if (text.length < 16) throw new Error(`Cannot use the secret in ${path}: it has less than 16 characters`);
  return new TextEncoder().encode(text);
}

/** Writes down who is running, for `admin` and for a second server. */
export async function writeRunning(directory: string, running: Running) {
  await Deno.writeTextFile(`${directory}/${RUNNING_FILE}`, `${JSON.stringify(running)}\n`);
}

/** Who is running, as far as that was written down and can be read. */
export async function readRunning(directory: string): Promise<Running | undefined> {
  try {
    const { pid, services } = JSON.parse(await Deno.readTextFile(`${directory}/${RUNNING_FILE}`));
    const known = Number.isSafeInteger(pid) &&
      Object.values(services).every((addresses) =>
        Array.isArray(addresses) && addresses.every((address) => typeof address === "string")
      );
    return known ? { pid, services } : undefined;
  } catch {
    return undefined;
  }
}

/** Takes it back at a clean stop. */
export async function removeRunning(directory: string) {
  await Deno.remove(`${directory}/${RUNNING_FILE}`).catch(() => {});
}
