/**
 * TLS of channels and room: on which ports, and with which certificate.
 *
 * @module
 */

import type { StreamSocket } from "./net/listener.ts";
import type { Certificate } from "./net/tls/certificate.ts";
import { TlsPort, type TlsPortOptions } from "./net/tls/tls_port.ts";
import type { Log } from "./report/log.ts";
import type { ServiceSockets } from "./service_sockets.ts";

/**
 * Where channels and room listen. With a certificate the channels' port takes TLS too, or nothing else; the room's own
 * port never does, because there the server may be the first to speak.
 */
export function hubSockets(
  { channels, room, "room-tls": roomTls }: ServiceSockets,
  certificate: Certificate | undefined,
  { takesPlain, handshakes }: Pick<TlsPortOptions, "takesPlain" | "handshakes">,
): { channels?: readonly StreamSocket[]; room?: readonly StreamSocket[] } {
  const withTls = (sockets: readonly Deno.TcpListener[] = [], takesPlain: boolean) =>
    certificate === undefined
      ? sockets
      : sockets.map((socket) => new TlsPort(socket, { certificate, takesPlain, handshakes }));
  return {
    ...channels === undefined ? {} : { channels: withTls(channels, takesPlain) },
    ...room === undefined && roomTls === undefined
      ? {}
      : { room: [...room ?? [], ...withTls(roomTls, false)] },
  };
}

/** Reads the files again. Those that can't be used leave the certificate as it is. */
export async function reloadCertificate(certificate: Certificate, log: Log) {
  try {
    await certificate.reload();
    logCertificate(certificate, log);
  } catch (error) {
    log.error({ service: "server", what: `${(error as Error).message}; the certificate stays as it was` });
  }
}

/** Logs which certificate clients get from now on. */
export function logCertificate(certificate: Certificate, log: Log) {
  const { fingerprint, summary } = certificate;
  log.info({ service: "server", what: `the server's certificate is ${fingerprint}, ${summary}` });
  if (certificate.isExpired(Date.now())) {
    log.warn({
      service: "server",
      what: "the server's certificate is not valid any more: clients may refuse it",
    });
  }
}
