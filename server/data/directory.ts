/**
 * The small files of a data directory: the administrator's secret, and the addresses of the server that runs.
 *
 * @module
 */

import { replaceFile } from "../store/files/durable_file.ts";

export { dataDirectory, earlierDirectoryNotice } from "./user_directory.ts";

const SECRET_FILE = "secret";
const RUNNING_FILE = "server.json";

const SECRET_BYTES = 32, MIN_SECRET_CHARACTERS = 16;

/** A server that runs. */
export interface Running {
  pid: number;
  /** Addresses of each service by its name: `127.0.0.1:21001`. */
  services: Record<string, string[]>;
}

export function secretPath(directory: string): string {
  return `${directory}/${SECRET_FILE}`;
}

/**
 * The administrator's secret: that of the file, or else of the data directory, which has to be locked; the first server
 * makes it. In memory there is none.
 */
export async function obtainSecret(
  file: string | undefined,
  directory: string | undefined,
): Promise<Uint8Array | undefined> {
  if (file !== undefined) return await readSecret(file);
  if (directory === undefined) return undefined;
  const path = secretPath(directory);
  if (await sizeOf(path) <= 0) {
    await replaceFile(path, `${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex()}\n`);
  }
  return await readSecret(path);
}

/**
 * The secret in a file: its text without the line end, as bytes.
 *
 * @throws {Error} It can't be read, or is too short.
 */
export async function readSecret(path: string): Promise<Uint8Array> {
  const text = await readTextFile(path, "secret");
  if (text.length < MIN_SECRET_CHARACTERS) {
    throw new Error(`Cannot use the secret in ${path}: it has less than ${MIN_SECRET_CHARACTERS} characters`);
  }
  return new TextEncoder().encode(text);
}

/** The text in a file, without the line end; `what` is for the error. */
export async function readTextFile(path: string, what: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    // without the system's number and the call, which Deno adds
    const why = (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
    throw new Error(`Cannot read the ${what} in ${path}: ${why}`);
  }
}

/** Bytes of a file; -1 if there is none. @throws {Error} The system doesn't say. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -1;
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`);
  }
}

/** For `admin` and for a second server. */
export async function writeRunning(directory: string, running: Running) {
  await Deno.writeTextFile(`${directory}/${RUNNING_FILE}`, `${JSON.stringify(running)}\n`, { mode: 0o600 });
}

/** The server that runs, if there is one and what it wrote can be read: one that was killed leaves the file. */
export async function readRunning(directory: string): Promise<Running | undefined> {
  try {
    const { pid, services } = JSON.parse(await Deno.readTextFile(`${directory}/${RUNNING_FILE}`));
    const isWhole = Number.isSafeInteger(pid) &&
      Object.values(services).every((addresses) =>
        Array.isArray(addresses) && addresses.every((address) => typeof address === "string")
      );
    return isWhole && !isLeftBehind(services) ? { pid, services } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether nobody listens at the address of its mailbox, or of its administrator. The process ID would show less: another
 * process may have it by now, and it means nothing in another container.
 */
function isLeftBehind(services: Running["services"]): boolean {
  const match = /^\[?(.+?)\]?:([1-9]\d*)$/.exec((services.mailbox ?? services.admin)?.[0] ?? "");
  if (match === null) return false;
  try {
    Deno.listenDatagram({ transport: "udp", hostname: match[1]!, port: Number(match[2]) }).close();
    return true;
  } catch (error) {
    return error instanceof Deno.errors.AddrNotAvailable;
  }
}

/** At a clean stop. */
export async function removeRunning(directory: string) {
  await Deno.remove(`${directory}/${RUNNING_FILE}`).catch(() => {});
}
