/**
 * IDs of leases. http.md 8.5.
 *
 * @module
 */

/** What a lease's ID stands for: the session and the token of the store, and the number of the message. */
export interface LeaseId {
  readonly session: string;
  readonly token: string;
  readonly id: number;
}

const LEASE_ID = /^(\d{1,15})-([0-9a-f]{16})([0-9a-f]{16})$/;

/** The number of the message, and 128 random bits in hexadecimal: the session's, then the token's. */
export function encodeLeaseId({ session, token, id }: LeaseId): string {
  return `${id}-${session}${token}`;
}

/** What the text stands for; undefined if it is no lease's ID. */
export function parseLeaseId(text: string): LeaseId | undefined {
  const [, id, session, token] = LEASE_ID.exec(text) ?? [];
  return id === undefined ? undefined : { id: Number(id), session: session!, token: token! };
}
