/** The forum's limits as `wirepost serve` takes them, and the output of `wirepost admin status` and `--json`. */

import { assertEquals, assertMatch } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** Gives commands of the forum as `yoda`, whose account the first one makes. */
function userOf(server: ServerProcess, path: string) {
  const env = { WIREPOST_PASSWORD: "jedi", XDG_STATE_HOME: path };
  return async (...words: string[]) => {
    const { code, out, err } = await wirepost(
      ["forum", "127.0.0.1", `${server.port}`, "--user", "yoda", "--new", ...words],
      { cwd: path, env },
    );
    return code === 0 && err === "" ? out : `${code} ${out}${err}`;
  };
}

Deno.test("a forum enforces the limits of its options, and names the one that was reached", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  // one user here fills what is for all
  const limits = ["--share", "100", "--max-threads", "1", "--thread-entries", "3", "--max-posts", "17"];
  const files = ["--file-size", "4", "--max-files", "1", "--max-file-bytes", "6"];
  await using server = await ServerProcess.start([
    "forum",
    "0",
    "--data",
    `${path}/data`,
    ...limits,
    ...files,
  ]);
  const user = userOf(server, path);
  await Deno.writeTextFile(`${path}/four`, "1234");
  await Deno.writeTextFile(`${path}/five`, "12345");

  assertEquals(await user("CRT", "thread0"), "Thread thread0 created\n");
  assertEquals(await user("CRT", "thread1"), "1 wirepost forum: The forum is full: 1 threads\n");
  assertEquals(await user("MSG", "thread0", "12345678"), "Message posted to thread0 thread\n");
  assertMatch(await user("MSG", "thread0", "1234567890"), /^1 wirepost forum: .*17 bytes\n$/);
  assertMatch(
    await user("UPD", "thread0", "five"),
    /^1 wirepost forum: .*a file may have 4 B, and this one has 5 B\n$/,
  );
  assertEquals(await user("UPD", "thread0", "four"), "four uploaded to thread0 thread\n");
  assertMatch(
    await user("DWN", "thread0", "four", "--force", "--max-size", "3"),
    /^1 wirepost forum: Cannot save 'four': it has 4 bytes, more than the limit of 3\n$/,
  );
  assertEquals(await user("DWN", "thread0", "four", "--force"), "four successfully downloaded\n");
  assertMatch(await user("RDT", "thread0", "--max-size", "3"), /^2 wirepost forum: --max-size is for DWN\n/);
  await Deno.rename(`${path}/four`, `${path}/more`);
  assertMatch(
    await user("UPD", "thread0", "more"),
    /^1 wirepost forum: .*all files together may have 6 B\n$/,
  );
  await Deno.writeTextFile(`${path}/longer`, "");
  assertMatch(await user("UPD", "thread0", "longer"), /^1 wirepost forum: The forum is full: 17 bytes\n$/);
  assertEquals(await user("MSG", "thread0", "9"), "Message posted to thread0 thread\n");
  assertMatch(await user("MSG", "thread0", "0"), /^1 wirepost forum: .*3 entries of a thread\n$/);
  assertMatch(await user("UPD", "thread0", "more"), /^1 wirepost forum: .*3 entries of a thread\n$/);

  const status = await wirepost(["admin", "status", "--data", `${path}/data`]);
  assertMatch(
    status.out,
    /\naccounts 1\nforum threads 1\nforum entries 3\nforum bytes 13\nforum files 1\nforum file bytes 4\n/,
  );
  assertMatch(status.out, /\nfiles bytes received 4\n/, "what can't be taken is refused before it is sent");
});

