import { FileFailed, hasNoDescriptor, isNoSpace } from "../errors.ts";

/**
 * What an error of the disk means for the contents of files (store 6.6): an upload for which there is no room is refused.
 * Any other error ends the process, and what was asked is never answered.
 */
export class ContentDisk {
  readonly #onLost: (error: FileFailed) => void;

  /** @param onLost Called when the disk can't be relied on any more; without it, every error is thrown. */
  constructor(onLost?: (error: FileFailed) => void) {
    this.#onLost = onLost ?? ((error) => {
      throw error;
    });
  }

  /**
   * Does something to a file.
   *
   * @param what It, with the path, for the error: `write /data/files/a.part`.
   * @throws {FileFailed} There is no room.
   */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failed = new FileFailed(what, error);
      if (!isForThisFile(failed)) {
        this.#onLost(failed);
        return await new Promise<never>(() => {});
      }
      throw failed;
    }
  }
}

/** No room for it: on the disk, for a file of its length on this disk, or for one more that is open. */
function isForThisFile(error: FileFailed): boolean {
  return isNoSpace(error) || error.code === "EFBIG" || hasNoDescriptor(error);
}
