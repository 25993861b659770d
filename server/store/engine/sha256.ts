/**
 * SHA-256 (FIPS 180-4) of a short message. The platform's own, called for 40 bytes, costs several times as much, and every
 * lease draws a token.
 *
 * @module
 */

const INITIAL = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUNDS: Int32Array = cubeRootsOfPrimes(64);

/** Most bytes of a message that fits into one block, with the bit after it and its length. */
const MESSAGE_BYTES_MAX = 55;

function cubeRootsOfPrimes(count: number): Int32Array {
  const constants = new Int32Array(count);
  for (let found = 0, n = 2; found < count; n++) {
    let isPrime = true;
    for (let by = 2; by * by <= n; by++) isPrime &&= n % by !== 0;
    if (isPrime) constants[found++] = Number(cubeRoot(BigInt(n) << 96n) & 0xffffffffn);
  }
  return constants;
}

/** The whole part of the cube root, bit by bit. */
function cubeRoot(n: bigint): bigint {
  let root = 0n;
  for (let bit = 1n << 36n; bit > 0n; bit >>= 1n) {
    const next = root | bit;
    if (next * next * next <= n) root = next;
  }
  return root;
}

const schedule = new Int32Array(64), block = new Uint8Array(64), view = new DataView(block.buffer);

/** The hash of a message of at most {@linkcode MESSAGE_BYTES_MAX} bytes. */
export function shortSha256(message: Uint8Array): Uint8Array {
  if (message.length > MESSAGE_BYTES_MAX) {
    throw new RangeError(`Cannot hash ${message.length} bytes: at most ${MESSAGE_BYTES_MAX} are one block`);
  }
  block.fill(0);
  block.set(message);
  block[message.length] = 0x80;
  view.setUint32(60, 8 * message.length);
  for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(4 * i);
  for (let i = 16; i < 64; i++) {
    const s0 = schedule[i - 15]!, s1 = schedule[i - 2]!;
    const low = (s0 >>> 7 | s0 << 25) ^ (s0 >>> 18 | s0 << 14) ^ s0 >>> 3;
    const high = (s1 >>> 17 | s1 << 15) ^ (s1 >>> 19 | s1 << 13) ^ s1 >>> 10;
    schedule[i] = (schedule[i - 16]! + low | 0) + (schedule[i - 7]! + high | 0) | 0;
  }
  let a = INITIAL[0]!, b = INITIAL[1]!, c = INITIAL[2]!, d = INITIAL[3]!;
  let e = INITIAL[4]!, f = INITIAL[5]!, g = INITIAL[6]!, h = INITIAL[7]!;
  for (let i = 0; i < 64; i++) {
    const high = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const low = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const t1 = ((h + high | 0) + (e & f ^ ~e & g) | 0) + (ROUNDS[i]! + schedule[i]! | 0) | 0;
    const t2 = low + (a & b ^ a & c ^ b & c) | 0;
    h = g;
    g = f;
    f = e;
    e = d + t1 | 0;
    d = c;
    c = b;
    b = a;
    a = t1 + t2 | 0;
  }
  const hash = new Uint8Array(32), words = new DataView(hash.buffer);
  const sums = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) words.setInt32(4 * i, sums[i]! + INITIAL[i]!);
  return hash;
}
