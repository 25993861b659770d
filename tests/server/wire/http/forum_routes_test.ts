import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { HttpPeer, httpRequest, type HttpRequestOptions } from "../../../http.ts";
import { PASSWORD, withProtected } from "../../protected.ts";
import { httpTranscript } from "./http_server.ts";

const ALICE = `Basic ${btoa(`alice:${PASSWORD}`)}`, BOB = `Basic ${btoa(`bob:${PASSWORD}`)}`;

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const digestOf = (text: string) => `sha-256=:${createHash("sha256").update(text).digest("base64")}:`;

Deno.test("threads are created, listed, read and removed, each by whoever may", async () => {
  await withProtected(({ port }) =>
    httpTranscript(
      port("http"),
      `
      alice > GET /thread
      alice < 401
      alice = …"code":"no log-in"…
      alice > POST /thread | authorization: ${ALICE} | = plans\\n
      alice < 201
      alice = plans\\n
      alice > POST /thread | authorization: ${ALICE} | content-type: application/json | = {"title":"plans"}
      alice < 409
      alice = …"code":"thread exists"…
      alice > POST /thread | authorization: ${ALICE} | = two words
      alice < 400
      alice = …"code":"bad ID"…
      alice > POST /thread/plans | authorization: ${ALICE} | accept: application/json | = 5 Ω, or more? ✓
      alice < 201
      alice = {"id":1,"number":1}\\n
      bob > POST /thread/plans | authorization: ${BOB} | = hello\\n
      bob < 201
      bob = 2\\n
      bob > PUT /thread/plans/1 | authorization: ${BOB} | = mine
      bob < 403
      bob = …"code":"not yours"…
      bob > PUT /thread/plans/2 | authorization: ${BOB} | = hello, all
      bob < 204
      bob > PUT /thread/plans/2?id=1 | authorization: ${BOB} | = not this one
      bob < 404
      bob = …"code":"no message"…
      bob > GET /thread/plans | authorization: ${BOB}
      bob < 200
      bob = 1 alice: 5 Ω, or more? ✓\\n2 bob: hello, all\\n
      bob > GET /thread/plans?after=1 | authorization: ${BOB} | accept: application/json
      bob < 200
      bob = {"title":"plans","entries":[{"id":2,"kind":"message","author":"bob","time":"…Z","number":2,"version":1,"text":"hello, all"}],"more":false}\\n
      alice > DELETE /thread/plans/1?id=1 | authorization: ${ALICE}
      alice < 204
      alice > GET /thread?after=0 | authorization: ${ALICE} | accept: application/json
      alice < 200
      alice = {"threads":[{"id":1,"title":"plans","creator":"alice","entries":1}],"more":false}\\n
      bob > DELETE /thread/plans | authorization: ${BOB}
      bob < 403
      alice > DELETE /thread/plans | authorization: ${ALICE}
      alice < 204
      alice > GET /thread/plans | authorization: ${ALICE}
      alice < 404
      alice = …"code":"no thread"…
      `,
    )
  );
});

Deno.test("a change with an Idempotency-Key is made once, and repeated it is answered as before (http.md 10.9)", async () => {
  await withProtected(({ port }) =>
    httpTranscript(
      port("http"),
      `
      alice > POST /thread | authorization: ${ALICE} | idempotency-key: a | = plans
      alice < 201
      alice > POST /thread | authorization: ${ALICE} | idempotency-key: a | = plans
      alice < 201
      alice = plans\\n
      alice > POST /thread/plans | authorization: ${ALICE} | = one
      alice < 201
      alice > POST /thread/plans | authorization: ${ALICE} | idempotency-key: b | = two
      alice < 201
      alice = 2\\n
      alice > DELETE /thread/plans/1 | authorization: ${ALICE} | idempotency-key: c
      alice < 204
      alice > DELETE /thread/plans/1 | authorization: ${ALICE} | idempotency-key: c
      alice < 204
      alice > POST /thread/plans | authorization: ${ALICE} | idempotency-key: b | = two
      alice < 201
      alice = 2\\n
      alice > POST /thread/plans | authorization: ${ALICE} | idempotency-key: b | = three
      alice < 422
      alice = …"code":"other body"…
      alice > PUT /thread/plans/1 | authorization: ${ALICE} | idempotency-key: d | = TWO
      alice < 204
      alice > PUT /thread/plans/1 | authorization: ${ALICE} | idempotency-key: d | = TWO
      alice < 204
      bob > POST /thread/plans | authorization: ${BOB} | idempotency-key: b | = bob's own
      bob < 201
      bob > GET /thread/plans | authorization: ${BOB} | accept: application/json
      bob < 200
      bob = …"version":1,"text":"TWO"},…"text":"bob's own"}],"more":false}\\n
      alice > DELETE /thread/plans | authorization: ${ALICE} | idempotency-key: e
      alice < 204
      alice > DELETE /thread/plans | authorization: ${ALICE} | idempotency-key: e
      alice < 204
      alice > DELETE /thread/plans | authorization: ${ALICE}
      alice < 404
      `,
    )
  );
});

