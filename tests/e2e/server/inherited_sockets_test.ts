/** TCP sockets that a service manager opens, keeps open, and hands over: sd_listen_fds(3). */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  FROM_SOURCE,
  lacks,
  runCommand,
  ServerProcess,
  temporaryDirectory,
  wirepost,
} from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

const ignore = Deno.build.os === "windows" || await lacks("python3");

/**
 * A service manager with sockets of these kinds and names (`tcp:channels udp: …`), which starts a program with them. In its
 * arguments `{0}` is the port of the first one. When the program has ended, and something connects, it starts it again.
 */
const MANAGER = `
import os, select, signal, socket, sys
specs, mode, command = sys.argv[1].split(), sys.argv[2], sys.argv[3:]
sockets = []
for spec in specs:
    kind = spec.split(":")[0]
    s = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    if kind == "tcp":
        s.listen(128)
    sockets.append(s)
for i, s in enumerate(sockets):
    command = [word.replace("{%d}" % i, str(s.getsockname()[1])) for word in command]

def become():
    apart = [os.dup2(s.fileno(), 100 + i, inheritable=False) for i, s in enumerate(sockets)]
    for i, fd in enumerate(apart):
        os.dup2(fd, 3 + i)
    os.environ["LISTEN_PID"] = "1" if mode == "other" else str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(sockets))
    os.environ["LISTEN_FDNAMES"] = ":".join(spec.split(":")[1] for spec in specs)
    os.execvp(command[0], command)

if mode != "again":
    become()

def start():
    pid = os.fork()
    if pid == 0:
        become()
    return pid

child = start()
# the test ends the manager, which ends the program first
def end(*_):
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGUSR1, lambda *_: os.kill(child, signal.SIGTERM))
while True:
    os.waitpid(child, 0)
    print("ended", file=sys.stderr, flush=True)
    select.select(sockets, [], [])
    child = start()
`;

/** Runs the server as that manager does. */
const started = (sockets: string, mode: "once" | "again" | "other", args: string[], cwd?: string) =>
  ServerProcess.start(args, {
    command: ["python3", "-c", MANAGER, sockets, mode, ...FROM_SOURCE],
    ...cwd === undefined ? {} : { cwd },
  });

const refused = async (sockets: string, args: string[]) => {
  const command = ["python3", "-c", MANAGER, sockets, "once", ...FROM_SOURCE, "serve", ...args];
  const { code, err } = await runCommand(command);
  assertEquals(code, 1, err);
  return err;
};

Deno.test(
  "a socket that was handed over belongs to the service of its name or its port",
  { ignore },
  async () => {
    const sockets = "tcp:channels tcp:wirepost.socket tcp:wirepost.socket tcp:forum";
    await using server = await started(sockets, "once", [
      ...["channels", "0", "room", "{1}", "mailbox", "{2}", "forum", "0", "--memory"],
    ]);
    const ports = {
      channels: await server.ready("channels"),
      room: await server.ready("room"),
      http: await server.ready("http"),
      mailbox: await server.ready("mailbox"),
    };
    assertEquals(ports.http, ports.mailbox);
    using alice = await FramePeer.named("Alice", ports.channels);
    await alice.send("/join tea");
    assertEquals(await alice.next(), "No channel named tea exists. Try '/create tea'?");
    using one = await LinePeer.connect(ports.room);
    using other = await LinePeer.connect(ports.room);
    assertEquals(await one.next(), `[127.0.0.1:${other.port}] entered room`);
    await one.send("hello");
    assertMatch((await other.next())!, /> hello$/);
    const answer = await fetch(`http://127.0.0.1:${ports.http}/mailbox/bob`, { method: "POST", body: "x" });
    await answer.body?.cancel();
    assertEquals(answer.ok, true);
  },
);

Deno.test("the forum's files travel over a socket that was handed over", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, cwd = path;
  await using server = await started("tcp:forum", "once", ["forum", "0", "--data", `${path}/data`]);
  // several pieces, each way
  const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join("");
  await Deno.writeTextFile(`${path}/numbers.txt`, text);
  await Deno.writeTextFile(`${path}/password`, "correct horse\n", { mode: 0o600 });
  const forum = async (...args: string[]) => {
    const user = ["forum", "127.0.0.1", `${server.port}`, "--as", "yoda", "--password-file", "password"];
    const { code, err } = await wirepost([...user, ...args], { cwd });
    assertEquals([code, err], [0, ""], err);
  };
  await forum("--new", "CRT", "plans");
  await forum("UPD", "plans", "numbers.txt");
  await Deno.remove(`${path}/numbers.txt`);
  await forum("DWN", "plans", "numbers.txt");
  assertEquals(await Deno.readTextFile(`${path}/numbers.txt`), text);
});

Deno.test("clients that connect while no server runs are served by the next one", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await using server = await started("tcp:channels", "again", ["channels", "0", "--data", `${path}/data`]);
  const port = await server.ready("channels");
  using before = await FramePeer.named("Alice", port);
  await before.send("/create tea", "kept", "/nothing");
  assertMatch((await before.next())!, /^\/nothing is not a valid/);
  Deno.kill(server.pid, "SIGUSR1");
  await server.logged("ended");
  assertEquals(await before.next(), undefined);
  using after = await FramePeer.named("Bob", port);
  await after.send("/create tea", "/nothing");
  assertMatch((await after.next())!, /^\/nothing is not a valid/);
  await server.end();
});

Deno.test("clients speak TLS on a socket that was handed over", { ignore }, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, tls = ["--tls-cert", `${path}/cert.pem`, "--tls-key", `${path}/key.pem`];
  assertEquals((await wirepost(["cert", "127.0.0.1", ...tls])).code, 0);
  await using server = await started("tcp:channels", "once", ["channels", "0", "--memory", ...tls]);
  const port = await server.ready("channels"), cert = await Deno.readTextFile(`${path}/cert.pem`);
  using alice = await FramePeer.overTls(port, cert);
  using bob = await FramePeer.named("Bob", port);
  await alice.send("Alice", "/create tea", "/list");
  assertEquals(await alice.next(), "tea");
  await bob.send("/join tea", "hello");
  assertEquals([await alice.next(), await alice.next()], ["Bob has joined", "[Bob] hello"]);
});

Deno.test(
  "a socket that is for nobody ends the start, and one of another process is left alone",
  { ignore },
  async () => {
    assertStringIncludes(
      await refused("udp:", ["mailbox", "0", "--memory"]),
      "Cannot take over socket 3 of the service manager: listen EINVAL: invalid argument; " +
        "only TCP sockets that listen can be\n",
    );
    assertMatch(
      await refused("tcp:unknown", ["channels", "0", "--memory"]),
      /Cannot use the socket on tcp 127\.0\.0\.1:\d+ of the service manager: no service has this port; its FileDescriptorName= may name one: channels\n/,
    );
    await using server = await started("tcp:room", "other", ["channels", "0", "--memory"]);
    using alice = await FramePeer.named("Alice", await server.ready("channels"));
    await alice.send("/list?");
    assertMatch((await alice.next())!, /not a valid/);
  },
);
