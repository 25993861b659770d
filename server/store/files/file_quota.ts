import { format as formatBytes } from "@std/fmt/bytes";
import { greatestOf, ownerLimit, shareOf } from "../../quota/share.ts";
import { DEFAULT_SHARE } from "../limits.ts";

/** Limits of what is kept in files, inclusive. */
export interface FileLimits {
  /** Percent of all files, and of their bytes, that one user may have; with 100 there is no such limit. */
  share: number;
  /** Most bytes of one user; any number by default. */
  userBytes?: number | undefined;
  /** Most bytes of one file; to 4 GiB. */
  fileBytes: number;
  /** Most bytes of all files together, with those that are still arriving. */
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

/** Distinguishes uploads: an attempt continues an earlier one with the same values. */
export interface UploadId {
  user: string;
  thread: number;
  name: string;
  size: number;
}

interface Usage {
  files: number;
  bytes: number;
}

/**
 * What all files and each owner's files take, and whether one more fits. An owner is a user, or those together whose accounts
 * were made at one network (mailbox.md 5.2).
 *
 * Invariant: `used` is the sum over `#contents`, and an owner's usage that over what was added while it was the user's owner.
 */
export class FileQuota {
  readonly used: Usage = { files: 0, bytes: 0 };
  readonly #limits: FileLimits;
  readonly #contents = new Map<string, { owner: string; size: number }>();
  readonly #owners = new Map<string, Usage>();

  constructor(limits: FileLimits) {
    this.#limits = limits;
  }

  add(content: string, owner: string, size: number) {
    this.#contents.set(content, { owner, size });
    this.#count(owner, 1, size);
  }

  remove(content: string) {
    const removed = this.#contents.get(content);
    if (removed === undefined) return;
    this.#contents.delete(content);
    this.#count(removed.owner, -1, -removed.size);
  }

  #count(owner: string, files: number, bytes: number) {
    const own = this.#owners.get(owner) ?? { files: 0, bytes: 0 };
    for (const usage of [this.used, own]) {
      usage.files += files;
      usage.bytes += bytes;
    }
    if (own.files > 0) this.#owners.set(owner, own);
    else this.#owners.delete(owner);
  }

  /** The most that one owner has. */
  get fullest(): Usage {
    return greatestOf(["files", "bytes"], this.#owners.values());
  }

  /**
   * Why this upload does not fit, in words; undefined if it does.
   *
   * @param arriving What the other running uploads take.
   * @param ownArriving Those of the same owner among them.
   */
  refuses(owner: string, size: number, arriving: Usage, ownArriving: Usage): string | undefined {
    const { fileBytes, bytes, files, share, userBytes } = this.#limits;
    if (size > fileBytes) return `a file may have ${inKiB(fileBytes)}, and this one has ${inKiB(size)}`;
    if (this.used.bytes + arriving.bytes + size > bytes) return `all files together may have ${inKiB(bytes)}`;
    if (this.used.files + arriving.files >= files) return `there may be ${files} files`;
    const own = this.#owners.get(owner),
      whose = owner.startsWith("[") ? "address" : "user",
      ownBytes = ownerLimit(bytes, share, userBytes),
      ownFiles = shareOf(files, share);
    if ((own?.bytes ?? 0) + ownArriving.bytes + size > ownBytes) {
      return `all files of one ${whose} may have ${inKiB(ownBytes)}`;
    }
    return (own?.files ?? 0) + ownArriving.files >= ownFiles
      ? `one ${whose} may have ${ownFiles} files`
      : undefined;
  }
}

function inKiB(bytes: number): string {
  return formatBytes(bytes, { binary: true }).replace("kiB", "KiB");
}
