/**
 * Data directories of every version of the schema that was ever there: store 8.3. The program of that time made each, put the
 * same into it, and stopped. `NN.tar.br` is what it left, without its reserve; NN is the number of steps of its schema. 05 and
 * 17 are missing, because their steps came together with the next ones. Whoever adds a step runs `make.ts`.
 */

import { assertEquals } from "@std/assert";
import { brotliDecompressSync } from "node:zlib";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import type { Account } from "../../../../server/store/requests/account.ts";
import type { StoredChannel } from "../../../../server/store/requests/channel.ts";
import type { PeekedPage } from "../../../../server/store/requests/message.ts";
import type { EntryPage, FindFileOutcome, ThreadPage } from "../../../../server/store/requests/thread.ts";
import type { StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory, wirepost } from "../../../program.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/** Versions of the schema, and those of them that have no directory of their own. */
const VERSIONS = MIGRATIONS.map((_, i) => i + 1), MISSING: readonly number[] = [5, 17];

/** Versions from which on something was kept. */
const DELAYS = 2, ATTEMPTS = 3, CHANNELS = 4, FORUM = 6;

const archive = (version: number) => `${`${version}`.padStart(2, "0")}.tar.br`;

async function unpack(version: number, directory: string) {
  const tar = new Deno.Command("tar", { args: ["-x", "-C", directory], stdin: "piped" }).spawn();
  const writer = tar.stdin.getWriter();
  await writer.write(new Uint8Array(brotliDecompressSync(await Deno.readFile(FOLDER + archive(version)))));
  await writer.close();
  assertEquals((await tar.status).code, 0);
}

/** All that a store has of what was put into it. */
async function contentOf(directory: string) {
  const damaged: StoreEvent[] = [];
  const store = await openJournaledStore({
    directory,
    onEvent: (event) => void (event.kind === "damaged" && damaged.push(event)),
  });
  try {
    const ask = async (request: StoreRequest) => (await store.apply([request]))[0];
    const texts: Record<string, string[]> = {};
    for (const mailbox of ["", "bob", "dora", "erin", "frank"]) {
      const { messages } = await ask({ kind: "peek", mailbox, after: 0, limit: 9 }) as PeekedPage;
      texts[mailbox] = messages.map(({ sender, attempts, text }) => `${sender}, ${attempts}: ${text}`);
    }
    const channels = await ask({ kind: "channels" }) as StoredChannel[];
    const { threads } = await ask({ kind: "threads", after: 0, limit: 9, maxBytes: 999 }) as ThreadPage;
    const read = { kind: "read", thread: "thread0", from: { after: 0 }, limit: 9, maxBytes: 999 } as const;
    const page = threads.length > 0 ? await ask(read) as EntryPage : { entries: [] };
    const found = await ask({ kind: "file", thread: "thread0", name: "numbers.txt", user: "yoda" });
    const { file } = found as Exclude<FindFileOutcome, string>;
    const accounts = await ask({ kind: "account", what: "list", after: "", limit: 9 }) as Account[];
    return {
      damaged,
      texts,
      tea: channels.filter(({ name }) => name === "tea").flatMap(({ messages }) => messages)
        .map(({ sender, text }) => `${sender}: ${text}`),
      threads: threads.map(({ title, creator, entries }) => ({ title, creator, entries })),
      entries: page.entries.map((entry) =>
        "text" in entry ? entry.text : `${entry.file}, ${entry.size} bytes`
      ),
      lines: file && (await Deno.readTextFile(`${directory}/files/${file.content}`)).split("\n").length - 1,
      accounts: accounts.map(({ name, mailbox }) => ({ name, mailbox })),
    };
  } finally {
    await store.close();
  }
}

/** What the program of a version was given and kept. */
function expected(version: number): Awaited<ReturnType<typeof contentOf>> {
  return {
    damaged: [],
    texts: {
      "": [", 0: one for all"],
      "bob": ["alice, 0: 5 Ω, or more? ✓", "carol, 0: two, with commas,  and spaces "],
      "dora": ["bob, 0: x"],
      "erin": ["alice, 0: by session", ...version >= DELAYS ? ["alice, 0: later"] : []],
      // before there were attempts, a command that failed had taken its message in version 2, and did not run in version 1
      "frank": version === 2 ? [] : [`alice, ${version >= ATTEMPTS ? 1 : 0}: tried`],
    },
    tea: version >= CHANNELS ? ["alice: hello in tea", "alice: 5 Ω ✓"] : [],
    threads: version >= FORUM ? [{ title: "thread0", creator: "yoda", entries: 2 }] : [],
    entries: version >= FORUM ? ["hello, all", "numbers.txt, 292 bytes"] : [],
    lines: version >= FORUM ? 100 : undefined,
    accounts: version >= FORUM ? [{ name: "yoda", mailbox: true }] : [],
  };
}

Deno.test("every version of the schema that was ever there has a data directory here", async () => {
  const files = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name);
  const wanted = VERSIONS.filter((version) => !MISSING.includes(version)).map(archive);
  assertEquals(files.filter((name) => name.endsWith(".tar.br")).sort(), wanted);
});

for (const version of VERSIONS.filter((version) => !MISSING.includes(version))) {
  Deno.test(`a data directory of version ${version} of the schema opens, with all that was in it`, async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await unpack(version, path);
    // the second time there is nothing left to bring up to date
    for (let start = 1; start <= 2; start++) assertEquals(await contentOf(path), expected(version));
    // that of version 1 could be read by others, which a server warns of
    await Deno.chmod(`${path}/messages.db`, 0o600);
    const { code, out } = await wirepost(["check", "--data", path]);
    assertEquals(code, 0, out);
  });
}
