/** `wirepost send --resume`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** A server in memory, `send` with a name to go on under, and the file in which it remembers how far it came. */
async function withName(
  use: (
    send: (input: string) => ReturnType<typeof wirepost>,
    file: string,
    receive: () => Promise<string>,
  ) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const options = ["--server", server.address], env = { XDG_STATE_HOME: directory.path };
  const send = ["send", "bob", "--from", "alice", "--resume", "numbers", ...options];
  await use(
    (input) => wirepost(send, { input, env }),
    `${directory.path}/wirepost/send/numbers.json`,
    async () => (await wirepost(["receive", "bob", "--all", ...options])).out,
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

// session.md 8.15
Deno.test("send --resume stores each line once, even if it does not know how far it came", () =>
  withName(async (send, file, receive) => {
    const text = `${"x".repeat(3000)}\n2\n`;
    assertEquals(await send(text), done);
    // as it was before anything was sent: what a crash leaves
    const { id, born } = JSON.parse(await Deno.readTextFile(file));
    assertMatch(born, /^[0-9a-f]{12}$/);
    await Deno.writeTextFile(file, JSON.stringify({ id, born, next: 1, line: 0 }));
    assertEquals(await send(`${text}3\n`), done);
    assertEquals(await receive(), `${text}3\n`);
  }));

// session.md 8.16
Deno.test("send --resume continues with an old file, which does not say when its session began", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    const { id } = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ id, next: 1, line: 0 }));
    assertEquals(await send("1\n2\n"), done);
    assertEquals(await receive(), "1\n2\n");
  }));

Deno.test("send --resume says that its file is damaged, and sends nothing", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    const { id } = JSON.parse(await Deno.readTextFile(file));
    for (
      const text of ["null", '{"id":', JSON.stringify({ id: `${id}\n`, next: 1, line: 0 }), '{"next":1}']
    ) {
      await Deno.writeTextFile(file, text);
      const { code, err } = await send("1\n2\n");
      assertEquals(code, 1);
      assertMatch(
        err,
        /^wirepost send: Cannot resume 'numbers': \S+ is damaged; without it, all lines are sent again\n$/,
      );
    }
    assertEquals(await receive(), "1\n");
  }));

Deno.test("send --resume continues with a file under the program's former name", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    const earlier = file.replace("/wirepost/", "/parley/");
    await Deno.mkdir(earlier.slice(0, earlier.lastIndexOf("/")), { recursive: true });
    await Deno.rename(file, earlier);
    assertEquals(await send("1\n2\n"), done);
    assertEquals(await receive(), "1\n2\n");
  }));

// session.md 8.12
Deno.test("send --resume stores nothing if the server may have forgotten the first lines, and says so", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    // nobody can know whether the server has forgotten a session of this name
    const id = "A".repeat(22),
      unknown = {
        code: 1,
        out: "",
        err: "wirepost send: The server does not know the session any more: outcome unknown\n" +
          "wirepost send: 0 messages from the beginning of the input stored; unknown for lines 1 to 2\n",
      };
    for (const born of [{}, { born: "000000000000" }, { born: "ffffffffffff" }]) {
      await Deno.writeTextFile(file, JSON.stringify({ id, ...born, next: 1, line: 0 }));
      assertEquals(await send("1\n2\n"), unknown);
    }
    assertEquals(await receive(), "1\n");
  }));

// session.md 8.17
Deno.test("send --resume has written down which session it is before the first line is sent", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send(""), done);
    const { id, born, ...rest } = JSON.parse(await Deno.readTextFile(file));
    assertEquals([born, rest], ["", { next: 1, line: 0 }]);
    assertEquals(await send("1\n"), done);
    const after = JSON.parse(await Deno.readTextFile(file));
    assert(after.id !== id);
    assertMatch(after.born, /^[0-9a-f]{12}$/);
    assertEquals(await receive(), "1\n");
  }));
