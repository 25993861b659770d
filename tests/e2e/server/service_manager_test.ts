/** What a service manager is told, through the socket that it names. */

import { assertEquals, assertMatch } from "@std/assert";
import { FROM_SOURCE, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** The socket of a service manager in a directory, or by the name of an abstract one. */
class Manager implements Disposable {
  readonly #socket: Deno.DatagramConn;

  constructor(path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
  }

  /** The next message that is not `WATCHDOG=1`, or that is. */
  async message(isSignOfLife = false): Promise<string> {
    for (;;) {
      const text = new TextDecoder().decode((await this.#socket.receive())[0]);
      if ((text === "WATCHDOG=1") === isSignOfLife) return text;
    }
  }

  [Symbol.dispose]() {
    this.#socket.close();
  }
}

const start = (environment: string[], args: string[]) =>
  ServerProcess.start(args, { command: ["env", ...environment, ...FROM_SOURCE] });

for (const kind of ["file", "abstract"]) {
  Deno.test(`a service manager hears that the server is ready, alive and stopping: ${kind} socket`, async () => {
    await using directory = await temporaryDirectory();
    const name = `${directory.path}/manager`;
    using manager = new Manager(kind === "file" ? name : `\0${name}`);
    const socket = kind === "file" ? name : `@${name}`;
    const environment = [`NOTIFY_SOCKET=${socket}`, "WATCHDOG_USEC=200000"];
    await using server = await start(environment, ["mailbox", "0", "--memory"]);
    assertEquals(
      await manager.message(),
      `READY=1\nSTATUS=mailbox udp ${server.port}, http tcp ${server.port}`,
    );
    for (let i = 0; i < 3; i++) assertEquals(await manager.message(true), "WATCHDOG=1");
    const [stopping, { code }] = await Promise.all([manager.message(), server.end()]);
    assertEquals([stopping, code], ["STOPPING=1", 0]);
  });
}

Deno.test("a server whose directory is named starts without a home, as a service manager starts it", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`,
    cache = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] })
      .output().then(({ stdout }) => JSON.parse(new TextDecoder().decode(stdout)).denoDir);
  // whether it is root is then seen by its home alone
  const program = FROM_SOURCE.filter((word) => !word.startsWith("--allow-sys"));
  const command = ["env", "-i", `DENO_DIR=${cache}`, ...program];
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data], { command });
  assertEquals((await Deno.stat(`${data}/server.json`)).isFile, true);
  assertEquals((await server.end()).code, 0);
});

Deno.test("a service manager hears when files are read again", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const made = await new Deno.Command(FROM_SOURCE[0]!, {
    args: [
      ...FROM_SOURCE.slice(1),
      "cert",
      "localhost",
      "--tls-cert",
      `${path}/cert.pem`,
      "--tls-key",
      `${path}/key.pem`,
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  assertEquals(made.code, 0, new TextDecoder().decode(made.stderr));
  using manager = new Manager(`${path}/manager`);
  await using server = await start([`NOTIFY_SOCKET=${path}/manager`], [
    "room",
    "0",
    "--memory",
    "--tls-cert",
    `${path}/cert.pem`,
    "--tls-key",
    `${path}/key.pem`,
    "--tls-room-port",
    "0",
  ]);
  assertMatch(await manager.message(), /^READY=1\nSTATUS=room tcp \d+, room-tls tcp \d+$/);
  Deno.kill(server.pid, "SIGHUP");
  assertEquals(await manager.message(), "RELOADING=1");
  assertMatch(await manager.message(), /^READY=1\n/);
});

Deno.test("the watchdog of another process is not answered, and a manager that is gone harms nothing", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  using manager = new Manager(`${path}/manager`);
  const environment = [`NOTIFY_SOCKET=${path}/manager`, "WATCHDOG_USEC=1000", "WATCHDOG_PID=1"];
  await using server = await start(environment, ["mailbox", "0", "--memory"]);
  assertMatch(await manager.message(), /^READY=1\n/);
  assertEquals((await server.end()).code, 0);
  // were there signs of life, they would stand before it
  assertEquals(await manager.message(), "STOPPING=1");

  await using other = await start([`NOTIFY_SOCKET=${path}/nobody`], ["mailbox", "0", "--memory"]);
  assertEquals((await other.end()).code, 0);
  assertEquals(other.err.includes("service manager"), false, other.err);
});

// log.md 1.2
Deno.test("why a server does not start is an error in the journal", async () => {
  const serve = ["serve", "mailbox", "0", "--memory", "--log", "journal"];
  const { code, err } = await wirepost([...serve, "--max-pending-all", "1"]);
  assertEquals(code, 2);
  assertEquals(err.split("\n").filter((line) => !line.startsWith("<3>")), [""]);
  assertMatch(err, /^<3>wirepost serve: Cannot use --max-pending-all 1: /);
});
