/** `wirepost serve`: its addresses, its data directory, and how it ends. */

import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { FROM_SOURCE, lacks, Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { Terminal } from "../terminal.ts";

const PRIVATE =
  "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, fe80::/10, fc00::/7";

/** When a line was logged. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?= )/gm;

/** Puts a message and takes it again. */
async function pass(port: number, hostname: string) {
  using peer = new Peer(port, hostname);
  await peer.send("F, bob, alice, Ω");
  assertMatch(await peer.ask("R, bob"), /^N, .*Z, alice, Ω$/);
}

async function names(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  return entries.map(({ name }) => name).toSorted();
}

Deno.test("serve logs its addresses, its messages and the networks that it answers", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0"], { cwd: directory.path });
  await pass(server.port, "127.0.0.1");
  assertEquals((await server.end()).code, 0);
  // the original's console has standard output for itself
  assertEquals(server.out, "Message server is listening\n");
  const key = /key is (public1\w{56})$/m.exec(server.err)?.[1];
  assertEquals(server.err.replace(TIME, "TIME").split("\n"), [
    "TIME info mailbox - 0 messages in 0 mailboxes in parley-data",
    `TIME info mailbox - the original wire is answered for ${PRIVATE}`,
    `TIME info server - the server's key is ${key}`,
    `mailbox listening on udp 127.0.0.1:${server.port}`,
    `http listening on tcp 127.0.0.1:${server.port}`,
    "",
  ]);
  assertEquals(await names(directory.path), ["parley-data"]);
});

Deno.test("the server's key is logged once if several services have it, and not if none has", async () => {
  for (
    const [services, count] of [[["forum", "0", "mailbox", "0", "room", "0"], 1], [["room", "0"], 0]] as const
  ) {
    await using server = await ServerProcess.start([...services, "--memory"]);
    await server.ready("room");
    await server.end();
    assertEquals([...server.err.matchAll(/key/g)].length, count, server.err);
  }
});

Deno.test("nobody else can read the data directory", { ignore: Deno.build.os === "windows" }, async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data]);
  assertEquals((await Deno.stat(data)).mode! & 0o777, 0o700);
  for (const name of ["secret", "seal-key"]) {
    assertEquals((await Deno.stat(`${data}/${name}`)).mode! & 0o777, 0o600);
  }
  await server.end();
});

Deno.test("a second server on a data directory is refused in one line that names the process", async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  assertEquals(await wirepost(["serve", "mailbox", "0", "--data", data.path]), {
    code: 1,
    out: "",
    err:
      `wirepost serve: Cannot use data directory ${data.path}: the server with process id ${server.pid} has it open\n`,
  });
  await pass(server.port, "127.0.0.1");
});

Deno.test("a port or an address that can't be used is reported in one line, and leaves nothing locked", async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const taken = await wirepost(["serve", "mailbox", `${server.port}`, "--data", data.path]);
  assertEquals([taken.code, taken.out], [1, ""]);
  assertMatch(
    taken.err,
    new RegExp(`^wirepost serve: Cannot listen on udp 127.0.0.1:${server.port}: Address already in use.*\n$`),
  );
  // an address of a documentation network, which no machine has
  const foreign = await wirepost(["serve", "mailbox", "0", "--host", "192.0.2.1", "--data", data.path]);
  assertEquals([foreign.code, foreign.out], [1, ""]);
  assertMatch(foreign.err, /^wirepost serve: Cannot listen on udp 192\.0\.2\.1:0: .*\n$/);
  await using other = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  await pass(other.port, "127.0.0.1");
});

