/**
 * Measures a file's way into the forum and out of it beside `ncat`, which does nothing but pass bytes on: in turn, so that
 * what the machine does meanwhile meets all of them. Then both ways over connections that are cut 20 times. Prints the
 * most memory that the server and each client took, and fails if that is over 150 MiB.
 *
 * `deno task bench-transfer [ROUNDS [MIB]]` (5, 1024).
 */

import { createHash } from "node:crypto";
import { median } from "../faults/form.ts";
import { UdpProxy } from "../faults/udp_proxy.ts";
import { FROM_SOURCE, runCommand, ServerProcess } from "../program.ts";
import { type Cut, CuttingProxy } from "../client/transfer/proxy.ts";

const MIB = 1024 ** 2, CUTS = 20;

/** Most memory of the server, and of each client. */
const MOST_MIB = 150;

const rounds = Number(Deno.args[0] ?? 5), size = Number(Deno.args[1] ?? 1024);

const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));

/** Milliseconds between two looks at a process's memory. The last one shows its peak. */
const LOOK = 50;

/** The most memory that a process had until now, in MiB; undefined if it has ended. */
async function peak(pid: number): Promise<number | undefined> {
  const { out } = await runCommand(["cat", `/proc/${pid}/status`]);
  const found = /VmHWM:\s+(\d+)/.exec(out)?.[1];
  return found === undefined ? undefined : Number(found) / 1024;
}

