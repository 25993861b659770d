import { bold } from "@std/fmt/colors";
import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import { load, type LoadResult } from "../mailbox_load.ts";
import { write } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";

/** `parley bench`. */
export const command: Command = {
  name: "bench",
  summary: "Measure how many messages a running server passes on.",
  usage: ["mailbox [OPTION…]"],
  about: [
    "Puts messages into mailboxes of its own and takes each out again: one message is two datagrams to the server and\n" +
    "one back. The figures are those of the server and of this program together.",
  ],
  options: {
    "server": { value: "ADDRESS:PORT", help: "Where the server is (127.0.0.1:21001)" },
    "in-flight": { value: "N", help: "Messages on their way at a time (32)" },
    "count": { value: "N", help: "Messages in a run (100000)" },
    "runs": { value: "N", help: "Runs, of which the median is told (5)" },
    "json": { help: "Print an object a run" },
  },
  examples: ["parley bench mailbox --in-flight 128"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [service, more] = args.rest;
  if (service !== "mailbox") throw new UsageError("Missing what to measure: mailbox");
  if (more !== undefined) throw new UsageError(`Unexpected argument '${more}'`);
  const server = { hostname: "127.0.0.1", port: MAILBOX_PORT, ...args.address("server") };
  const inFlight = args.integer("in-flight", 1, 10_000) ?? 32;
  const count = args.integer("count", 1, 100_000_000) ?? 100_000;
  const runs = args.integer("runs", 1, 1000) ?? 5;
  const json = args.flag("json");

  const progress = new Progress();
  const results: LoadResult[] = [];
  for (let i = 1; i <= runs; i++) {
    const result = await load({
      server: { transport: "udp", ...server },
      inFlight,
      count,
      kind: "pass",
      onProgress: (done) => progress.show(() => `run ${i} of ${runs}: ${Math.floor(100 * done / count)} %`),
    }).finally(() => progress.clear());
    results.push(result);
    if (json) await write(`${JSON.stringify({ inFlight, count, ...result })}\n`);
    else await write(`${describe(result)}\n`);
  }
  const sorted = results.toSorted((a, b) => a.rate - b.rate);
  if (!json) {
    await write(
      `${bold("median")} ${Math.round(sorted[runs >> 1]!.rate)} messages/s, ${inFlight} in flight\n`,
    );
  }
  return 0;
}

function describe({ rate, p50, p99, again }: LoadResult): string {
  const us = (ms: number) => `${Math.round(ms * 1000)} us`;
  return `${Math.round(rate)} messages/s, p50 ${us(p50)}, p99 ${us(p99)}, ${again} sent again`;
}
