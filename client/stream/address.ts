import { lookup } from "node:dns/promises";

/**
 * The address of a server, as its replies name it.
 *
 * @throws {Error} There is none of that name.
 */
export async function resolveServer(
  hostname: string,
  port: number,
): Promise<{ address: Deno.NetAddr; family: number }> {
  let address: string, family: number;
  try {
    ({ address, family } = await lookup(hostname, { order: "ipv4first" }));
  } catch (error) {
    throw lookupError(hostname, error);
  }
  if (family === 6 && !address.includes("%")) address = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return { address: { transport: "udp", hostname: address, port }, family };
}

/** What a look-up that failed comes to: the system's own words are for programs. */
export function lookupError(hostname: string, error: unknown): Error {
  const { code, message } = error as Error & { code?: string };
  const why = code === "ENOTFOUND"
    ? "there is no such name"
    : code === "EAI_AGAIN"
    ? "no name server answers"
    : message;
  return new Error(`Cannot look up ${hostname}: ${why}`);
}
