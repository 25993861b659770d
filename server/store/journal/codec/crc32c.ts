/** The polynomial of Castagnoli, bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** Bytes that one step takes in. */
const SLICE = 16;

/** `TABLES[256 * k + b]`: what byte `b` does to the sum `k` bytes further on ("slicing-by-16"). */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(256 * SLICE);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    tables[byte] = sum;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 255]!;
  }
  return tables;
}

/**
 * The CRC32C of `bytes` from `start` to `end`, as a number from 0 below 2 ** 32. `before` is that of the bytes that stand
 * before them, so that it can be computed in pieces.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  const t = TABLES;
  let sum = ~before, at = start;
  for (const last = end - SLICE; at <= last; at += SLICE) {
    sum ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    sum = t[3840 + (sum & 255)]! ^ t[3584 + (sum >>> 8 & 255)]! ^ t[3328 + (sum >>> 16 & 255)]! ^
      t[3072 + (sum >>> 24)]! ^
      t[2816 + bytes[at + 4]!]! ^ t[2560 + bytes[at + 5]!]! ^ t[2304 + bytes[at + 6]!]! ^
      t[2048 + bytes[at + 7]!]! ^ t[1792 + bytes[at + 8]!]! ^ t[1536 + bytes[at + 9]!]! ^
      t[1280 + bytes[at + 10]!]! ^ t[1024 + bytes[at + 11]!]! ^ t[768 + bytes[at + 12]!]! ^
      t[512 + bytes[at + 13]!]! ^ t[256 + bytes[at + 14]!]! ^ t[bytes[at + 15]!]!;
  }
  for (; at < end; at++) sum = (sum >>> 8) ^ t[(sum ^ bytes[at]!) & 255]!;
  return ~sum >>> 0;
}