for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
  Deno.test(`messages before an answered request survive ${signal} and a restart`, async () => {
    await using data = await temporaryDirectory();
    const options = ["mailbox", "0", "--data", data.path];
    {
      await using server = await ServerProcess.start(options);
      using peer = new Peer(server.port);
      for (let i = 1; i <= 100; i++) await peer.send(`F, bob, alice, ${i} Ω`);
      await peer.send("for, everybody's");
      // answered behind them
      assertMatch(await peer.ask("R, bob"), /, alice, 1 Ω$/);
      const { code, out, err } = await wirepost(["admin", "count", "--data", data.path]);
      assertEquals([code, out, err], [0, "100\n", ""]);
      const started = performance.now();
      const status = await server.end(signal);
      if (signal !== "SIGKILL") {
        assertEquals(status.code, 0);
        assertLess(performance.now() - started, 30_000);
        assertEquals(await names(data.path), [
          "journal",
          "lock",
          "messages.db",
          "reserve",
          "seal-key",
          "secret",
        ]);
      }
    }
    await using server = await ServerProcess.start(options);
    await server.logged(` info mailbox - 100 messages in 2 mailboxes in ${data.path}\n`);
    using peer = new Peer(server.port);
    for (let i = 2; i <= 100; i++) assertMatch(await peer.ask("R, bob"), new RegExp(`, alice, ${i} Ω$`));
    assertEquals(await peer.ask("R, bob"), "X");
    assertMatch(await peer.ask("req"), /, everybody's$/);
  });
}

Deno.test("--memory writes no file", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"], { cwd: directory.path });
  await pass(server.port, "127.0.0.1");
  assertEquals((await server.end()).code, 0);
  assertEquals(await names(directory.path), []);
  assertStringIncludes(server.err, " info mailbox - messages are kept in memory and end with this process\n");
});

Deno.test("--original-from none answers nobody, and --original-from NETWORK only that network", async () => {
  await using directory = await temporaryDirectory();
  const data = directory.path;
  const hosts = ["--host", "127.0.0.1", "--host", "::1"];
  {
    await using server = await ServerProcess.start(
      ["mailbox", "0", "--data", data, "--original-from", "none", "--log-level", "debug"],
    );
    using peer = new Peer(server.port);
    await peer.send("R, bob");
    await server.logged("sent what is refused: address not answered");
    assertStringIncludes(server.err, " info mailbox - the original wire is answered for nobody\n");
    assertEquals((await server.end()).code, 0);
  }
  await using server = await ServerProcess.start(
    ["mailbox", "0", "--data", data, ...hosts, "--original-from", "::1", "--original-from", "10.0.0.0/8"],
  );
  using refused = new Peer(server.port);
  await refused.send("F, bob, mallory, x");
  await pass(server.port, "::1");
  const { out } = await wirepost(["admin", "status", "--data", data, "--server", `[::1]:${server.port}`]);
  assertStringIncludes(out, "\nrefused address not answered 1\n");
  assertStringIncludes(server.err, " info mailbox - the original wire is answered for ::1, 10.0.0.0/8\n");
});

Deno.test("with several --host, each answer comes from the address that was asked", async () => {
  await using server = await ServerProcess.start(
    ["mailbox", "0", "--memory", "--host", "127.0.0.1", "--host", "::1"],
  );
  for (const hostname of ["127.0.0.1", "::1"]) await pass(server.port, hostname);
  assertEquals((await server.end()).code, 0);
  const { port } = server;
  assertStringIncludes(
    server.err,
    `mailbox listening on udp 127.0.0.1:${port}\nmailbox listening on udp [::1]:${port}\n`,
  );
  assert(!server.err.includes("firewall"));
});

for (
  const [host, hostnames] of Object.entries({ "0.0.0.0": ["127.0.0.1"], "::": ["127.0.0.1", "::1"] })
) {
  Deno.test(`--host ${host} can be reached from elsewhere, and says so`, {
    // there `::` is IPv6 alone
    ignore: host === "::" && Deno.build.os === "windows",
  }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--host", host], { cwd: directory.path });
    for (const hostname of hostnames) await pass(server.port, hostname);
    assertEquals((await wirepost(["admin", "count"], { cwd: directory.path })).out, "0\n");
    assertEquals((await server.end()).code, 0);
    const firewall =
      ` info mailbox - ${host} can be reached by others; a firewall has to let ${server.port}/udp through\n`;
    assertStringIncludes(server.err, firewall);
  });
}

