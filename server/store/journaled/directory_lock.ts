import { FileFailed, StoreLocked } from "../errors.ts";

/** Its file in the directory. */
export const LOCK_FILE = "lock";

/** How long a runtime that cannot try waits for the lock before it is taken for held, in milliseconds. */
const WAIT_MS = 2000;

/** Deno before 2.7 has no `tryLockSync`: there the program can only be tried out. */
type Lockable = Deno.FsFile & { tryLockSync?(exclusive: boolean): boolean };

/**
 * The lock of a data directory: nobody else reads or writes anything in it meanwhile (store 1.1). It belongs to the open
 * file, so that it ends with the process, however that ends.
 */
export class DirectoryLock {
  #file: Deno.FsFile | undefined;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @throws {StoreLocked} Another process has it. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    // not truncated, and never removed: a second file of this name would be a second lock
    return await DirectoryLock.#lock(directory, { read: true, write: true, create: true, mode: 0o600 });
  }

  /**
   * Without changing anything: undefined if the lock's file is not there, and so no process has it.
   *
   * @throws {StoreLocked} Another process has it.
   */
  static async acquireExisting(directory: string): Promise<DirectoryLock | undefined> {
    try {
      return await DirectoryLock.#lock(directory, { read: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  static async #lock(directory: string, options: Deno.OpenOptions): Promise<DirectoryLock> {
    const path = `${directory}/${LOCK_FILE}`, file = Deno.openSync(path, options);
    try {
      if (await isLocked(file)) return new DirectoryLock(file);
      throw new StoreLocked(`Cannot lock ${path}: another process has it open`);
    } catch (error) {
      file.close();
      throw error instanceof StoreLocked ? error : new FileFailed(`lock ${path}`, error);
    }
  }

  /** A second call does nothing. */
  release() {
    this.#file?.close();
    this.#file = undefined;
  }
}

async function isLocked(file: Lockable): Promise<boolean> {
  if (file.tryLockSync !== undefined) return file.tryLockSync(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), WAIT_MS));
  try {
    return await Promise.race([file.lock(true).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
