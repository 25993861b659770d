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
    super(`Cannot use ${path} any more: ${(cause as Error).message}; 'wirepost check' says more`, { cause });
  }
}

/** The database cannot be opened as it is; the message names its file. */
export class DatabaseUnusable extends Error {
  override name = "DatabaseUnusable";
}
