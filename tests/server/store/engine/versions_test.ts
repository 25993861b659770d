/** A state goes from one version of the engine to the next: store section 8. */

import { assertEquals, assertRejects } from "@std/assert";
import { checkDirectory } from "../../../../server/store/check/check.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import {
  ENGINE_VERSIONS,
  type EngineVersion,
  versionAfter,
} from "../../../../server/store/engine/state/version.ts";
import { DatabaseUnusable } from "../../../../server/store/errors.ts";
import { MemoryJournal } from "../../../../server/store/journal/memory_journal.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { replay } from "../../../../server/store/journaled/replay.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";
import config from "../../../../deno.json" with { type: "json" };

const put = (text: string): StoreRequest => (
  { kind: "put", mailbox: "bob", sender: "al", time: 0, text, bytes: text.length }
);
const take: StoreRequest = { kind: "take", mailbox: "bob" };

/** Stores texts in capital letters: that is what version 2 does no more. */
const LOUD: EngineVersion = {
  program: "0.1.0",
  apply: (request, next) =>
    next(request.kind === "put" ? { ...request, text: request.text.toUpperCase() } : request),
};

/** The versions that the program with this one of its own knows. */
function upTo(version: number): EngineVersion[] {
  return [LOUD, ...[2, 3, 4].map((version) => ({ program: `0.${version}.0` }))].slice(0, version);
}

/** Opens the store of a directory with a program, asks it one after the other, and closes it. */
async function ask(directory: string, version: number, ...requests: StoreRequest[]): Promise<Outcome[]> {
  const store = await openJournaledStore({
    directory,
    limits: DEFAULT_LIMITS,
    versions: upTo(version),
    onEvent() {},
  });
  try {
    return (await Promise.all(requests.map((request) => store.apply([request])))).flat();
  } finally {
    await store.close();
  }
}

/** What a program says instead of starting. */
async function refusal(directory: string, version: number): Promise<string> {
  const { message } = await assertRejects(() => ask(directory, version), DatabaseUnusable);
  return message.replace(directory, "DATA");
}

async function checked(directory: string, version: number): Promise<unknown[]> {
  const lines: string[] = [];
  const { engine, damage } = await checkDirectory(
    directory,
    ({ isDamage, file, place, what, todo }) =>
      lines.push(`${isDamage ? "damage" : "note"}: ${file}, ${place}: ${what}; ${todo}`),
    upTo(version),
  );
  return [engine, damage, ...lines];
}

const said = (outcomes: Outcome[]) =>
  outcomes.map((outcome) => typeof outcome === "string" ? outcome : (outcome as { text: string }).text);

async function hashOf(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

/** Every file in a directory, with a hash of what is in it. */
async function filesOf(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) files.push(...await filesOf(path));
    else files.push(`${path} ${await hashOf(path)}`);
  }
  return files.sort();
}

// store 8.1
Deno.test("each version of the engine names a program, none newer than this one", () => {
  assertEquals(ENGINE_VERSIONS.every(({ program }) => /^\d+\.\d+\.\d+$/.test(program)), true);
  const { program } = ENGINE_VERSIONS.at(-1)!;
  assertEquals(program.localeCompare(config.version, undefined, { numeric: true }) <= 0, true);
});

// store 8.1
Deno.test("a program goes on where the one before it has stopped, by its own rules from then on", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  assertEquals(said(await ask(path, 1, put("one"), put("two"), take)), ["stored", "stored", "ONE"]);
  assertEquals(await checked(path, 1), [1, 0]);
  assertEquals(said(await ask(path, 2, put("three"), take, take)), ["stored", "TWO", "three"]);
  assertEquals(await checked(path, 2), [2, 0]);
  assertEquals(said(await ask(path, 2, put("four"), take)), ["stored", "four"]);
});

