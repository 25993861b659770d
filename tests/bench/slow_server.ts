/** A mailbox server on which each commit takes 5 ms longer, as on a slower disk: `slow_server.ts serve DATA`. */

import { Networks, PRIVATE_NETWORKS } from "../../server/quota/address.ts";
import { Log } from "../../server/report/log.ts";
import { DEFAULT_FORUM_SERVICE_LIMITS } from "../../server/forum_service.ts";
import { DEFAULT_HUB_LIMITS } from "../../server/hub_service.ts";
import { serve } from "../../server/server.ts";
import { DEFAULT_LIMITS } from "../../server/store/limits.ts";
import { write, writeErrorBytes } from "../../client/terminal/output.ts";

const server = await serve({
  version: "slow",
  ports: { mailbox: 0 },
  hubLimits: DEFAULT_HUB_LIMITS,
  forumLimits: DEFAULT_FORUM_SERVICE_LIMITS,
  hosts: ["127.0.0.1"],
  data: Deno.args[1],
  secretFile: undefined,
  sealKeyFile: undefined,
  openAccounts: true,
  limits: DEFAULT_LIMITS,
  maxFileBytes: undefined,
  commitDelay: 5,
  originalFrom: new Networks(PRIVATE_NETWORKS),
  timestamps: true,
  maxDatagram: 1024,
  log: new Log(writeErrorBytes),
  ready: (line) => write(`${line}\n`),
});
await server.stopping;
await server.close();