/** One request of alice's, on a connection of its own. */
function ask(port: number, line: string, headers: Record<string, string> = {}, body?: string) {
  const options: HttpRequestOptions = { headers: { authorization: ALICE, ...headers } };
  return httpRequest(port, line, body === undefined ? options : { ...options, body });
}

Deno.test("a file goes up, comes down whole and in parts, and is there once", async () => {
  await withProtected(async ({ port: portOf }) => {
    const port = portOf("http"), content = "0123456789", hash = hashOf(content);
    await ask(port, "POST /thread", {}, "plans");
    const put = (headers: Record<string, string> = {}) =>
      ask(port, "PUT /thread/plans/file/a.txt", headers, content);
    assertEquals((await put({ "content-digest": digestOf("other") })).status, 422);
    const stored = await put({ "repr-digest": digestOf(content) });
    assertEquals([stored.status, stored.headers.etag, JSON.parse(stored.body)], [
      201,
      `"${hash}"`,
      { received: 10, size: 10, hash },
    ]);
    assertEquals((await put({ "repr-digest": digestOf(content) })).status, 200);
    assertEquals((await put()).status, 409);
    const get = async (headers: Record<string, string> = {}) => {
      const { status, headers: given, body } = await ask(port, "GET /thread/plans/file/a.txt", headers);
      return [status, body, given["content-range"]];
    };
    assertEquals(await get(), [200, content, undefined]);
    assertEquals(await get({ range: "bytes=2-4" }), [206, "234", "bytes 2-4/10"]);
    assertEquals(await get({ range: "bytes=-3" }), [206, "789", "bytes 7-9/10"]);
    assertEquals(await get({ range: "bytes=4-", "if-range": '"0"' }), [200, content, undefined]);
    assertEquals((await get({ range: "bytes=10-" })).slice(2), ["bytes */10"]);
    assertEquals((await get({ "if-none-match": `"${hash}"` }))[0], 304);
    const { headers } = await ask(port, "HEAD /thread/plans/file/a.txt");
    assertEquals([headers["content-length"], headers["content-type"], headers["content-disposition"]], [
      "10",
      "application/octet-stream",
      "attachment; filename*=UTF-8''a.txt",
    ]);
    const empty = await ask(port, "PUT /thread/plans/file/empty", { "content-length": "0" });
    assertEquals([empty.status, empty.headers.etag], [201, `"${hashOf("")}"`]);
    assertEquals((await ask(port, "GET /thread/plans/file/empty")).body, "");
    assertEquals((await ask(port, "GET /thread/plans")).body, "alice uploaded a.txt\nalice uploaded empty\n");
  });
});

Deno.test("an upload that was cut goes on where it ended", async () => {
  await withProtected(async ({ port: portOf, control }) => {
    const port = portOf("http"), content = "x".repeat(300_000), size = content.length;
    const path = "PUT /thread/plans/file/long";
    await ask(port, "POST /thread", {}, "plans");
    const far = () => ask(port, path, { "content-range": `bytes */${size}`, "content-length": "0" });
    assertEquals([(await far()).status, JSON.parse((await far()).body)], [202, { received: 0, size }]);
    {
      using cut = await HttpPeer.connect(port);
      await cut.send(path, { headers: { authorization: ALICE, "content-length": `${size}` } });
      await cut.write(content.slice(0, 100_000));
      while (!(await control("status")).includes("files bytes received 100000"));
    }
    const got = await far();
    assertEquals(got.headers.range, "bytes=0-99999");
    const wrong = await ask(port, path, { "content-range": `bytes 5-9/${size}` }, "12345");
    assertEquals([wrong.status, JSON.parse(wrong.body).code, wrong.headers.range], [
      409,
      "wrong offset",
      "bytes=0-99999",
    ]);
    const more = await ask(port, path, {
      "content-range": `bytes 100000-199999/${size}`,
      "content-digest": digestOf(content.slice(0, 100_000)),
    }, content.slice(100_000, 200_000));
    assertEquals([more.status, more.headers.range], [202, "bytes=0-199999"]);
    const rest = await ask(port, path, {
      "content-range": `bytes 200000-${size - 1}/${size}`,
      "repr-digest": digestOf(content),
    }, content.slice(200_000));
    assertEquals([rest.status, rest.headers.etag], [201, `"${hashOf(content)}"`]);
    assertEquals((await ask(port, "GET /thread/plans/file/long")).body, content);
  });
});
