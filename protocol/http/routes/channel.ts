/**
 * Routes of the channels. http.md section 9.
 *
 * @module
 */

import { MAX_MEMBER_NAMES, MAX_PAGE_MESSAGES } from "../../channels/announced.ts";
import { type Routes, TEXT_TYPES } from "../route.ts";

/** Longest body of what is said, in bytes: lines of at most `--max-line` bytes each. */
const MAX_SAID_BYTES = 65_536;

/** Lines of what is said in one request (http.md 9.4). */
export const MAX_SAID_LINES = 100;

const CHANNEL = { channel: "Its name: 1 to 64 bytes without white space" };

const SENDER = {
  kind: "text",
  help:
    "The name under which others see it; by default the account that is logged in, or the client's address",
} as const;

const MESSAGE_SCHEMA = {
  type: "object",
  required: ["id", "time", "sender", "text"],
  properties: {
    id: { type: "string", description: "History ID and number: `5f01c2e9aa:41`" },
    time: { type: "string", format: "date-time" },
    sender: { type: "string" },
    text: { type: "string" },
  },
} as const;

const LAST_SCHEMA = {
  type: "string",
  description: "Where it ends: history ID and number of its last message",
};

export const CHANNEL_ROUTES = {
  channels: {
    method: "GET",
    path: "/channel",
    summary: "The channels that there are",
    isPage: true,
    access: "user",
    answers: {
      200: {
        help: "Their names, a line each; or with their members and where each ends",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["channels"],
            properties: {
              channels: {
                type: "array",
                items: {
                  type: "object",
                  required: ["name", "members", "last"],
                  properties: { name: { type: "string" }, members: { type: "integer" }, last: LAST_SCHEMA },
                },
              },
            },
          },
        },
      },
    },
    examples: [
      {
        title: "List the channels",
        target: "/channel",
        headers: { accept: "application/json" },
        answer: {
          status: 200,
          body:
            '{"channels":[{"name":"room","members":0,"last":"00c7d1e2f3:0"},{"name":"tea","members":0,"last":"5f01c2e9aa:0"}]}\n',
        },
      },
    ],
  },
  createChannel: {
    method: "PUT",
    path: "/channel/{channel}",
    summary: "Make a channel, if there is none of this name",
    access: "user",
    parameters: CHANNEL,
    answers: {
      200: { help: "It is there already", types: { "text/plain": undefined } },
      201: { help: "It was made", types: { "text/plain": undefined } },
    },
    problems: ["bad ID", "too many channels"],
    examples: [{
      title: "Make a channel",
      target: "/channel/tea",
      answer: { status: 201, body: "tea\n" },
    }, {
      title: "It is there already",
      target: "/channel/tea",
      answer: { status: 200, body: "tea\n" },
    }],
  },
  history: {
    method: "GET",
    path: "/channel/{channel}",
    summary: "What was said in a channel: the last messages, or those behind or before a place",
    isPage: true,
    access: "user",
    parameters: CHANNEL,
    query: {
      since: {
        kind: "text",
        help: "Messages behind this one (`HISTORY:NUMBER`), of the last so long (`10m`), or from a time on " +
          "(RFC 3339), the oldest first",
      },
      before: { kind: "text", help: "The messages before this one (`HISTORY:NUMBER`)" },
      limit: { kind: "count", help: "Messages at most", min: 1, max: MAX_PAGE_MESSAGES },
    },
    answers: {
      200: {
        help: "Messages, a line each; or with where to go on",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["channel", "messages", "gap", "last", "position"],
            properties: {
              channel: { type: "string" },
              messages: { type: "array", items: MESSAGE_SCHEMA },
              gap: {
                type: ["integer", "null"],
                description: "How many are missing before the first; null if that is not known",
              },
              last: LAST_SCHEMA,
              position: {
                type: "string",
                description: "`since` of the next page; as `last` if there is none",
              },
            },
          },
        },
      },
    },
    problems: ["no channel"],
    examples: [
      {
        title: "Read what was said in the last ten minutes",
        target: "/channel/tea?since=10m",
        answer: {
          status: 200,
          body: "2026-11-30T00:20:01.500Z [disk] almost full\n2026-11-30T00:20:40.017Z [disk] full\n",
        },
      },
      {
        title: "Read what was said before that",
        target: "/channel/tea?before=5f01c2e9aa:2&limit=20",
        headers: { accept: "application/json" },
        answer: {
          status: 200,
          body:
            '{"channel":"tea","messages":[{"id":"5f01c2e9aa:1","time":"2026-11-30T00:20:01.500Z","sender":"disk","text":"almost full"}],"gap":0,"last":"5f01c2e9aa:2","position":"5f01c2e9aa:2"}\n',
        },
      },
    ],
  },
  say: {
    method: "POST",
    path: "/channel/{channel}",
    summary: "Say something in a channel, to all who are there",
    help: "Each line of the body is a message of its own. It is answered once they are on disk.",
    access: "user",
    parameters: CHANNEL,
    query: { sender: SENDER },
    headers: {
      "idempotency-key":
        "The same key is answered as before for 24 h, and nothing is said twice (http.md 9.5)",
    },
    body: {
      help: "One or more lines of text, or an object with them",
      isRequired: true,
      maxBytes: MAX_SAID_BYTES,
      types: TEXT_TYPES,
    },
    answers: {
      201: {
        help: "The ID of the last line's message",
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["id", "time", "lines"],
            properties: {
              id: { type: "string" },
              time: { type: "string", format: "date-time" },
              lines: {
                type: "integer",
                description: "How many messages it was; their numbers end with that of `id`",
              },
            },
          },
        },
      },
    },
    problems: [
      ...["no channel", "not logged in", "muted", "bad body", "too long", "wrong type"],
      ...["other body", "keys full", "storage"],
    ] as const,
    examples: [
      {
        title: "Say something",
        target: "/channel/tea?sender=disk",
        body: "almost full",
        answer: { status: 201, body: "5f01c2e9aa:1\n" },
      },
      {
        title: "Say something once, however often the request is repeated",
        target: "/channel/tea?sender=disk",
        headers: {
          "accept": "application/json",
          "content-type": "application/json",
          "idempotency-key": "5d1f0b7e",
        },
        body: '{"text":"full"}',
        answer: { status: 201, body: '{"id":"5f01c2e9aa:2","time":"2026-11-30T00:20:40.017Z","lines":1}\n' },
      },
    ],
  },
  members: {
    method: "GET",
    path: "/channel/{channel}/member",
    summary: "Who is in a channel",
    access: "user",
    parameters: CHANNEL,
    answers: {
      200: {
        help: `How many there are, and the names of at most ${MAX_MEMBER_NAMES}, a line each`,
        types: {
          "text/plain": undefined,
          "application/json": {
            type: "object",
            required: ["members", "names"],
            properties: {
              members: { type: "integer" },
              names: { type: "array", items: { type: "string" } },
            },
          },
        },
      },
    },
    problems: ["no channel"],
    examples: [
      {
        title: "Ask who is there",
        target: "/channel/tea/member",
        headers: { accept: "application/json" },
        answer: { status: 200, body: '{"members":0,"names":[]}\n' },
      },
    ],
  },
  events: {
    method: "GET",
    path: "/events",
    summary: "What happens in channels, as it happens: server-sent events",
    help:
      "An event without a name is a message; `joined` and `left` are members, `gap` says that messages are " +
      "missing, and `removed` that the channel is gone. It goes on behind `Last-Event-ID` or `since`.",
    access: "user",
    query: {
      channel: { kind: "texts", help: "A channel; as many as 32" },
      sender: {
        kind: "text",
        help: "With a name the client is a member: others see that it joins and leaves",
      },
      since: {
        kind: "text",
        help:
          "Begin with the messages behind an event's ID, of the last so long (`10m`), or from a time on " +
          "(RFC 3339)",
      },
    },
    headers: { "last-event-id": "The ID of the last event that was received; it counts more than `since`" },
    answers: { 200: { help: "The events; it does not end", types: { "text/event-stream": undefined } } },
    problems: ["no channel", "not logged in"],
    examples: [
      {
        title: "Listen, and begin with the last ten minutes",
        target: "/events?channel=tea&since=10m",
        answer: {
          status: 200,
          headers: { "content-type": "text/event-stream" },
          isPart: true,
          body:
            'retry: 1000\nid: 5f01c2e9aa:0\n\nid: 5f01c2e9aa:1\ndata: {"channel":"tea","id":"5f01c2e9aa:1","time":"2026-11-30T00:20:01.500Z","sender":"disk","text":"almost full"}\n\n',
        },
      },
    ],
  },
} as const satisfies Routes;
