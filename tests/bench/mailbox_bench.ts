/**
 * Measures the mailbox's original wire beside a bare UDP echo, in one run: each round measures every server in turn, so
 * that what the machine does meanwhile meets all of them. Prints medians over the rounds, and their ratios.
 *
 * `deno task bench [ROUNDS [MESSAGES]]` (5 rounds of 100,000 messages, a tenth of them with one in flight).
 */

import { type LoadOptions, originalLoad } from "../../client/command/bench/original_load.ts";
import { FROM_SOURCE, ServerProcess } from "../program.ts";

const rounds = Number(Deno.args[0] ?? 5), messages = Number(Deno.args[1] ?? 100_000);
const IN_FLIGHT = [1, 32, 128];

const script = (name: string) => [
  ...FROM_SOURCE.slice(0, -1),
  "--unstable-net",
  new URL(name, import.meta.url).pathname,
];
const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));

interface Subject {
  name: string;
  kind: LoadOptions["kind"];
  server: ServerProcess;
  /** Part of the messages that it is measured with: it is so much slower. */
  part?: number;
}

async function measure({ kind, server, part = 1 }: Subject, inFlight: number) {
  const count = Math.ceil(messages * part * (inFlight === 1 ? 0.1 : 1));
  return await originalLoad({
    server: { transport: "udp", hostname: "127.0.0.1", port: server.port },
    inFlight,
    count,
    kind,
  });
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const directory = await Deno.makeTempDir({ prefix: "wirepost-bench-" });
try {
  const start = (...args: string[]) => ServerProcess.start(["mailbox", "0", ...args]);
  await using echo = await ServerProcess.start([], { command: script("echo.ts") });
  await using memory = await start("--memory");
  await using durable = await start("--data", `${directory}/durable`);
  await using slow = await ServerProcess.start([`${directory}/slow`], { command: script("slow_server.ts") });
  const subjects: Subject[] = [
    { name: "bare echo", kind: "echo", server: echo },
    { name: "--memory", kind: "pass", server: memory },
    { name: "durable", kind: "pass", server: durable },
    { name: "durable, 5 ms a commit", kind: "pass", server: slow },
    {
      name: "durable, each message written before it is asked for",
      kind: "take",
      server: durable,
      part: 0.2,
    },
    { name: "--memory, the same", kind: "take", server: memory, part: 0.2 },
  ];

  for (const inFlight of IN_FLIGHT) {
    const rates = subjects.map((): number[] => []), p50 = subjects.map((): number[] => []);
    const p99 = subjects.map((): number[] => []);
    let again = 0;
    for (let round = 0; round < rounds; round++) {
      for (const [i, subject] of subjects.entries()) {
        const result = await measure(subject, inFlight);
        rates[i]!.push(result.rate);
        p50[i]!.push(result.p50);
        p99[i]!.push(result.p99);
        again += result.resent;
      }
    }
    const rate = rates.map(median);
    await print(`\n${inFlight} in flight, medians of ${rounds}`);
    for (const [i, { name, kind }] of subjects.entries()) {
      const unit = kind === "echo" ? "datagrams/s" : "messages/s ";
      const times = `p50 ${Math.round(median(p50[i]!) * 1000)} us, p99 ${
        Math.round(median(p99[i]!) * 1000)
      } us`;
      await print(`  ${String(Math.round(rate[i]!)).padStart(7)} ${unit}  ${name} (${times})`);
    }
    const ratio = (a: number, b: number) => (rate[a]! / rate[b]!).toFixed(2);
    await print(
      `  durable / --memory ${ratio(2, 1)}; durable / echo ${ratio(2, 0)}; --memory / echo ${ratio(1, 0)}`,
    );
    await print(
      `  5 ms a commit / --memory ${ratio(3, 1)}; written before, durable / --memory ${ratio(4, 5)}`,
    );
    await print(`  sent again: ${again}`);
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
