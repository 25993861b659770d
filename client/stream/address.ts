import { lookup } from "node:dns/promises";
import type { Address } from "../../protocol/syntax/address.ts";

/**
 * Looks up the address of a server, in the form that its replies have.
 *
 * @throws {Error} The name has no address.
 */
export async function resolveServer(hostname: string, port: number): Promise<Address> {
  let address: string, family: number;
  try {
    ({ address, family } = await lookup(hostname, { order: "ipv4first" }));
  } catch (error) {
    // the system's message is a code
    const { code, message } = error as Error & { code?: string };
    const why = code === "ENOTFOUND"
      ? "there is no such name"
      : code === "EAI_AGAIN"
      ? "no name server answers"
      : message;
    throw new Error(`Cannot look up ${hostname}: ${why}`);
  }
  if (family === 6 && !address.includes("%")) address = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return { hostname: address, port };
}
