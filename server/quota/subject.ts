/**
 * Whom a measure of the administrator is about: a name, or a network.
 *
 * @module
 */

import { isIP } from "node:net";
import { Networks, plainAddress } from "./address.ts";

export interface Subject {
  /** As it is kept and shown: a name as it is, a network in one form: `192.168.1.7`, `10.0.0.0/8`, `2001:db8:0:1::/64`. */
  text: string;
  /** Undefined for a name. */
  network?: Networks;
}

/** Bits of an IPv6 address that one site has (RFC 6177): such an address counts as its network. */
const SITE_BITS = 64;

/** What is this machine's own, of both versions of IP. */
const OWN_ADDRESSES = ["127.0.0.1", "127.255.255.254", "::1"];

/** The subject of `192.168.1.7`, `2001:db8::7`, `10.0.0.0/8` or a name. An address is never a name. */
export function subjectOf(text: string): Subject {
  const slash = text.lastIndexOf("/"), hasBits = slash >= 0 && /^\d{1,3}$/.test(text.slice(slash + 1));
  const address = plainAddress((hasBits ? text.slice(0, slash) : text).toLowerCase()),
    version = isIP(address);
  if (version === 0) return { text };
  const most = version === 6 ? 128 : 32;
  const bits = hasBits ? Number(text.slice(slash + 1)) : version === 6 ? SITE_BITS : most;
  if (bits > most) return { text };
  const network = `${networkAddress(address, bits, version === 6)}/${bits}`;
  return {
    text: bits === most && version === 4 ? address : network,
    network: new Networks([network]),
  };
}

/** Whether this machine's own addresses are in the network. */
export function isOwnMachine({ network }: Subject): boolean {
  return network !== undefined && OWN_ADDRESSES.some((address) => network.has(address));
}

/** The address with every bit behind the first `bits` cleared. */
function networkAddress(address: string, bits: number, isIPv6: boolean): string {
  const width = isIPv6 ? 16 : 8;
  const parts = isIPv6 ? groupsOf(address) : address.split(".").map(Number);
  const cleared = parts.map((part, i) => {
    const kept = Math.max(0, Math.min(width, bits - i * width));
    return part & ~(2 ** (width - kept) - 1) & (2 ** width - 1);
  });
  if (!isIPv6) return cleared.join(".");
  while (cleared.length > 1 && cleared.at(-1) === 0) cleared.pop();
  const shown = cleared.map((group) => group.toString(16)).join(":");
  return cleared.length === 8 ? shown : cleared.length === 1 && cleared[0] === 0 ? "::" : `${shown}::`;
}

/** The eight groups of an IPv6 address; the last two may be written as IPv4. */
function groupsOf(address: string): number[] {
  const groups = (text: string) =>
    text.split(":").filter(Boolean).flatMap((group) => {
      if (!group.includes(".")) return [parseInt(group, 16)];
      const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
      return [a * 256 + b, c * 256 + d];
    });
  const [head = "", tail] = address.split("::"), before = groups(head), after = groups(tail ?? "");
  return [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
}
