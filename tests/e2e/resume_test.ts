/** `parley send --resume`. */

import { assertEquals, assertMatch } from "@std/assert";
import { parley, ServerProcess, temporaryDirectory } from "../program.ts";

/** A server in memory, `send` with a name to go on under, and the file in which it remembers how far it came. */
async function withName(
  use: (
    send: (input: string) => ReturnType<typeof parley>,
    file: string,
    receive: () => Promise<string>,
  ) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const options = ["--server", server.address], env = { XDG_STATE_HOME: directory.path };
  const send = ["send", "bob", "--from", "alice", "--resume", "numbers", ...options];
  await use(
    (input) => parley(send, { input, env }),
    `${directory.path}/parley/send/numbers.json`,
    async () => (await parley(["receive", "bob", "--all", ...options])).out,
  );
}

const done = { code: 0, out: "", err: "" };

Deno.test("send --resume stores what came behind the lines that it has stored", () =>
  withName(async (send, _, receive) => {
    assertEquals(await send("1\n2\n"), done);
    assertEquals(await send("1\n2\n3\n"), done);
    assertEquals(await send("1\n2\n3\n"), done);
    assertEquals(await receive(), "1\n2\n3\n");
  }));

Deno.test("send --resume stores each line once, where it does not know how far it came", () =>
  withName(async (send, file, receive) => {
    const text = `${"x".repeat(3000)}\n2\n`;
    assertEquals(await send(text), done);
    // as it was before anything was sent: what a crash leaves
    const { id } = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ id, next: 1, line: 0 }));
    assertEquals(await send(`${text}3\n`), done);
    assertEquals(await receive(), `${text}3\n`);
  }));

Deno.test("send --resume does not go on where the server may have forgotten the first lines", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    const { id } = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ id, next: 1, line: 0 }));
    const yesterday = new Date(Date.now() - 86_400_000);
    await Deno.utime(file, yesterday, yesterday);
    const { code, err } = await send("1\n2\n");
    assertEquals(code, 1);
    assertMatch(
      err,
      /^parley send: Cannot go on with 'numbers': outcome unknown since .*; remove .*numbers\.json\n$/,
    );
    assertEquals(await receive(), "1\n");
  }));
