/** A mailbox server on which each commit takes 5 ms longer, as on a slower disk: `slow_server.ts serve DATA`. */

import { readyLines } from "../../../client/command/serve/ready_table.ts";
import { write, writeError } from "../../../client/terminal/output.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import { serve } from "../../../server/server.ts";

const server = await serve(
  { ...DEFAULT_OPTIONS, version: "slow", ports: { mailbox: 0 }, data: Deno.args[1], syncDelayMs: 5 },
  { ready: (report) => write(readyLines(report)), log: writeError },
);
await server.stopping;
await server.close();
