/**
 * Who is charged for what is stored, by name: an account by its own, and who has not logged in by his network, as
 * `[ADDRESS]`, which no account can be called. All addresses of the server's own machine are one.
 *
 * @module
 */

import { networkOf } from "./address.ts";
import { isLoopback } from "../net/limits.ts";

const THIS_MACHINE = "[this machine]";

/** The holder of what comes from an address, as a socket gives it. */
export function holderAt(hostname: string): string {
  return isLoopback(hostname) ? THIS_MACHINE : `[${networkOf(hostname)}]`;
}

/** The holder of what a session stores; its network is empty on this machine. */
export function holderOf({ account, network }: { readonly account: string; readonly network: string }) {
  return account || (network === "" ? THIS_MACHINE : `[${network}]`);
}

/** For a line of the log: `user alice`, `address 10.0.0.1`, `this machine`. */
export function describeHolder(holder: string): string {
  if (!holder.startsWith("[")) return `user ${holder}`;
  const place = holder.slice(1, -1);
  return /^[\d:a-f]/.test(place) ? `address ${place}` : place;
}
