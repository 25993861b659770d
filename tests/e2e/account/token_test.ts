/** `wirepost account token`, beside the server, where none runs, and from elsewhere. */

import { assertEquals, assertMatch } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

Deno.test("a token is shown once, logs in where a password does, and can be removed", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, beside = `--data ${cwd}/data`;
  const run = async (command: string, env: Record<string, string> = {}) => {
    const result = await wirepost(command.split(" "), {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state`, ...env },
    });
    return [result.code, result.out, result.err] as const;
  };
  await Deno.writeTextFile(`${cwd}/password`, "correct horse\n");
  let first: string;
  {
    await using server = await ServerProcess.start(["mailbox", "0", "--data", `${cwd}/data`], { cwd });
    const at = `--server ${server.address}`;
    assertEquals(await run(`account add alice ${beside} --password-file password`), [0, "", ""]);
    assertEquals(await run(`account role alice admin ${beside}`), [0, "", ""]);
    const [code, out] = await run(`account token add alice --ttl 1h ${beside}`);
    assertEquals(code, 0);
    assertMatch(out, /^token-[0-9a-f]{8}-[\w-]{22}\n$/);
    first = out.slice("token-".length, "token-".length + 8);
    await Deno.writeTextFile(`${cwd}/token`, out);
    const as = `${at} --as alice --password-file token`;
    assertEquals(await run(`send alice hi ${as}`), [0, "", ""]);
    assertEquals(await run(`receive ${at} --as alice`, { WIREPOST_PASSWORD: out.trim() }), [0, "hi\n", ""]);
    const [, list] = await run(`account token list alice ${as}`);
    assertMatch(list, new RegExp(`^${first}  20\\d\\d-\\d\\d-\\d\\dT[\\d:.]+Z\n$`));
    const [, second] = await run(`account token add alice ${as}`);
    assertMatch(second, /^token-/);
    assertEquals(await run(`account token remove alice ${first} ${beside}`), [0, "", ""]);
    assertEquals(await run(`send alice hi ${as}`), [
      1,
      "",
      "wirepost send: Cannot log in as 'alice': the account has no such token, or it is over\n",
    ]);
    assertEquals(await run(`account token remove alice ${first} ${beside}`), [
      1,
      "",
      `wirepost account: Cannot remove the token ${first} of 'alice': there is none\n`,
    ]);
    assertEquals(
      (await run(`account token add bob ${beside}`))[2],
      "wirepost account: Cannot add a token of 'bob': no account has this name\n",
    );
  }
  // where no server runs
  const [, list] = await run(`account token list alice --json ${beside}`);
  assertMatch(list, /^\{"id":"[0-9a-f]{8}","until":null\}\n$/);
  const { id } = JSON.parse(list);
  assertEquals(await run(`account token remove alice ${id} ${beside}`), [0, "", ""]);
  assertMatch((await run(`account token add alice ${beside}`))[1], /^token-/);
  assertEquals((await run(`check ${beside}`))[0], 0);
  assertMatch(
    (await run(`account token sing alice ${beside}`))[2],
    /expected token add, token list or token remove/,
  );
});
