import { isFingerprint } from "../../../protocol/syntax/fingerprint.ts";
import { decodePublicKey, encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { directoryOf, replaceFile } from "../../file/durable_file.ts";
import { fileError } from "../../file/file_error.ts";
import { stateFile } from "../../file/state_file.ts";
import { hasCode } from "../../file/system.ts";
import { system } from "../../file/this_system.ts";

/** A server's key is not the one that is known. */
export class ServerKeyError extends Error {
  /** The name of the class. */
  override name = "ServerKeyError";
}

/** A line of the file. */
export interface KnownServer {
  /** `HOST:PORT`. */
  server: string;
  /** In the present form; undefined if the line has none, or none that is valid. */
  key: string | undefined;
  /** Fingerprint of the certificate with which it speaks TLS, if the line has one. */
  certificate: string | undefined;
  /** Why there is no valid key, where one stands. */
  why?: string;
  /** Number of the line, from 1. */
  line: number;
}

/**
 * The keys of the servers that a user has logged in to, and the certificates of those that speak TLS: one line
 * `HOST:PORT KEY CERTIFICATE` of a file for each, in which one of both may be missing.
 */
export class KnownServers {
  /** The file. */
  readonly path: string;

  /**
   * Takes the path of the file; the user's own by default.
   *
   * @throws {Error} No path is given, and the environment names no directory for the user's own file.
   */
  constructor(path: string = stateFile("known-servers")) {
    this.path = path;
  }

  /**
   * The key of a server, if it is known.
   *
   * @throws {Error} The file can't be read, or its line of this server has no valid key.
   */
  async keyOf(server: string): Promise<string | undefined> {
    // two clients that came at the same time may each have added a line
    const known = (await this.list()).find(({ certificate, key, ...known }) =>
      known.server === server && (key !== undefined || certificate === undefined)
    );
    if (known === undefined) return undefined;
    const { key, line, why } = known;
    if (why !== undefined) throw new Error(`Cannot read ${this.path}: line ${line} has no key: ${why}`);
    return key;
  }

  /**
   * The fingerprint of a server's certificate, if it is known.
   *
   * @throws {Error} The file can't be read.
   */
  async certificateOf(server: string): Promise<string | undefined> {
    const known = (await this.list()).find((known) =>
      known.server === server && known.certificate !== undefined
    );
    return known?.certificate;
  }

  /**
   * All servers that are known. Blank lines, and those that begin with `#`, are ignored.
   *
   * @throws {Error} The file can't be read.
   */
  async list(): Promise<KnownServer[]> {
    const known: KnownServer[] = [];
    for (const [i, text] of (await this.#read()).split("\n").entries()) {
      const [server = "", ...words] = text.trim().split(/\s+/), line = i + 1;
      if (server === "" || server.startsWith("#")) continue;
      const certificate = words.find(isFingerprint), key = words.find((word) => !isFingerprint(word));
      if (key === undefined && certificate !== undefined) {
        known.push({ server, key, certificate, line });
        continue;
      }
      try {
        known.push({ server, key: encodePublicKey(decodePublicKey(key ?? "")), certificate, line });
      } catch (error) {
        known.push({ server, key: undefined, certificate, why: (error as Error).message, line });
      }
    }
    return known;
  }

  /**
   * Forgets a server, so that the next log-in trusts its key. Returns whether it was known.
   *
   * @throws {Error} The file can't be read or written.
   */
  remove(server: string): Promise<boolean> {
    return this.#replace(server, () => undefined);
  }

  /**
   * Replaces the lines of a server by what `change` makes of the first, or removes them. Returns whether there was one.
   *
   * @throws {Error} The file can't be read or written.
   */
  async #replace(server: string, change: (line: string) => string | undefined): Promise<boolean> {
    for (;;) {
      const before = await this.#read(), lines = before.split("\n");
      const isIts = (line: string) => line.trim().split(/\s+/)[0] === server;
      const at = lines.findIndex(isIts);
      if (at < 0) return false;
      const changed = change(lines[at]!);
      const kept = lines.flatMap((line, i) =>
        i === at && changed !== undefined ? [changed] : isIts(line) ? [] : [line]
      );
      // another client may have added a line meanwhile
      if (await this.#read() !== before) continue;
      try {
        await replaceFile(this.path, kept.join("\n"));
      } catch (error) {
        throw new Error(`Cannot write ${this.path}: ${fileError(error)}`);
      }
      return true;
    }
  }

  async #read(): Promise<string> {
    try {
      return await system.readTextFile(this.path);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return "";
      throw new Error(`Cannot read the known servers in ${this.path}: ${fileError(error)}`);
    }
  }

  /** Remembers the key of a server whose key is not known. */
  async add(server: string, key: string) {
    await this.#remember(server, key, (words) => [key, ...words.filter(isFingerprint)]);
  }

  /** Remembers the fingerprint of a server's certificate, in the place of another one. */
  async addCertificate(server: string, fingerprint: string) {
    await this.#remember(
      server,
      fingerprint,
      (words) => [...words.filter((word) => !isFingerprint(word)), fingerprint],
    );
  }

  /** Adds a line with the word, or changes the words of the one that is there. */
  async #remember(server: string, word: string, change: (words: string[]) => string[]) {
    const changed = (line: string) => [server, ...change(line.trim().split(/\s+/).slice(1))].join(" ");
    if (await this.#replace(server, changed)) return;
    try {
      await this.#append(`${server} ${word}\n`);
    } catch (error) {
      throw new Error(
        `Cannot remember the server in ${this.path}: ${fileError(error)} (or give its key or certificate)`,
      );
    }
  }

  async #append(line: string) {
    await system.mkdir(directoryOf(this.path) || ".", { recursive: true, mode: 0o700 });
    // one write at the end of the file, because several clients may do this; the last line may have no end
    const before = await system.readTextFile(this.path).catch(() => "");
    const begin = before === "" || before.endsWith("\n") ? "" : "\n";
    await system.writeTextFile(this.path, `${begin}${line}`, { append: true, mode: 0o600 });
  }
}

/** Decides whether the key of a server is trusted. */
export interface Trust {
  /** Called before anything secret is sent. Throws a {@linkcode ServerKeyError} if the key is not the right one. */
  trust(key: string): void;
  /** The server with this key has proved that it knows the account. */
  trusted(key: string): Promise<void> | void;
}

/**
 * Trusts the server whose key is given or known. Remembers another server once it has proved that it knows the account.
 *
 * @throws {SyntaxError} The key that is given is not valid.
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
  if (serverKey !== undefined) return { trust: check(given(serverKey), "was to have"), trusted() {} };
  const known = knownServers ?? new KnownServers(), key = await known.keyOf(server);
  if (key !== undefined) {
    const then = `: somebody may be in between; if it was given a new key, run: ${removal(server)}`;
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

/** The key in the present form. */
function given(serverKey: string): string {
  try {
    return encodePublicKey(decodePublicKey(serverKey));
  } catch (error) {
    throw new SyntaxError(`Cannot use '${serverKey}' as a server's key: ${(error as Error).message}`);
  }
}

/** The command that removes a server, quoted for a shell. */
function removal(server: string): string {
  const quoted = /^[\w.:-]+$/.test(server) ? server : `'${server}'`;
  return `wirepost known-servers remove ${quoted}`;
}
