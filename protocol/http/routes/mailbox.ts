/**
 * Routes of mailboxes and of the shared queue. http.md section 8.
 *
 * @module
 */

import {
  MAX_ATTEMPTS,
  MAX_LEASE_MESSAGES,
  MAX_LEASE_MS,
  MAX_RETRY_DELAY_MS,
  MIN_LEASE_MS,
} from "../../session/mailbox_requests.ts";
import type { ProblemCode } from "../problem.ts";
import type { QueryParameters } from "../query.ts";
import type { RequestBody, RouteAnswer, Routes, Schema } from "../route.ts";
import { MAX_TEXT_BYTES } from "../../session.ts";

/** Longest wait of a request, in milliseconds (http.md 8.4). */
export const MAX_WAIT_MS = 300_000;

/** Longest delay and longest time to live, in milliseconds: a year. */
const MAX_TIME_MS = 366 * 86_400_000;

/** Messages of one page of a mailbox. */
export const MAX_PAGE_MESSAGES = 64;

/** JSON adds quotes and escapes to a text: at most six bytes for each. */
const MAX_BODY_BYTES = 6 * MAX_TEXT_BYTES + 1024;

const TIME: Schema = { type: "string", format: "date-time", description: "When the server received it" };
const ID: Schema = { type: "integer", description: "The message's number" };

const BODY = {
  help: "The text: one line of at most 65,000 bytes. A line end behind it does not belong to it",
  isRequired: true,
  maxBytes: MAX_BODY_BYTES,
  types: {
    "text/plain": undefined,
    "application/json": {
      type: "object",
      required: ["text"],
      properties: { text: { type: "string" } },
    },
  },
} as const satisfies RequestBody;

const RECEIPT = {
  help: "It is on disk: its number",
  types: {
    "text/plain": undefined,
    "application/json": {
      type: "object",
      required: ["id", "time"],
      properties: { id: ID, time: TIME },
    },
  },
} as const satisfies RouteAnswer;

const RECEIVED = {
  help: "The messages: a line each with its text, or an object",
  headers: {
    "Wirepost-Id": "The message's number; with several messages, all of them",
    "Wirepost-Sender": "Its sender, percent-encoded",
    "Wirepost-Time": "When the server received it",
    "Wirepost-Attempt": "How many attempts at it there were, with this one",
    "Wirepost-Lease": "The lease's ID, with `?lease`",
  },
  types: {
    "text/plain": undefined,
    "application/json": {
      type: "object",
      required: ["messages"],
      properties: {
        messages: {
          type: "array",
          items: {
            type: "object",
            required: ["id", "sender", "time", "text", "attempt"],
            properties: {
              id: ID,
              sender: { type: "string" },
              time: TIME,
              text: { type: "string" },
              attempt: { type: "integer" },
              lease: { type: "string", description: "The lease's ID" },
            },
          },
        },
      },
    },
  },
} as const satisfies RouteAnswer;

const PUT_QUERY = {
  delay: {
    kind: "duration",
    max: MAX_TIME_MS,
    help: "It can be received only after this time",
    example: "5m",
  },
  ttl: { kind: "duration", min: 1, max: MAX_TIME_MS, help: "It is removed after this time", example: "1h" },
} as const satisfies QueryParameters;

const RECEIVE_QUERY = {
  wait: { kind: "duration", max: MAX_WAIT_MS, help: "How long to wait for a message", example: "30s" },
  max: { kind: "count", min: 1, max: MAX_LEASE_MESSAGES, help: "Most messages (1)", example: "10" },
  lease: {
    kind: "duration",
    min: MIN_LEASE_MS,
    max: MAX_LEASE_MS,
    help: "Lease them for this time: they are kept until they are acknowledged",
    example: "30s",
  },
} as const satisfies QueryParameters;

const KEY_HEADER = {
  "Idempotency-Key": "A key of the client's own: repeated within 24 hours, the request stores nothing twice",
};

const PUT_PROBLEMS = [
  ...["bad body", "bad header", "not printable", "too long", "wrong type", "muted", "full", "full share"],
  ...["other body", "keys full", "overload", "storage"],
] as const satisfies readonly ProblemCode[];

const RECEIVE_PROBLEMS = ["busy", "overload", "storage"] as const satisfies readonly ProblemCode[];

/** Refusals because of an account. */
const ACCOUNT_PROBLEMS = [
  ...["account", "not your mailbox", "not confirmed"],
] as const satisfies readonly ProblemCode[];

const LEASE_PROBLEMS = [
  ...["lease lost", "account", "not your mailbox", "overload", "storage"],
] as const satisfies readonly ProblemCode[];

const LEASE = { lease: "The lease's ID, as `receive?lease` has given it" };
const MAILBOX = { mailbox: "The mailbox's name: 1 to 64 bytes" };

