/** `wirepost send --resume` over HTTP. */

import { assertEquals, assertMatch } from "@std/assert";
import { type Result, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const done = { code: 0, out: "", err: "" };

/** A server in memory, `send` with a name to go on under, and the file in which it remembers how far it came. */
async function withName(
  use: (
    send: (input: string, server?: string) => Promise<Result>,
    file: string,
    receive: () => Promise<string>,
    session: string,
  ) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const url = `http://127.0.0.1:${await server.ready("http")}`, env = { XDG_STATE_HOME: directory.path };
  const words = ["send", "bob", "--from", "alice", "--resume", "numbers"];
  await use(
    (input, at = url) => wirepost([...words, "--server", at], { input, env }),
    `${directory.path}/wirepost/send/numbers.json`,
    async () => (await wirepost(["receive", "bob", "--all", "--server", url])).out,
    server.address,
  );
}

Deno.test("send --resume over HTTP stores what came behind the lines that it has stored", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n2\n"), done);
    assertEquals(await send("1\n2\n3\n"), done);
    assertEquals(await send("1\n2\n3\n"), done);
    assertEquals(await receive(), "1\n2\n3\n");
    assertMatch(await Deno.readTextFile(file), /^{"id":"[\w-]{22}","line":3,"isOpen":false}\n$/);
  }));

// http.md 8.3
Deno.test("send --resume over HTTP stores each line once, even if it does not know how far it came", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n2\n"), done);
    // as it was before anything was sent: what a crash leaves
    const { id } = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ id, line: 0, isOpen: true }));
    assertEquals(await send("1\n2\n3\n"), done);
    assertEquals(await receive(), "1\n2\n3\n");
  }));

Deno.test("send --resume over HTTP stores no other line in the place of one that is stored", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n2\n"), done);
    const { id } = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ id, line: 0, isOpen: true }));
    const { code, err } = await send("1\nother\n3\n");
    assertEquals(code, 1);
    assertMatch(err, /^wirepost send: The server refuses it: .*Key came before.*\n/);
    assertMatch(err, /\nwirepost send: 1 message from the beginning of the input stored\n$/);
    assertEquals(await receive(), "1\n2\n");
  }));

Deno.test("send --resume over HTTP refuses to go on after so long that the server may have forgotten the keys", () =>
  withName(async (send, file, receive) => {
    assertEquals(await send("1\n"), done);
    const { id } = JSON.parse(await Deno.readTextFile(file));
    const longAgo = new Date(Date.now() - 24 * 60 * 60 * 1000);
    const write = async (isOpen: boolean) => {
      await Deno.writeTextFile(file, JSON.stringify({ id, line: 1, isOpen }));
      await Deno.utime(file, longAgo, longAgo);
    };
    await write(true);
    const { code, err } = await send("1\n2\n");
    assertEquals(code, 1);
    assertMatch(err, /^wirepost send: Cannot resume 'numbers': outcome unknown since \S+; remove \S+\n$/);
    // one that knows how far it came needs no key of them
    await write(false);
    assertEquals(await send("1\n2\n"), done);
    assertEquals(await receive(), "1\n2\n");
  }));

Deno.test("what was sent over HTTP is not resumed in a session, nor the other way round, nor with a damaged file", () =>
  withName(async (send, file, receive, session) => {
    const refused = async (why: RegExp, server?: string) => {
      const { code, err } = await send("1\n2\n", server);
      assertEquals(code, 1);
      assertMatch(err, why);
    };
    assertEquals(await send("1\n"), done);
    await refused(
      /^wirepost send: Cannot resume 'numbers' in a session: its first lines were sent over HTTP\n$/,
      session,
    );
    for (
      const text of ["{", "null", '{"id":"x","line":0,"isOpen":true}', `{"id":"${"a".repeat(22)}","line":0}`]
    ) {
      await Deno.writeTextFile(file, text);
      await refused(/^wirepost send: Cannot resume 'numbers': \S+ is damaged; /);
    }
    await Deno.remove(file);
    assertEquals(await send("1\n", session), done);
    await refused(
      /^wirepost send: Cannot resume 'numbers' over HTTP: its first lines were sent in a session\n$/,
    );
    assertEquals(await receive(), "1\n1\n");
  }));
