/**
 * Owners: who what is stored or waits is charged to. That is an account, by its name, or the network of a client without
 * one, in brackets, which no name of an account has. All addresses of the server's own machine are one owner.
 *
 * @module
 */

import { isLoopback, networkOf } from "./address.ts";

const THIS_MACHINE = "[this machine]";

/** The owner of what comes from an address, as a socket gives it. */
export function ownerAt(hostname: string): string {
  return isLoopback(hostname) ? THIS_MACHINE : `[${networkOf(hostname)}]`;
}

/** The owner of what a session stores; its network is empty on this machine. */
export function ownerOf({ account, network }: { readonly account: string; readonly network: string }) {
  return account || (network === "" ? THIS_MACHINE : `[${network}]`);
}

/** For a log line: `user alice`, `address 10.0.0.1`, `this machine`. */
export function describeOwner(owner: string): string {
  if (!owner.startsWith("[")) return `user ${owner}`;
  const network = owner.slice(1, -1);
  return /^[\d:a-f]/.test(network) ? `address ${network}` : network;
}
