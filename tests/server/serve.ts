import { Networks, PRIVATE_NETWORKS } from "../../server/quota/address.ts";
import { DEFAULT_FORUM_SERVICE_LIMITS } from "../../server/forum_service.ts";
import { DEFAULT_HUB_LIMITS } from "../../server/hub_service.ts";
import { Log, type LogLevel } from "../../server/report/log.ts";
import { serve, type ServeOptions, type Server } from "../../server/server.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../server/store/limits.ts";
import { Peer } from "../program.ts";

/** A server in this process: `wirepost serve mailbox 0 --memory`, but for what `options` say. */
export async function withServer(
  { logLevel = "info", ...options }: Partial<Omit<ServeOptions, "limits" | "log">> & {
    limits?: Partial<StoreLimits>;
    logLevel?: LogLevel;
  },
  use: (server: Server, log: string[]) => Promise<void>,
) {
  const log: string[] = [];
  const server = await serve({
    version: "0",
    ports: { mailbox: 0 },
    hubLimits: DEFAULT_HUB_LIMITS,
    forumLimits: DEFAULT_FORUM_SERVICE_LIMITS,
    hosts: ["127.0.0.1"],
    data: undefined,
    secretFile: undefined,
    sealKeyFile: undefined,
    openAccounts: true,
    maxFileBytes: undefined,
    originalFrom: new Networks(PRIVATE_NETWORKS),
    timestamps: true,
    maxDatagram: 1024,
    log: new Log((bytes) => Promise.resolve(log.push(new TextDecoder().decode(bytes))), { level: logLevel }),
    ready: () => Promise.resolve(),
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  });
  try {
    await use(server, log);
  } finally {
    await server.close();
  }
}

/** Sockets of clients, by their names. Each line of a transcript is `name > datagram` or `name < datagram`. */
export async function transcript(server: Server, text: string) {
  const peers = new Map<string, Peer>();
  const peer = (name: string) => {
    let peer = peers.get(name);
    if (peer === undefined) peers.set(name, peer = new Peer(server.addresses[0]!.port));
    return peer;
  };
  try {
    for (const line of text.split("\n")) {
      const match = /^\s*(\w+) +([<>]) (.*)$/.exec(line);
      if (match === null) continue;
      const [, name = "", direction, quoted = ""] = match;
      const datagram = quoted.replace(
        /\\([nrt0\\])/g,
        (_, c) => ({ n: "\n", r: "\r", t: "\t", 0: "\0", "\\": "\\" })[c as "n"],
      );
      if (direction === ">") {
        await peer(name).send(datagram);
        continue;
      }
      const got = (await peer(name).receive()).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, "TIME");
      if (got !== datagram) {
        throw new Error(
          `Expected ${JSON.stringify(datagram)} for '${line.trim()}', got ${JSON.stringify(got)}`,
        );
      }
    }
  } finally {
    for (const peer of peers.values()) peer[Symbol.dispose]();
  }
}
