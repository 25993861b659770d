import { StoreLocked } from "../errors.ts";

/** Its file in the directory. */
export const LOCK_FILE = "lock";

/** How long a runtime that cannot try waits for the lock before it is taken for held, in milliseconds. */
const WAIT_MS = 500;

/** Deno before 2.7 has no `tryLockSync`: there the program can only be tried out. */
type Lockable = Deno.FsFile & { tryLockSync?(exclusive: boolean): boolean };

/**
 * The lock of a data directory: nobody else reads or writes anything in it meanwhile (store 1.1). It belongs to the open
 * file, so that it ends with the process, however that ends.
 */
export class DirectoryLock {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @throws {StoreLocked} Another process has it. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const path = `${directory}/${LOCK_FILE}`;
    // not truncated, and never removed: a second file of this name would be a second lock
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    try {
      if (await isLocked(file)) return new DirectoryLock(file);
      throw new StoreLocked(`Cannot lock ${path}: another process has it open`);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  release() {
    this.#file.close();
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
