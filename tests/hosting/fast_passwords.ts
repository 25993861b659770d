/**
 * Hashes a password once instead of 600,000 times, in every process of a run of tests alike: else log-ins are the most
 * of its time. What the count is and how passwords are hashed is tested where this is not loaded, and README.md's
 * commands and the compiled program hash as users do.
 *
 * @module
 */

import { ITERATIONS } from "../../protocol/scram.ts";

const { subtle } = crypto, deriveBits = subtle.deriveBits.bind(subtle);

Object.assign(subtle, {
  deriveBits(algorithm: Pbkdf2Params, key: CryptoKey, length: number): Promise<ArrayBuffer> {
    const isPassword = algorithm.name === "PBKDF2" && algorithm.iterations === ITERATIONS;
    return deriveBits(isPassword ? { ...algorithm, iterations: 1 } : algorithm, key, length);
  },
});
