/**
 * Text of bytes that have to be UTF-8.
 *
 * @module
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Stands for what is not UTF-8, or was sent as itself. */
const REPLACEMENT = "\ufffd";

/** The text of the bytes, or undefined if they are not UTF-8. A decoder that refuses such bytes takes twice the time. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const text = lenient.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
