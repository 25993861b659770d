/**
 * Bytes in base64 and hexadecimal digits. The library runs where `Uint8Array` has no methods of its own for that: on Node
 * before 25.
 *
 * @module
 */

import { Buffer } from "node:buffer";

type Bytes = Uint8Array<ArrayBuffer>;

/** Base64 with its padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  return viewOf(bytes).toString("base64");
}

/** Base64url without padding (RFC 4648, section 5). */
export function toBase64url(bytes: Uint8Array): string {
  return viewOf(bytes).toString("base64url");
}

/** Lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return viewOf(bytes).toString("hex");
}

/** The bytes of base64; undefined if the text is not exactly what {@linkcode toBase64} makes of them. */
export function fromBase64(text: string): Bytes | undefined {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  return toBase64(bytes) === text ? bytes : undefined;
}

/** Decodes base64url. The caller has checked its characters. */
export function fromBase64url(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "base64url"));
}

/** The bytes of an even number of hexadecimal digits. */
export function fromHex(digits: string): Bytes {
  const bytes = new Uint8Array(digits.length / 2);
  viewOf(bytes).write(digits, "hex");
  return bytes;
}

/** The same memory. */
function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