/** Runs one command of the forum's. Gives the seconds that it took, and its peak of memory. */
async function forum(port: number, ...command: string[]): Promise<{ seconds: number; memory: number }> {
  const [program = "", ...args] = FROM_SOURCE;
  const began = performance.now();
  const child = new Deno.Command(program, {
    args: [...args, "forum", "127.0.0.1", `${port}`, "--user", "yoda", ...command],
    cwd: got,
    env: ENV,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let ended = 0;
  const status = child.status.then((status) => {
    ended = performance.now();
    return status;
  });
  let memory = 0;
  while (ended === 0) {
    memory = await peak(child.pid) ?? memory;
    await Promise.race([status, new Promise((resolve) => setTimeout(resolve, LOOK))]);
  }
  const { code } = await status;
  if (code !== 0) throw new Error(`${command.join(" ")}: ${await errors}`);
  await errors;
  if (memory > MOST_MIB) throw new Error(`${command.join(" ")} took ${memory.toFixed(0)} MiB of memory`);
  return { seconds: (ended - began) / 1000, memory };
}

/** Seconds that `ncat` takes from file to file; undefined if it is not installed. */
async function ncat(): Promise<number | undefined> {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const shell = (script: string) =>
    new Deno.Command("sh", { args: ["-c", script], stdin: "null", stdout: "null", stderr: "null" }).spawn();
  if (!(await shell("command -v ncat").status).success) return undefined;
  const receiver = shell(`exec ncat -l 127.0.0.1 ${port} > '${directory}/passed'`);
  // it takes one connection only, so that whether it listens has to be read from the kernel
  const listens = new RegExp(`0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`);
  while (!listens.test((await runCommand(["cat", "/proc/net/tcp"])).out)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const began = performance.now();
  shell(`exec ncat --send-only 127.0.0.1 ${port} < '${path}'`);
  await receiver.status;
  const seconds = (performance.now() - began) / 1000;
  await Deno.remove(`${directory}/passed`);
  return seconds;
}

/**
 * Has the system take as much memory for files, and give it back: on a virtual machine memory that was not used for long
 * comes slowly, and would slow down what is measured first.
 */
async function warm() {
  const script = `cat '${path}' > '${directory}/warm' && sync '${directory}/warm'; rm '${directory}/warm'`;
  await runCommand(["sh", "-c", script]);
}

async function hashOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256"), buffer = new Uint8Array(MIB);
  for (let read; (read = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, read));
  return hash.digest("hex");
}

/** A network that cuts so many connections, each after an equal part of the file, and loses a fifth of the datagrams. */
async function badNetwork(port: number): Promise<{ tcp: CuttingProxy; udp: UdpProxy }> {
  // a silence lasts 30 s until the client has had enough
  const kinds: Cut[] = Array.from(
    { length: CUTS },
    (_, i) => i % 10 === 9 ? "silence" : i % 2 ? "fin" : "rst",
  );
  for (;;) {
    const tcp = await CuttingProxy.start(port, () => {
      const cut = kinds.shift();
      return cut && { cut, after: Math.floor(size * MIB / (CUTS + 1)) };
    });
    try {
      return { tcp, udp: new UdpProxy(port, 1, tcp.port) };
    } catch (error) {
      await tcp[Symbol.asyncDispose]();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** What happened `CUTS` times, and that nothing else did. */
async function cut(port: number, way: string, ...command: string[]): Promise<number> {
  const { tcp, udp } = await badNetwork(port);
  await using _ = tcp;
  await using proxy = udp;
  const { seconds, memory } = await forum(proxy.port, ...command);
  const { fin, rst, silence } = tcp.cuts;
  await print(
    `${way} over connections cut ${fin} times by FIN, ${rst} by RST, ${silence} by silence: ` +
      `${seconds.toFixed(1)} s, client ${memory.toFixed(0)} MiB`,
  );
  return fin + rst + silence;
}

const directory = await Deno.makeTempDir({ prefix: "wirepost-bench-" });
const ENV = { WIREPOST_PASSWORD: "a password", XDG_STATE_HOME: `${directory}/state` };
/** The file that is sent, and the one that `DWN` saves. */
const path = `${directory}/file`, got = `${directory}/got`;
try {
  await Deno.mkdir(got);
  {
    using file = await Deno.open(path, { write: true, createNew: true });
    const piece = new Uint8Array(MIB);
    for (let i = 0; i < size; i++) {
      for (let at = 0; at < MIB; at += 65_536) crypto.getRandomValues(piece.subarray(at, at + 65_536));
      for (let at = 0; at < MIB;) at += await file.write(piece.subarray(at));
    }
    await file.sync();
  }
  const hash = await hashOf(path);
  const check = async (name: string) => {
    if (await hashOf(`${got}/${name}`) !== hash) throw new Error("What came back is not what was sent");
    await Deno.remove(`${got}/${name}`);
  };
  await using server = await ServerProcess.start(["forum", "0", "--data", `${directory}/data`]);
  const { port } = server;
  await forum(port, "--new", "CRT", "files");

  const plain: number[] = [], ups: number[] = [], downs: number[] = [], clients: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push((await forum(port, "LST")).seconds);
    await warm();
    const passed = await ncat();
    await warm();
    if (passed !== undefined) plain.push(passed);
    const name = `file${round}`, named = `${directory}/${name}`;
    await Deno.rename(path, named);
    const up = await forum(port, "UPD", "files", named);
    await Deno.rename(named, path);
    await warm();
    const down = await forum(port, "DWN", "files", name);
    ups.push(up.seconds);
    downs.push(down.seconds);
    clients.push(up.memory, down.memory);
    await check(name);
    // as ncat's copy goes, or all that is kept would weigh on one side alone
    await forum(port, "RMV", "files");
    await forum(port, "CRT", "files");
    const rate = (seconds: number | undefined) =>
      seconds === undefined ? "none" : `${(size / seconds).toFixed(0)} MiB/s`;
    await print(
      `round ${round + 1}: ncat ${rate(passed)}, UPD ${rate(up.seconds)}, DWN ${rate(down.seconds)}`,
    );
  }
  const start = median(alone);
  await print(`a command that transfers nothing takes ${start.toFixed(2)} s: program, handshake, log-in`);
  for (const [way, times] of [["UPD", ups], ["DWN", downs]] as const) {
    const seconds = median(times);
    const beside = plain.length === 0
      ? ""
      : `, of ncat ${(median(plain) / seconds).toFixed(2)}, without that ${
        (median(plain) / (seconds - start)).toFixed(2)
      }`;
    await print(`${way}: ${(size / seconds).toFixed(0)} MiB/s at the median${beside}`);
  }
  await print(
    `most memory: server ${(await peak(server.pid))!.toFixed(0)} MiB, client ${
      Math.max(...clients).toFixed(0)
    } MiB`,
  );
  await Deno.rename(path, `${directory}/cut`);
  const cuts = await cut(port, "up", "UPD", "files", `${directory}/cut`) +
    await cut(port, "down", "DWN", "files", "cut");
  if (cuts !== 2 * CUTS) throw new Error(`${cuts} connections were cut`);
  await check("cut");
  const memory = (await peak(server.pid))!;
  await print(`the same SHA-256; server ${memory.toFixed(0)} MiB`);
  if (memory > MOST_MIB) throw new Error("The server took too much memory");
} finally {
  await Deno.remove(directory, { recursive: true });
}
