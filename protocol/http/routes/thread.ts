/**
 * Routes of the forum's threads and messages; those of its files are in `file.ts`. http.md section 10.
 *
 * @module
 */

import type { ProblemCode } from "../problem.ts";
import { type RequestBody, type Routes, TEXT_TYPES } from "../route.ts";

/** The thread in a path. */
export const THREAD = { thread: "Its title: 1 to 64 of the characters that forum.md has for words" };
const MESSAGE = { ...THREAD, number: "The message's place among the messages of the thread, from 1" };

/** JSON adds quotes and escapes to a text of 65,000 bytes: at most six bytes for each. */
const MAX_POST_BYTES = 6 * 65_000 + 1024;

const POST = {
  help: "The text: one line of at most 65,000 bytes",
  isRequired: true,
  maxBytes: MAX_POST_BYTES,
  types: TEXT_TYPES,
} as const satisfies RequestBody;

const PLACE_SCHEMA = {
  type: "object",
  required: ["id", "number"],
  properties: { id: { type: "integer" }, number: { type: "integer" } },
} as const;

const MEANT = {
  id: {
    kind: "count",
    help: "The ID of the message that is meant: nothing is changed if another one has the number by now",
  },
} as const;

/** Of every change. */
const KEY_HEADER = {
  "idempotency-key": "A key of the client's own: repeated within 24 hours, the request changes nothing again",
};

const CHANGES = [
  ...["no log-in", "muted", "bad header", "other body", "keys full", "overload", "storage"],
] as const satisfies ProblemCode[];

const ENTRY_SCHEMA = {
  type: "object",
  required: ["id", "kind", "author", "time"],
  properties: {
    id: { type: "integer", description: "Grows in their order; none is used twice in a thread" },
    kind: { type: "string", enum: ["message", "file"] },
    author: { type: "string" },
    time: { type: "string", format: "date-time" },
    number: { type: "integer", description: "Of a message: its place among the messages, from 1" },
    version: { type: "integer", description: "Of a message: how often it was edited" },
    text: { type: "string", description: "Of a message" },
    name: { type: "string", description: "Of a file" },
    size: { type: "integer", description: "Of a file, in bytes" },
  },
} as const;

