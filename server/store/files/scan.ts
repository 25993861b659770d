import type { GroupCommit } from "../journaled/group.ts";
import { moveAside } from "./move_aside.ts";

/** Contents that the store did not know at a start. */
export interface UnknownContents {
  /** The directory that they were moved to. */
  directory: string;
  files: number;
  bytes: number;
  /** Why others could not be moved: the first reason. */
  error: Error | undefined;
}

/** Names that are looked up together at the start. */
const BATCH = 256;

const CONTENT = /^[0-9a-f]{32}$/;
const PARTIAL = /^([0-9a-f]{32})\.part$/;

/** A part of an upload. */
export interface FoundPart {
  /** Without its ending. */
  name: string;
  path: string;
  /** Bytes that have arrived. */
  size: number;
  /** When it was written last, in milliseconds since 1970; undefined if the system does not say. */
  modifiedAt: number | undefined;
}

interface ScanOptions {
  store: Pick<GroupCommit, "ask">;
  /** Called with each content that the store knows, the user who has sent it, and its size. */
  known(content: string, user: string, size: number): void;
}

export function isContentName(name: string): boolean {
  return CONTENT.test(name);
}

/**
 * Finds what a directory of contents holds at a start, and moves aside the contents that the store does not know.
 *
 * @param aside The directory that they are moved to.
 * @throws {Error} The directory can't be read, or the store can't be asked.
 */
export async function scanContents(
  directory: string,
  aside: string,
  options: ScanOptions,
): Promise<{ parts: FoundPart[]; unknown: UnknownContents }> {
  const contents: string[] = [], parts: FoundPart[] = [];
  for await (const { name, isFile } of Deno.readDir(directory)) {
    // other files are left alone
    if (!isFile) continue;
    const part = PARTIAL.exec(name)?.[1];
    if (isContentName(name)) contents.push(name);
    if (part === undefined) continue;
    const path = `${directory}/${name}`, { size, mtime } = await Deno.stat(path);
    parts.push({ name: part, path, size, modifiedAt: mtime?.getTime() });
  }
  const unknown: UnknownContents = { directory: aside, files: 0, bytes: 0, error: undefined };
  for (let i = 0; i < contents.length; i += BATCH) {
    await scanBatch(directory, contents.slice(i, i + BATCH), unknown, options);
  }
  return { parts, unknown };
}

async function scanBatch(
  directory: string,
  names: string[],
  unknown: UnknownContents,
  { store, known }: ScanOptions,
) {
  const contents = await store.ask({ kind: "contents", contents: names });
  const users = new Map(contents.map(({ content, user }) => [content, user]));
  const sizes = await Promise.all(names.map(async (name) => (await Deno.stat(`${directory}/${name}`)).size));
  for (const [i, name] of names.entries()) {
    const user = users.get(name), size = sizes[i]!;
    if (user !== undefined) {
      known(name, user, size);
      continue;
    }
    try {
      await moveAside(`${directory}/${name}`, unknown.directory);
      unknown.files++;
      unknown.bytes += size;
    } catch (error) {
      // on a full disk the server starts all the same
      unknown.error ??= error as Error;
    }
  }
}
