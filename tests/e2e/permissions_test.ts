/** Each command under the permissions that SECURITY.md names for it, and without any other. */

import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../main.ts";
import { FORUM_COMMANDS } from "../../protocol/forum.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../program.ts";

/** What SECURITY.md names, by the first words of its rows. */
async function permissions(): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(new URL("../../.github/SECURITY.md", import.meta.url));
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

/** A server with every service and TLS, and commands that run beside it under what SECURITY.md names for them. */
class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    readonly path: string,
    readonly rows: Map<string, string[]>,
    readonly server: ServerProcess,
  ) {
    this.#stack = stack;
  }

  static async open(): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory()), rows = await permissions();
    const made = await runCommand([...only(rows, "cert"), "cert"], { cwd: path });
    assertEquals([made.code, made.err], [0, ""]);
    await Deno.writeTextFile(`${path}/password`, "jedi\n", { mode: 0o600 });
    const ports = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0"];
    const tls = ["--tls-cert", "wirepost-cert.pem", "--tls-key", "wirepost-key.pem", "--tls-room-port", "0"];
    const server = stack.use(
      await ServerProcess.start([...ports, ...tls, "--data", "data"], {
        cwd: path,
        command: only(rows, "serve"),
      }),
    );
    return new Scene(stack.move(), path, rows, server);
  }

  /** Says from elsewhere where the server is, and logs in there. */
  get at(): string[] {
    return ["--server", this.server.address];
  }

  readonly login = ["--as", "dora", "--password-file", "password"];

  /** Runs a command under the permissions of a row. */
  run = async (row: string, args: readonly string[], { code = 0, input = "" } = {}): Promise<string> => {
    const { path } = this, env = { XDG_STATE_HOME: `${path}/state`, WIREPOST_DATA: `${path}/data` };
    const result = await runCommand([...only(this.rows, row), ...args], { cwd: path, env, input });
    assertEquals(
      [args.join(" "), result.code, /Requires \w+ access/.exec(result.err)?.[0]],
      [args.join(" "), code, undefined],
      result.err,
    );
    return result.out;
  };

  async [Symbol.asyncDispose]() {
    await this.#stack.disposeAsync();
  }
}

/** The program with what SECURITY.md names for a row. */
function only(rows: Map<string, string[]>, row: string): string[] {
  const allowed = rows.get(row);
  assert(allowed !== undefined, `SECURITY.md names no permissions of ${row}`);
  return withOnly(allowed);
}

Deno.test("each command runs under the permissions that SECURITY.md names", async () => {
  await using scene = await Scene.open();
  const { run, server, at, login, path, rows } = scene;
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
  const named = new Set([...rows.keys()].map((row) => row.split(" ")[0]));
  assertEquals(Object.keys(COMMANDS).filter((name) => !named.has(name)), []);
});

/** The words in front of what a command's help says of each of its own commands. */
async function commandsOf(scene: Scene, command: string): Promise<string[]> {
  const help = await scene.run("help", ["help", command]),
    [, list = ""] = /^Commands:\n((?: {2,}.*\n)+)/m.exec(help)!;
  return [...list.matchAll(/^ {2}((?:[a-z-]+ )*[a-z-]+)/gm)].map(([, words = ""]) => words.trim());
}

Deno.test("each command of account, admin, forum and known-servers runs under the permissions of its row", async () => {
  await using scene = await Scene.open();
  const { run, at, login, path, server } = scene;
  const password = ["--password-file", "password"], done = new Set<string>();
  const carryOut = async (row: string, command: string, words: string, args: string[] = [], code = 0) => {
    done.add(`${command} ${words}`);
    return await run(row, [command, ...words.split(" "), ...args], { code });
  };
  const account = (words: string, args: string[] = []) => carryOut("account", "account", words, args);
  await Deno.writeTextFile(`${path}/accounts`, "erin correct-horse\n", { mode: 0o600 });
  await account("add", ["dora", ...password]);
  await account("import", ["accounts"]);
  await account("set-password", ["dora", "--new-password-file", "password"]);
  await account("list");
  await account("confirm", ["dora"]);
  await account("role", ["dora", "admin"]);
  const [, id = ""] = /^token-([0-9a-f]{8})-/.exec(await account("token add", ["erin", "--ttl", "90d"]))!;
  await account("token list", ["erin"]);
  await account("token remove", ["erin", id]);
  await account("remove", ["erin"]);
  for (const words of ["list", "token list dora", "role dora admin"]) {
    await run("account", ["account", ...words.split(" "), ...login, ...at]);
  }

  await run("send", ["send", "bob", "hi", "--as", "alice", ...at]);
  await run("chat", ["chat", "--as", "alice", "--linger", "0s", ...at], { input: "/create tea\n" });
  const admin = (words: string, args: string[] = [], code = 0) =>
    carryOut("admin", "admin", words, args, code);
  for (const words of ["status", "list", "count", "dead", "channels", "connections", "bans", "help"]) {
    await admin(words);
    await run("admin with an account", ["admin", words, ...login, ...at]);
  }
  await admin("members", ["tea"]);
  await admin("remove-channel", ["tea"]);
  await admin("requeue", ["--all", "--yes"]);
  // there is no such dead letter
  await admin("delete", ["1"], 1);
  await admin("limit", ["100"]);
  for (const words of ["ban", "unban", "mute", "unmute"]) await admin(words, ["mallory"]);
  // it is not there
  await admin("kick", ["mallory"], 1);
  await admin("clear", ["bob"]);
  await admin("log on");

  const files = await server.ready("forum");
  await Deno.writeTextFile(`${path}/notes.txt`, "5 Ω");
  const forum = (words: string, args: string[] = []) =>
    run("forum", ["forum", "127.0.0.1", `${files}`, ...login, words, ...args]).then(() =>
      done.add(`forum ${words}`)
    );
  await forum("CRT", ["thread0"]);
  await forum("MSG", ["thread0", "hi"]);
  await forum("EDT", ["thread0", "1", "hello"]);
  await forum("DLT", ["thread0", "1"]);
  await forum("UPD", ["thread0", "notes.txt"]);
  await forum("DWN", ["thread0", "notes.txt", "--force"]);
  await forum("LST");
  await forum("RDT", ["thread0"]);
  await forum("RMV", ["thread0"]);
  await run("known-servers", ["known-servers", "list", "--json"]);
  await run("known-servers", ["known-servers", "remove", server.address]);
  await admin("stop");

  const expected = [
    ...(await commandsOf(scene, "account")).map((words) => `account ${words}`),
    ...(await commandsOf(scene, "admin")).map((words) => `admin ${words}`),
    // it is what ends the session of a terminal
    ...FORUM_COMMANDS.filter((name) => name !== "XIT").map((name) => `forum ${name}`),
  ];
  assertEquals([...done].sort(), expected.sort());
});