// store 8.2
Deno.test("what is newer than a program, or more than one version older, is refused, with the program to start", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await ask(path, 2, put("two"));
  const newer = "start a newer program than 0.1.0";
  assertEquals(
    await refusal(path, 1),
    `Cannot open DATA/messages.db: it is at version 2 of the engine, and this program has 1: ${newer}`,
  );
  assertEquals(await checked(path, 1), [
    2,
    0,
    `note: messages.db, engine: the state is at version 2 of the engine, and this program has 1; ${newer}`,
  ]);
  const older = "start version 0.3.0 of the program once, then this one";
  const before = await filesOf(path);
  assertEquals(
    await refusal(path, 4),
    `Cannot open DATA/messages.db: it is at version 2 of the engine, and this program has 3 and 4: ${older}`,
  );
  assertEquals(await filesOf(path), before);
  assertEquals(await checked(path, 4), [
    2,
    0,
    `note: messages.db, engine: the state is at version 2 of the engine, and this program has 3 and 4; ${older}`,
  ]);
  // as it says
  await ask(path, 3);
  assertEquals(said(await ask(path, 4, take)), ["two"]);
});

// store 8.1
Deno.test("a new directory begins with the version of the program", async () => {
  await using directory = await temporaryDirectory();
  await ask(directory.path, 4, put("text"));
  assertEquals(await checked(directory.path, 4), [4, 0]);
});

/** A record of version `engine`, whose first request may be the upgrade to it. */
function record(number: number, engine: number, ...requests: StoreRequest[]) {
  const zeros = { shard: 0, term: 0n, leader: new Uint8Array(16), random: new Uint8Array(32) };
  return { number, engine, requests, canStore: true, wallClock: 0, monotonicClock: 0, ...zeros };
}

const upgrade = (version: number): StoreRequest => ({ kind: "upgrade", version });

// store 8.1, 8.2
Deno.test("a record is for the version of the state, or brings the next one", () => {
  const after = (version: number, next: ReturnType<typeof record>) => {
    try {
      return versionAfter(version, next, upTo(3));
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertEquals(after(2, record(7, 2, take)), 2);
  assertEquals(after(2, record(7, 2)), 2);
  assertEquals(after(2, record(7, 3, upgrade(3), take)), 3);
  assertEquals(after(1, record(1, 3, upgrade(3))), 3);
  const follows = (engine: number, version: number) =>
    `record 7 of its journal is for version ${engine} of the engine, and follows on version ${version}`;
  assertEquals(after(2, record(7, 3, take, upgrade(3))), follows(3, 2));
  assertEquals(after(2, record(7, 2, upgrade(3))), follows(2, 2));
  assertEquals(after(3, record(7, 2, upgrade(2))), follows(2, 3));
  assertEquals(after(1, record(7, 3, upgrade(3))), follows(3, 1));
  assertEquals(
    after(3, record(7, 4, upgrade(4))),
    "record 7 of its journal is for version 4 of the engine, and this program has 2 and 3: start a newer program than 0.3.0",
  );
  assertEquals(
    after(2, record(7, 1, take)),
    "record 7 of its journal is for version 1 of the engine, and this program has 2 and 3: " +
      "start version 0.2.0 of the program once, then this one",
  );
});

// store 4.1, 4.7
Deno.test("the same records lead to the same state across an upgrade, with a checkpoint anywhere or nowhere", async () => {
  const records = [
    record(1, 1, put("one"), put("two")),
    record(2, 1, put("three"), take),
    record(3, 2, upgrade(2), put("four")),
    record(4, 2, put("five"), take),
  ];
  const dumps = new Set<string>();
  for (let checkpoint = 0; checkpoint <= records.length; checkpoint++) {
    await using directory = await temporaryDirectory();
    let engine = new Engine({ directory: directory.path, versions: upTo(2) });
    const journal = new MemoryJournal();
    const feed = (from: number, to: number) => {
      replay(engine, { read: () => records.slice(from, to) }, directory.path);
    };
    feed(0, checkpoint);
    if (checkpoint > 0) {
      engine.checkpoint({ number: checkpoint, chain: journal.chain, wallClock: 0, monotonicClock: 0 });
    }
    engine.close();
    engine = new Engine({ directory: directory.path, versions: upTo(2) });
    assertEquals(engine.version, checkpoint < 3 ? 1 : 2);
    feed(checkpoint, records.length);
    dumps.add([...engine.dump()].join(""));
    engine.close();
  }
  assertEquals(dumps.size, 1);
  const [dump = ""] = dumps;
  assertEquals(dump.match(/^engine .*/m)?.[0], "engine [2]");
  assertEquals([...dump.matchAll(/^message .*"(\w+)",\d+,/gm)].map(([, text]) => text), [
    "THREE",
    "four",
    "five",
  ]);
});
