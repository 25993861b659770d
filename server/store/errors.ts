/** Another process has the store open. */
export class StoreLocked extends Error {
  override name = "StoreLocked";
}

/** The store cannot be relied on any more, after a failed sync or with a damaged file. The process has to end. */
export class StoreLost extends Error {
  override name = "StoreLost";
}
