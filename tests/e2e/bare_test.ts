/** Commands that are given nothing but what they are to do: the environment and the data directory say the rest. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../program.ts";

Deno.test("commands find the server of the data directory from everywhere, and who the user is", async () => {
  await using home = await temporaryDirectory();
  await using elsewhere = await temporaryDirectory();
  const data = { WIREPOST_DATA: `${home.path}/data`, XDG_STATE_HOME: home.path };
  const run = (line: string, user: string, more: { input?: string; env?: Record<string, string> } = {}) => {
    const { env, ...rest } = more;
    return wirepost(line.split(" "), { cwd: elsewhere.path, env: { ...data, USER: user, ...env }, ...rest });
  };
  const services = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0"];
  await using server = await ServerProcess.start([...services, "--data", data.WIREPOST_DATA]);
  await server.ready("forum");

  assertEquals(await run("send bob hi", "alice"), { code: 0, out: "", err: "" });
  const received = await run("receive --json", "bob");
  const { sender, receiver, text } = JSON.parse(received.out);
  assertEquals([sender, receiver, text], ["alice", "bob", "hi"]);
  // a name that is given counts more than the name of the system's user
  assertEquals((await run("send bob from --as carol", "alice")).code, 0);
  assertEquals((await run("send bob said", "alice", { env: { WIREPOST_AS: "dora" } })).code, 0);
  const both = await run("receive bob --all --json", "alice");
  assertEquals(both.out.trim().split("\n").map((line) => JSON.parse(line).sender), ["carol", "dora"]);

  // the first makes the channel, and the second finds it
  assertEquals((await run("chat lounge --linger 0s", "alice", { input: "hello\n" })).code, 0);
  assertEquals((await run("chat lounge --linger 0s", "bob", { input: "hello\n" })).code, 0);
  const listed = await run("chat --linger 0s", "bob", { input: "/list\n" });
  assertStringIncludes(listed.out, "lounge");
  assertEquals(
    (await run("admin channels", "")).out,
    " members  channel\n       0  lounge\n       0  room\n",
  );
  assertStringIncludes((await run("room --linger 0s", "", { input: "hello\n" })).out, "Connected to server.");

  const env = { WIREPOST_PASSWORD: "jedi" };
  const made = await run("forum --new CRT thread0", "yoda", { env });
  assertEquals(made, { code: 0, out: "Thread thread0 created\n", err: "" });
  // a pipe without the originals' arguments shows results alone
  const listing = await run("forum", "yoda", { env, input: "LST\n" });
  assertEquals(listing, { code: 0, out: "The list of active threads:\nthread0\n", err: "" });

  // yoda's name is protected now: without a password nothing is sent under it
  const refused = await run("send bob hi", "yoda");
  assertEquals([refused.code, refused.out], [1, ""]);
  assertStringIncludes(refused.err, "Cannot ask for a password: standard input is not a terminal");
  assertEquals((await run("send bob sealed", "yoda", { env })).code, 0);
  assertEquals((await run("mailbox --to bob", "yoda", { env, input: "by hand\n" })).code, 0);
  assertEquals((await run("receive --all", "bob")).out, "sealed\nby hand\n");

  // from anywhere else, the address of the mailbox is all that is needed
  const away = { WIREPOST_DATA: "nowhere", WIREPOST_SERVER: server.address };
  assertEquals((await run("send bob hi", "alice", { env: away })).code, 0);
  assertStringIncludes((await run("chat --linger 0s", "bob", { env: away, input: "/list\n" })).out, "lounge");
  assertEquals((await run("receive", "bob", { env: away })).out, "hi\n");
  const wrong = await run("receive", "bob", { env: { WIREPOST_SERVER: "h:x" } });
  assertEquals(
    [wrong.code, wrong.err.split("\n")[0]],
    [2, "wirepost receive: Cannot read WIREPOST_SERVER 'h:x': expected HOST or HOST:PORT"],
  );
});

Deno.test("an earlier data directory that is here is named, and how to use it", async () => {
  await using here = await temporaryDirectory();
  await using home = await temporaryDirectory();
  const env = { WIREPOST_DATA: "", XDG_DATA_HOME: home.path, HOME: home.path };
  await Deno.mkdir(`${here.path}/parley-data`);
  const asked = await wirepost(["account", "list", "--server", "127.0.0.1:1", "--timeout", "1ms"], {
    cwd: here.path,
    env,
  });
  const notice = "./parley-data is not used; --data parley-data or WIREPOST_DATA=parley-data uses it\n";
  assertStringIncludes(asked.err, `wirepost account: ${notice}`);
  const named = await wirepost(["account", "list", "--data", "parley-data"], { cwd: here.path, env });
  assertStringIncludes(named.err, "No server has kept anything in parley-data");
});
