/** `wirepost backup` and `wirepost restore`: store section 10. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectMailbox, OutcomeUnknownError } from "../../../client/mailbox.ts";
import { Administrator } from "../../faults/administrator.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** A directory for data directories and backups, and what one does with them. */
async function here() {
  const directory = await temporaryDirectory(), { path: cwd } = directory;
  const run = (...args: string[]) => wirepost(args, { cwd, env: { XDG_STATE_HOME: cwd } });
  return {
    cwd,
    run,
    async done(...args: string[]): Promise<string> {
      const { code, out, err } = await run(...args);
      assertEquals([code, err], [0, ""], err);
      return out;
    },
    async fails(...args: string[]): Promise<string> {
      const { code, out, err } = await run(...args);
      assertEquals([code, out], [1, ""], err);
      return err;
    },
    start: (data: string, ...args: string[]) => ServerProcess.start([...args, "--data", `${cwd}/${data}`]),
    names: (path: string) => [...Deno.readDirSync(`${cwd}/${path}`)].map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

// store 10.1
Deno.test("a running server is copied, goes on, and what it had then is put back elsewhere", async () => {
  await using h = await here();
  await using server = await h.start("data", "mailbox", "0");
  await using mailbox = await connectMailbox({ port: server.port });
  for (let i = 0; i < 20; i++) await mailbox.send("bob", "alice", `${i}`);
  const out = await h.done("backup", "copy", "--data", "data");
  assertMatch(out, /^Copied 20 messages and 0 files to copy: [\d.]+ MiB, up to \d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  assertEquals(h.names("copy"), ["backup.json", "files", "journal", "messages.db", "seal-key", "secret"]);
  for (const name of ["", "/files", "/journal", "/secret", "/messages.db"]) {
    assertEquals((await Deno.stat(`${h.cwd}/copy${name}`)).mode! & 0o077, 0, name);
  }
  await mailbox.send("bob", "alice", "later");

  const restored = await h.done("restore", "copy", "--data", "other");
  assertMatch(restored, /^Restored 20 messages and 0 files in other: the state of \S+Z\n$/);
  assertEquals(h.names("other"), ["journal", "lock", "messages.db", "restored", "seal-key", "secret"]);
  await using other = await h.start("other", "mailbox", "0");
  assertEquals((await h.done("admin", "count", "--data", "other")).trim(), "20");
  assertEquals(h.names("other").includes("restored"), false);
  assertEquals((await h.done("admin", "count", "--data", "data")).trim(), "21");
  using peer = new Peer(other.port);
  assertMatch(await peer.ask("R, bob"), /, 0$/);
  // the hold has ended
  assertMatch(
    await h.done("backup", "again", "--data", "data", "--json"),
    /^\{"directory":"again","messages":21,/,
  );
});

Deno.test("files of the forum are copied with the database that names them", async () => {
  await using h = await here();
  await Deno.writeTextFile(`${h.cwd}/password`, "jedi\n");
  await Deno.writeTextFile(`${h.cwd}/one.txt`, "the content");
  const forum = (port: number, ...words: string[]) => {
    const user = ["--user", "yoda", "--password-file", "password"];
    return h.done("forum", "127.0.0.1", `${port}`, ...user, ...words);
  };
  {
    await using server = await h.start("data", "forum", "0");
    await forum(server.port, "--new", "CRT", "thread0");
    await forum(server.port, "UPD", "thread0", "one.txt");
    assertMatch(await h.done("backup", "copy", "--data", "data"), /^Copied 0 messages and 1 file to copy/);
    const [content] = h.names("data/files"), path = `${h.cwd}/data/files/${content}`;
    await Deno.writeTextFile(path, "the c0ntent");
    assertStringIncludes(
      await h.fails("backup", "bad", "--data", "data"),
      `Cannot copy data/files/${content}: it is damaged`,
    );
    await Deno.writeTextFile(path, "the content");
    // from here on the copy alone has it
    await forum(server.port, "RMV", "thread0");
  }
  await h.done("restore", "copy", "--data", "other");
  await using server = await ServerProcess.start(["forum", "0", "--data", `${h.cwd}/other`]);
  await Deno.remove(`${h.cwd}/one.txt`);
  await Deno.remove(`${h.cwd}/wirepost`, { recursive: true });
  await forum(server.port, "DWN", "thread0", "one.txt");
  assertEquals(await Deno.readTextFile(`${h.cwd}/one.txt`), "the content");
});

// store 10.2
Deno.test("what is removed during a hold is removed behind it", async () => {
  await using h = await here();
  await Deno.writeTextFile(`${h.cwd}/password`, "jedi\n");
  await Deno.writeTextFile(`${h.cwd}/one.txt`, "the content");
  await using server = await h.start("data", "mailbox", "0", "forum", "0");
  const port = await server.ready("forum");
  const forum = (...words: string[]) =>
    h.done("forum", "127.0.0.1", `${port}`, "--user", "yoda", "--password-file", "password", ...words);
  await forum("--new", "CRT", "thread0");
  await forum("UPD", "thread0", "one.txt");
  using administrator = await Administrator.of(`${h.cwd}/data`, new Peer(await server.ready("mailbox")));
  const [id] = await administrator.ask("hold");
  await forum("RMV", "thread0");
  assertEquals(h.names("data/files").length, 1);
  await administrator.ask(`end-hold, ${id}`);
  while (h.names("data/files").length > 0) await administrator.count();
});

Deno.test("what is restored belongs to the owner of the directory", {
  // others may not give files away
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
}, async () => {
  await using h = await here();
  await (await h.start("data", "mailbox", "0")).end();
  await h.done("backup", "copy", "--data", "data");
  await Deno.mkdir(`${h.cwd}/other`);
  await Deno.chown(`${h.cwd}/other`, 1234, 1234);
  await h.done("restore", "copy", "--data", "other");
  for (const name of ["messages.db", "journal", "secret", "lock", "restored"]) {
    assertEquals((await Deno.stat(`${h.cwd}/other/${name}`)).uid, 1234, name);
  }
});

// store 10.6
Deno.test("a data directory is copied without a server too, be it stopped or killed", async () => {
  await using h = await here();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", `${h.cwd}/data`], {
    command: FROM_SOURCE,
  });
  await using mailbox = await connectMailbox({ port: server.port });
  for (let i = 0; i < 20; i++) await mailbox.send("bob", "alice", `${i}`);
  await server.end("SIGKILL");
  const before = h.names("data"), journal = h.names("data/journal");
  assertMatch(await h.done("backup", "copy", "--data", "data"), /^Copied 20 messages and 0 files/);
  assertEquals(
    [h.names("data"), h.names("data/journal")],
    [before, journal],
    "the data directory was changed",
  );
  await h.done("restore", "copy", "--data", "other");
  await using _ = await h.start("other", "mailbox", "0");
  assertEquals((await h.done("admin", "count", "--data", "other")).trim(), "20");
  assertStringIncludes(
    await h.fails("backup", "more", "--data", "nothing"),
    "No server has kept anything in nothing",
  );
  assertEquals(h.names(".").includes("more"), false);
});

// store 10.7
Deno.test("what is not empty is not written to, what has a database not restored into, what is damaged not used", async () => {
  await using h = await here();
  await (await h.start("data", "mailbox", "0")).end();
  await Deno.mkdir(`${h.cwd}/full`);
  await Deno.writeTextFile(`${h.cwd}/full/notes`, "");
  assertStringIncludes(
    await h.fails("backup", "full", "--data", "data"),
    "Cannot make a backup in full: it has notes",
  );
  await h.done("backup", "copy", "--data", "data");
  assertStringIncludes(
    await h.fails("restore", "copy", "--data", "data"),
    "it has messages.db; stop the server",
  );
  assertStringIncludes(
    await h.fails("restore", "full", "--data", "new"),
    "it is no backup, for it has no backup.json",
  );

  const path = `${h.cwd}/copy/messages.db`, bytes = await Deno.readFile(path);
  bytes[5000]! ^= 1;
  await Deno.writeFile(path, bytes);
  assertStringIncludes(await h.fails("restore", "copy", "--data", "new"), "copy/messages.db is damaged");
  assertEquals(h.names(".").includes("new"), false);
  bytes[5000]! ^= 1;
  await Deno.writeFile(path, bytes);

  // a list that names a file elsewhere is none of this program's
  const list = await Deno.readTextFile(`${h.cwd}/copy/backup.json`);
  await Deno.writeTextFile(`${h.cwd}/copy/backup.json`, list.replace('"secret"', '"../secret"'));
  assertStringIncludes(
    await h.fails("restore", "copy", "--data", "new"),
    "not what 'wirepost backup' writes",
  );
  await Deno.writeTextFile(`${h.cwd}/copy/backup.json`, list);

  // what a lost database left is moved aside
  await Deno.remove(`${h.cwd}/data/messages.db`);
  const out = await h.done("restore", "copy", "--data", "data");
  assertMatch(out, /; moved to unknown\/: journal, secret, seal-key\n$/);
  await (await h.start("data", "mailbox", "0")).end();
});

Deno.test("a damaged database makes no backup", async () => {
  await using h = await here();
  await (await h.start("data", "mailbox", "0")).end();
  const path = `${h.cwd}/data/messages.db`, bytes = await Deno.readFile(path);
  bytes.fill(0xff, 8192, 8192 + 4096);
  await Deno.writeFile(path, bytes);
  const error = await h.fails("backup", "copy", "--data", "data");
  assertMatch(error, /^wirepost backup: Cannot copy data\/messages\.db.*: it is damaged: /);
  assertEquals(h.names(".").includes("copy"), false);
});

// store 9.2; session.md 8.22
Deno.test("clients of a server that was put back learn that the outcome of what is open is unknown", async () => {
  await using h = await here();
  const port = freePort(), start = () => h.start("data", "mailbox", `${port}`);
  let server = await start();
  await using mailbox = await connectMailbox({ port });
  await mailbox.send("bob", "alice", "one");
  await h.done("backup", "copy", "--data", "data");
  await server.end();
  await Deno.rename(`${h.cwd}/data`, `${h.cwd}/lost`);
  await h.done("restore", "copy", "--data", "data");
  const sent = mailbox.send("bob", "alice", "two").then(() => "stored", (error) => error);
  server = await start();
  await using _ = server;
  assert(await sent instanceof OutcomeUnknownError);
  assertEquals((await h.done("admin", "count", "--data", "data")).trim(), "1");
});
