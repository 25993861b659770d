/**
 * Routes of the administrator: what the server does, and its dead letters. http.md section 12.
 *
 * @module
 */

import type { RouteAnswer, Routes, Schema } from "../route.ts";

const TIME = { type: "string", format: "date-time" } as const;
const DEAD = { letter: "The number of the dead letter" };

/** A list of objects under a name, as JSON; as text, a line each. */
function rows(name: string, help: string, properties: Readonly<Record<string, Schema>>): RouteAnswer {
  const items: Schema = { type: "object", required: Object.keys(properties), properties };
  return {
    help,
    types: {
      "text/plain": undefined,
      "application/json": {
        type: "object",
        required: [name],
        properties: { [name]: { type: "array", items } },
      },
    },
  };
}

export const ADMIN_ROUTES = {
  status: {
    method: "GET",
    path: "/admin/status",
    summary: "What the server holds and has done, as `wirepost admin status` says it",
    isPage: true,
    access: "admin",
    answers: {
      200: {
        help: "A line for each value; or an object, with the mailboxes whose messages wait longest",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["version", "up", "values", "oldest"],
            properties: {
              version: { type: "string" },
              up: { type: "string", description: "Since the server started: `3m5s`" },
              values: {
                type: "array",
                items: {
                  type: "object",
                  required: ["name", "count"],
                  properties: {
                    name: { type: "string" },
                    count: { type: "integer" },
                    limit: { type: "integer", description: "Of a table" },
                  },
                },
              },
              oldest: {
                type: "array",
                items: {
                  type: "object",
                  required: ["mailbox", "messages", "time"],
                  properties: { mailbox: { type: "string" }, messages: { type: "integer" }, time: TIME },
                },
              },
            },
          },
        },
      },
    },
    examples: [{
      title: "Ask how it is",
      as: "alice",
      target: "/admin/status",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        isPart: true,
        body:
          '{"version":"1.0.0","up":"3m5s","values":[{"name":"messages","count":2},{"name":"leases","count":0,"limit":100000}],"oldest":[{"mailbox":"ops","messages":2,"time":"2026-11-30T00:12:09.020Z"}]}',
      },
    }],
  },
  limits: {
    method: "GET",
    path: "/admin/limits",
    summary: "Every limit, with its use",
    access: "admin",
    answers: {
      200: rows("limits", "The limits (admin.md 4.8)", {
        name: { type: "string" },
        option: { type: ["string", "null"], description: "The option of `serve` that changes it" },
        used: { type: ["integer", "null"] },
        limit: { type: ["integer", "null"] },
      }),
    },
    examples: [{
      title: "Ask for the limits",
      as: "alice",
      target: "/admin/limits",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        isPart: true,
        body: '{"limits":[{"name":"messages","option":"max-messages","used":2,"limit":10000000}]}',
      },
    }],
  },
  connections: {
    method: "GET",
    path: "/admin/connections",
    summary: "Who is connected",
    access: "admin",
    query: { after: { kind: "count", help: "Those behind this number" } },
    answers: {
      200: rows("connections", "The clients (admin.md 7.1), 64 at most", {
        number: { type: "integer" },
        name: { type: "string" },
        service: { type: "string" },
        kind: { type: "string" },
        address: { type: "string" },
        since: TIME,
        receivedBytes: { type: "integer" },
        sentBytes: { type: "integer" },
      }),
    },
    examples: [{
      title: "Ask who is connected",
      as: "alice",
      target: "/admin/connections?after=0",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        isPart: true,
        body:
          '{"connections":[{"number":9,"name":"alice","service":"http","kind":"connection","address":"127.0.0.1:41676","since":"2026-11-30T00:40:00.000Z","receivedBytes":137,"sentBytes":0}]}',
      },
    }],
  },
  deadLetters: {
    method: "GET",
    path: "/admin/dead",
    summary: "Dead letters of all mailboxes, the oldest first",
    access: "admin",
    query: { after: { kind: "count", help: "Those behind this number" } },
    answers: {
      200: rows("messages", "The dead letters (admin.md 4.6), as many as one page has", {
        id: { type: "integer" },
        mailbox: { type: "string" },
        sender: { type: "string" },
        time: TIME,
        attempts: { type: "integer" },
        reason: { type: "string" },
        bytes: { type: "integer" },
        text: { type: "string", description: "Its beginning" },
      }),
    },
    examples: [{
      title: "Read the dead letters",
      as: "alice",
      target: "/admin/dead",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"messages":[{"id":3,"attempts":1,"bytes":18,"mailbox":"ops","sender":"anonymous","time":"2026-11-30T00:13:30.712Z","reason":"timed out","text":"5 Ω, or more? ✓"},{"id":4,"attempts":1,"bytes":11,"mailbox":"ops","sender":"cron","time":"2026-11-30T00:14:00.003Z","reason":"released","text":"backup done"}]}\n',
      },
    }],
  },
  requeue: {
    method: "POST",
    path: "/admin/dead/{letter}/requeue",
    summary: "Put a dead letter back into its mailbox",
    access: "admin",
    parameters: DEAD,
    answers: { 204: { help: "It is there" } },
    problems: ["not done"],
    examples: [{
      title: "Put one back",
      as: "alice",
      target: "/admin/dead/3/requeue",
      answer: { status: 204 },
    }],
  },
  deleteDead: {
    method: "DELETE",
    path: "/admin/dead/{letter}",
    summary: "Delete a dead letter",
    access: "admin",
    parameters: DEAD,
    answers: { 204: { help: "It is gone" } },
    problems: ["not done"],
    examples: [{
      title: "Delete one",
      as: "alice",
      target: "/admin/dead/4",
      answer: { status: 204 },
    }],
  },
} as const satisfies Routes;
