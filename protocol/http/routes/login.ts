/**
 * Routes by which the page logs in and out. http.md 4.4, 4.5.
 *
 * @module
 */

import type { Routes } from "../route.ts";

/** How a form of HTML is sent. */
export const FORM_TYPE = "application/x-www-form-urlencoded";

export const LOGIN_ROUTES = {
  logIn: {
    method: "POST",
    path: "/login",
    summary: "Log in as the page does, by a cookie",
    help: "Other clients log in with each request, by HTTP Basic or a bearer token, and need no cookie.",
    access: "open",
    body: {
      help: "Name and password, or a token instead of the password",
      isRequired: true,
      maxBytes: 4096,
      types: {
        "application/json": {
          type: "object",
          required: ["name", "password"],
          properties: { name: { type: "string" }, password: { type: "string" } },
        },
        [FORM_TYPE]: {
          type: "object",
          properties: {
            name: { type: "string" },
            password: { type: "string" },
            next: { type: "string", description: "The path to go on with" },
            out: { type: "string", description: "With any value, it logs out instead" },
          },
        },
      },
    },
    answers: {
      204: { help: "Logged in", headers: { "Set-Cookie": "Holds for 7 days" } },
      303: {
        help: "The answer to a form: logged in, or not",
        headers: { "Location": "`next`; behind `#`, why it was refused", "Set-Cookie": "Holds for 7 days" },
      },
    },
    examples: [{
      title: "Log in",
      target: "/login",
      headers: { "content-type": "application/json" },
      body: '{"name":"alice","password":"correct horse"}',
      answer: { status: 204 },
    }, {
      title: "Log in by a form",
      target: "/login",
      headers: { "accept": "text/html", "content-type": FORM_TYPE },
      body: "name=alice&password=correct+horse&next=%2Fthread",
      answer: { status: 303, headers: { location: "/thread" } },
    }],
  },
  logOut: {
    method: "DELETE",
    path: "/login",
    summary: "Remove that cookie",
    access: "open",
    answers: { 204: { help: "Logged out", headers: { "Set-Cookie": "Removes it" } } },
    examples: [{ title: "Log out", target: "/login", answer: { status: 204 } }],
  },
} as const satisfies Routes;
