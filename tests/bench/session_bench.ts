/**
 * Measures puts through the reliable session beside Redis with `appendfsync always` and beanstalkd with `-f0`, all three
 * with each message on disk before it is acknowledged, in directories on one disk. Each round measures every server in
 * turn, so that what the machine does meanwhile meets all of them. Prints medians over the rounds. Then the same for a
 * loop of the library that receives messages one by one, beside Redis Streams.
 *
 * `deno task bench-session [ROUNDS]` (5). A server that is not installed is left out. Receiving many at a time is
 * measured by `wirepost bench mailbox`.
 */

import { FROM_SOURCE, runCommand, ServerProcess } from "../program.ts";
import { receiveLoop, redisStream } from "./receive_load.ts";

const rounds = Number(Deno.args[0] ?? 5);
/** Datagrams or requests in flight, messages in each, sessions or connections. */
const CASES = [1, 1000].flatMap((sessions) =>
  [1, 18].flatMap((each) => [1, 32, 256].map((inFlight) => ({ inFlight, each, sessions })))
);

/** Messages that a loop receives if it awaits each acknowledgement, and if it doesn't. */
const AWAITED = 2000, NOT_AWAITED = 20_000;

const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const script = (name: string) => [
  ...FROM_SOURCE.slice(0, -1),
  "--unstable-net",
  new URL(name, import.meta.url).pathname,
];

interface Subject {
  name: string;
  port: number;
  /** The load's command, but for its numbers. */
  load: string[];
  /** Messages that are put for one in flight, and at most. */
  part: number;
  most: number;
}

/** A port that nobody has now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a program that listens on the port, and waits until it does; undefined if it is not installed. */
async function start(
  port: number,
  program: string,
  ...args: string[]
): Promise<Deno.ChildProcess | undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await print(`${program} is not installed, and left out`);
    return undefined;
  }
  let ended = false;
  child.status.then(() => ended = true);
  while (!ended) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`Cannot start ${program}: it ended`);
}

async function measure({ load, port, part, most }: Subject, { inFlight, each, sessions }: typeof CASES[0]) {
  const count = Math.min(most, inFlight * each * part);
  const { code, out, err } = await runCommand([
    ...load,
    ...[port, inFlight, each, count, sessions].map(String),
    // so short that 18 messages fit into 1,200 bytes
    crypto.randomUUID().slice(0, 4),
  ]);
  if (code !== 0) throw new Error(err);
  return Number(out);
}

const directory = await Deno.makeTempDir({ prefix: "wirepost-bench-" });
const children: Deno.ChildProcess[] = [];
try {
  await using wirepost = await ServerProcess.start(["mailbox", "0", "--data", `${directory}/wirepost`]);
  const subjects: Subject[] = [
    { name: "Wirepost", port: wirepost.port, load: script("session_load.ts"), part: 1000, most: 100_000 },
  ];
  const begin = async (
    name: string,
    [program = "", ...args]: string[],
    port: number,
    part: number,
    most: number,
  ) => {
    const child = await start(port, program, ...args);
    if (child === undefined) return;
    children.push(child);
    subjects.push({ name, port, load: [...script("stream_load.ts"), program.split("-")[0]!], part, most });
  };
  const redis = freePort(), beanstalkd = freePort(), on = ["127.0.0.1"];
  await Deno.mkdir(`${directory}/redis`);
  await Deno.mkdir(`${directory}/beanstalkd`);
  const durable = [
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--dir",
    `${directory}/redis`,
  ];
  await begin(
    "Redis RPUSH",
    ["redis-server", "--port", `${redis}`, "--bind", ...on, ...durable],
    redis,
    1000,
    200_000,
  );
  const log = ["-b", `${directory}/beanstalkd`, "-f0"];
  await begin(
    "beanstalkd put",
    ["beanstalkd", "-p", `${beanstalkd}`, "-l", ...on, ...log],
    beanstalkd,
    500,
    3000,
  );

  await print(`messages/s that are on disk, medians of ${rounds}; 40 bytes of text`);
  await print(`sessions  in flight  to each  ${subjects.map(({ name }) => name.padStart(14)).join("  ")}`);
  for (const one of CASES) {
    const rates = subjects.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, subject] of subjects.entries()) rates[i]!.push(await measure(subject, one));
    }
    const { sessions, inFlight, each } = one;
    const left = [String(sessions).padStart(8), String(inFlight).padStart(9), String(each).padStart(7)];
    await print(
      [...left, ...rates.map((values) => String(Math.round(median(values))).padStart(14))].join("  "),
    );
  }

  await print("\nmessages/s that a loop receives and acknowledges one by one, medians");
  const server = { hostname: "127.0.0.1", port: wirepost.port };
  const hasRedis = subjects.some(({ name }) => name.startsWith("Redis"));
  const loops: [string, () => Promise<number>][] = [
    ["Wirepost, each ack() awaited", () => receiveLoop(server, AWAITED, true)],
    ...hasRedis
      ? [["Redis XREADGROUP, XACK", () => redisStream(redis, AWAITED)] as [string, () => Promise<number>]]
      : [],
    ["Wirepost, ack() not awaited", () => receiveLoop(server, NOT_AWAITED, false)],
  ];
  const rates = loops.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [, loop]] of loops.entries()) rates[i]!.push(await loop());
  }
  for (const [i, [name]] of loops.entries()) {
    await print(`${name.padEnd(28)} ${String(Math.round(median(rates[i]!))).padStart(8)}`);
  }
} finally {
  for (const child of children) child.kill();
  for (const child of children) await child.status;
  await Deno.remove(directory, { recursive: true });
}
