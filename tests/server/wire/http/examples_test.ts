/** Every example of the table of routes, as a client replays it (http.md 1.1). */

import { assertEquals } from "@std/assert";
import { MAILBOX_ROUTES } from "../../../../protocol/http/routes/mailbox.ts";
import { LOGIN_ROUTES } from "../../../../protocol/http/routes/login.ts";
import { SERVER_ROUTES } from "../../../../protocol/http/routes/server.ts";
import type { Route, RouteExample, Routes } from "../../../../protocol/http/route.ts";
import { httpRequest } from "../../../http.ts";
import { withHttp } from "./http_server.ts";

/** Replays an example. `values` has what earlier ones were answered for a word in braces, and gets what this one is. */
async function replay(port: number, { method }: Route, example: RouteExample, values: Map<string, string>) {
  const { title, headers = {}, body, answer } = example;
  const target = example.target.replaceAll(/\{(\w+)\}/g, (_, name) => values.get(name) ?? `{${name}}`);
  const reply = await httpRequest(port, `${method} ${target}`, {
    headers: { ...headers },
    ...body === undefined ? {} : { body },
  });
  assertEquals([title, reply.status], [title, answer.status], reply.body);
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    assertEquals([title, name, reply.headers[name]], [title, name, value]);
  }
  if (answer.body === undefined) return;
  const names = [...answer.body.matchAll(/"\{(\w+)\}"/g)].map(([, name]) => name!);
  const pattern = answer.body.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", ".*")
    .replaceAll(/"\\\{(\w+)\\\}"/g, '"([^"]*)"');
  const match = new RegExp(`^${pattern}$`, "s").exec(reply.body);
  assertEquals([title, match?.[0]], [title, reply.body]);
  names.forEach((name, i) => values.set(name, match![i + 1]!));
}

for (
  const [group, routes, order] of [
    ["server", SERVER_ROUTES, undefined],
    ["login", LOGIN_ROUTES, undefined],
    // an example finds what the ones before it have left
    ["mailbox", MAILBOX_ROUTES, [
      ...["peek", "put", "receive", "extend", "acknowledge", "release", "putShared", "receiveShared"],
    ]],
  ] as const
) {
  Deno.test(`every example of the ${group} routes is answered as it says`, async () => {
    const table: Routes = routes, values = new Map<string, string>();
    assertEquals([...order ?? Object.keys(table)].sort(), Object.keys(table).sort());
    await withHttp({}, async (port) => {
      for (const name of order ?? Object.keys(table)) {
        for (const example of table[name]!.examples) await replay(port, table[name]!, example, values);
      }
    });
  });
}
