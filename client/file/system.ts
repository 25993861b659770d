/**
 * What the library uses of a system besides sockets: methods that Deno has, and Node's are given (`node/`).
 *
 * @module
 */

/** What is known of a file. */
export interface FileInfo {
  isFile: boolean;
  /** In bytes. */
  size: number;
  /** When it was changed. */
  mtime: Date | null;
  /** When it, or what is known of it, was changed. */
  ctime: Date | null;
  atime: Date | null;
  dev: number;
  ino: number | null;
}

/** A file that is open, with a position in it. */
export interface OpenFile extends Disposable {
  /** Resolves to the number of bytes in the buffer; null at the end of the file. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Moves to a position from the beginning. */
  seek(position: number, whence: 0): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Has the disk keep it, and its size; with `sync`, also what else is known of it. */
  syncData(): Promise<void>;
  sync(): Promise<void>;
  stat(): Promise<FileInfo>;
  /** Whether nobody else has it locked. Node has no locks. */
  tryLock?(isExclusive: boolean): Promise<boolean>;
  close(): void;
}

/** How a file is opened. */
export interface OpenOptions {
  read?: boolean;
  write?: boolean;
  create?: boolean;
  createNew?: boolean;
  truncate?: boolean;
  mode?: number;
}

/** Errors have the system's name of them in `code`, such as `ENOENT`, and its text, number and call in the message. */
export interface System {
  build: { os: string };
  env: { get(name: string): string | undefined };
  open(path: string, options?: OpenOptions): Promise<OpenFile>;
  stat(path: string): Promise<FileInfo>;
  lstat(path: string): Promise<FileInfo>;
  link(path: string, newPath: string): Promise<void>;
  rename(path: string, newPath: string): Promise<void>;
  remove(path: string): Promise<void>;
  utime(path: string, atime: Date, mtime: Date): Promise<void>;
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<void>;
  readTextFile(path: string): Promise<string>;
  writeTextFile(path: string, text: string, options: { append: true; mode: number }): Promise<void>;
  statSync(path: string): FileInfo;
  mkdirSync(path: string, options: { recursive: true; mode: number }): void;
  copyFileSync(path: string, newPath: string): void;
  utimeSync(path: string, atime: Date, mtime: Date): void;
  renameSync(path: string, newPath: string): void;
  /** Node has none. */
  permissions?: { query(permission: { name: "sys"; kind: "statfs" }): Promise<{ state: string }> };
}

/** Whether the error of an operation has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: string }).code === code;
}
