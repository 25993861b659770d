/**
 * What the log says when the services are ready.
 *
 * @module
 */

import type { SealKey } from "../protocol/seal.ts";
import { formatAddress } from "./address.ts";
import type { HubService } from "./hub_service.ts";
import { isLoopback } from "./limits.ts";
import type { ServeOptions } from "./serve.ts";
import type { Service } from "./service.ts";
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
      log.line(`admin: commands are taken on ${transport} ${addresses.map(formatAddress)}`);
      continue;
    }
    if (name === "mailbox") {
      const { messages, mailboxes } = store.opened;
      log.line("Message server is listening");
      log.line(
        `mailbox: ${
          data ? `${messages} messages in ${mailboxes} mailboxes in ${data}` : inMemory("messages")
        }`,
      );
      log.line(`mailbox: the original wire is answered for ${originalFrom.networks.join(", ") || "nobody"}`);
    }
    if (name === "forum" && transport === "udp") {
      log.line(`forum: ${data ? `threads and files are in ${data}` : inMemory("threads and files")}`);
    }
    if (name === "room") log.line(`Chat server started on port ${addresses[0]!.port}`);
    if (hub?.services[0]?.name === name) {
      log.line(`${name}: ${data ? `${hub.summary} in ${data}` : inMemory("channels and messages")}`);
    }
    for (const { hostname, port } of addresses.filter(({ hostname }) => !isLoopback(hostname))) {
      log.line(
        `${name}: ${hostname} can be reached by others; a firewall has to let ${port}/${transport} through`,
      );
    }
  }
  if (services.some(({ name }) => name === "mailbox" || name === "forum")) {
    log.line(`the server's key is ${key.text}`);
  }
}
