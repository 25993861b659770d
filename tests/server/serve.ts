import type { ServeOptions } from "../../server/options/serve_options.ts";
import { DEFAULT_OPTIONS } from "../default_options.ts";
import { serve, type Server } from "../../server/server.ts";
import type { StoreLimits } from "../../server/store/limits.ts";
import { Peer } from "../program.ts";

/** A server in this process: `wirepost serve mailbox 0 --memory`, changed by `options`. */
export async function withServer(
  options: Partial<Omit<ServeOptions, "limits">> & { limits?: Partial<StoreLimits> },
  use: (server: Server, log: string[]) => Promise<void>,
) {
  const log: string[] = [];
  const server = await serve({
    ...DEFAULT_OPTIONS,
    version: "0",
    ports: { mailbox: 0 },
    leaveOutTaken: false,
    data: undefined,
    ...options,
    limits: { ...DEFAULT_OPTIONS.limits, ...options.limits },
  }, {
    ready: () => Promise.resolve(),
    log: (bytes) => Promise.resolve(log.push(new TextDecoder().decode(bytes))),
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
