/**
 * What Wirepost is measured beside: each is started on a free port of this machine with its files in a directory, and
 * writes each message to the disk before it answers, if it writes any.
 *
 * @module
 */

import { runCommand } from "../program.ts";

/** A server that runs. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

interface Peer {
  title: string;
  program: string;
  /** Its version, from what this prints. */
  version: string;
  /** Why this version can't be compared. */
  unusable?(): Promise<string | undefined>;
  /** Not there if it needs none. */
  start?(directory: string): Promise<Server>;
}

/** The path of a server that is written here to compare with. */
const written = (name: string) => new URL(`load/${name}`, import.meta.url).pathname;

export const PEERS = {
  redis: {
    title: "Redis",
    program: "redis-server",
    version: "--version",
    start: (directory: string) =>
      startServer("redis-server", (port) => [
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory],
        ...["--appendonly", "yes", "--appendfsync", "always", "--save", ""],
      ]),
  },
  jetstream: {
    title: "JetStream",
    program: "nats-server",
    version: "--version",
    async unusable() {
      const directory = await Deno.makeTempDir();
      try {
        const { code } = await runCommand(["nats-server", "-t", "-c", await natsConfig(directory)]);
        return code === 0 ? undefined : "it cannot sync each message, which 2.10 and newer can";
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
    async start(directory: string) {
      const config = await natsConfig(directory);
      return await startServer("nats-server", (port) => ["-c", config, "-a", "127.0.0.1", "-p", `${port}`]);
    },
  },
  beanstalkd: {
    title: "beanstalkd",
    program: "beanstalkd",
    version: "-v",
    start: (directory: string) =>
      startServer("beanstalkd", (port) => [
        ...["-l", "127.0.0.1", "-p", `${port}`, "-b", directory, "-f0"],
      ]),
  },
  nats: {
    title: "nats-server",
    program: "nats-server",
    version: "--version",
    start: () => startServer("nats-server", (port) => ["-a", "127.0.0.1", "-p", `${port}`]),
  },
  python: {
    title: "Python server",
    program: "python3",
    version: "--version",
    start: () => startWritten(["python3", written("python_mailbox.py")]),
  },
  node: {
    title: "bare node:http",
    program: Deno.execPath(),
    version: "--version",
    start: () =>
      startWritten([
        ...[Deno.execPath(), "run", "--no-check", "--no-config", "--no-lock", "--allow-net"],
        written("http/bare_http.ts"),
      ]),
  },
  ncat: { title: "ncat", program: "ncat", version: "--version" },
} satisfies Record<string, Peer>;

export type PeerName = keyof typeof PEERS;

/** Its title with its version, or why it is left out. */
export async function findPeer(name: PeerName): Promise<{ title: string } | { missing: string }> {
  const peer: Peer = PEERS[name];
  const result = await runCommand([peer.program, peer.version]).catch(() => undefined);
  if (result === undefined) return { missing: `${peer.title} is left out: ${peer.program} is not installed` };
  const title = `${peer.title} ${/\d+\.\d+(\.\d+)?/.exec(result.out + result.err)?.[0] ?? ""}`.trimEnd();
  const reason = await peer.unusable?.();
  return reason === undefined ? { title } : { missing: `${title} is left out: ${reason}` };
}

/** Writes the configuration of JetStream, and returns its path. */
async function natsConfig(directory: string): Promise<string> {
  const config = `${directory}/nats.conf`;
  await Deno.writeTextFile(config, `jetstream { store_dir: "${directory}", sync_interval: always }\n`);
  return config;
}

/** As many open files as may be: 1,000 members are more than the usual limit. */
export function withFiles(command: readonly string[]): string[] {
  return ["sh", "-c", 'ulimit -n $(ulimit -Hn); exec "$0" "$@"', ...command];
}

/** A port that nobody has now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function spawn(command: readonly string[], stdout: "null" | "piped"): Deno.ChildProcess {
  const [program = "", ...args] = withFiles(command);
  return new Deno.Command(program, { args, stdin: "null", stdout, stderr: "null" }).spawn();
}

async function end(child: Deno.ChildProcess) {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended already
  }
  await child.status;
}

/** Milliseconds between two attempts to connect to a server that starts. */
const ATTEMPT_MS = 20;

/** Starts a program that listens on a port, and waits until it does. */
async function startServer(program: string, args: (port: number) => string[]): Promise<Server> {
  const port = freePort(), child = spawn([program, ...args(port)], "null");
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  while (!hasEnded) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return { port, pid: child.pid, [Symbol.asyncDispose]: () => end(child) };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
    }
  }
  throw new Error(`Cannot start ${program}: it ended`);
}

/** Starts a server that prints its port. */
async function startWritten(command: readonly string[]): Promise<Server> {
  const child = spawn(command, "piped"), reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = parseInt(new TextDecoder().decode(value));
  if (Number.isNaN(port)) throw new Error(`Cannot start ${command[0]}: it ended`);
  return {
    port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await end(child);
      await reader.cancel();
    },
  };
}
