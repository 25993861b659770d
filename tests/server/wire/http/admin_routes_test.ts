import { assert, assertEquals } from "@std/assert";
import { httpRequest } from "../../../http.ts";
import { PASSWORD, withProtected } from "../../protected.ts";
import { httpTranscript } from "./http_server.ts";

const basic = (name: string) => `Basic ${new TextEncoder().encode(`${name}:${PASSWORD}`).toBase64()}`;

Deno.test("an administrator reads what the server does, and others do not (http.md 12.1)", async () => {
  await withProtected(async ({ control, port }) => {
    const http = port("http");
    await httpTranscript(
      http,
      `
      nobody > GET /admin/status
      nobody < 401
      bob > GET /admin/status | authorization: ${basic("bob")}
      bob < 403
      bob = …"code":"no administrator"…
      `,
    );
    await control("account, role, alice, admin");
    const headers = { authorization: basic("alice"), accept: "application/json" };
    const get = async (path: string) =>
      JSON.parse((await httpRequest(http, `GET ${path}`, { headers })).body);
    await httpRequest(http, "POST /mailbox/jobs?sender=carol", { body: "a job" });
    const { version, up, values, oldest } = await get("/admin/status");
    assertEquals([typeof version, typeof up], ["string", "string"]);
    assert(
      values.some(({ name, count }: { name: string; count: number }) => name === "messages" && count > 0),
    );
    const jobs = oldest.find(({ mailbox }: { mailbox: string }) => mailbox === "jobs");
    assertEquals([jobs.messages, jobs.time.endsWith("Z")], [1, true]);
    const { limits } = await get("/admin/limits");
    assert(
      limits.some(({ name, limit }: { name: string; limit: number }) => name === "messages" && limit > 0),
    );
    const { connections } = await get("/admin/connections");
    assertEquals(connections.at(-1).service, "http");
    assertEquals(await get("/admin/dead"), { messages: [] });
  });
});

Deno.test("dead letters are read, put back and deleted (http.md 12.2)", async () => {
  await withProtected(async ({ control, port }) => {
    await control("account, role, alice, admin");
    const http = port("http"), headers = { authorization: basic("alice"), accept: "application/json" };
    const json = async (request: string) => JSON.parse((await httpRequest(http, request, { headers })).body);
    const die = async () => {
      const { messages: [{ lease }] } = await json("POST /mailbox/jobs/receive?lease=30s");
      await httpRequest(http, `POST /lease/${lease}/release?attempts=1&reason=exit%203`, { headers });
      const { messages: [{ id, mailbox, sender, reason, text }] } = await json("GET /admin/dead");
      assertEquals([mailbox, sender, reason, text], ["jobs", "carol", "exit 3", "a job"]);
      return id;
    };
    await httpRequest(http, "POST /mailbox/jobs?sender=carol", { body: "a job" });
    assertEquals(
      (await httpRequest(http, `POST /admin/dead/${await die()}/requeue`, { headers })).status,
      204,
    );
    const id = await die();
    assertEquals((await httpRequest(http, `DELETE /admin/dead/${id}`, { headers })).status, 204);
    assertEquals(await json("GET /admin/dead"), { messages: [] });
    assertEquals((await json(`DELETE /admin/dead/${id}`)).code, "not done");
  });
});
