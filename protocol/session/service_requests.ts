/**
 * The requests and answers of all services that a session carries. A service is asked those of another one too, and
 * answers that they are {@linkcode NOT_SERVED}.
 *
 * @module
 */

import {
  decodeForumAnswer,
  decodeForumRequest,
  type ForumAnswer,
  type ForumOrderedRequest,
  type ForumUnorderedRequest,
} from "../forum.ts";
import {
  decodeMailboxAnswer,
  decodeMailboxRequest,
  type MailboxAnswer,
  type OrderedMailboxRequest,
  type UnorderedMailboxRequest,
} from "./mailbox_requests.ts";
import type { BadRequest } from "../session.ts";

/** Why a request of another service than the one that listens is refused. */
export const NOT_SERVED = "not served here";

export type OrderedServiceRequest = OrderedMailboxRequest | ForumOrderedRequest;
export type UnorderedServiceRequest = UnorderedMailboxRequest | ForumUnorderedRequest;
export type ServiceRequest = OrderedServiceRequest | UnorderedServiceRequest;
export type ServiceAnswer = MailboxAnswer | ForumAnswer;

export function decodeServiceRequest(kind: string, line: string): ServiceRequest | BadRequest | undefined {
  return decodeMailboxRequest(kind, line) ?? decodeForumRequest(kind, line);
}

export function decodeServiceAnswer(kind: string, line: string): ServiceAnswer | undefined {
  return decodeMailboxAnswer(kind, line) ?? decodeForumAnswer(kind, line);
}
