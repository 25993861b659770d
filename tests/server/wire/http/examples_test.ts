/** Every example of the table of routes, and so of the OpenAPI document, as a client replays it (http.md 1.1, 7.4). */

import { assert, assertEquals } from "@std/assert";
import type { Route, RouteExample } from "../../../../protocol/http/route.ts";
import { type RouteName, ROUTES } from "../../../../protocol/http/routes.ts";
import { HttpPeer } from "../../../http.ts";
import { newVerifier } from "../../../../client/command/account/store.ts";
import { withAdministrator } from "../../administrator.ts";
import { PASSWORD } from "../../protected.ts";
import { faultsOf } from "./openapi_packages.ts";

/** An order in which each example finds what the ones before it have left. */
const ORDER: readonly RouteName[] = [
  ...["put", "peek", "receive", "extend", "release", "putShared", "receiveShared", "acknowledge"] as const,
  ...["createChannel", "channels", "say", "history", "members", "events"] as const,
  ...["createThread", "post", "editMessage", "uploadFile", "thread", "threads"] as const,
  ...["downloadFile", "deleteMessage", "removeThread", "deadLetters", "requeue", "deleteDead"] as const,
  ...["logIn", "logOut", "server", "health", "ready", "openapi", "metrics"] as const,
  ...["status", "limits", "connections"] as const,
];

/** What is another one on each server: times, IDs of histories, and what grants a lease. */
const VARYING = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\b[0-9a-f]{32}\b|\b[0-9a-f]{10}(?=:\d)/g;

/** What earlier answers had in place of what their examples show. */
type Known = Map<string, string>;

const actual = (text: string, known: Known) => text.replaceAll(VARYING, (shown) => known.get(shown) ?? shown);

/** Sends an example's request. Of an answer that does not end, the body has as many lines as the example's. */
async function ask(port: number, { method }: Route, example: RouteExample, known: Known) {
  const { target, as, headers = {}, body, answer } = example;
  using peer = await HttpPeer.connect(port);
  const line = `${method} ${actual(target, known)}`;
  const authorization = as === undefined ? {} : { authorization: `Basic ${btoa(`${as}:${PASSWORD}`)}` };
  await peer.send(line, { headers: { ...headers, ...authorization }, ...body === undefined ? {} : { body } });
  const reply = await peer.reply();
  if (reply.headers["content-type"] !== "text/event-stream") return reply;
  const lines: string[] = [];
  for (const _ of (answer.body ?? "").split("\n").slice(1)) lines.push(`${await peer.line()}\n`);
  return { ...reply, body: lines.join("") };
}

/** The body of an answer is the example's, but for what varies, which is remembered. */
function assertSame(title: string, body: string, shown: string, known: Known) {
  const shownParts = shown.match(VARYING) ?? [], parts = body.match(VARYING) ?? [];
  assertEquals([title, body.replaceAll(VARYING, "…")], [title, shown.replaceAll(VARYING, "…")]);
  shownParts.forEach((part, i) => known.set(part, parts[i]!));
}

/** Each member of an object that is shown is there, and each element of a list is like one that is there. */
function isPartOf(shown: unknown, whole: unknown): boolean {
  if (Array.isArray(shown)) {
    return Array.isArray(whole) && shown.every((one) => whole.some((other) => isPartOf(one, other)));
  }
  if (typeof shown !== "object" || shown === null) {
    return typeof shown === typeof whole || shown === null || whole === null;
  }
  return Object.entries(shown).every(([name, value]) =>
    typeof whole === "object" && whole !== null && name in whole &&
    isPartOf(value, (whole as Record<string, unknown>)[name])
  );
}

async function replay(port: number, name: RouteName, example: RouteExample, known: Known) {
  const route: Route = ROUTES[name], { title, answer } = example;
  const reply = await ask(port, route, example, known), type = reply.headers["content-type"];
  assertEquals([name, title, reply.status], [name, title, answer.status], reply.body);
  for (const [header, value] of Object.entries(answer.headers ?? {})) {
    assertEquals([title, header, reply.headers[header]], [title, header, value]);
  }
  const schema = route.answers[reply.status]?.types?.[type ?? ""];
  if (schema !== undefined) {
    assertEquals([name, await faultsOf(JSON.parse(reply.body), schema)], [name, undefined]);
  }
  const { body: shown, isPart = false } = answer;
  if (shown === undefined) return;
  if (!isPart) assertSame(title, reply.body, shown, known);
  else if (type !== "application/json") assertSame(title, reply.body.slice(0, shown.length), shown, known);
  else assert(isPartOf(JSON.parse(shown), JSON.parse(reply.body)), `${name}: ${reply.body} has not ${shown}`);
}

Deno.test("every route has examples, and among them each answer that it may give but refusals", () => {
  for (const [name, { answers, examples }] of Object.entries<Route>(ROUTES)) {
    const shown = new Set(examples.map(({ answer }) => `${answer.status}`));
    assertEquals([name, [...shown].sort()], [name, Object.keys(answers).sort()]);
    assertEquals([name, new Set(examples.map(({ title }) => title)).size], [name, examples.length]);
  }
});

Deno.test("every example is answered as it says, in an answer of the schema of its route", async () => {
  assertEquals([...ORDER].sort(), Object.keys(ROUTES).sort());
  await withAdministrator({}, async ({ port, control }) => {
    for (const name of ["alice", "bob"]) {
      await control(`account, add, ${name}, ${await newVerifier(PASSWORD)}`);
    }
    await control("account, role, alice, admin");
    const known: Known = new Map();
    for (const name of ORDER) {
      for (const example of ROUTES[name].examples) await replay(port("http"), name, example, known);
    }
  });
});
