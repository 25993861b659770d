import { createHash } from "node:crypto";
import { clientKeysOf, encodeVerifier, ITERATIONS, verifierOf } from "../../protocol/seal/scram.ts";
import type { AccountRequest } from "../../server/store/requests/account.ts";

/** A name and its password. */
export const ACCOUNT = { name: "alice", password: "correct horse" };

const encoder = new TextEncoder();

/** Instead of PBKDF2, which takes longer than a whole run of the simulation. */
export function fastSalt(password: string, salt: Uint8Array, _iterations: number): Promise<Uint8Array> {
  return Promise.resolve(fastSaltSync(password, salt));
}

function fastSaltSync(password: string, salt: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(salt).update(encoder.encode(password)).digest());
}

/** Makes an account. Its password is hashed by {@linkcode fastSalt}. */
export function makeAccount(
  { name, password }: { name: string; password: string },
): AccountRequest & { what: "add"; verifier: string } {
  const salt = new Uint8Array(16).fill(name.length);
  const keys = clientKeysOf(fastSaltSync(password, salt));
  return { kind: "account", what: "add", name, verifier: encodeVerifier(verifierOf(keys, salt, ITERATIONS)) };
}
