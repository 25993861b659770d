/**
 * Owners: who what is stored or waits is charged to. That is an account, by its name, or the network of a client without
 * one, in brackets, which no name of an account has. All addresses of the server's own machine are one owner. So are the
 * accounts that clients at one network have made: each can make a thousand.
 *
 * @module
 */

import { isLoopback, networkOf } from "./address.ts";

const THIS_MACHINE = "this machine";

/** The name of a network, which is empty for this machine. */
export function networkName(network: string): string {
  return network || THIS_MACHINE;
}

/** The owner of what comes from an address, as a socket gives it. */
export function ownerAt(hostname: string): string {
  return `[${isLoopback(hostname) ? THIS_MACHINE : networkOf(hostname)}]`;
}

/** The owner of what those store whose accounts were made at the network of this {@linkcode networkName}. */
export function ownerOfUsers(network: string): string {
  return `[users of ${network}]`;
}

/** The owner of what a session without an account stores; its network is empty on this machine. */
export function ownerOf(network: string): string {
  return `[${networkName(network)}]`;
}

/** For a log line: `user alice`, `address 10.0.0.1`, `this machine`, `users of 10.0.0.1`. */
export function describeOwner(owner: string): string {
  if (!owner.startsWith("[")) return `user ${owner}`;
  const network = owner.slice(1, -1);
  return /^[\d:a-f]/.test(network) ? `address ${network}` : network;
}
