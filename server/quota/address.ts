/**
 * Networks, and whether an address belongs to one of them.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";

/**
 * Loopback, private (RFC 1918), link-local (RFC 3927, RFC 4291) and unique local (RFC 4193) networks. A stranger on the
 * internet cannot have an address in them, or send from one.
 */
export const PRIVATE_NETWORKS: readonly string[] = [
  "127.0.0.0/8",
  "::1/128",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "fe80::/10",
  "fc00::/7",
];

const DOT = 0x2e, ZERO = 0x30, NINE = 0x39;

/** Results of look-ups of IPv6 addresses that a set remembers. */
const MAX_REMEMBERED = 1024;

/** An address as it is compared and counted: without its zone, and IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2) as IPv4. */
export function plainAddress(hostname: string): string {
  const zone = hostname.indexOf("%");
  const address = zone < 0 ? hostname : hostname.slice(0, zone);
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** An address as it counts in limits: IPv4, or the /64 of IPv6 that one site has (RFC 6177). */
export function networkOf(hostname: string): string {
  const address = plainAddress(hostname);
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const before = head.split(":").filter(Boolean), after = (tail ?? "").split(":").filter(Boolean);
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array(zeros).fill("0"), ...after].slice(0, 4).join(":");
}

/** The block of a network of {@linkcode networkOf} (README.md 1.4): the /16 of IPv4, or the /32 of IPv6. */
export function blockOf(network: string): string {
  const separator = network.includes(":") ? ":" : ".";
  const end = network.indexOf(separator, network.indexOf(separator) + 1);
  return end < 0 ? network : network.slice(0, end);
}

/** Whether an address is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

/** A set of networks. */
export class Networks {
  /** The lowest address of each IPv4 network, and the mask of its bits. */
  readonly #ipv4: { first: number; mask: number }[] = [];
  readonly #list = new BlockList();
  readonly #known = new Map<string, boolean>();

  /**
   * @param networks Each in CIDR notation (RFC 4632; `10.0.0.0/8`, `fc00::/7`), or a single address.
   * @throws {SyntaxError} One of them is neither.
   */
  constructor(readonly networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", bits, ...rest] = network.split("/");
      const version = isIP(address), most = version === 6 ? 128 : 32;
      const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
      // an address with a zone is one of an interface, and no network
      if (version === 0 || address.includes("%") || rest.length > 0 || !(prefix <= most)) {
        throw new SyntaxError(`Cannot read network '${network}': expected ADDRESS/BITS`);
      }
      if (version === 4) {
        const mask = prefix === 0 ? 0 : -1 << 32 - prefix;
        this.#ipv4.push({ first: ipv4Number(address)! & mask, mask });
      } else this.#list.addSubnet(address, prefix, "ipv6");
    }
  }

  /** Whether the address, as a socket gives it, is in one of the networks. */
  has(hostname: string): boolean {
    // what a stranger sends from any address has to be looked up each time
    const number = ipv4Number(hostname);
    if (number !== undefined) return this.#ipv4.some(({ first, mask }) => (number & mask) === first);
    let known = this.#known.get(hostname);
    if (known === undefined) {
      const address = plainAddress(hostname), mapped = ipv4Number(address);
      known = mapped === undefined ? this.#list.check(address, "ipv6") : this.has(address);
      if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
      this.#known.set(hostname, known);
    }
    return known;
  }
}

/** The 32 bits of an IPv4 address as a socket gives it, as a signed number; undefined for any other. */
function ipv4Number(address: string): number | undefined {
  let number = 0, part = 0, dots = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === DOT) {
      number = number << 8 | part;
      part = 0;
      dots++;
    } else if (code >= ZERO && code <= NINE) part = 10 * part + code - ZERO;
    else return undefined;
  }
  return dots === 3 ? number << 8 | part : undefined;
}

const LOOPBACK = new Networks(["127.0.0.0/8", "::1"]);