Deno.test("--log json writes nothing but objects to standard error", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "room", "0", "--memory", "--log", "json"]);
  await server.ready("room");
  await server.end();
  const lines = server.err.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  assertEquals(lines.find(({ service }) => service === "mailbox").console, "Message server is listening");
  assertEquals(lines.at(-1).level, "info");
  assertMatch(lines.at(-1).what, /^the server's key is /);
  // a service alone leaves standard output to the original's console
  await using room = await ServerProcess.start(["room", "0", "--memory", "--log", "json"]);
  await room.end();
  assertEquals(room.out, `Chat server started on port ${room.port}\n`);
  const { service, what } = JSON.parse(room.err.split("\n").at(-2)!);
  assertEquals([service, what], ["room", `listening on tcp 127.0.0.1:${room.port}`]);
});

Deno.test("serve --classroom prints the options that it stands for, keeps nothing, and can be administered", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, data = "parley-data";
  const admin = async (...args: string[]) => await wirepost(args, { cwd });
  {
    await using server = await ServerProcess.start(
      ["mailbox", "0", "channels", "0", "--classroom", "--address-channels", "7"],
      { cwd },
    );
    await server.logged("the server's key is");
    assertMatch(
      server.err,
      /^wirepost serve: --classroom is --memory --original-from \S.* --address-mailboxes 1000 --address-bytes 64MiB\n/,
    );
    const limits = (await admin("status", "--limits", "--json")).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const limit = (name: string) => limits.find((one) => one.name === name).limit;
    assertEquals(
      [limit("mailboxes of one address"), limit("one address's bytes"), limit("channels of one address")],
      [1000, 64 * 1024 ** 2, 7],
    );
    assertEquals((await admin("send", "bob", "kept nowhere", "--as", "alice")).code, 0);
    const { out } = await admin("admin", "connections", "--json");
    assertEquals(JSON.parse(out.split("\n")[0]!).service, "mailbox");
    assertEquals((await admin("admin", "ban", "192.0.2.7", "--for", "1h")).out, "192.0.2.7, 0 kicked\n");
    assertMatch((await admin("admin", "ban", "127.0.0.1")).err, /own machine; --yes means it/);
    assertEquals(await names(`${directory.path}/${data}`), ["secret", "server.json"]);
    // a second one does not take the first one's place
    await using second = await ServerProcess.start(["mailbox", "0", "--classroom"], { cwd });
    await second.logged("another server runs in");
    assertStringIncludes((await admin("status")).out, `127.0.0.1:${server.port}`);
    assertEquals((await second.end()).code, 0);
    assertEquals((await server.end()).code, 0);
  }
  assertEquals(await names(`${directory.path}/${data}`), ["secret"]);
  // an option that is given wins
  await using kept = await ServerProcess.start(["mailbox", "0", "--classroom", "--data", data], { cwd });
  assertEquals(kept.err.includes("--memory"), false);
  assertEquals((await names(`${directory.path}/${data}`)).includes("messages.db"), true);
});

Deno.test("on a terminal of 80 columns serve shows a table, with options from a file, and Ctrl-C stops it", {
  ignore: Deno.build.os === "windows" || await lacks("tmux"),
}, async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/options`;
  await Deno.writeTextFile(file, "# for a class\n--memory\n");
  const args = [...FROM_SOURCE, "serve", "mailbox", "0", "room", "0", "--config", file];
  const command = `trap : INT; ${args.map((arg) => `'${arg}'`).join(" ")}; echo "left with $?"; read wait`;
  await using terminal = await Terminal.open(command, { columns: 80, rows: 24 });
  await terminal.holds("Stop  Ctrl-C");
  const screen = (await terminal.screen()).replaceAll("|", "");
  const port = "\\d{4,5}", server = `--server 127\\.0\\.0\\.1:${port}`;
  for (
    const line of [
      "Wirepost \\d+\\.\\d+\\.\\d+",
      "SERVICE  ADDRESS +TRY IT",
      `mailbox  127\\.0\\.0\\.1:${port} +udp  wirepost send bob hi ${server}`,
      `room     127\\.0\\.0\\.1:${port} +tcp  wirepost room ${server}`,
      "Data  in memory: gone when the server stops",
      "Key   public1\\w{56}",
    ]
  ) assertMatch(screen, new RegExp(`^${line} *$`, "m"));
  // the table is all: no line of the log stands before it
  assertMatch(screen, /^Wirepost /);
  await terminal.type("", "C-c");
  await terminal.shows("left with 0");
});
