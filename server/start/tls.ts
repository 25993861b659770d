/**
 * TLS of channels, room and HTTP: on which ports, and with which certificate.
 *
 * @module
 */

import type { StreamSocket } from "../net/listener.ts";
import type { Certificate } from "../net/tls/certificate.ts";
import { TlsPort, type TlsPortOptions } from "../net/tls/tls_port.ts";
import type { Log } from "../report/log.ts";
import type { ServiceSockets } from "./service_sockets.ts";

/** What a port with TLS needs; `handshakes` are those of all ports. */
export type Tls = TlsPortOptions & { certificate: Certificate };

/**
 * Where channels and room listen. With a certificate the channels' port takes TLS too, or nothing else; the room's own
 * port never does, because there the server may be the first to speak.
 */
export function hubSockets(
  { channels, room, "room-tls": roomTls }: ServiceSockets,
  tls: Tls | undefined,
): { channels?: readonly StreamSocket[]; room?: readonly StreamSocket[] } {
  return {
    ...channels === undefined ? {} : { channels: withTls(channels, tls) },
    ...room === undefined && roomTls === undefined
      ? {}
      : { room: [...room ?? [], ...withTls(roomTls, tls && { ...tls, takesPlain: false })] },
  };
}

/** With a certificate a port takes TLS too, or nothing else. */
export function withTls(
  sockets: readonly StreamSocket[] = [],
  tls: Tls | undefined,
): readonly StreamSocket[] {
  return tls === undefined ? sockets : sockets.map((socket) => new TlsPort(socket, tls));
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
