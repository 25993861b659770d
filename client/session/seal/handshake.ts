import { type Opener, RENEW_MS, RENEW_NUMBER, type Sealer, type SealHeader } from "../../../protocol/seal.ts";
import type { SealKey } from "../../../protocol/seal/keys.ts";

/** After how long new keys are tried for again if the server had no time for that (seal.md 4.12). */
export const RENEW_AGAIN_MS = 60_000;

/** The handshake has failed: the server does not know it any more. */
export class RetryHandshake extends Error {}

/** What the client has of one handshake. */
export interface Handshake {
  header: SealHeader;
  /** When it began. */
  madeAt: number;
  /** Number of the last request of the log-in. */
  k: number;
  /** Until the server has answered. */
  key?: SealKey;
  /** Once it has. */
  secret?: Secret;
}

interface Secret {
  sealer: Sealer;
  opener: Opener;
  binding: Uint8Array<ArrayBuffer>;
  /** The keys of transfers come from it. */
  files: Uint8Array<ArrayBuffer>;
}

/** Whether new keys have to be made (seal.md 4.4). */
export function isOld({ madeAt, secret }: Handshake, now: number): boolean {
  const numbers = [secret?.sealer.number ?? 0, secret?.opener.highest ?? 0];
  return now - madeAt >= RENEW_MS || Math.max(...numbers) >= RENEW_NUMBER;
}

/** Overwrites the keys of a handshake that is used no more (seal.md 4.14). */
export function erase(handshake: Handshake | undefined) {
  const { secret } = handshake ?? {};
  secret?.sealer.erase();
  secret?.opener.erase();
  secret?.binding.fill(0);
  secret?.files.fill(0);
  delete handshake?.secret;
  delete handshake?.key;
}
