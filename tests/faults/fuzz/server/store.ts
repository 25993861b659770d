/** A store without a journal. */

import { newDirectory } from "../engine/directory.ts";
import { DATABASE_FILE } from "../../../../server/store/database/database.ts";
import { GroupCommit } from "../../../../server/store/journaled/group.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Store } from "../../../../server/store/store.ts";
import { BatchEngine, type BatchOptions } from "../../../batch_engine.ts";
import type { Random } from "../../../simulation/random.ts";

export interface FuzzedStore {
  engine: BatchEngine;
  store: GroupCommit;
  /** Asks it past every service. */
  whole: Pick<Store, "apply">;
  close(): void;
}

/** A database with its tables, and nothing in them: to make them takes longer than to serve some inputs. */
let empty: Uint8Array | undefined;

/** @param onReady Called when a mailbox that is waited for has a message. */
export function fuzzedStore(
  now: () => number,
  random: Random,
  onReady: (mailbox: string) => void,
): FuzzedStore {
  const directory = newDirectory();
  const options: BatchOptions = {
    directory,
    limits: DEFAULT_LIMITS,
    wallClock: now,
    monotonicClock: now,
    random: random.bytes,
    // what is only in memory is looked at as it is in a server that runs
    writes: () => 0,
    onEvent: (event) => event.kind === "ready" && queueMicrotask(() => onReady(event.mailbox)),
  };
  if (empty === undefined) {
    new BatchEngine(options).close();
    empty = Deno.readFileSync(`${directory}/${DATABASE_FILE}`);
  } else Deno.writeFileSync(`${directory}/${DATABASE_FILE}`, empty);
  const engine = new BatchEngine(options);
  const whole: Pick<Store, "apply"> = {
    apply: (requests) => Promise.resolve(engine.applyOnce(requests).outcomes),
  };
  return {
    engine,
    whole,
    store: new GroupCommit(whole as Store, (error) => reportError(error)),
    close() {
      engine.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}
