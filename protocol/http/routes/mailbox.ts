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
import { type RequestBody, type RouteAnswer, type Routes, type Schema, TEXT_TYPES } from "../route.ts";
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
  types: TEXT_TYPES,
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
  },
  ttl: { kind: "duration", min: 1, max: MAX_TIME_MS, help: "It is removed after this time" },
} as const satisfies QueryParameters;

const RECEIVE_QUERY = {
  wait: { kind: "duration", max: MAX_WAIT_MS, help: "How long to wait for a message" },
  max: { kind: "count", min: 1, max: MAX_LEASE_MESSAGES, help: "Most messages (1)" },
  lease: {
    kind: "duration",
    min: MIN_LEASE_MS,
    max: MAX_LEASE_MS,
    help: "Lease them for this time: they are kept until they are acknowledged",
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
      after: { kind: "count", help: "Show messages with higher numbers" },
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
      title: "Look into a mailbox",
      target: "/mailbox/ops?limit=1",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"mailbox":"ops","ready":4,"leased":0,"delayed":0,"dead":0,"messages":[{"id":1,"state":"ready","attempts":0,"sender":"disk","bytes":11,"text":"almost full","time":"2026-11-30T00:12:07.141Z"}],"more":true}\n',
      },
    }, {
      title: "See what waits, as text",
      target: "/mailbox/ops?after=3",
      answer: { status: 200, body: "4 2026-11-30T00:14:00.003Z cron ready backup done\n" },
    }],
  },
  put: {
    method: "POST",
    path: "/mailbox/{mailbox}",
    summary: "Put a message into a mailbox; answered when it is on disk",
    access: "user",
    parameters: MAILBOX,
    query: {
      sender: { kind: "text", help: "Who sends it (the account, or 'anonymous')" },
      ...PUT_QUERY,
    },
    headers: KEY_HEADER,
    body: BODY,
    answers: { 201: RECEIPT },
    problems: ["bad ID", "sender has an account", "not your name", "not confirmed", ...PUT_PROBLEMS],
    examples: [{
      title: "Put a message",
      target: "/mailbox/ops?sender=disk",
      body: "almost full\n",
      answer: { status: 201, body: "1\n" },
    }, {
      title: "Put one with a key: however often it is sent, it is stored once",
      target: "/mailbox/ops?sender=disk&ttl=1h",
      headers: { "idempotency-key": "5f8e6a2c", "accept": "application/json" },
      body: "still full\n",
      answer: { status: 201, body: '{"id":2,"time":"2026-11-30T00:12:09.020Z"}\n' },
    }, {
      title: "Send that again",
      target: "/mailbox/ops?sender=disk&ttl=1h",
      headers: { "idempotency-key": "5f8e6a2c", "accept": "application/json" },
      body: "still full\n",
      answer: { status: 201, body: '{"id":2,"time":"2026-11-30T00:12:09.020Z"}\n' },
    }, {
      title: "Put one as JSON",
      target: "/mailbox/ops",
      headers: { "accept": "application/json", "content-type": "application/json" },
      body: '{"text":"5 Ω, or more? ✓"}',
      answer: { status: 201, body: '{"id":3,"time":"2026-11-30T00:13:30.712Z"}\n' },
    }, {
      title: "Put one as curl -d does",
      target: "/mailbox/ops?sender=cron&delay=0s",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "backup done",
      answer: { status: 201, body: "4\n" },
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
      target: "/mailbox/ops/receive",
      answer: { status: 200, headers: { "wirepost-sender": "disk" }, body: "almost full\n" },
    }, {
      title: "Lease messages for five minutes",
      target: "/mailbox/ops/receive?lease=5m&max=3",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"messages":[{"id":2,"sender":"disk","time":"2026-11-30T00:12:09.020Z","text":"still full","attempt":1,"lease":"2-1f6c0e6a4be3d5f19a0b7c2d84e6f301"},{"id":3,"sender":"anonymous","time":"2026-11-30T00:13:30.712Z","text":"5 Ω, or more? ✓","attempt":1,"lease":"3-1f6c0e6a4be3d5f1c3d2a1908f7e6b54"},{"id":4,"sender":"cron","time":"2026-11-30T00:14:00.003Z","text":"backup done","attempt":1,"lease":"4-1f6c0e6a4be3d5f1e0f9a8b7c6d5e4f3"}]}\n',
      },
    }, {
      title: "Ask when there is none",
      target: "/mailbox/ops/receive?wait=0s",
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
      },
    },
    answers: { 204: { help: "Extended" } },
    problems: LEASE_PROBLEMS,
    examples: [{
      title: "Have another ten minutes",
      target: "/lease/2-1f6c0e6a4be3d5f19a0b7c2d84e6f301/extend?lease=10m",
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
      },
      reason: { kind: "text", help: "Why the attempt failed: a dead letter keeps it" },
      attempts: {
        kind: "count",
        min: 1,
        max: MAX_ATTEMPTS,
        help: "After so many attempts it becomes a dead letter (5)",
      },
    },
    answers: { 204: { help: "Returned" } },
    problems: ["bad query", ...LEASE_PROBLEMS],
    examples: [{
      title: "Return it",
      target: "/lease/2-1f6c0e6a4be3d5f19a0b7c2d84e6f301/release",
      answer: { status: 204 },
    }, {
      title: "Say that the attempt has failed, and that there is no other one",
      target: "/lease/3-1f6c0e6a4be3d5f1c3d2a1908f7e6b54/release?reason=timed%20out&attempts=1",
      answer: { status: 204 },
    }, {
      title: "Say so without a reason",
      target: "/lease/4-1f6c0e6a4be3d5f1e0f9a8b7c6d5e4f3/release?attempts=1",
      answer: { status: 204 },
    }],
  },
  acknowledge: {
    method: "DELETE",
    path: "/lease/{lease}",
    summary: "Acknowledge a leased message: it is removed",
    access: "user",
    parameters: LEASE,
    answers: { 204: { help: "Removed" } },
    problems: LEASE_PROBLEMS,
    examples: [{
      title: "Acknowledge it",
      target: "/lease/6-8d2b4f1e6a7c3950b1d4e7f2a5c8093b",
      answer: { status: 204 },
    }],
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
      answer: { status: 201, body: "5\n" },
    }, {
      title: "Put one with a key, that is removed after a day",
      target: "/queue?ttl=1d",
      headers: { "idempotency-key": "job-2", "accept": "application/json" },
      body: "job 2\n",
      answer: { status: 201, body: '{"id":6,"time":"2026-11-30T00:15:12.440Z"}\n' },
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
    }, {
      title: "Lease a job, and wait for one",
      target: "/queue/receive?lease=30s&wait=30s",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"messages":[{"id":6,"sender":"","time":"2026-11-30T00:15:12.440Z","text":"job 2","attempt":1,"lease":"6-8d2b4f1e6a7c3950b1d4e7f2a5c8093b"}]}\n',
      },
    }, {
      title: "Ask when there is none",
      target: "/queue/receive",
      answer: { status: 204 },
    }],
  },
} as const satisfies Routes;
