/** Another process has the store open. */
export class StoreLocked extends Error {
  override name = "StoreLocked";
}

/** The store cannot be relied on any more, after a failed sync or with a damaged file. The process has to end. */
export class StoreLost extends Error {
  override name = "StoreLost";
}

/** The store is lost because of its database; the message names the file. */
export class DatabaseLost extends StoreLost {
  override name = "DatabaseLost";

  constructor(path: string, cause: unknown) {
    super(`Cannot use ${path} any more: ${reasonOf(cause)}; 'wirepost check' says more`, { cause });
  }
}

/** The database cannot be opened as it is; the message names its file. */
export class DatabaseUnusable extends Error {
  override name = "DatabaseUnusable";
}

/** Something could not be done to a file; the message names it. What that leads to depends on the file (store 6.6). */
export class FileFailed extends Error {
  override name = "FileFailed";
  /** The system's code of the error, such as `ENOSPC`; undefined if it is not the system's. */
  readonly code: string | undefined;
  readonly reason: string;

  /** @param what What could not be done, with the path: `write /data/reserve`. */
  constructor(what: string, cause: unknown) {
    const reason = reasonOf(cause);
    super(`Cannot ${what}: ${reason}`, { cause });
    this.reason = reason;
    this.code = systemCode(cause);
  }
}

/** Why something failed, without the system's number, and without the call and the path that the runtime adds. */
export function reasonOf(error: unknown): string {
  if (error instanceof FileFailed) return error.reason;
  return (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
}

/** @throws {FileFailed} The work has failed. */
export async function doToFile<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new FileFailed(what, error);
  }
}

/** Errors to which Deno gives no code, only the system's number in the text. */
const CODES: Readonly<Partial<Record<typeof Deno.build.os, Readonly<Record<string, string>>>>> = {
  linux: { 27: "EFBIG", 122: "EDQUOT" },
  darwin: { 27: "EFBIG", 69: "EDQUOT" },
  freebsd: { 27: "EFBIG", 69: "EDQUOT" },
  windows: { 1295: "EDQUOT" },
};

/** The system's code of an error, such as `ENOSPC`; undefined if it is not the system's. */
export function systemCode(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string") return code;
  const [, number = ""] = /\(os error (\d+)\)/.exec(`${message}`) ?? [];
  return CODES[Deno.build.os]?.[number];
}

/** Whether the disk, or what the server's user may have of it, is full: only then something is tried again (store 6.6). */
export function isNoSpace(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Whether the process, or the system, has no descriptor left: nothing was done then, and it can be done later. */
export function hasNoDescriptor(error: unknown): boolean {
  const code = systemCode(error);
  return code === "EMFILE" || code === "ENFILE";
}
