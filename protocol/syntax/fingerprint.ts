/**
 * The text of a certificate's fingerprint (channels.md 10.8).
 *
 * @module
 */

import { toHex } from "./binary_text.ts";

/** What such a text begins with; no text of a key does. */
const BEGIN = "sha256:";

/** `sha256:` and the SHA-256 of the certificate in DER, as 64 hexadecimal digits. */
export async function certificateFingerprint(der: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(der));
  return BEGIN + toHex(new Uint8Array(hash));
}

/** Whether the text is the fingerprint of a certificate. */
export function isFingerprint(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
