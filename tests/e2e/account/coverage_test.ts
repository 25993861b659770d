import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const PASSWORD = "organa";

/** Runs the program in a directory, with a state directory of its own there. */
function runner(cwd: string) {
  return (command: string) =>
    wirepost(command.split(" "), {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: PASSWORD },
    });
}

const FORUM_ALONE =
  "The account 'carol' covers the forum alone, because the mailbox of that name is in use; an administrator " +
  "gives it the mailbox by 'wirepost account confirm carol' beside the server\n";

const REFUSED = "The server refuses it: the account covers the forum alone, until an administrator runs " +
  "'wirepost account confirm NAME' beside the server\n";

// accounts.md 1.2, 3.1
Deno.test("forum --new does not take the messages that wait for the name until the administrator confirms", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await using server = await ServerProcess.start(["mailbox", "0", "forum", "0"], { cwd: directory.path });
  const forum = await server.ready("forum"), at = `--server ${server.address}`;
  assertEquals((await run(`send carol hello --from alice ${at}`)).code, 0);
  assertEquals(await run(`forum 127.0.0.1 ${forum} --user carol --new LST`), {
    code: 0,
    out: "No threads to list\n",
    err: FORUM_ALONE,
  });
  // it is reported once, when the account is made
  assertEquals((await run(`forum 127.0.0.1 ${forum} --user carol LST`)).err, "");
  assertEquals(await run(`receive --as carol ${at}`), {
    code: 1,
    out: "",
    err: `wirepost receive: ${REFUSED}`,
  });
  assertEquals(await run(`send bob hi --as carol ${at}`), {
    code: 1,
    out: "",
    err: `wirepost send: ${REFUSED}`,
  });
  // its password can be changed all the same
  await Deno.writeTextFile(`${directory.path}/new`, `${PASSWORD}\n`);
  assertEquals((await run(`account set-password carol --new-password-file new ${at}`)).code, 0);
  assertEquals((await run("account add dora")).code, 0);
  assertEquals(await run("account list"), { code: 0, out: "carol  forum\ndora   forum, mailbox\n", err: "" });
  // the mailbox is as it was
  assertEquals((await run(`receive carol --json ${at}`)).code, 0);
  assertEquals((await run(`send carol again --from alice ${at}`)).code, 0);
  assertEquals(await run("account confirm carol"), {
    code: 0,
    out: "",
    err: "wirepost account: 1 message that came before the account covered the mailbox carol is set apart: " +
      "see 'wirepost admin dead'\n",
  });
  assertEquals((await run("account list")).out, "carol  forum, mailbox\ndora   forum, mailbox\n");
  assertEquals((await run(`receive --as carol ${at}`)).code, 3);
  const denied = await run(`receive carol ${at}`);
  assertStringIncludes(denied.err, "the name has an account, and only its owner may");
  const { out } = await run("admin dead");
  assertMatch(out, /^\d+ to carol from alice, .*: before the account\n +again\n$/);
  const [id] = out.split(" ");
  assertEquals((await run(`admin requeue ${id}`)).code, 0);
  assertEquals((await run(`receive --as carol ${at}`)).out, "again\n");
});

// accounts.md 1.9
Deno.test("account list says where a client has made an account, until the administrator confirms it", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
  const at = `--server ${server.address}`, line = { forum: true, mailbox: true, role: "user" };
  assertEquals((await run(`account add eve ${at}`)).code, 0);
  assertEquals((await run("account add fay")).code, 0);
  const listed = async () =>
    (await run("account list --json")).out.trimEnd().split("\n").map((row) => JSON.parse(row));
  const eve = { name: "eve", ...line, network: "this machine" }, fay = { name: "fay", ...line };
  assertEquals(await listed(), [eve, fay]);
  assertEquals((await server.end()).code, 0);
  assertEquals(await listed(), [eve, fay]);
  const db = new DatabaseSync(`${directory.path}/parley-data/messages.db`);
  db.exec("UPDATE account SET network = '192.0.2.7', checksum = NULL WHERE name = 'eve'");
  db.close();
  assertEquals(
    (await run("account list")).out,
    "eve  forum, mailbox, made at 192.0.2.7\nfay  forum, mailbox\n",
  );
  assertEquals((await run("account confirm eve")).code, 0);
  assertEquals(await listed(), [{ name: "eve", ...line }, fay]);
});

Deno.test("account add and a typed name say that an account covers only the forum", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  await using server = await ServerProcess.start(["mailbox", "0", "forum", "0"], { cwd: directory.path });
  const forum = await server.ready("forum"), at = `--server ${server.address}`;
  for (const name of ["carol", "dora"]) {
    assertEquals((await run(`send ${name} hello --from alice ${at}`)).code, 0);
  }
  assertEquals(await run(`account add carol ${at}`), { code: 0, out: "", err: FORUM_ALONE });
  const args = ["forum", "127.0.0.1", `${forum}`], env = { XDG_STATE_HOME: `${directory.path}/state` };
  const { code, out, err } = await wirepost(args, { env, input: `dora\n${PASSWORD}\nLST\nXIT\n` });
  assertEquals(code, 0);
  // before it is welcome
  assertMatch(out + err, new RegExp(`${FORUM_ALONE.replaceAll("carol", "dora")}(.*\n)*.*Welcome`));
});

Deno.test("an account that is made while no server runs covers the mailbox, and sets its messages apart", async () => {
  await using directory = await temporaryDirectory();
  const run = runner(directory.path);
  {
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
    for (const text of ["one", "two"]) {
      assertEquals((await run(`send carol ${text} --from alice --server ${server.address}`)).code, 0);
    }
    await server.end();
  }
  const notice =
    "wirepost account: 2 messages that came before the account covered the mailbox carol are set apart: " +
    "see 'wirepost admin dead'\n";
  assertEquals(await run("account add carol"), { code: 0, out: "", err: notice });
  assertEquals(await run("account confirm carol"), { code: 0, out: "", err: "" });
  assertEquals(
    (await run("account confirm nobody")).err,
    "wirepost account: Cannot confirm 'nobody': no account has this name\n",
  );
  await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
  assertEquals((await run(`receive --as carol --server ${server.address}`)).code, 3);
  assertMatch((await run("admin dead")).out, /before the account\n +one\n.*before the account\n +two\n/);
});
