/**
 * A disk that loses its power: which of the calls of a recording had reached it, and what it may hold.
 *
 * It promises what POSIX does and no more: what was written is there once a sync of the file has returned, a name once a
 * sync of its directory has. Everything else may be there, in part, or not: writes in any order and torn at any sector,
 * names in the order in which they were given, because every file system in use keeps that within a directory.
 *
 * @module
 */

import type { Random } from "../../simulation/random.ts";
import { Content, SECTOR } from "./content.ts";

/** A change of a file's content that no sync covers. */
interface Change {
  /** Bytes to be written, or the new size. */
  what: { offset: number; bytes: Uint8Array } | { size: number };
  /** Whether its call has returned. */
  isOver: boolean;
}

/** A file: what is certainly on the disk, what a process of the running machine reads, and what is between them. */
class FileNode {
  readonly kind = "file";
  changes: Change[] = [];

  constructor(readonly durable = new Content(), readonly seen = new Content()) {}
}

interface DirectoryNode {
  readonly kind: "directory";
}

type Node = FileNode | DirectoryNode;

/** A change of names that no sync covers. */
interface Naming {
  directories: string[];
  apply(names: Map<string, Node>): unknown;
  isOver: boolean;
}

/**
 * How much of what was not synced the disk has: nothing, all of it, the first changes of each file, some of them in any
 * order, or some of their sectors.
 */
export const LOSSES = ["nothing", "all", "first", "some", "torn"] as const;
export type Loss = typeof LOSSES[number];

/** What a disk holds: directories, and files with their content, by path. */
export type Holding = Map<string, Content | "directory">;

export class Disk {
  /** Names by path within the directory, which is `""`: as they are on the disk, and as the machine sees them. */
  readonly #durable = new Map<string, Node>([["", { kind: "directory" }]]);
  readonly #seen = new Map<string, Node>([["", { kind: "directory" }]]);
  #namings: Naming[] = [];

  /** A disk that certainly holds this. */
  static holding(held: Holding): Disk {
    const disk = new Disk();
    for (const [path, what] of held) {
      const node: Node = what === "directory" ? { kind: what } : new FileNode(what.copy(), what.copy());
      disk.#durable.set(path, node);
      disk.#seen.set(path, node);
    }
    return disk;
  }

  /** Bytes that no sync covers. */
  get unsynced(): number {
    let bytes = 0;
    for (const node of this.#files()) {
      for (const { what } of node.changes) if ("bytes" in what) bytes += what.bytes.length;
    }
    return bytes;
  }

  has(path: string): boolean {
    return this.#seen.has(path);
  }

  sizeOf(path: string): number {
    return this.#file(path).seen.size;
  }

  #file(path: string): FileNode {
    const node = this.#seen.get(path);
    if (node?.kind !== "file") throw new Error(`The recording has no file '${path}'`);
    return node;
  }

  *#files(): Generator<FileNode> {
    for (const node of new Set([...this.#durable.values(), ...this.#seen.values()])) {
      if (node.kind === "file") yield node;
    }
  }

  #name(directories: string[], apply: Naming["apply"]): Naming {
    const naming = { directories, apply, isOver: false };
    apply(this.#seen);
    this.#namings.push(naming);
    return naming;
  }

  /** Makes a file or a directory. Each of these methods returns what its call has to be marked as over with. */
  create(path: string, kind: "file" | "directory" = "file"): { isOver: boolean } {
    const node: Node = kind === "file" ? new FileNode() : { kind };
    return this.#name([directoryOf(path)], (names) => names.set(path, node));
  }

  remove(path: string): { isOver: boolean } {
    return this.#name([directoryOf(path)], (names) => names.delete(path));
  }

  rename(from: string, to: string): { isOver: boolean } {
    const node = this.#file(from);
    return this.#name([directoryOf(from), directoryOf(to)], (names) => {
      names.delete(from);
      names.set(to, node);
    });
  }

  write(path: string, offset: number, bytes: Uint8Array): { isOver: boolean } {
    return this.#change(path, { offset, bytes });
  }

  truncate(path: string, size: number): { isOver: boolean } {
    return this.#change(path, { size });
  }

  #change(path: string, what: Change["what"]): { isOver: boolean } {
    const file = this.#file(path), change = { what, isOver: false };
    make(file.seen, what);
    file.changes.push(change);
    return change;
  }

  /** Begins a sync. Returns what makes durable all that was over when it began; it is called when the sync has returned. */
  sync(path: string): (isLost?: boolean) => void {
    const node = this.#seen.get(path);
    if (node === undefined) throw new Error(`The recording has no '${path}'`);
    if (node.kind === "directory") {
      const namings = this.#namings.filter(({ directories, isOver }) => isOver && directories.includes(path));
      return () => {
        for (const naming of namings) naming.apply(this.#durable);
        this.#namings = this.#namings.filter((naming) => !namings.includes(naming));
      };
    }
    const changes = new Set(node.changes.filter(({ isOver }) => isOver));
    return (isLost = false) => {
      if (!isLost) { for (const { what } of changes) make(node.durable, what); }
      node.changes = node.changes.filter((change) => !changes.has(change));
    };
  }

  /** What a running machine sees. */
  view(): Holding {
    return holding(this.#seen, (file) => file.seen);
  }

  /** What the disk holds if the power is cut now. */
  cut(loss: Loss, random: Random): Holding {
    const names = new Map(this.#durable);
    const count = loss === "nothing"
      ? 0
      : loss === "all"
      ? this.#namings.length
      : random.between(0, this.#namings.length);
    for (const naming of this.#namings.slice(0, count)) naming.apply(names);
    return holding(names, (file) => remaining(file, loss, random));
  }
}

function make(content: Content, what: Change["what"]) {
  if ("bytes" in what) content.write(what.offset, what.bytes);
  else content.truncate(what.size);
}

/** What there is of a file. */
function remaining({ durable, changes }: FileNode, loss: Loss, random: Random): Content {
  const content = durable.copy();
  if (loss === "nothing") return content;
  const first = loss === "first" ? random.between(0, changes.length) : changes.length;
  for (const { what } of changes.slice(0, first)) {
    if (loss === "some" || loss === "torn") { if (random.chance(0.4)) continue; }
    if (loss !== "torn" || !("bytes" in what)) make(content, what);
    else for (const sector of sectorsOf(what)) if (random.chance(0.6)) make(content, sector);
  }
  return content;
}

function* sectorsOf({ offset, bytes }: { offset: number; bytes: Uint8Array }) {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + SECTOR - (offset + at) % SECTOR);
    yield { offset: offset + at, bytes: bytes.subarray(at, end) };
    at = end;
  }
}

function holding(names: Map<string, Node>, contentOf: (file: FileNode) => Content): Holding {
  const held: Holding = new Map();
  for (const [path, node] of names) {
    // what is in a directory that is not there is not there
    if (path === "" || !hasDirectories(names, path)) continue;
    held.set(path, node.kind === "file" ? contentOf(node) : node.kind);
  }
  return held;
}

function hasDirectories(names: Map<string, Node>, path: string): boolean {
  for (let above = directoryOf(path); above !== ""; above = directoryOf(above)) {
    if (!names.has(above)) return false;
  }
  return true;
}

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Writes what a disk holds to a new directory. */
export function save(held: Holding, directory: string) {
  Deno.mkdirSync(directory, { recursive: true });
  // a directory comes before what is in it
  for (const [path, what] of [...held].sort(([a], [b]) => a < b ? -1 : 1)) {
    if (what === "directory") Deno.mkdirSync(`${directory}/${path}`, { recursive: true });
    else what.save(`${directory}/${path}`);
  }
}
