/** Who may read what a server and its clients write: their user alone, whatever the user's umask says. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

const ignore = Deno.build.os === "windows";

/** Everything in a directory that others may use: `0644 secret`. */
async function open(directory: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`, { mode } = Deno.lstatSync(path);
    if (mode! & 0o077) found.push(`${(mode! & 0o777).toString(8).padStart(4, "0")} ${prefix}${name}`);
    if (isDirectory) found.push(...await open(path, `${prefix}${name}/`));
  }
  return found;
}

/** A command in a process of its own, to whose files everybody would have access. */
const withOpenUmask = (...command: string[]) => ["sh", "-c", 'umask 0; exec "$0" "$@"', ...command];

Deno.test("what servers, backups and clients write is for their user alone", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, data = `${path}/data`;
  const server = await ServerProcess.start(
    ["mailbox", "0", "channels", "0", "room", "0", "forum", "0", "--data", data],
    { command: withOpenUmask(...FROM_SOURCE) },
  );
  const forum = await server.ready("forum");
  await Deno.writeTextFile(`${path}/password`, "jedi\n");
  await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");
  const run = async (...args: string[]) => {
    const env = { XDG_STATE_HOME: `${path}/state` };
    const { code, err } = await runCommand(withOpenUmask(...FROM_SOURCE, ...args), { env, input: "one\n" });
    assertEquals({ code, err: code === 0 ? "" : err }, { code: 0, err: "" }, args.join(" "));
  };
  const login = ["--as", "yoda", "--password-file", `${path}/password`];
  try {
    await run("forum", "127.0.0.1", `${forum}`, ...login, "--new", "CRT", "thread0");
    await run("forum", "127.0.0.1", `${forum}`, ...login, "UPD", "thread0", `${path}/notes.txt`);
    await run("send", "bob", "--as", "alice", "--resume", "mine", "--server", server.address);
    await run("backup", `${path}/copy`, "--data", data);
  } finally {
    await server.end();
  }
  await run("restore", `${path}/copy`, "--data", `${path}/restored`);
  for (const name of ["data", "copy", "restored", "state"]) {
    assertEquals([name, Deno.statSync(`${path}/${name}`).mode! & 0o777], [name, 0o700]);
    assertEquals([name, ...await open(`${path}/${name}`)], [name]);
  }
  assertEquals(server.err.includes("others than its user"), false);
});

Deno.test("a start warns of what others may use, and of keys elsewhere", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, data = `${path}/data`;
  await (await ServerProcess.start(["mailbox", "0", "--data", data])).end();
  await Deno.writeTextFile(`${path}/key`, "x".repeat(32), { mode: 0o600 });
  await Deno.chmod(`${path}/key`, 0o640);
  await Deno.chmod(`${data}/seal-key`, 0o644);
  await Deno.chmod(`${data}/journal`, 0o755);
  const server = await ServerProcess.start(["mailbox", "0", "--data", data, "--secret-file", `${path}/key`]);
  await server.end();
  const lines = server.err.split("\n").filter((line) => line.includes("others than its user"));
  assertEquals(lines.map((line) => line.replace(/^\S+ warn server - /, "")), [
    `others than its user may use ${data}/journal: its mode is 0755; 'chmod 700 ${data}/journal' changes that`,
    `others than its user may use ${data}/seal-key: its mode is 0644; 'chmod 600 ${data}/seal-key' changes that`,
    `others than its user may use ${path}/key: its mode is 0640; 'chmod 600 ${path}/key' changes that`,
  ]);
  assertMatch(server.err, /listening on/);
});
