/** Limits of what is kept in files. */
export interface FileLimits {
  /** Most bytes of one file; to 4 GiB. */
  fileBytes: number;
  /** Most bytes of all files together, those that are still arriving too. */
  bytes: number;
  /** Most files. */
  files: number;
}

export interface ContentFilesOptions {
  /** The server's data directory, where they are in `files/`; undefined for a temporary one. */
  directory: string | undefined;
  limits: FileLimits;
  /** Of these names, those that a row of the store has: the others are removed at the start. */
  known(names: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The contents of the forum's files, under random names. */
export interface ContentFiles {
  /** Why a file of this size can't be taken, in words; undefined where it can. */
  refuses(size: number): string | undefined;
  /** Removes this content, where it is there. Never rejects: what can't be removed is at the next start. */
  remove(content: string): Promise<void>;
  /** Removes what is temporary. */
  close(): Promise<void>;
}
