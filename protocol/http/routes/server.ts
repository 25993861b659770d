/**
 * Routes about the server itself. http.md section 7.
 *
 * @module
 */

import type { Routes } from "../route.ts";

const SERVER_SCHEMA = {
  type: "object",
  required: ["name", "version", "services", "isLoginRequired", "you"],
  properties: {
    name: { type: "string" },
    version: { type: "string" },
    services: {
      type: "object",
      description: "The port of each service that runs, by its name",
      additionalProperties: { type: "integer" },
    },
    isLoginRequired: { type: "boolean", description: "Whether nobody is let in without a log-in" },
    you: {
      type: "object",
      required: ["account", "role", "isPrivate"],
      properties: {
        account: { type: ["string", "null"], description: "The account that is logged in" },
        role: { type: ["string", "null"], enum: ["user", "admin", null] },
        isPrivate: { type: "boolean", description: "Whether a password may be sent over this connection" },
      },
    },
  },
} as const;

export const SERVER_ROUTES = {
  server: {
    method: "GET",
    path: "/",
    summary: "What runs here: the program, its version and the ports of its services",
    isPage: true,
    access: "open",
    answers: {
      200: {
        help: "The services, a line each, or an object",
        types: { "text/plain": undefined, "application/json": SERVER_SCHEMA },
      },
    },
    examples: [{
      title: "Ask for the ports of the services",
      target: "/",
      headers: { accept: "application/json" },
      answer: {
        status: 200,
        isPart: true,
        body:
          '{"name":"wirepost","version":"1.0.0","services":{"mailbox":21001,"http":21001},"isLoginRequired":false,"you":{"account":null,"role":null,"isPrivate":true}}',
      },
    }],
  },
  health: {
    method: "GET",
    path: "/healthz",
    summary: "Whether the process is alive",
    access: "open",
    answers: { 200: { help: "It is", types: { "text/plain": undefined } } },
    examples: [{
      title: "Ask whether it is alive",
      target: "/healthz",
      answer: { status: 200, body: "ok\n" },
    }],
  },
  ready: {
    method: "GET",
    path: "/readyz",
    summary: "Whether the server can do its work: its store works, and it does not stop",
    access: "open",
    answers: { 200: { help: "It can", types: { "text/plain": undefined } } },
    problems: ["storage"],
    examples: [{
      title: "Ask whether it is ready",
      target: "/readyz",
      answer: { status: 200, body: "ready\n" },
    }],
  },
  openapi: {
    method: "GET",
    path: "/openapi.json",
    summary: "This interface as an OpenAPI 3.1 document",
    access: "open",
    answers: { 200: { help: "The document", types: { "application/json": { type: "object" } } } },
    examples: [{
      title: "Read the interface",
      target: "/openapi.json",
      answer: {
        status: 200,
        headers: { "content-type": "application/json" },
        isPart: true,
        body: '{"openapi":"3.1.0","info":{"title":"Wirepost"}}',
      },
    }],
  },
} as const satisfies Routes;
