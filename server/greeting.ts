/**
 * What the log says when the services are ready.
 *
 * @module
 */

import { formatAddress } from "../protocol/address.ts";
import type { SealKey } from "../protocol/seal.ts";
import type { HubService } from "./hub_service.ts";
import { isLoopback } from "./net/limits.ts";
import type { ServeOptions } from "./server.ts";
import type { Service } from "./net/service.ts";
import type { Store } from "./store/store.ts";

/** The originals' console lines, what is there, who can reach it, and the key that clients of accounts can be given. */
export function greet(
  options: ServeOptions,
  services: readonly Service[],
  store: Store,
  hub: HubService | undefined,
  key: SealKey,
) {
  const { data, log, originalFrom } = options;
  const inMemory = (what: string) => `${what} are kept in memory and end with this process`;
  for (const { name, transport, addresses } of services) {
    if (name === "admin") {
      log.info({ service: name, what: `commands are taken on ${transport} ${addresses.map(formatAddress)}` });
      continue;
    }
    if (name === "mailbox") {
      const { messages, mailboxes } = store.opened;
      log.console(name, "Message server is listening");
      const held = data ? `${messages} messages in ${mailboxes} mailboxes in ${data}` : inMemory("messages");
      log.info({ service: name, what: held });
      const networks = originalFrom.networks.join(", ") || "nobody";
      log.info({ service: name, what: `the original wire is answered for ${networks}` });
    }
    if (name === "forum" && transport === "udp") {
      const held = data ? `threads and files are in ${data}` : inMemory("threads and files");
      log.info({ service: name, what: held });
    }
    if (name === "room") log.console(name, `Chat server started on port ${addresses[0]!.port}`);
    if (hub?.services[0]?.name === name) {
      const held = data ? `${hub.summary} in ${data}` : inMemory("channels and messages");
      log.info({ service: name, what: held });
    }
    for (const { hostname, port } of addresses.filter(({ hostname }) => !isLoopback(hostname))) {
      const what = `${hostname} can be reached by others; a firewall has to let ${port}/${transport} through`;
      log.info({ service: name, what });
    }
  }
  if (services.some(({ name }) => name === "mailbox" || name === "forum")) {
    log.info({ service: "server", what: `the server's key is ${key.text}` });
  }
}
