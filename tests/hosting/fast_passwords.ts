/**
 * Hashes a password once instead of 600,000 times, because log-ins would take most of the time of a run of tests.
 * `deno task test` loads this into every process, servers and clients alike: two that hash differently can't log in to
 * each other. How passwords are hashed is tested in files that do not load this, and the commands of README.md and the
 * compiled program hash as they do for users.
 *
 * @module
 */

import { ITERATIONS } from "../../protocol/seal/scram.ts";

const { subtle } = crypto, deriveBits = subtle.deriveBits.bind(subtle);

Object.assign(subtle, {
  deriveBits(algorithm: Pbkdf2Params, key: CryptoKey, length: number): Promise<ArrayBuffer> {
    const isPassword = algorithm.name === "PBKDF2" && algorithm.iterations === ITERATIONS;
    return deriveBits(isPassword ? { ...algorithm, iterations: 1 } : algorithm, key, length);
  },
});
