/**
 * The server's certificate and its key, which are read again while the server runs. Connections that are there keep the
 * ones with which they began.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { certificateFingerprint } from "../../../protocol/syntax/fingerprint.ts";

export interface CertificateFiles {
  /** PEM: the server's certificate, then those that signed it, if there are some. */
  cert: string;
  /** PEM, without a passphrase. */
  key: string;
}

/** What a certificate is, for the log. */
interface Loaded {
  context: SecureContext;
  fingerprint: string;
  names: string;
  validToMs: number;
}

export class Certificate {
  #files: CertificateFiles;
  #loaded: Loaded;

  private constructor(files: CertificateFiles, loaded: Loaded) {
    this.#files = files;
    this.#loaded = loaded;
  }

  /** @throws {Error} A file can't be read, or they are not a certificate and its key. */
  static async load(files: CertificateFiles): Promise<Certificate> {
    return new Certificate(files, await load(files));
  }

  /**
   * Reads the files again, or others. What it returns takes them over, for connections that come from then on.
   *
   * @throws {Error} As {@linkcode load}.
   */
  async read(files = this.#files): Promise<() => void> {
    const loaded = await load(files);
    return () => {
      this.#loaded = loaded;
      this.#files = files;
    };
  }

  /** For new connections. */
  get context(): SecureContext {
    return this.#loaded.context;
  }

  get fingerprint(): string {
    return this.#loaded.fingerprint;
  }

  /** Its names and its end, in words. */
  get summary(): string {
    const { names, validToMs } = this.#loaded;
    return `for ${names || "no name"}, valid until ${new Date(validToMs).toISOString().slice(0, 10)}`;
  }

  isExpired(nowMs: number): boolean {
    return this.#loaded.validToMs < nowMs;
  }
}

async function load(files: CertificateFiles): Promise<Loaded> {
  const cert = await read(files.cert, "certificate"), key = await read(files.key, "key of the certificate");
  let first: X509Certificate, isItsKey: boolean, context: SecureContext;
  try {
    first = new X509Certificate(Buffer.from(cert));
  } catch {
    throw new Error(`Cannot use ${files.cert} as a certificate: it is not in PEM`);
  }
  try {
    isItsKey = first.checkPrivateKey(createPrivateKey(key));
    context = createSecureContext({ cert, key, minVersion: "TLSv1.2", maxVersion: "TLSv1.3" });
  } catch {
    // what the system says could quote the key
    throw new Error(`Cannot use ${files.key} as a key: it is not in PEM, or has a passphrase`);
  }
  if (!isItsKey) throw new Error(`Cannot use ${files.key}: it is not the key of ${files.cert}`);
  return {
    context,
    fingerprint: await certificateFingerprint(first.raw),
    names: (first.subjectAltName ?? "").replaceAll(/(?:DNS|IP Address):/g, ""),
    validToMs: Date.parse(first.validTo),
  };
}

async function read(file: string, what: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(
      `Cannot read the ${what} in ${file}: ${(error as Error).message.replace(/ \(os error \d+\).*/, "")}`,
    );
  }
}
