/**
 * The contents of the forum's files: each a file under a random name. A content is there, whole and on disk, before the
 * row that names it is committed. What is removed at a start is what the store names as unused, and the parts of uploads
 * that nobody went on with; a content that the store doesn't know is set aside: the store may be an older copy.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { format as formatBytes } from "@std/fmt/bytes";
import { IncomingFile } from "./incoming_file.ts";
import { syncDirectory } from "./durable_file.ts";
import { shareOf } from "../../quota/share.ts";
import { PartialFile } from "./partial_file.ts";
import { moveAside } from "./set_aside.ts";
import { DEFAULT_SHARE } from "../limits.ts";

/** Limits of what is kept in files. */
export interface FileLimits {
  /** Percent of all files, and of their bytes, that one user may have; with 100 there is no such limit. */
  share: number;
  /** Most bytes of one file; to 4 GiB. */
  fileBytes: number;
  /** Most bytes of all files together, those that are still arriving too. */
  bytes: number;
  /** Most files. */
  files: number;
}

export const DEFAULT_FILE_LIMITS: FileLimits = {
  share: DEFAULT_SHARE,
  fileBytes: 4 * 1024 ** 3,
  bytes: 64 * 1024 ** 3,
  files: 100_000,
};

export interface ContentFilesOptions {
  /** The server's data directory, where they are in `files/`; undefined for a temporary one. */
  directory: string | undefined;
  limits: FileLimits;
  /** Of these names, those that the store knows, with who is charged for each: the others are set aside at the start. */
  known(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Is told what was set aside at the start, and what could not be and why. */
  onUnknown?(unknown: UnknownContents): void;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Contents that the store did not know at a start. */
export interface UnknownContents {
  /** Where those are that were set aside. */
  directory: string;
  files: number;
  bytes: number;
  /** The first reason for which others were left where they are. */
  error: Error | undefined;
}

/** What tells one upload from another: an attempt goes on where an earlier one with the same got to. */
export interface UploadId {
  user: string;
  thread: number;
  name: string;
  size: number;
}

/** Uploads that nobody works at and that are kept for a later attempt: in all, of one user, and for how long in milliseconds. */
const MAX_IDLE = 256, MAX_USER_IDLE = 8, MAX_IDLE_TIME = 24 * 60 * 60 * 1000;

/** Uploads that are remembered to be stored, for an attempt whose ticket was given before. */
const MAX_STORED = 1024;

/** Names that are looked up together at the start. */
const BATCH = 256;

/** Where what the store doesn't know is set aside, in the data directory. */
export const UNKNOWN = "unknown";

const CONTENT = /^[0-9a-f]{32}$/;
const PARTIAL = /^([0-9a-f]{32})\.part$/;

/** An upload that is not whole. */
interface Partial {
  file: PartialFile;
  size: number;
  /** Undefined until somebody works at it again after a start. */
  user: string | undefined;
  /** When somebody worked at it last, in milliseconds since 1970. */
  used: number;
  /** The attempt that works at it. */
  attempt: Attempt | undefined;
}

interface Attempt {
  /** Ends it, because another one takes its place. Undefined where all has arrived. */
  displace: (() => void) | undefined;
  /** Resolves when nobody works at it any more. */
  ended: PromiseWithResolvers<void>;
}

export class ContentFiles {
  readonly #options: ContentFilesOptions;
  #directory: string | undefined;
  #making: Promise<string> | undefined;
  /** By name, the one that was left alone longest first. */
  readonly #partials = new Map<string, Partial>();
  /** Uploads that were stored last, by their names, the latest at the end. */
  readonly #stored = new Map<string, { content: string; hash: string }>();
  #bytes = 0;
  #files = 0;
  /** Who uploaded each, by its name, and what each user has. */
  readonly #users = new Map<string, string>();
  readonly #held = new Map<string, { files: number; bytes: number }>();

  private constructor(options: ContentFilesOptions) {
    this.#options = options;
  }

  /**
   * Opens the directory, sets aside what the store doesn't know, and removes parts that were left alone for too long.
   *
   * @throws {Error} It can't be made or read, or `known` rejects.
   */
  static async open(options: ContentFilesOptions): Promise<ContentFiles> {
    const files = new ContentFiles(options), { directory } = options;
    if (directory === undefined) return files;
    const path = files.#directory = `${directory}/files`;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await files.#scan(path);
    return files;
  }

  /** Where they are; undefined as long as there is no temporary directory, because nothing was uploaded. */
  get directory(): string | undefined {
    return this.#directory;
  }

  async #obtainDirectory(): Promise<string> {
    if (this.#directory !== undefined) return this.#directory;
    this.#making ??= Deno.makeTempDir({ prefix: "wirepost-files-" }).finally(() => this.#making = undefined);
    return this.#directory = await this.#making;
  }

  /** Files, and their bytes; those that are still arriving are not among them. */
  get counts(): { files: number; bytes: number } {
    return { files: this.#files, bytes: this.#bytes };
  }

  /** Why this upload can't be taken, in words; undefined where it can. */
  refuses(upload: UploadId): string | undefined {
    const { limits } = this.#options;
    if (upload.size > limits.fileBytes) {
      return `a file may have ${bytes(limits.fileBytes)}, and this one has ${bytes(upload.size)}`;
    }
    const others = this.#others(partialName(upload));
    if (this.#bytes + others.bytes + upload.size > limits.bytes) {
      return `all files together may have ${bytes(limits.bytes)}`;
    }
    if (this.#files + others.count >= limits.files) return `there may be ${limits.files} files`;
    return this.#refusesShare(upload);
  }

  /** Why this upload would be more than its user's share; undefined where it would not. */
  #refusesShare(upload: UploadId): string | undefined {
    const { limits } = this.#options, { user } = upload;
    const held = this.#held.get(user), own = this.#others(partialName(upload), user);
    const mostBytes = shareOf(limits.bytes, limits.share), mostFiles = shareOf(limits.files, limits.share);
    if ((held?.bytes ?? 0) + own.bytes + upload.size > mostBytes) {
      return `all files of one user may have ${bytes(mostBytes)}`;
    }
    return (held?.files ?? 0) + own.count >= mostFiles ? `one user may have ${mostFiles} files` : undefined;
  }

  /**
   * Begins an attempt at an upload, with what earlier ones left of it. One that is going on is displaced; one that has
   * all bytes and is proven is waited for.
   *
   * @param displace Called when a later attempt wants to take this one's place: it has to end soon.
   * @returns The attempt; or the hash of the upload that is stored meanwhile; or why it can't be taken.
   * @throws What the disk says.
   */
  async begin(
    upload: UploadId,
    displace: () => void,
  ): Promise<IncomingFile | { stored: string } | { error: string }> {
    const directory = await this.#obtainDirectory(), name = partialName(upload);
    for (let before = this.#partials.get(name)?.attempt; before; before = this.#partials.get(name)?.attempt) {
      before.displace?.();
      await before.ended.promise;
    }
    const stored = this.#stored.get(name);
    if (stored !== undefined) return { stored: stored.hash };
    const error = this.refuses(upload);
    if (error !== undefined) return { error };

    const attempt: Attempt = { displace, ended: Promise.withResolvers() };
    const partial = this.#partials.get(name) ?? {
      file: new PartialFile(`${directory}/${name}.part`, 0),
      size: upload.size,
      user: upload.user,
      used: 0,
      attempt,
    };
    // of one from an earlier start only what is there was known
    partial.size = upload.size;
    partial.attempt = attempt;
    partial.user = upload.user;
    this.#partials.set(name, partial);
    const arrival = new IncomingFile(partial.file, {
      whole: () => attempt.displace = undefined,
      stored: (content, hash) => {
        this.#partials.delete(name);
        this.#stored.set(name, { content, hash });
        if (this.#stored.size > MAX_STORED) this.#stored.delete(this.#stored.keys().next().value!);
      },
      store: (file) => this.#store(file, partial.size, upload.user),
      end: async (outcome) => {
        if (outcome === "kept" && partial.file.length > 0) this.#keep(name, partial);
        else if (outcome !== "stored") await this.#leave(name, partial);
        partial.attempt = undefined;
        attempt.ended.resolve();
        await this.#makeRoom();
      },
    });
    try {
      await this.#makeRoom();
      await partial.file.open();
    } catch (error) {
      await arrival.drop();
      throw error;
    }
    return arrival;
  }

  /**
   * Opens a content to be read.
   *
   * @throws {Deno.errors.NotFound} It is not there.
   */
  async read(content: string): Promise<Deno.FsFile> {
    return await Deno.open(this.#path(content));
  }

  /** Removes this content, where it is there. Never rejects; resolves to whether it is gone. */
  async remove(content: string): Promise<boolean> {
    for (const [name, stored] of this.#stored) if (stored.content === content) this.#stored.delete(name);
    try {
      const { size } = await Deno.stat(this.#path(content));
      await Deno.remove(this.#path(content));
      this.#count(content, -1, -size);
      this.#users.delete(content);
      return true;
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }

  /** Removes what is left of uploads that nobody went on with. */
  async expire() {
    const before = this.#options.wallClock() - MAX_IDLE_TIME;
    for (const [name, { attempt, used }] of this.#partials) {
      if (attempt === undefined && used < before) await this.#forget(name);
    }
  }

  /** Removes what is temporary. No attempt may be going on. */
  async close() {
    if (this.#options.directory !== undefined || this.#directory === undefined) return;
    await Deno.remove(this.#directory, { recursive: true });
  }

  #path(content: string): string {
    if (!CONTENT.test(content)) throw new Deno.errors.NotFound(`no content '${content}'`);
    return `${this.#directory}/${content}`;
  }

  /** How many uploads are going on but this one, of one user or of all, and what they will take. */
  #others(but: string, of?: string): { count: number; bytes: number } {
    let count = 0, bytes = 0;
    for (const [name, { attempt, size, user }] of this.#partials) {
      if (attempt === undefined || name === but || of !== undefined && user !== of) continue;
      count++;
      bytes += size;
    }
    return { count, bytes };
  }

  /** Gives a whole file its own name; returns that. */
  async #store(file: PartialFile, size: number, user: string): Promise<string> {
    const content = this.#options.random(16).toHex();
    await Deno.rename(file.path, this.#path(content));
    await syncDirectory(this.#directory!);
    this.#users.set(content, user);
    this.#count(content, 1, size);
    return content;
  }

  /** Counts a content in all and for its user. */
  #count(content: string, files: number, bytes: number) {
    this.#files += files;
    this.#bytes += bytes;
    const user = this.#users.get(content);
    if (user === undefined) return;
    const before = this.#held.get(user) ?? { files: 0, bytes: 0 };
    const held = { files: before.files + files, bytes: before.bytes + bytes };
    if (held.files > 0) this.#held.set(user, held);
    else this.#held.delete(user);
  }

  #keep(name: string, partial: Partial) {
    partial.used = this.#options.wallClock();
    this.#partials.delete(name);
    this.#partials.set(name, partial);
  }

  /** Removes of the uploads that nobody works at as many as are too many, those that were left alone longest first. */
  async #makeRoom() {
    const { bytes, count } = this.#others("");
    const room = this.#options.limits.bytes - this.#bytes - bytes;
    const idle = [...this.#partials].filter(([, { attempt }]) => attempt === undefined);
    const users = new Map<string | undefined, number>();
    let held = 0, kept = 0;
    // the latest first: the earlier ones are those that go
    for (const [name, { file, user }] of idle.reverse()) {
      const own = (users.get(user) ?? 0) + 1;
      if (
        held + file.length > room || kept + count >= MAX_IDLE || user !== undefined && own > MAX_USER_IDLE
      ) {
        await this.#forget(name);
        continue;
      }
      users.set(user, own);
      held += file.length;
      kept++;
    }
  }

  async #forget(name: string) {
    const partial = this.#partials.get(name);
    if (partial === undefined || partial.attempt !== undefined) return;
    // whoever wants to go on with it has to wait until it is gone
    const { ended } = partial.attempt = { displace: undefined, ended: Promise.withResolvers() };
    await this.#leave(name, partial);
    ended.resolve();
  }

  async #leave(name: string, partial: Partial) {
    await partial.file.remove();
    this.#partials.delete(name);
  }

  async #scan(directory: string) {
    const contents: string[] = [], partials: [string, Partial][] = [];
    for await (const { name, isFile } of Deno.readDir(directory)) {
      // what somebody else put here is no business of ours
      if (!isFile) continue;
      const partial = PARTIAL.exec(name)?.[1];
      if (CONTENT.test(name)) contents.push(name);
      if (partial === undefined) continue;
      const path = `${directory}/${name}`, { size, mtime } = await Deno.stat(path);
      partials.push([partial, {
        file: new PartialFile(path, size),
        size,
        user: undefined,
        used: mtime?.getTime() ?? this.#options.wallClock(),
        attempt: undefined,
      }]);
    }
    const unknown: UnknownContents = {
      directory: `${this.#options.directory}/${UNKNOWN}`,
      files: 0,
      bytes: 0,
      error: undefined,
    };
    for (let i = 0; i < contents.length; i += BATCH) {
      await this.#scanBatch(contents.slice(i, i + BATCH), unknown);
    }
    if (unknown.files > 0 || unknown.error !== undefined) this.#options.onUnknown?.(unknown);
    for (const [name, partial] of partials.sort(([, a], [, b]) => a.used - b.used)) {
      this.#partials.set(name, partial);
    }
    await this.expire();
    await this.#makeRoom();
  }

  async #scanBatch(names: string[], unknown: UnknownContents) {
    const known = await this.#options.known(names);
    const sizes = await Promise.all(names.map(async (name) => (await Deno.stat(this.#path(name))).size));
    for (const [i, name] of names.entries()) {
      const user = known.get(name);
      if (user !== undefined) {
        this.#users.set(name, user);
        this.#count(name, 1, sizes[i]!);
        continue;
      }
      try {
        await moveAside(this.#path(name), unknown.directory);
        unknown.files++;
        unknown.bytes += sizes[i]!;
      } catch (error) {
        // a start on a full disk is to give what it has
        unknown.error ??= error as Error;
      }
    }
  }
}

/** The same for the same upload, over restarts, and tells nothing of it. */
function partialName({ user, thread, name, size }: UploadId): string {
  return createHash("sha256").update(JSON.stringify([user, thread, name, size])).digest("hex").slice(0, 32);
}

function bytes(count: number): string {
  return formatBytes(count, { binary: true }).replace("kiB", "KiB");
}
