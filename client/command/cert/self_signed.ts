/**
 * A certificate that a server signs itself. The bytes of it are made by `@peculiar/x509`: it is kept up, uses the
 * system's WebCrypto, and knows keys on elliptic curves, which node-forge does not; `selfsigned` is a wrapper around it.
 *
 * @module
 */

// the library of certificates needs it before it is loaded
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { isIP } from "node:net";
import { certificateFingerprint } from "../../../protocol/syntax/fingerprint.ts";

/** Bytes of a serial number: at most 20, not to be guessed (RFC 5280, 4.1.2.2). */
const SERIAL_BYTES = 16;

/** The certificate counts from so long before it is made, in milliseconds: clients' clocks may be slow. */
const CLOCK_SKEW_MS = 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its key, both in PEM. */
export interface SelfSigned {
  cert: string;
  key: string;
  fingerprint: string;
}

/**
 * Makes a key on the curve P-256, and a certificate that it signs itself.
 *
 * @param names Host names and addresses of the server.
 */
export async function selfSigned(names: readonly string[], days: number): Promise<SelfSigned> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
  const serial = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  // a positive number without a zero in front
  serial[0] = serial[0]! & 0x3f | 0x40;
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toHex(),
    name: [{ CN: [names[0]!] }],
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" as const : "ip" as const, value })),
      ),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${PemConverter.encode(key, "PRIVATE KEY")}\n`,
    fingerprint: await certificateFingerprint(new Uint8Array(certificate.rawData)),
  };
}