export const MAILBOX_ROUTES = {
  peek: {
    method: "GET",
    path: "/mailbox/{mailbox}",
    summary: "Show what a mailbox holds, and take nothing",
    isPage: true,
    access: "user",
    parameters: MAILBOX,
    query: {
      after: { kind: "count", help: "Show messages with higher numbers", example: "417" },
      limit: { kind: "count", min: 1, max: MAX_PAGE_MESSAGES, help: `Most messages (${MAX_PAGE_MESSAGES})` },
    },
    answers: {
      200: {
        help:
          "A line for each message: number, time, sender, state, and the beginning of the text. Or an object",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["mailbox", "ready", "leased", "delayed", "dead", "messages", "more"],
            properties: {
              mailbox: { type: "string" },
              ready: { type: "integer" },
              leased: { type: "integer" },
              delayed: { type: "integer" },
              dead: { type: "integer" },
              more: { type: "boolean", description: "Whether there are messages behind these" },
              messages: {
                type: "array",
                items: {
                  type: "object",
                  required: ["id", "state", "attempts", "sender", "time", "bytes", "text"],
                  properties: {
                    id: ID,
                    state: { type: "string", enum: ["ready", "leased", "delayed"] },
                    attempts: { type: "integer" },
                    sender: { type: "string" },
                    time: TIME,
                    bytes: { type: "integer", description: "Bytes of the whole text" },
                    text: { type: "string", description: "Its beginning" },
                  },
                },
              },
            },
          },
        },
      },
    },
    problems: ["bad ID", "busy", "storage", ...ACCOUNT_PROBLEMS],
    examples: [{
      title: "Look into an empty mailbox",
      target: "/mailbox/nobody",
      answer: { status: 200, body: "" },
    }],
  },
  put: {
    method: "POST",
    path: "/mailbox/{mailbox}",
    summary: "Put a message into a mailbox; answered when it is on disk",
    access: "user",
    parameters: MAILBOX,
    query: {
      sender: { kind: "text", help: "Who sends it (the account, or 'anonymous')", example: "alice" },
      ...PUT_QUERY,
    },
    headers: KEY_HEADER,
    body: BODY,
    answers: { 201: RECEIPT },
    problems: ["bad ID", "sender has an account", "not your name", "not confirmed", ...PUT_PROBLEMS],
    examples: [{
      title: "Put a message",
      target: "/mailbox/bob?sender=alice",
      body: "disk almost full\n",
      answer: { status: 201, body: "…\n" },
    }, {
      title: "Put one that may be sent again, for it is stored once",
      target: "/mailbox/bob?sender=alice&ttl=1h",
      headers: { "idempotency-key": "5f8e6a2c", "accept": "application/json" },
      body: "disk still full\n",
      answer: { status: 201, body: '{"id":…,"time":"…Z"}\n' },
    }],
  },
  receive: {
    method: "POST",
    path: "/mailbox/{mailbox}/receive",
    summary: "Take messages from a mailbox, or lease them",
    access: "user",
    parameters: MAILBOX,
    query: RECEIVE_QUERY,
    answers: { 200: RECEIVED, 204: { help: "There is none" } },
    problems: ["bad ID", ...ACCOUNT_PROBLEMS, ...RECEIVE_PROBLEMS],
    examples: [{
      title: "Take a message",
      target: "/mailbox/bob/receive",
      answer: { status: 200, headers: { "wirepost-sender": "alice" }, body: "disk almost full\n" },
    }, {
      title: "Lease a message for 30 seconds",
      target: "/mailbox/bob/receive?lease=30s",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"messages":[{"id":…,"sender":"alice","time":"…Z","text":"disk still full","attempt":1,"lease":"{lease}"}]}\n',
      },
    }, {
      title: "Ask when there is none",
      target: "/mailbox/bob/receive?wait=0s",
      answer: { status: 204 },
    }],
  },
  extend: {
    method: "POST",
    path: "/lease/{lease}/extend",
    summary: "Let a lease end later",
    access: "user",
    parameters: LEASE,
    query: {
      lease: {
        kind: "duration",
        min: MIN_LEASE_MS,
        max: MAX_LEASE_MS,
        help: "How long it runs from now on (30s)",
        example: "30s",
      },
    },
    answers: { 204: { help: "Extended" } },
    problems: LEASE_PROBLEMS,
    examples: [{
      title: "Have another minute",
      target: "/lease/{lease}/extend?lease=1m",
      answer: { status: 204 },
    }],
  },
  release: {
    method: "POST",
    path: "/lease/{lease}/release",
    summary: "Return a leased message",
    help: "Without parameters no attempt is counted. With one of them an attempt has failed.",
    access: "user",
    parameters: LEASE,
    query: {
      delay: {
        kind: "duration",
        max: MAX_RETRY_DELAY_MS,
        help: "It is given out again after this time",
        example: "5s",
      },
      reason: { kind: "text", help: "Why the attempt failed: a dead letter keeps it", example: "timed out" },
      attempts: {
        kind: "count",
        min: 1,
        max: MAX_ATTEMPTS,
        help: "After so many attempts it becomes a dead letter (5)",
      },
    },
    answers: { 204: { help: "Returned" } },
    problems: ["bad query", ...LEASE_PROBLEMS],
    examples: [],
  },
  acknowledge: {
    method: "DELETE",
    path: "/lease/{lease}",
    summary: "Acknowledge a leased message: it is removed",
    access: "user",
    parameters: LEASE,
    answers: { 204: { help: "Removed" } },
    problems: LEASE_PROBLEMS,
    examples: [{ title: "Acknowledge it", target: "/lease/{lease}", answer: { status: 204 } }],
  },
  putShared: {
    method: "POST",
    path: "/queue",
    summary: "Put a message into the shared queue",
    access: "user",
    query: PUT_QUERY,
    headers: KEY_HEADER,
    body: BODY,
    answers: { 201: RECEIPT },
    problems: ["not confirmed", ...PUT_PROBLEMS],
    examples: [{
      title: "Put a job",
      target: "/queue",
      body: "job 1\n",
      answer: { status: 201, body: "…\n" },
    }],
  },
  receiveShared: {
    method: "POST",
    path: "/queue/receive",
    summary: "Take messages from the shared queue, or lease them",
    access: "user",
    query: RECEIVE_QUERY,
    answers: { 200: RECEIVED, 204: { help: "There is none" } },
    problems: ["not confirmed", ...RECEIVE_PROBLEMS],
    examples: [{
      title: "Take a job",
      target: "/queue/receive",
      answer: { status: 200, body: "job 1\n" },
    }],
  },
} as const satisfies Routes;
