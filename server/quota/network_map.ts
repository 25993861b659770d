import { isIP } from "node:net";
import { plainAddress } from "./address.ts";

/** Looks up the network of an address, as fast among ten thousand networks as among ten. */
export class NetworkMap<Value> {
  /** By the address with its other bits cleared; for each version of IP and length that is used. */
  readonly #networks = new Map<string, { isIPv6: boolean; bits: number; values: Map<string, Value> }>();

  /** Adds a network, as `Subject.text` has it. One that is there gets another value. */
  set(network: string, value: Value) {
    const [address = "", length] = network.split("/"), isIPv6 = address.includes(":");
    const bits = length === undefined ? isIPv6 ? 128 : 32 : Number(length), key = `${isIPv6} ${bits}`;
    let networks = this.#networks.get(key);
    if (networks === undefined) {
      this.#networks.set(key, networks = { isIPv6, bits, values: new Map<string, Value>() });
    }
    networks.values.set(networkAddress(address, bits), value);
  }

  /** The value of a network that the address, as a socket gives it, is in. */
  get(hostname: string): Value | undefined {
    if (this.#networks.size === 0) return undefined;
    const address = plainAddress(hostname), version = isIP(address);
    if (version === 0) return undefined;
    const isAddressIPv6 = version === 6, parts = partsOf(address);
    for (const { isIPv6, bits, values } of this.#networks.values()) {
      if (isIPv6 !== isAddressIPv6) continue;
      const value = values.get(cleared(parts, bits, isIPv6));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** The address with every bit behind the first `bits` cleared. */
export function networkAddress(address: string, bits: number): string {
  return cleared(partsOf(address), bits, address.includes(":"));
}

/** The bytes of an IPv4 address, or the groups of an IPv6 address. */
function partsOf(address: string): number[] {
  return address.includes(":") ? groupsOf(address) : address.split(".").map(Number);
}

function cleared(parts: readonly number[], bits: number, isIPv6: boolean): string {
  const width = isIPv6 ? 16 : 8;
  const kept = parts.map((part, i) => {
    const count = Math.max(0, Math.min(width, bits - i * width));
    return part & ~(2 ** (width - count) - 1) & (2 ** width - 1);
  });
  if (!isIPv6) return kept.join(".");
  while (kept.length > 1 && kept.at(-1) === 0) kept.pop();
  const shown = kept.map((group) => group.toString(16)).join(":");
  return kept.length === 8 ? shown : kept.length === 1 && kept[0] === 0 ? "::" : `${shown}::`;
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
