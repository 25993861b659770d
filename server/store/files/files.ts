/**
 * The contents of the forum's files: each is a file under a random name. A content is there, whole and on disk, before the
 * row that names it is committed. At a start, what the store names as unused is removed, and so are the parts of uploads
 * that were not continued; a content that the store doesn't know is moved aside: the store may be an older copy.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { GroupCommit } from "../journaled/group.ts";
import { ContentDisk } from "./content_disk.ts";
import { syncDirectory } from "./durable_file.ts";
import { type FileLimits, FileQuota, type UploadId } from "./file_quota.ts";
import { PartialFile } from "./partial_file.ts";
import { isContentName, scanContents, type UnknownContents } from "./scan.ts";

export interface ContentFilesOptions {
  /** The server's data directory, where they are in `files/`; undefined for a temporary one. */
  directory: string | undefined;
  limits: FileLimits;
  /** Knows which contents files have, and the user who has sent each. */
  store: Pick<GroupCommit, "ask">;
  /** For whom a user's files count; for the user by default. */
  ownerOf?(user: string): string;
  /** Called if the disk fails other than for want of space: nothing that depends on it is answered after that. */
  onLost?(error: Error): void;
  /** Called if the store did not know all contents at the start. */
  onUnknown?(unknown: UnknownContents): void;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** `bytes` random bytes. */
  random(bytes: number): Uint8Array;
}

/**
 * Interrupted uploads that are kept for a later attempt: in all, of one user, of the users of one network together, and for
 * how long (transfer.md 3.10).
 */
const MAX_IDLE = 256, MAX_USER_IDLE = 8, MAX_NETWORK_IDLE = 64, MAX_IDLE_MS = 24 * 60 * 60 * 1000;

/** Uploads that are remembered as stored, for an attempt whose ticket was issued before. */
const MAX_STORED = 1024;

/** Where contents that the store doesn't know are moved, in the data directory. */
export const UNKNOWN = "unknown";

/** An upload that is not whole. */
interface PartialUpload {
  file: PartialFile;
  size: number;
  /** Undefined after a start, until there is an attempt. */
  user: string | undefined;
  /** When the last attempt ended, in milliseconds since 1970. */
  usedAt: number;
  /** The running attempt. */
  attempt: Attempt | undefined;
}

/** One attempt at an upload. */
export interface IncomingFile {
  /** What has arrived. */
  file: PartialFile;
  /**
   * Syncs the whole file and makes it a content, whose name it returns. From now on no later attempt displaces this one.
   *
   * @throws {FileFailed} There is no room.
   */
  store(): Promise<string>;
  /**
   * Ends the attempt: what has arrived is kept for a later one, or dropped; or the content has its row. Only the first
   * call has an effect.
   */
  end(outcome: "kept" | "dropped" | "stored"): Promise<void>;
}

interface Attempt {
  /** Ends it for a later one. Undefined once all bytes have arrived. */
  displace: (() => void) | undefined;
  ended: PromiseWithResolvers<void>;
}

export class ContentFiles {
  readonly #options: ContentFilesOptions;
  #directory: string | undefined;
  #making: Promise<string> | undefined;
  /** By name, the one that was idle longest first. */
  readonly #partials = new Map<string, PartialUpload>();
  /** Uploads that were stored last, by their names, the latest at the end. */
  readonly #stored = new Map<string, { content: string; hash: string }>();
  readonly #quota: FileQuota;
  readonly #disk: ContentDisk;
  /** Contents that did not have their hash when they were sent: from then on they are checked before that. */
  readonly damaged = new Set<string>();

  private constructor(options: ContentFilesOptions) {
    this.#options = options;
    this.#quota = new FileQuota(options.limits);
    this.#disk = new ContentDisk(options.onLost);
  }

  /**
   * Opens the directory, moves aside what the store doesn't know, and removes parts that were idle for too long.
   *
   * @throws {Error} It can't be made or read, or the store can't be asked.
   */
  static async open(options: ContentFilesOptions): Promise<ContentFiles> {
    const files = new ContentFiles(options), { directory } = options;
    if (directory === undefined) return files;
    const path = files.#directory = `${directory}/files`;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    // the names in it are on disk when its own is
    await syncDirectory(directory);
    await files.#scan(path);
    return files;
  }

  /** Where they are; undefined before the first upload to a temporary directory. */
  get directory(): string | undefined {
    return this.#directory;
  }

