/** `wirepost account role`, and what an administrator by account may do from elsewhere. */

import { assertEquals, assertMatch } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

Deno.test("an account with the role admin administers the server by --as, without its data directory", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, data = `${cwd}/data`;
  const run = async (command: string, env: Record<string, string> = {}) => {
    const result = await wirepost(command.split(" "), {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state`, ...env },
    });
    return [result.code, result.out, result.err];
  };
  await Deno.writeTextFile(`${cwd}/password`, "correct horse\n");
  await Deno.writeTextFile(`${cwd}/new`, "battery staple\n");
  const server = await ServerProcess.start(["mailbox", "0", "--data", data], { cwd });
  const at = `--server ${server.address}`, as = `${at} --as alice --password-file password`;
  const beside = `--data ${data}`;
  {
    await using _ = server;
    for (const name of ["alice", "bob"]) {
      assertEquals(await run(`account add ${name} ${beside} --password-file password`), [0, "", ""]);
    }
    assertEquals(await run(`admin count ${as}`), [
      1,
      "",
      "wirepost admin: the account is no administrator's\n",
    ]);
    assertEquals(await run(`account role alice admin ${beside}`), [0, "", ""]);
    assertEquals(await run(`account list ${as}`), [
      0,
      "alice  forum, mailbox, admin\nbob    forum, mailbox\n",
      "",
    ]);
    assertEquals(await run(`account list --json ${as}`), [
      0,
      '{"name":"alice","forum":true,"mailbox":true,"role":"admin"}\n' +
      '{"name":"bob","forum":true,"mailbox":true,"role":"user"}\n',
      "",
    ]);
    assertEquals(await run(`admin count ${as}`), [0, "0\n", ""]);
    assertEquals((await run(`status ${as}`))[0], 0);
    assertEquals(await run(`account add carol ${as} --new-password-file new`), [0, "", ""]);
    assertEquals(await run(`account set-password bob ${as} --new-password-file new`), [0, "", ""]);
    assertEquals(await run(`account role bob admin ${as}`), [0, "", ""]);
    assertEquals(await run(`account role dora admin ${as}`), [
      1,
      "",
      "wirepost account: Cannot change the role of 'dora': no account has this name\n",
    ]);
    assertEquals(await run(`admin count ${at} --as bob`, { WIREPOST_PASSWORD: "battery staple" }), [
      0,
      "0\n",
      "",
    ]);
    assertEquals(await run(`admin count ${at} --as bob --password-file password`), [
      1,
      "",
      "wirepost admin: Cannot log in as 'bob': the password is wrong\n",
    ]);
  }
  // it is kept, and changed where no server runs
  assertEquals(await run(`account role alice user ${beside}`), [0, "", ""]);
  const [, list] = await run(`account list ${beside}`);
  assertEquals(list, "alice  forum, mailbox\nbob    forum, mailbox, admin\ncarol  forum, mailbox\n");
  const [code, out] = await run(`check ${beside}`);
  assertEquals(code, 0, `${out}`);
  assertMatch(`${(await run(`account role alice king ${beside}`))[2]}`, /expected user or admin/);
  assertMatch(`${(await run(`watch ${at} --password-file password`))[2]}`, /--password-file needs --as NAME/);
});
