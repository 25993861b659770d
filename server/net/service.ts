/** A service that runs: what the server tells of it. */
export interface Service {
  /** As on the command line, in ready lines and in the data directory. */
  readonly name: string;
  readonly transport: "udp" | "tcp";
  readonly addresses: readonly Deno.NetAddr[];
}
