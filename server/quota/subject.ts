/**
 * Whom a measure of the administrator is about: a name, or a network.
 *
 * @module
 */

import { isIP } from "node:net";
import { isLoopback, Networks, plainAddress } from "./address.ts";
import { networkAddress } from "./network_map.ts";

export interface Subject {
  /** As it is kept and shown: a name as it is, a network in one form: `192.168.1.7`, `10.0.0.0/8`, `2001:db8:0:1::/64`. */
  text: string;
  /** Undefined for a name. */
  network?: Networks;
}

/** Bits of an IPv6 address that one site has (RFC 6177): such an address counts as its network. */
const SITE_BITS = 64;

/** An address in each of this machine's own networks: what is wider has it, and what is narrower begins in there. */
const OWN_ADDRESSES = ["127.0.0.1", "::1"];

/** The subject of `192.168.1.7`, `2001:db8::7`, `10.0.0.0/8` or a name. An address is never a name. */
export function subjectOf(text: string): Subject {
  const slash = text.lastIndexOf("/"), hasBits = slash >= 0 && /^\d{1,3}$/.test(text.slice(slash + 1));
  const address = plainAddress((hasBits ? text.slice(0, slash) : text).toLowerCase()),
    version = isIP(address);
  if (version === 0) return { text };
  const most = version === 6 ? 128 : 32;
  const bits = hasBits ? Number(text.slice(slash + 1)) : version === 6 ? SITE_BITS : most;
  if (bits > most) return { text };
  const network = `${networkAddress(address, bits)}/${bits}`;
  return {
    text: bits === most && version === 4 ? address : network,
    network: new Networks([network]),
  };
}

/** Whether any of this machine's own addresses is in the network. */
export function isOwnMachine({ text, network }: Subject): boolean {
  return network !== undefined &&
    (isLoopback(text.replace(/\/.*/, "")) || OWN_ADDRESSES.some((address) => network.has(address)));
}
