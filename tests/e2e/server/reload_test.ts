/** SIGHUP: the options file and the certificate are read again. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, lacks, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

const ignore = Deno.build.os === "windows";

Deno.test(
  "SIGHUP takes over what has changed in the options file, and says what needs a restart",
  { ignore },
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory, config = `${path}/wirepost.conf`;
    await Deno.writeTextFile(config, "--mailbox-messages 1\n");
    const args = ["mailbox", "0", "--memory", "--config", config];
    await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
    using peer = new Peer(server.port);
    const changed = async (text: string, log: string) => {
      // all that was sent before has been dealt with
      await peer.ask("R, nobody");
      await Deno.writeTextFile(config, text);
      Deno.kill(server.pid, "SIGHUP");
      await server.logged(log);
    };
    for (const text of ["one", "refused"]) await peer.send(`F, bob, al, ${text}`);
    await changed("--mailbox-messages 2\n--host 127.0.0.2\n", "options that need a restart: --host\n");
    await server.logged("options that hold from now on: --mailbox-messages\n");
    await peer.send("F, bob, al, two");
    await changed("--mailbox-messages two\n", `${config}:1: `);
    assertMatch(
      server.err,
      /error server - .*wirepost\.conf:1: Cannot read --mailbox-messages 'two'.*; the options stay as they were\n/,
    );
    await peer.send("F, bob, al, refused");
    for (const text of ["one", "two"]) {
      assertEquals(
        (await peer.ask("R, bob")).replace(/ \S+Z,/, ""),
        `N, al, ${text}`,
      );
    }
    assertEquals(await peer.ask("R, bob"), "X");
    // without the file nothing was given
    await Deno.remove(config);
    Deno.kill(server.pid, "SIGHUP");
    await server.logged("Cannot read the options in");
    assertEquals((await server.end()).code, 0);
  },
);

Deno.test("what the command line says counts more, also when the file changes", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const config = `${directory.path}/wirepost.conf`;
  await Deno.writeTextFile(config, "");
  const args = ["mailbox", "0", "--memory", "--config", config, "--mailbox-messages", "1"];
  await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
  await Deno.writeTextFile(config, "--mailbox-messages 2\n");
  Deno.kill(server.pid, "SIGHUP");
  await server.logged("options were read again, and are as they were\n");
});

Deno.test("without a terminal SIGHUP ends no server", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"], { command: FROM_SOURCE });
  Deno.kill(server.pid, "SIGHUP");
  await server.logged("options were read again, and are as they were\n");
  assertEquals((await server.end()).code, 0);
});

Deno.test("a terminal that closes ends a server that has nothing to read again", {
  ignore: ignore || await lacks("script"),
}, async () => {
  await using directory = await temporaryDirectory();
  const ready = `${directory.path}/ready`;
  // a shell on a terminal of its own; its server reads that terminal, and writes to files
  await new Deno.Command("mkfifo", { args: [ready] }).output();
  const serve = `${FROM_SOURCE.join(" ")} serve mailbox 0 --memory >'${ready}' 2>&1 </dev/tty & pid=$!`;
  const command = `${serve}; read line <'${ready}'; kill -HUP $pid; wait $pid; echo ended $?`;
  const { out } = await runCommand([
    "script",
    "-qec",
    `sh -c "${command.replaceAll("$", "\\$")}"`,
    "/dev/null",
  ]);
  assertMatch(out, /ended 129/);
});
