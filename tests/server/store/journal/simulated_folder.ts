/**
 * A folder in memory that knows what of it is on disk: for tests that stop the process or cut the power at any operation.
 *
 * What was written and not synced may be on disk or not, each sector by itself. What was renamed, created or removed may be
 * durable or not until the folder is synced, each by itself too. A sync that fails has lost what it should have written.
 *
 * @module
 */

import type { JournalFile, JournalFolder } from "../../../../server/store/journal/folder.ts";
import type { Random } from "../../../simulation/random.ts";

/** What a disk writes whole or not at all. */
const SECTOR = 512;

export interface Write {
  at: number;
  bytes: Uint8Array;
}

/** A file: what programs see of it, what is on disk, and what was written since the last sync. */
class Inode {
  constructor(
    public seen = new Uint8Array(),
    public disk = new Uint8Array(),
    public unsynced: Write[] = [],
  ) {}

  copy(): Inode {
    return new Inode(this.seen.slice(), this.disk.slice(), [...this.unsynced]);
  }
}

/** A change of names: the file that has a name afterwards, or none. */
type NameChange = [name: string, inode: Inode | undefined][];

/** What is going to be done to the folder. */
export interface Operation {
  kind: "create" | "write" | "sync" | "rename" | "remove" | "sync folder";
  name: string;
  /** What is written. */
  write?: Write;
}

function written(to: Uint8Array, { at, bytes }: Write): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(Math.max(to.length, at + bytes.length));
  result.set(to);
  result.set(bytes, at);
  return result;
}

/** The sectors of a write, each a write of its own. */
function sectorsOf({ at, bytes }: Write): Write[] {
  const sectors: Write[] = [];
  for (let from = at; from < at + bytes.length;) {
    const to = Math.min(at + bytes.length, (Math.floor(from / SECTOR) + 1) * SECTOR);
    sectors.push({ at: from, bytes: bytes.slice(from - at, to - at) });
    from = to;
  }
  return sectors;
}

export class SimulatedFolder implements JournalFolder {
  readonly path = "journal";
  /** Is called before each operation; what it throws is how the operation fails. */
  onOperation: (operation: Operation) => void = () => {};
  /** How long an operation takes: others go on meanwhile. */
  wait: () => Promise<void> = () => Promise.resolve();
  /** Files that are open. */
  openFiles = 0;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];

  list(): string[] {
    return [...this.#names.keys()];
  }

  size(name: string): number {
    return this.#inode(name).seen.length;
  }

  read(name: string, bytesMax = Infinity): Uint8Array {
    return this.#inode(name).seen.slice(0, bytesMax);
  }

  open(name: string): Promise<JournalFile> {
    return this.#attempt(() => {
      let inode = this.#names.get(name);
      if (inode === undefined) {
        this.onOperation({ kind: "create", name });
        this.#change([[name, inode = new Inode()]]);
      }
      this.openFiles++;
      return this.#file(inode);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#attempt(() => {
      const inode = this.#inode(from);
      this.onOperation({ kind: "rename", name: from });
      this.#change([[from, undefined], [to, inode]]);
    });
  }

  remove(name: string): Promise<void> {
    return this.#attempt(() => {
      this.#inode(name);
      this.onOperation({ kind: "remove", name });
      this.#change([[name, undefined]]);
    });
  }

  sync(): Promise<void> {
    return this.#attempt(() => {
      this.onOperation({ kind: "sync folder", name: "" });
      this.#changes = [];
      this.#durableNames = new Map(this.#names);
    });
  }

  /**
   * What a program finds after the process was stopped: all that was written, be it on disk or not, and a part of what it
   * was just going to write.
   */
  afterKill({ name, write }: Partial<Operation> = {}, random?: Random): SimulatedFolder {
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode) => copies.get(inode) ?? copies.set(inode, inode.copy()).get(inode)!;
    const folder = new SimulatedFolder();
    folder.#names = new Map([...this.#names].map(([name, inode]) => [name, copyOf(inode)]));
    folder.#durableNames = new Map([...this.#durableNames].map(([name, inode]) => [name, copyOf(inode)]));
    folder.#changes = this.#changes.map((change) =>
      change.map(([name, inode]) => [name, inode && copyOf(inode)])
    );
    if (write && random) {
      const inode = folder.#names.get(name!)!;
      const part = { ...write, bytes: write.bytes.subarray(0, random.between(0, write.bytes.length)) };
      inode.seen = written(inode.seen, part);
      inode.unsynced.push(part);
    }
    return folder;
  }

  /** What a program finds after the power was cut: of what was not synced, each part with this probability. */
  afterPowerCut(
    random: Random,
    probability = [0, 0.1, 0.5, 0.9, 1][random.between(0, 4)]!,
  ): SimulatedFolder {
    const names = new Map(this.#durableNames);
    for (const change of this.#changes) {
      if (!random.chance(probability)) continue;
      for (const [name, inode] of change) {
        if (inode) names.set(name, inode);
        else names.delete(name);
      }
    }
    const folder = new SimulatedFolder();
    for (const [name, inode] of names) {
      let { disk } = inode;
      for (const sector of inode.unsynced.flatMap(sectorsOf)) {
        if (random.chance(probability)) disk = written(disk, sector);
      }
      folder.#names.set(name, new Inode(disk, disk));
    }
    folder.#durableNames = new Map(folder.#names);
    return folder;
  }

  /** Changes what is in a file, on disk. */
  edit(name: string, edit: (bytes: Uint8Array) => Uint8Array | void) {
    const bytes = this.read(name);
    const inode = new Inode(new Uint8Array(edit(bytes) ?? bytes));
    inode.disk = inode.seen;
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw new Deno.errors.NotFound(`No such file: ${name}`);
    return inode;
  }

  #change(change: NameChange) {
    for (const [name, inode] of change) {
      if (inode) this.#names.set(name, inode);
      else this.#names.delete(name);
    }
    this.#changes.push(change);
  }

  /** Lets others go on before an operation has ended, as a real one does. */
  async #attempt<T>(work: () => T): Promise<T> {
    await this.wait();
    return work();
  }

  #nameOf(inode: Inode): string {
    return [...this.#names].find(([, other]) => other === inode)?.[0] ?? "a removed file";
  }

  #file(inode: Inode): JournalFile {
    let isSyncing = false;
    const writeSync = (bytes: Uint8Array, at: number) => {
      const name = this.#nameOf(inode);
      if (isSyncing) throw new Error(`${name} is written while it is synced`);
      const write = { at, bytes: bytes.slice() };
      this.onOperation({ kind: "write", name, write });
      inode.seen = written(inode.seen, write);
      inode.unsynced.push(write);
    };
    const syncNow = () => {
      try {
        this.onOperation({ kind: "sync", name: this.#nameOf(inode) });
        for (const write of inode.unsynced) inode.disk = written(inode.disk, write);
      } finally {
        // after a failure the pages are clean all the same: they will never be written
        inode.unsynced = [];
      }
    };
    return {
      writeSync,
      write: (bytes, at) => this.#attempt(() => writeSync(bytes, at)),
      sync: async () => {
        isSyncing = true;
        await this.wait();
        try {
          syncNow();
        } finally {
          isSyncing = false;
        }
      },
      syncNow,
      close: () => {
        this.openFiles--;
      },
    };
  }
}
