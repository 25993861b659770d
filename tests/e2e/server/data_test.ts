/** A data directory that is damaged, too old, or taken away. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** Milliseconds after which a server counts as one that goes on: more than any load explains. */

const PASSWORD = { WIREPOST_PASSWORD: "jedi" };

/** A data directory in which a forum has a thread with one file, and a copy of database and journal from before that. */
async function withFile() {
  const directory = await temporaryDirectory(), cwd = directory.path, data = `${cwd}/data`;
  await (await ServerProcess.start(["forum", "0", "--data", data])).end();
  await Deno.mkdir(`${cwd}/older`);
  await copyStore(data, `${cwd}/older`);
  await Deno.writeTextFile(`${cwd}/notes.txt`, "what was acknowledged");
  const server = await ServerProcess.start(["forum", "0", "--data", data]);
  const type = async (...command: string[]) => {
    const args = ["forum", "127.0.0.1", `${server.port}`, "--user", "yoda", "--new", ...command];
    const { code, err } = await wirepost(args, { cwd, env: { ...PASSWORD, XDG_STATE_HOME: `${cwd}/state` } });
    assertEquals([code, err], [0, ""]);
  };
  await type("CRT", "a");
  await type("UPD", "a", "notes.txt");
  await server.end();
  const [content] = names(`${data}/files`);
  return {
    directory,
    data,
    content: content!,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Copies the database and the journal into a directory that has none. */
async function copyStore(from: string, to: string) {
  await Deno.copyFile(`${from}/messages.db`, `${to}/messages.db`);
  await Deno.mkdir(`${to}/journal`);
  for (const name of names(`${from}/journal`)) {
    await Deno.copyFile(`${from}/journal/${name}`, `${to}/journal/${name}`);
  }
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
}

/** The log of a server that was started there and ended. */
async function started(data: string, ...args: string[]): Promise<string> {
  await using server = await ServerProcess.start(["forum", "0", "--data", data, ...args]);
  await server.ready("forum");
  assertEquals((await server.end()).code, 0);
  return server.err;
}

const SET_ASIDE =
  /^\S+Z warn forum - set aside in \S+\/unknown: 1 file \(21 B\) that the database doesn't know; .*$/m;

Deno.test("a start with an older database beside the journal has everything", async () => {
  await using here = await withFile();
  const { data, content, directory } = here;
  await Deno.copyFile(`${directory.path}/older/messages.db`, `${data}/messages.db`);
  assert(!/set aside/.test(await started(data)));
  assertEquals(names(`${data}/files`), [content]);
});

Deno.test("a start with an older database deletes no file that it doesn't know: it is set aside, with a line", async () => {
  await using here = await withFile();
  const { data, content, directory } = here;
  await Deno.remove(`${data}/journal`, { recursive: true });
  await copyStore(`${directory.path}/older`, data);
  await Deno.writeTextFile(`${data}/files/readme`, "somebody else's");
  assertMatch(await started(data), SET_ASIDE);
  assertEquals(names(`${data}/files`), ["readme"]);
  assertEquals(await Deno.readTextFile(`${data}/unknown/${content}`), "what was acknowledged");

  // a file that is put back and set aside again replaces nothing
  await Deno.writeTextFile(`${data}/files/${content}`, "put back by hand, it is");
  await started(data);
  assertEquals(names(`${data}/unknown`), [content, `${content}.1`]);
  assertEquals(await Deno.readTextFile(`${data}/unknown/${content}`), "what was acknowledged");
});

for (const state of ["missing", "empty"] as const) {
  Deno.test(`a directory with keys and files whose database is ${state} is not started without --new`, async () => {
    await using here = await withFile();
    const { data, content } = here;
    if (state === "missing") await Deno.remove(`${data}/messages.db`);
    else await Deno.truncate(`${data}/messages.db`);
    const before = names(data);
    assertEquals(await wirepost(["serve", "forum", "0", "--data", data]), {
      code: 1,
      out: "",
      err:
        `wirepost serve: Cannot use data directory ${data}: messages.db is ${state}, but what belongs to it is ` +
        "there: secret, seal-key, journal, 1 file of the forum. Restore it from a backup; or give --new, which begins an " +
        `empty one, keeps the keys, and moves the files to ${data}/unknown\n`,
    });
    assertEquals([names(data), names(`${data}/files`)], [before, [content]]);

    const key = await Deno.readTextFile(`${data}/seal-key`);
    await Deno.writeTextFile(`${data}/messages.db-wal`, "what was not written back");
    assertMatch(await started(data, "--new"), SET_ASIDE);
    assertEquals(await Deno.readTextFile(`${data}/seal-key`), key);
    assertEquals(await Deno.readTextFile(`${data}/unknown/${content}`), "what was acknowledged");
    assertEquals(await Deno.readTextFile(`${data}/unknown/messages.db-wal`), "what was not written back");
  });
}

Deno.test("--new is refused if there is a database, and begins one in a new directory", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  await started(data, "--new");
  assertEquals(await wirepost(["serve", "forum", "0", "--data", data, "--new"]), {
    code: 1,
    out: "",
    err:
      `wirepost serve: Cannot begin a new database in ${data}: it has messages.db; start without --new, or move ` +
      "it away\n",
  });
});

Deno.test("the file of a removed thread that a crash left is removed at the next start, and not set aside", async () => {
  await using here = await withFile();
  const { data, content } = here;
  const db = new DatabaseSync(`${data}/messages.db`);
  // as after a crash between the commit and the removal of the file
  db.exec("INSERT INTO unused SELECT content FROM content; DELETE FROM content");
  db.close();
  assert(!/set aside/.test(await started(data)));
  assertEquals(names(`${data}/files`), []);
  assert(!names(data).includes("unknown"), content);
  const after = new DatabaseSync(`${data}/messages.db`);
  assertEquals(after.prepare("SELECT content FROM unused").all(), []);
  after.close();
});

/** Ways to take a data directory from a running server, and what it logs about each. */
const WAYS: Record<string, { take(data: string): Promise<void>; said: RegExp }> = {
  "removed with all that is in it": {
    take: (data) => Deno.remove(data, { recursive: true }),
    said: /data(\/(messages\.db(-wal)?|journal|lock))? was removed or renamed/,
  },
  "renamed": {
    take: (data) => Deno.rename(data, `${data}.old`),
    // the paths are checked one after the other
    said: /data(\/(messages\.db(-wal)?|journal|lock))? was removed or renamed/,
  },
  "replaced": {
    take: async (data) => {
      await Deno.rename(data, `${data}.old`);
      await Deno.mkdir(data);
    },
    said: /data was replaced|data(\/(messages\.db(-wal)?|journal|lock))? was removed or renamed/,
  },
  "left without its database": {
    take: (data) => Deno.remove(`${data}/messages.db`),
    said: /data\/messages\.db was removed or renamed/,
  },
  "given another database": {
    take: async (data) => {
      await Deno.copyFile(`${data}/messages.db`, `${data}/copy`);
      await Deno.rename(`${data}/copy`, `${data}/messages.db`);
    },
    said: /data\/messages\.db was replaced/,
  },
  "left without the database's log": {
    take: (data) => Deno.remove(`${data}/messages.db-wal`),
    said: /data\/messages\.db-wal was removed or renamed/,
  },
};

for (const [way, { take, said }] of Object.entries(WAYS)) {
  Deno.test(`a server whose data directory is ${way} ends with one line and exit code 1`, async () => {
    await using directory = await temporaryDirectory();
    const data = `${directory.path}/data`;
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data]);
    using peer = new Peer(server.port);
    await peer.send("F, bob, alice, kept");
    assertMatch(await peer.ask("R, bob"), /, alice, kept$/);
    await server.logged("key is ");
    const before = server.err.split("\n").length;
    await take(data);
    // one that goes on is not waited for
    const patience = setTimeout(() => server.end("SIGKILL"), PATIENCE_MS);
    const { code } = await server.ended();
    clearTimeout(patience);
    assertEquals(code, 1, "it ended by itself");
    const lines = server.err.split("\n").slice(0, -1);
    assertEquals(lines.length, before, server.err);
    assertMatch(lines.at(-1)!, /^\S+Z error store - Cannot keep anything any more: /);
    assertMatch(lines.at(-1)!, said);
  });
}

Deno.test("what is no database is named, with what to do", async () => {
  await using data = await temporaryDirectory();
  const path = `${data.path}/messages.db`;
  await Deno.writeTextFile(path, "this is none, and it is long enough to see that at once. ".repeat(99));
  const err =
    `Cannot open ${path}: file is not a database; put a copy back, or move it away and start with --new\n`;
  assertEquals(await wirepost(["serve", "mailbox", "0", "--data", data.path]), {
    code: 1,
    out: "",
    err: `wirepost serve: ${err}`,
  });
  assertEquals(await wirepost(["account", "list", "--data", data.path]), {
    code: 1,
    out: "",
    err: `wirepost account: ${err}`,
  });
});
