/** Each command under the permissions that README.md names for it, and without any other. */

import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../main.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../program.ts";

/** What README.md names, by the first words of its rows. */
async function permissions(): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const rows = new Map<string, string[]>();
  for (const [, names = "", list = ""] of text.matchAll(/^\| (`.+?) +\| `(--allow[^`]+)` +\|$/gm)) {
    const more = /` (with an account|over https)$/.exec(names)?.[1] ?? "";
    for (const [, name = ""] of names.matchAll(/`([^`]+)`/g)) {
      rows.set(`${name} ${more}`.trim(), list.split(" "));
    }
  }
  return rows;
}

/** The program with these permissions alone. */
function withOnly(allowed: readonly string[]): string[] {
  return FROM_SOURCE.flatMap((arg) =>
    arg.startsWith("--allow-") ? arg === "--allow-net" ? allowed : [] : [arg]
  );
}

Deno.test("each command runs under the permissions that README names", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, rows = await permissions();
  const only = (row: string) => {
    const allowed = rows.get(row);
    assert(allowed !== undefined, `README names no permissions of ${row}`);
    return withOnly(allowed);
  };
  const ports = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0"];
  const made = await runCommand([...only("cert"), "cert"], { cwd: path });
  assertEquals([made.code, made.err], [0, ""]);
  const tls = ["--tls-cert", "wirepost-cert.pem", "--tls-key", "wirepost-key.pem", "--tls-room-port", "0"];
  const server = await ServerProcess.start([...ports, ...tls, "--data", "data"], {
    cwd: path,
    command: only("serve"),
  });
  const env = { XDG_STATE_HOME: `${path}/state`, WIREPOST_DATA: `${path}/data` };
  const run = async (row: string, args: readonly string[], { code = 0, input = "" } = {}) => {
    const result = await runCommand([...only(row), ...args], { cwd: path, env, input });
    assertEquals(
      [row, result.code, /Requires \w+ access/.exec(result.err)?.[0]],
      [row, code, undefined],
      result.err,
    );
    return result.out;
  };
  const at = ["--server", server.address], login = ["--as", "dora", "--password-file", "password"];
  await Deno.writeTextFile(`${path}/password`, "jedi\n", { mode: 0o600 });
  try {
    const files = await server.ready("forum"), room = await server.ready("room");
    await run("send", ["send", "bob", "hi", "--as", "alice", ...at]);
    assertEquals(await run("peek", ["peek", "bob", ...at]) === "", false);
    assertEquals(await run("receive", ["receive", "bob", ...at]), "hi\n");
    const overHttp = ["--server", `http://127.0.0.1:${await server.ready("http")}`];
    await run("send", ["send", "bob", "hi", "--as", "alice", ...overHttp]);
    const overHttps = overHttp.map((word) => word.replace("http:", "https:"));
    for (const command of ["send", "peek", "receive"]) {
      const words = command === "send" ? ["bob", "hi", "--as", "alice"] : ["bob"];
      await run(`${command} over https`, [command, ...words, ...overHttps]);
    }
    await run("receive", ["receive", "bob", ...overHttp]);
    await run("mailbox", ["mailbox", "--as", "alice", ...at], { input: "/to bob\na job\n" });
    assertEquals(await run("receive --exec", ["receive", "bob", "--exec", "tr a-z A-Z", ...at]), "A JOB\n");
    await run("send --resume", ["send", "bob", "--as", "alice", "--resume", "mine", ...at], {
      input: "one\n",
    });
    await run("chat", ["chat", "lounge", "--as", "alice", "--linger", "0s", ...at], { input: "hello\n" });
    await run("room", ["room", "127.0.0.1", `${room}`], { input: "hello\n" });
    const overTls = ["--tls", "--linger", "0s", ...at];
    await run("chat --tls", ["chat", "lounge", "--as", "alice", ...overTls], { input: "hello\n" });
    await run("room --tls", ["room", ...overTls], { input: "hello\n" });
    await run("bench", ["bench", "mailbox", "--count", "10", ...at]);
    await run("account", ["account", "add", "dora", "--password-file", "password", ...at]);
    await run("account", ["account", "list"]);
    await run("send with an account", ["send", "dora", "hi", ...login, ...at]);
    await run("peek with an account", ["peek", "dora", ...login, ...at]);
    assertEquals(await run("receive with an account", ["receive", ...login, ...at]), "hi\n");
    await run("mailbox with an account", ["mailbox", ...login, ...at], { input: "/to bob\nhi\n" });
    await run("chat with an account", ["chat", "--linger", "0s", ...login, ...at], { input: "/list\n" });
    await run("room with an account", ["room", "--linger", "0s", ...login, ...at], { input: "hello\n" });
    await run("account", ["account", "role", "dora", "admin"]);
    await run("status with an account", ["status", ...login, ...at]);
    await run("admin with an account", ["admin", "list", ...login, ...at]);
    await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");
    for (const command of [["CRT", "thread0"], ["UPD", "thread0", "notes.txt"], ["RDT", "thread0"]]) {
      await run("forum", ["forum", "127.0.0.1", `${files}`, ...login, ...command]);
    }
    await run("known-servers", ["known-servers", "list"]);
    await run("known-servers", ["known-servers", "remove", server.address]);
    await run("status", ["status", "--limits"]);
    await run("admin", ["admin", "list"]);
    // it begins some time: whatever is asked for meanwhile is an event
    using peer = new Peer(server.port);
    const asking = setInterval(() => void peer.send("R, nobody"), 50);
    await run("watch", ["watch", "--count", "1"])
      .then(() => run("watch with an account", ["watch", "--count", "1", ...login, ...at]))
      .finally(() => clearInterval(asking));
    await run("backup", ["backup", "copy"]);
    await run("check", ["check", "--data", "copy"]);
    await run("restore", ["restore", "copy", "--data", "restored"]);
    await run("help", ["help", "security"]);
    await run("completions", ["completions", "bash"]);
  } finally {
    await server.end();
  }
  const named = new Set([...rows.keys()].map((row) => row.split(" ")[0]));
  assertEquals(Object.keys(COMMANDS).filter((name) => !named.has(name)), []);
});
