import { type Connection, type ConnectOptions, connectTcp } from "../stream/connection.ts";

/**
 * Connects over TCP, with TLS if the options say so.
 *
 * @throws {ServerCertificateError} The server's certificate is not trusted.
 * @throws {Error} The server cannot be reached.
 */
export async function connectStream(options: ConnectOptions & { port: number }): Promise<Connection> {
  const { tls = false } = options;
  if (tls === false) return await connectTcp(options);
  // loaded only here, because most connections need neither
  const { connectTls } = await import("../stream/tls/tls_connection.ts");
  const settings = tls === true ? {} : tls;
  if (settings.ca !== undefined || settings.knownServers !== undefined) return await connectTls(options);
  const { KnownServers } = await import("./seal/known_servers.ts");
  return await connectTls({ ...options, tls: { ...settings, knownServers: new KnownServers() } });
}
