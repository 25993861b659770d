/** An address as people read and type it: `127.0.0.1:21001`, `[::1]:21001`. */
export function formatAddress({ hostname, port }: { hostname: string; port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
