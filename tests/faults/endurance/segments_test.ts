/** Thousands of small segments of the journal come and go: what an hour does with large ones. */

import { assertEquals, assertLess } from "@std/assert";
import type { JournaledStore } from "../../../server/store/journaled/journaled_store.ts";
import { openJournaledStore } from "../../../server/store/journaled/open.ts";
import { JOURNAL_FOLDER } from "../../../server/store/journaled/open_journal.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import type { Put, Taken } from "../../../server/store/requests/message.ts";
import type { StoreEvent, StoreRequest } from "../../../server/store/store.ts";
import { temporaryDirectory } from "../../program.ts";
import { FULL, report } from "../form.ts";

/**
 * 50,000 messages a second in and out are about 6 MiB of journal a second, and 1,350 segments of 16 MiB an hour. Three
 * times as many come and go.
 */
const SEGMENTS = FULL ? 4000 : 200;

/** Bytes of a segment. */
const SEGMENT_BYTES = 64 * 1024;

/** Messages in a batch, messages that are left in the mailbox, and bytes of each. */
const BATCH = 64, LEFT = 16 * BATCH, TEXT_BYTES = 40;

/** After so many batches files and memory are looked at. */
const LOOK = 16;

/** At most: files of the journal, between two checkpoints and while one is written back; and bytes of all files. */
const MIB = 1024 ** 2, FILES_MAX = 512, BYTES_MAX = 96 * MIB;

/** Bytes by which the memory in use may grow after the first fifth. */
const GROWTH_BYTES = 64 * MIB;

function putOf(n: number): Put {
  const text = `${n} `.padEnd(TEXT_BYTES, ".");
  return { kind: "put", mailbox: "bob", sender: "alice", time: 0, text, bytes: TEXT_BYTES };
}

const take: StoreRequest = { kind: "take", mailbox: "bob" };

interface Files {
  count: number;
  bytes: number;
  /** The highest number of a segment. */
  sequence: number;
}

/** The files of the journal, and the bytes of all files. */
function filesIn(directory: string): Files {
  const files: Files = { count: 0, bytes: 0, sequence: 0 };
  for (const folder of [directory, `${directory}/${JOURNAL_FOLDER}`]) {
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (!isFile) continue;
      try {
        files.bytes += Deno.statSync(`${folder}/${name}`).size;
      } catch {
        // it was removed or renamed just now
      }
      if (folder === directory) continue;
      files.count++;
      files.sequence = Math.max(files.sequence, Number(/^(\d+)\./.exec(name)?.[1] ?? 0));
    }
  }
  return files;
}

/** Puts messages, and takes the older ones. */
class Traffic {
  #put = 0;
  #taken = 0;

  constructor(readonly store: JournaledStore) {}

  /** Messages that are left. */
  get left(): number {
    return this.#put - this.#taken;
  }

  async batch() {
    const puts = Array.from({ length: BATCH }, () => putOf(this.#put++));
    const takes = Array<StoreRequest>(Math.max(0, this.left - LEFT)).fill(take);
    for (const outcome of await this.store.apply([...puts, ...takes])) {
      if (outcome !== "stored") assertEquals(Number.parseInt((outcome as Taken).text), this.#taken++);
    }
  }
}

// store 3.5, 3.6, 5.2
Deno.test("thousands of segments come and go, and files and memory stay bounded", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, events: string[] = [], onEvent = ({ kind }: StoreEvent) => events.push(kind);
  const options = { directory: path, limits: DEFAULT_LIMITS, segmentBytes: SEGMENT_BYTES, onEvent };
  let store = await openJournaledStore(options);
  const traffic = new Traffic(store), seen: (Files & { memory: number })[] = [];
  for (let i = 0; (seen.at(-1)?.sequence ?? 0) < SEGMENTS; i++) {
    await traffic.batch();
    if (i % LOOK === 0) seen.push({ ...filesIn(path), memory: Deno.memoryUsage().rss });
  }
  const { bytes, checkpoints } = store.figures;
  await store.close();
  const early = seen.slice(0, Math.ceil(seen.length / 5)),
    most = (of: typeof seen, name: keyof typeof seen[0]) => Math.max(...of.map((files) => files[name]));
  report(
    `${seen.at(-1)!.sequence} segments, ${
      (bytes / MIB).toFixed(0)
    } MiB of records, ${checkpoints} checkpoints; ` +
      `at most ${most(seen, "count")} files of the journal, ${
        (most(seen, "bytes") / MIB).toFixed(0)
      } MiB of files, ` +
      `memory ${(most(early, "memory") / MIB).toFixed(0)} MiB at first, ${
        (most(seen, "memory") / MIB).toFixed(0)
      } in all`,
  );
  assertLess(most(seen, "count"), FILES_MAX);
  assertLess(most(seen, "bytes"), BYTES_MAX);
  // in the suite other tests share this process
  if (FULL) assertLess(most(seen, "memory"), most(early, "memory") + GROWTH_BYTES);
  store = await openJournaledStore(options);
  const [counts] = await store.apply([{ kind: "count" }]);
  assertEquals(counts, { messages: traffic.left, bytes: TEXT_BYTES * traffic.left, mailboxes: 1 });
  await store.close();
  assertEquals(events, []);
});
