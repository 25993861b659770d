/**
 * Parts of a file: `Range`, `Content-Range` (RFC 9110, section 14) and `Content-Digest` (RFC 9530). http.md section 10.
 *
 * @module
 */

/** Bytes from `start` to `end`, which is one of them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part that a `Range` header asks for; undefined where it has to be ignored: it is of another unit, of several
 * parts, or none.
 */
export function parseRange(header: string, size: number): ByteRange | "none" | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (first === undefined || last === undefined || first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { start: size - length, end: size - 1 };
  }
  const start = Number(first), end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "none" : { start, end };
}

/** The part of a whole that a body is; without one, it is only asked how much has arrived. */
export interface ContentRange {
  readonly range: ByteRange | undefined;
  readonly size: number;
}

/** Reads `bytes 0-99/1234`, and `bytes *` + `/1234`; undefined if it is neither. */
export function parseContentRange(header: string): ContentRange | undefined {
  const match = /^bytes (?:\*|(\d{1,15})-(\d{1,15}))\/(\d{1,15})$/.exec(header.trim());
  if (match === null) return undefined;
  const [, first, last, whole] = match, size = Number(whole);
  if (first === undefined) return { range: undefined, size };
  const start = Number(first), end = Number(last);
  return start <= end && end < size ? { range: { start, end }, size } : undefined;
}

/** The SHA-256 in `Content-Digest` or `Repr-Digest`, 64 lower-case hexadecimal digits; undefined if there is none. */
export function parseDigest(header: string): string | undefined {
  const [, encoded] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header) ?? [];
  return encoded === undefined ? undefined : Uint8Array.fromBase64(encoded).toHex();
}

/** What {@linkcode parseDigest} reads. */
export function encodeDigest(hash: string): string {
  return `sha-256=:${Uint8Array.fromHex(hash).toBase64()}:`;
}

/** `Content-Disposition` of a file that is saved under this name. */
export function encodeDisposition(name: string): string {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `attachment; filename*=UTF-8''${encoded}`;
}