  async #obtainDirectory(): Promise<string> {
    if (this.#directory !== undefined) return this.#directory;
    this.#making ??= Deno.makeTempDir({ prefix: "wirepost-files-" }).finally(() => this.#making = undefined);
    return this.#directory = await this.#making;
  }

  /** Files, and their bytes, without those that are still arriving. */
  get counts(): { files: number; bytes: number } {
    return this.#quota.used;
  }

  /** The most that one owner has. */
  get fullest(): { files: number; bytes: number } {
    return this.#quota.fullest;
  }

  /** Limits of interrupted uploads, with their use now. */
  limits(): { name: string; used: number; limit: number }[] {
    const idle = this.#partials.values().filter(({ attempt }) => attempt === undefined);
    // whose they are is not known after a start
    const users = [...idle.map(({ user }) => user)], known = users.filter((user) => user !== undefined);
    const most = (names: readonly string[]) =>
      Math.max(0, ...Map.groupBy(names, (name) => name).values().map(({ length }) => length));
    const together = known.map((user) => this.#ownerOf(user)).filter((owner, i) => owner !== known[i]);
    return [
      { name: "interrupted uploads", used: users.length, limit: MAX_IDLE },
      { name: "interrupted uploads of one user", used: most(known), limit: MAX_USER_IDLE },
      { name: "interrupted uploads of one address", used: most(together), limit: MAX_NETWORK_IDLE },
    ];
  }

  /** Why this upload can't be accepted, in words; undefined if it can. */
  refuses(upload: UploadId): string | undefined {
    const name = partialName(upload), owner = this.#ownerOf(upload.user);
    return this.#quota.refuses(owner, upload.size, this.#arriving(name), this.#arriving(name, owner));
  }

  /**
   * Begins an attempt at an upload, with what earlier ones left of it. A running attempt is displaced; one that has all
   * bytes and is proven is waited for.
   *
   * @param displace Called when a later attempt is to replace this one, which has to end soon.
   * @returns The attempt; or the hash of the upload if it was stored meanwhile; or why it can't be accepted.
   * @throws {FileFailed} There is no room.
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

    const { size, user } = upload, attempt: Attempt = { displace, ended: Promise.withResolvers() };
    const { file, usedAt } = this.#partials.get(name) ??
      { file: new PartialFile(`${directory}/${name}.part`, 0, this.#disk), usedAt: 0 };
    const partial: PartialUpload = { file, size, user, usedAt, attempt };
    this.#partials.set(name, partial);
    let content = "", isEnded = false;
    const store = async () => {
      attempt.displace = undefined;
      await file.close();
      return content = await this.#store(file, upload);
    };
    const end: IncomingFile["end"] = async (outcome) => {
      if (isEnded) return;
      isEnded = true;
      if (outcome === "stored") this.#remember(name, { content, hash: file.hash });
      else if (outcome === "dropped" || !await this.#keep(name, partial)) await this.#discard(name, partial);
      partial.attempt = undefined;
      attempt.ended.resolve();
      await this.#makeRoom();
    };
    try {
      await this.#makeRoom();
      await file.open();
    } catch (error) {
      await end("dropped");
      throw error;
    }
    return { file, store, end };
  }

  /** Where a content is. */
  path(content: string): string {
    return `${this.#directory}/${content}`;
  }

  /** Opens a content to be read; undefined if it is not there. */
  async read(content: string): Promise<Deno.FsFile | undefined> {
    try {
      return await Deno.open(this.#path(content));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Removes this content, if it is there. Never rejects; resolves to whether it is gone. */
  async remove(content: string): Promise<boolean> {
    for (const [name, stored] of this.#stored) if (stored.content === content) this.#stored.delete(name);
    try {
      await Deno.remove(this.#path(content));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return false;
    }
    this.#quota.remove(content);
    this.damaged.delete(content);
    return true;
  }

  /** Removes parts of uploads that were not continued. */
  async expire() {
    const before = this.#options.wallClock() - MAX_IDLE_MS;
    for (const [name, { attempt, usedAt }] of this.#partials) {
      if (attempt === undefined && usedAt < before) await this.#forget(name);
    }
  }

  /** Removes a temporary directory. No attempt may be running. */
  async close() {
    if (this.#options.directory !== undefined || this.#directory === undefined) return;
    await Deno.remove(this.#directory, { recursive: true });
  }

  #path(content: string): string {
    if (!isContentName(content)) throw new Deno.errors.NotFound(`no content '${content}'`);
    return this.path(content);
  }

  #ownerOf(user: string): string {
    return this.#options.ownerOf?.(user) ?? user;
  }

  /** The other running uploads, of one owner or of all, and their whole sizes. */
  #arriving(except: string, of?: string): { files: number; bytes: number } {
    let files = 0, bytes = 0;
    for (const [name, { attempt, size, user }] of this.#partials) {
      if (attempt === undefined || name === except) continue;
      if (of !== undefined && this.#ownerOf(user!) !== of) continue;
      files++;
      bytes += size;
    }
    return { files, bytes };
  }

  /** Renames a whole file to a content, and returns its name. */
  async #store(file: PartialFile, { size, user }: UploadId): Promise<string> {
    const content = this.#options.random(16).toHex();
    await this.#disk.attempt(`rename ${file.path}`, () => Deno.rename(file.path, this.#path(content)));
    await this.#disk.attempt(`sync ${this.#directory!}`, () => syncDirectory(this.#directory!));
    this.#quota.add(content, this.#ownerOf(user), size);
    return content;
  }

  #remember(name: string, stored: { content: string; hash: string }) {
    this.#partials.delete(name);
    this.#stored.set(name, stored);
    if (this.#stored.size > MAX_STORED) this.#stored.delete(this.#stored.keys().next().value!);
  }

  /** Returns false if there is nothing to keep, or it can't be synced. */
  async #keep(name: string, partial: PartialUpload): Promise<boolean> {
    const isSynced = await partial.file.close().then(() => true, () => false);
    if (!isSynced || partial.file.length === 0) return false;
    partial.usedAt = this.#options.wallClock();
    this.#partials.delete(name);
    this.#partials.set(name, partial);
    return true;
  }

  /** Removes idle uploads that are too many, those that were idle longest first. */
  async #makeRoom() {
    const arriving = this.#arriving("");
    const room = this.#options.limits.bytes - this.#quota.used.bytes - arriving.bytes;
    const idle = [...this.#partials].filter(([, { attempt }]) => attempt === undefined);
    const kept = new Map<string | undefined, number>();
    let bytes = 0, files = arriving.files;
    // the latest first: they are kept
    for (const [name, { file, user }] of idle.reverse()) {
      const owner = user === undefined ? undefined : this.#ownerOf(user), isAlone = owner === user;
      const own = (kept.get(user) ?? 0) + 1, together = isAlone ? 0 : (kept.get(owner) ?? 0) + 1;
      if (
        bytes + file.length > room || files >= MAX_IDLE || user !== undefined && own > MAX_USER_IDLE ||
        together > MAX_NETWORK_IDLE
      ) {
        await this.#forget(name);
        continue;
      }
      kept.set(user, own);
      if (!isAlone) kept.set(owner, together);
      bytes += file.length;
      files++;
    }
  }

  async #forget(name: string) {
    const partial = this.#partials.get(name);
    if (partial === undefined || partial.attempt !== undefined) return;
    // a new attempt has to wait until it is gone
    const { ended } = partial.attempt = { displace: undefined, ended: Promise.withResolvers() };
    await this.#discard(name, partial);
    ended.resolve();
  }

  async #discard(name: string, partial: PartialUpload) {
    await partial.file.remove();
    this.#partials.delete(name);
  }

  /** Takes over what is there at a start. */
  async #scan(directory: string) {
    const { store, wallClock, onUnknown } = this.#options;
    const { parts, unknown } = await scanContents(directory, `${this.#options.directory}/${UNKNOWN}`, {
      store,
      known: (content, user, size) => this.#quota.add(content, this.#ownerOf(user), size),
    });
    if (unknown.files > 0 || unknown.error !== undefined) onUnknown?.(unknown);
    const partials = parts.map(({ name, path, size, modifiedAt = wallClock() }) => {
      const file = new PartialFile(path, size, this.#disk);
      return [name, { file, size, user: undefined, usedAt: modifiedAt, attempt: undefined }] as const;
    });
    for (const [name, partial] of partials.sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
      this.#partials.set(name, partial);
    }
    await this.expire();
    await this.#makeRoom();
  }
}

/** The same for the same upload, across restarts, without revealing anything about it. */
function partialName({ user, thread, name, size }: UploadId): string {
  return createHash("sha256").update(JSON.stringify([user, thread, name, size])).digest("hex").slice(0, 32);
}
