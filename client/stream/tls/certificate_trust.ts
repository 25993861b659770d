import type { TlsOptions } from "../connection.ts";

/** A server's certificate is not one that is trusted. */
export class ServerCertificateError extends Error {
  /** The name of the class. */
  override name = "ServerCertificateError";
}

/** What a server has shown. */
interface Shown {
  /** `HOST:PORT` that was connected to. */
  server: string;
  fingerprint: string;
  /** Why no root has signed it for this server; undefined if one has. */
  why: string | undefined;
}

/**
 * Trusts a certificate that a root has signed, or that is the remembered one. At first use it is remembered: also one that
 * a root has signed, so that nobody can put one of his own in its place later (channels.md 10.8).
 *
 * @throws {ServerCertificateError} It is not trusted.
 * @throws {Error} What is remembered can't be read or written.
 */
export async function checkCertificate(
  { ca, knownServers, onFirstUse, server: name }: TlsOptions,
  { server, fingerprint, why }: Shown,
): Promise<void> {
  if (ca !== undefined || knownServers === undefined) {
    if (why === undefined) return;
    throw new ServerCertificateError(`The certificate of ${server} is refused: ${why} (${fingerprint})`);
  }
  const known = await knownServers.certificateOf(name ?? server);
  if (known === fingerprint) return;
  if (why === undefined) {
    // a root vouches for it: that it can't be remembered is no reason to refuse it
    return await knownServers.addCertificate(name ?? server, fingerprint).catch(() => {});
  }
  if (known !== undefined) {
    throw new ServerCertificateError(
      `The server at ${server} has the certificate ${fingerprint}, but ${knownServers.path} says ${known}: ` +
        `somebody may be in between; if it was given a new certificate, run: wirepost known-servers remove ${
          name ?? server
        }`,
    );
  }
  await onFirstUse?.(fingerprint, name ?? server);
  await knownServers.addCertificate(name ?? server, fingerprint);
}
