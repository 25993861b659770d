/** Where a program can be reached, as a socket names it. */
export interface Address {
  hostname: string;
  port: number;
}

/** An address as people read and type it: `127.0.0.1:21001`, `[::1]:21001`. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
