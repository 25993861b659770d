import { decodeKey } from "../protocol/seal.ts";
import { fileError } from "./file_error.ts";
import { stateDirectory } from "./state_directory.ts";

/** A server's key is not the one that is known. */
export class ServerKeyError extends Error {
  override name = "ServerKeyError";
}

/** The keys of servers that a user has logged in to, each in a line `HOST:PORT KEY` of a file. */
export class KnownServers {
  readonly path: string;

  /** @throws {Error} No path is given, and the environment does not tell the user's own. */
  constructor(path = `${stateDirectory()}/known-servers`) {
    this.path = path;
  }

  /**
   * The key of a server, if it is known.
   *
   * @throws {Error} The file can't be read, or has a line about this server that tells no key.
   */
  async keyOf(server: string): Promise<string | undefined> {
    return (await this.find(server))?.key;
  }

  /** The same, with the number of its line. */
  async find(server: string): Promise<{ key: string; line: number } | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new Error(`Cannot read the known servers in ${this.path}: ${fileError(error)}`);
    }
    for (const [i, line] of text.split("\n").entries()) {
      const [name, key = ""] = line.trim().split(/\s+/);
      if (name !== server) continue;
      if (decodeKey(key) === undefined) throw new Error(`Cannot read ${this.path}: line ${i + 1} has no key`);
      return { key, line: i + 1 };
    }
    return undefined;
  }

  /** Remembers a server that is not known. */
  async add(server: string, key: string) {
    try {
      await this.#append(`${server} ${key}\n`);
    } catch (error) {
      throw new Error(
        `Cannot remember the server in ${this.path}: ${fileError(error)} (give its key instead)`,
      );
    }
  }

  async #append(line: string) {
    await Deno.mkdir(this.path.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o700 });
    // one write at the end of the file: several clients at a time spoil nothing, nor does a last line without an end
    const before = await Deno.readTextFile(this.path).catch(() => "");
    const begin = before === "" || before.endsWith("\n") ? "" : "\n";
    await Deno.writeTextFile(this.path, `${begin}${line}`, { append: true, mode: 0o600 });
  }
}

/** What is made of the key of a server that one logs in to. */
export interface Trust {
  /** Throws a {@linkcode ServerKeyError} where it is not the server's. */
  trust(key: string): void;
  /** The server with this key has proved that it knows the account. */
  trusted(key: string): Promise<void> | void;
}

/**
 * Trusts the server whose key is given or known, and remembers another one once it has proved itself.
 *
 * @throws {Error} The known servers can't be read.
 */
export async function trustOf(
  server: string,
  { serverKey, knownServers }: { serverKey?: string; knownServers?: KnownServers },
): Promise<Trust> {
  const check = (expected: string, where: string, then = "") => (key: string) => {
    if (key === expected) return;
    throw new ServerKeyError(`The server at ${server} has the key ${key}, but ${where} ${expected}${then}`);
  };
  if (serverKey !== undefined) return { trust: check(serverKey, "was to have"), trusted() {} };
  const known = knownServers ?? new KnownServers(), found = await known.find(server);
  if (found !== undefined) {
    const { key, line } = found;
    const then = `: somebody may be in between; if it was given a new key, remove line ${line} of that file`;
    return { trust: check(key, `${known.path} says`, then), trusted() {} };
  }
  let first: string | undefined;
  return {
    trust(key) {
      if (first !== undefined) check(first, "had")(key);
    },
    async trusted(key) {
      if (first === undefined) await known.add(server, key);
      first = key;
    },
  };
}
