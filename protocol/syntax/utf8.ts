/**
 * Text of bytes that have to be UTF-8.
 *
 * @module
 */

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Stands for what is not UTF-8, or was sent as itself. */
const REPLACEMENT = "\ufffd";

/**
 * The text of the bytes, or undefined if they are not UTF-8. A decoder that refuses such bytes takes twice the time for
 * those that are, and 14 us for the error: a flood of other bytes would keep the server busy.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const text = decoder.decode(bytes);
  return !text.includes(REPLACEMENT) || isEncoded(text, bytes) ? text : undefined;
}

/** Whether the text is encoded as these bytes: it is not where something in them had to be replaced. */
function isEncoded(text: string, bytes: Uint8Array): boolean {
  const encoded = encoder.encode(text);
  return encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
}
