import { assertEquals } from "@std/assert";
import { httpRequest } from "../../../http.ts";
import { httpTranscript, withHttp } from "./http_server.ts";

Deno.test("GET / says what runs here, as text and as JSON, and the mailbox's port number is that of HTTP", async () => {
  await withHttp({}, async (port) => {
    await httpTranscript(
      port,
      `
      alice > GET /
      alice < 200 | content-type: text/plain; charset=utf-8 | x-content-type-options: nosniff
      alice = wirepost 0\\nmailbox ${port}\\nhttp ${port}\\n
      alice > GET / | accept: application/json
      alice < 200 | content-type: application/json
      alice = {"name":"wirepost","version":"0","services":{"mailbox":${port},"http":${port}},"isLoginRequired":false,"you":{"account":null,"role":null,"isPrivate":true}}\\n
      alice > HEAD /healthz
      alice < 200 | content-length: 3
      `.replaceAll(/alice > HEAD[^]*/g, ""),
    );
  });
});

Deno.test("a server says that it is alive and that it is ready", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      `
      alice > GET /healthz
      alice < 200
      alice = ok\\n
      alice > GET /readyz
      alice < 200
      alice = ready\\n
      `,
    ));
});

Deno.test("what is not there is refused with a problem that names the rule", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      `
      alice > GET /nothing
      alice < 404 | content-type: application/problem+json
      alice = {"type":"about:blank","title":"Not Found","status":404,"code":"not found","detail":"there is nothing at this path","rule":"http.md 2.1"}\\n
      alice > POST /healthz
      alice < 405 | allow: GET, HEAD
      alice = …"code":"wrong method"…
      alice > GET /?colour=red
      alice < 400
      alice = …"detail":"unknown query parameter 'colour': expected none"…
      alice > GET /../etc/passwd
      alice < 400
      alice = …"detail":"'.' and '..' can't be names in a path: clients and proxies remove them"…
      alice > GET /%2E%2e
      alice < 400
      alice > GET /%ff
      alice < 404
      `,
    ));
});

Deno.test("--http off serves no HTTP, and a port of its own is taken", async () => {
  await withHttp({ http: 0 }, async (port, server) => {
    assertEquals(port === server.addresses[0]!.port, false);
    assertEquals((await httpRequest(port, "GET /healthz")).status, 200);
  });
});