Deno.test("--max-entries counts messages and files of all threads, and a deletion makes room", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await using server = await ServerProcess.start([
    "forum",
    "0",
    "--memory",
    "--share",
    "100",
    "--max-entries",
    "2",
  ]);
  const user = userOf(server, path);
  await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");
  const full = "1 wirepost forum: The forum is full: 2 entries\n";
  await user("CRT", "thread0");
  await user("CRT", "thread1");
  assertEquals(await user("MSG", "thread0", "one"), "Message posted to thread0 thread\n");
  assertEquals(await user("UPD", "thread1", "notes.txt"), "notes.txt uploaded to thread1 thread\n");
  assertEquals(await user("MSG", "thread1", "two"), full);
  assertEquals(await user("UPD", "thread0", "notes.txt"), full);
  assertEquals(await user("EDT", "thread0", "1", "another one"), "The message has been edited\n");
  assertEquals(await user("DLT", "thread0", "1"), "The message has been deleted\n");
  assertEquals(await user("MSG", "thread1", "two"), "Message posted to thread1 thread\n");
  assertEquals(await user("RMV", "thread1"), "Thread thread1 removed\n");
  assertEquals(await user("UPD", "thread0", "notes.txt"), "notes.txt uploaded to thread0 thread\n");
});

Deno.test("--max-threads makes room when a thread is removed, and --max-posts when a text gets shorter", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await using server = await ServerProcess.start([
    ...["forum", "0", "--memory", "--share", "100"],
    ...["--max-threads", "2", "--max-posts", "10"],
  ]);
  const user = userOf(server, path);
  await user("CRT", "thread0");
  await user("CRT", "thread1");
  assertEquals(await user("CRT", "thread2"), "1 wirepost forum: The forum is full: 2 threads\n");
  assertEquals(await user("RMV", "thread1"), "Thread thread1 removed\n");
  assertEquals(await user("CRT", "thread2"), "Thread thread2 created\n");
  assertEquals(await user("MSG", "thread0", "ΩΩΩΩΩ"), "Message posted to thread0 thread\n");
  const full = "1 wirepost forum: The forum is full: 10 bytes\n";
  assertEquals(await user("MSG", "thread2", "x"), full);
  assertEquals(await user("EDT", "thread0", "1", "ΩΩΩΩΩx"), full);
  assertEquals(await user("EDT", "thread0", "1", "ΩΩΩΩ"), "The message has been edited\n");
  assertEquals(await user("MSG", "thread2", "xy"), "Message posted to thread2 thread\n");
});

Deno.test("with --json a forum's command prints only objects", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await using server = await ServerProcess.start(["forum", "0", "--memory"]);
  const user = userOf(server, path);
  const objects = async (...words: string[]) =>
    (await user(...words, "--json")).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");

  assertEquals(await objects("LST"), []);
  assertEquals(await objects("CRT", "thread0"), [{ result: "Thread thread0 created" }]);
  assertEquals(await objects("RDT", "thread0"), []);
  assertEquals(await objects("MSG", "thread0", '5 Ω, "or" more?'), [{
    result: "Message posted to thread0 thread",
  }]);
  assertEquals(await objects("UPD", "thread0", "notes.txt"), [{
    result: "notes.txt uploaded to thread0 thread",
  }]);
  assertEquals(await objects("LST"), [{ title: "thread0" }]);
  const [message, file, ...more] = await objects("RDT", "thread0");
  const { time, ...rest } = message, { time: fileTime, ...fileRest } = file;
  assertEquals(rest, { number: 1, user: "yoda", text: '5 Ω, "or" more?' });
  assertEquals(fileRest, { user: "yoda", file: "notes.txt", size: 5 - 1 });
  for (const at of [time, fileTime]) assertEquals(at, new Date(at).toISOString());
  assertEquals(more, []);
  assertEquals(await objects("EDT", "thread0", "1", "x"), [{ result: "The message has been edited" }]);
  assertEquals(
    await user("RDT", "thread0", "--from", "2", "--json"),
    "1 wirepost forum: Message 2 does not exist\n",
  );
  assertEquals(await objects("DLT", "thread0", "1"), [{ result: "The message has been deleted" }]);
  assertEquals(
    await user("RMV", "nope", "--json"),
    "1 wirepost forum: Thread nope does not exist\n",
  );
  assertEquals(await objects("RMV", "thread0"), [{ result: "Thread thread0 removed" }]);
  assertEquals(await objects("XIT"), [{ result: "Goodbye" }]);
});
