import { createHash } from "node:crypto";
import type { FileChanges } from "./check_journal.ts";
import type { Check } from "./finding.ts";

const FOLDER = "files";

/** The name of a content; parts of uploads have another one. */
const CONTENT = /^[0-9a-f]{32}$/;

/** Bytes that are read at a time. */
const PIECE_BYTES = 1024 * 1024;

/** What the database says of the contents of the forum's files. */
export interface Contents {
  /** All that an entry names. */
  known(): Iterable<KnownFile>;
  /** Whether it knows that no entry names this any more. */
  isUnused(content: string): boolean;
}

interface KnownFile {
  content: string;
  size: number;
  hash: string;
  /** Its thread's title; null if that was removed. */
  thread: string | null;
  name: string;
}

/** Reads every content, and compares it with its row, or with the record that adds it. */
export async function checkFiles(check: Check, contents: Contents, { added, removed }: FileChanges) {
  const path = `${check.directory}/${FOLDER}`, left = new Set(namesIn(path));
  for (const { content, size, hash, thread, name } of contents.known()) {
    const isThere = left.delete(content);
    if (isThere) await checkContent(check, content, size, hash);
    else if (thread !== null && !removed.has(thread)) {
      check.damage(
        `${FOLDER}/${content}`,
        "",
        `it is missing: file '${name}' of thread '${thread}' cannot be downloaded`,
        "put the file back from a backup",
      );
    }
  }
  for (const { content, size, hash } of added) {
    if (left.delete(content)) await checkContent(check, content, size, hash);
    else if (removed.size === 0) check.damage(`${FOLDER}/${content}`, "", "it is missing: an upload is lost");
  }
  for (const content of left) {
    if (contents.isUnused(content)) continue;
    check.note(
      `${FOLDER}/${content}`,
      "",
      "no entry of the forum names it: an upload that was cut off, or the database is an older copy",
      "nothing: a start moves it to unknown/",
    );
  }
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => CONTENT.test(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function checkContent(check: Check, content: string, size: number, hash: string) {
  const sum = createHash("sha256"), buffer = new Uint8Array(PIECE_BYTES);
  let length = 0;
  using file = await Deno.open(`${check.directory}/${FOLDER}/${content}`);
  for (let read; (read = await file.read(buffer)) !== null; length += read) {
    sum.update(buffer.subarray(0, read));
  }
  check.totals.files++;
  check.totals.bytes += length;
  const wrong = length !== size
    ? `it has ${length} bytes, and was uploaded with ${size}`
    : sum.digest("hex") === hash
    ? undefined
    : "its SHA-256 is not that of the upload";
  if (wrong === undefined) return;
  check.damage(`${FOLDER}/${content}`, "", `${wrong}: it is not sent`, "put the file back from a backup");
}