export const THREAD_ROUTES = {
  threads: {
    method: "GET",
    path: "/thread",
    summary: "The threads of the forum, in the order in which they were created",
    isPage: true,
    access: "user",
    query: { after: { kind: "count", help: "Those behind the thread with this ID" } },
    answers: {
      200: {
        help: "Their titles, a line each; or with more about them",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["threads", "more"],
            properties: {
              threads: {
                type: "array",
                items: {
                  type: "object",
                  required: ["id", "title", "creator", "entries"],
                  properties: {
                    id: { type: "integer" },
                    title: { type: "string" },
                    creator: { type: "string" },
                    entries: { type: "integer", description: "Messages and files" },
                  },
                },
              },
              more: { type: "boolean", description: "Whether others follow" },
            },
          },
        },
      },
    },
    problems: ["no log-in"],
    examples: [{
      title: "List the threads",
      as: "alice",
      target: "/thread",
      answer: { status: 200, body: "plans\nsockets\n" },
    }, {
      title: "List the next ones, with more about them",
      as: "alice",
      target: "/thread?after=1",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body: '{"threads":[{"id":2,"title":"sockets","creator":"alice","entries":0}],"more":false}\n',
      },
    }],
  },
  createThread: {
    method: "POST",
    path: "/thread",
    summary: "Create a thread",
    access: "user",
    headers: KEY_HEADER,
    body: {
      help: "Its title",
      isRequired: true,
      maxBytes: 1024,
      types: {
        "text/plain": undefined,
        "application/json": {
          type: "object",
          required: ["title"],
          properties: { title: { type: "string" } },
        },
      },
    },
    answers: {
      201: {
        help: "It was created",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["id", "title"],
            properties: { id: { type: "integer" }, title: { type: "string" } },
          },
        },
      },
    },
    problems: [...CHANGES, "bad ID", "thread exists", "forum full"],
    examples: [{
      title: "Create a thread",
      as: "alice",
      target: "/thread",
      body: "plans\n",
      answer: { status: 201, body: "plans\n" },
    }, {
      title: "Create one as JSON",
      as: "alice",
      target: "/thread",
      headers: { "accept": "application/json", "content-type": "application/json" },
      body: '{"title":"sockets"}',
      answer: { status: 201, body: '{"id":2,"title":"sockets"}\n' },
    }],
  },
  thread: {
    method: "GET",
    path: "/thread/{thread}",
    summary: "Read a thread: its messages and files",
    isPage: true,
    access: "user",
    parameters: THREAD,
    query: {
      after: { kind: "count", help: "The entries behind the one with this ID" },
      from: { kind: "count", help: "The entries from the message with this number on", min: 1 },
    },
    answers: {
      200: {
        help: "A line each, as the forum's client shows them; or all about them",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["title", "entries", "more"],
            properties: {
              title: { type: "string" },
              entries: { type: "array", items: ENTRY_SCHEMA },
              more: { type: "boolean", description: "Whether others follow" },
            },
          },
        },
      },
    },
    problems: ["no log-in", "no thread"],
    examples: [{
      title: "Read a thread",
      as: "alice",
      target: "/thread/plans",
      answer: { status: 200, body: "1 alice: 5 Ω it is\n2 bob: more\nalice uploaded hello.txt\n" },
    }, {
      title: "Read what follows an entry",
      as: "alice",
      target: "/thread/plans?after=1",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        body:
          '{"title":"plans","entries":[{"id":2,"kind":"message","author":"bob","time":"2026-11-30T00:31:10.208Z","number":2,"version":0,"text":"more"},{"id":3,"kind":"file","author":"alice","time":"2026-11-30T00:31:55.630Z","name":"hello.txt","size":6}],"more":false}\n',
      },
    }],
  },
  post: {
    method: "POST",
    path: "/thread/{thread}",
    summary: "Post a message to a thread",
    access: "user",
    headers: KEY_HEADER,
    parameters: THREAD,
    body: POST,
    answers: {
      201: {
        help: "The number of the message",
        types: { "text/plain": undefined, "application/json": PLACE_SCHEMA },
      },
    },
    problems: [...CHANGES, "no thread", "not printable", "forum full"],
    examples: [{
      title: "Post a message",
      as: "alice",
      target: "/thread/plans",
      body: "5 Ω, or more? ✓\n",
      answer: { status: 201, body: "1\n" },
    }, {
      title: "Post one as JSON, with a key: however often it is sent, it is posted once",
      as: "bob",
      target: "/thread/plans",
      headers: {
        "accept": "application/json",
        "content-type": "application/json",
        "idempotency-key": "7be01c44",
      },
      body: '{"text":"more"}',
      answer: { status: 201, body: '{"id":2,"number":2}\n' },
    }],
  },
  removeThread: {
    method: "DELETE",
    path: "/thread/{thread}",
    summary: "Remove a thread, with its messages and files: only who created it may",
    access: "user",
    headers: KEY_HEADER,
    parameters: THREAD,
    answers: { 204: { help: "It was removed" } },
    problems: [...CHANGES, "no thread", "not yours"],
    examples: [{
      title: "Remove a thread",
      as: "alice",
      target: "/thread/sockets",
      answer: { status: 204 },
    }],
  },
  editMessage: {
    method: "PUT",
    path: "/thread/{thread}/{number}",
    summary: "Give a message another text: only who posted it may",
    access: "user",
    headers: KEY_HEADER,
    parameters: MESSAGE,
    query: MEANT,
    body: POST,
    answers: { 204: { help: "It was edited" } },
    problems: [...CHANGES, "no thread", "no message", "not yours", "not printable", "forum full"],
    examples: [{
      title: "Edit a message",
      as: "alice",
      target: "/thread/plans/1?id=1",
      body: "5 Ω it is\n",
      answer: { status: 204 },
    }],
  },
  deleteMessage: {
    method: "DELETE",
    path: "/thread/{thread}/{number}",
    summary: "Delete a message: only who posted it may",
    access: "user",
    headers: KEY_HEADER,
    parameters: MESSAGE,
    query: MEANT,
    answers: { 204: { help: "It was deleted" } },
    problems: [...CHANGES, "no thread", "no message", "not yours"],
    examples: [{
      title: "Delete a message",
      as: "bob",
      target: "/thread/plans/2",
      answer: { status: 204 },
    }],
  },
} as const satisfies Routes;
