/** What clients send by mistake, or to do harm: requests that are none, of other sites, too long, too slow. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DEFAULT_OPTIONS } from "../../../default_options.ts";
import { HttpPeer, httpRequest } from "../../../http.ts";
import { httpTranscript, withHttp } from "./http_server.ts";

/** What the server answers to these bytes, until it closes. */
async function answerTo(port: number, bytes: string): Promise<string> {
  using peer = await HttpPeer.connect(port);
  await peer.write(bytes);
  return await peer.rest();
}

const POST = "POST /mailbox/bob HTTP/1.1\r\nHost: localhost\r\n";

// http.md 1.4
Deno.test("what two readers could read as different requests is refused, and the connection closed", async () => {
  await withHttp({}, async (port) => {
    for (
      const bytes of [
        `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        `${POST}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`,
        `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!`,
        `${POST}Content-Length: +2\r\n\r\nhi`,
        `${POST}Content-Length: 2, 2\r\n\r\nhi`,
        `${POST}Transfer-Encoding: chunked, identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
        `${POST}Transfer-Encoding: xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
        `${POST}Transfer-Encoding: chunked\r\n\r\n2;\nhi\r\n0\r\n\r\n`,
        `${POST}X: a\r\n b\r\n\r\n`,
        `${POST}X : a\r\n\r\n`,
        `${POST}X: a\0\r\n\r\n`,
        "GET /healthz HTTP/1.1\nHost: localhost\n\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n",
        "GET /healthz HTTP/1.1\r\n\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "\x16\x03\x01\x02\x00",
        "P1>open,1\r\n\r\n",
      ]
    ) {
      const answer = await answerTo(port, bytes);
      assertMatch(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, JSON.stringify(bytes));
      assertEquals(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, JSON.stringify(bytes));
    }
    const { body } = await httpRequest(port, "GET /mailbox/bob", { headers: { accept: "application/json" } });
    assertEquals(JSON.parse(body).ready, 0);
  });
});

// http.md 1.4, 5.1
Deno.test("a request names one host, an address, localhost or a name of the server's", async () => {
  await withHttp({ webHosts: ["mail.lab"] }, async (port) => {
    for (const host of ["localhost", "127.0.0.1:21001", "[::1]:9", "192.0.2.1", "MAIL.LAB:80", "LocalHost"]) {
      assertEquals((await httpRequest(port, "GET /healthz", { headers: { host } })).status, 200, host);
    }
    for (const host of ["evil.example", "localhost.evil.example", "mail.lab.", "127.0.0.1.nip.io"]) {
      const { status, body } = await httpRequest(port, "GET /healthz", { headers: { host } });
      assertEquals([status, JSON.parse(body).code], [403, "bad host"], host);
    }
    for (const host of ["", "a b", "user@localhost", "localhost:x", "localhost/"]) {
      assertEquals((await httpRequest(port, "GET /healthz", { headers: { host } })).status, 400, host);
    }
    for (
      const head of [
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
      ]
    ) {
      using peer = await HttpPeer.connect(port);
      await peer.write(head);
      assertEquals((await peer.reply()).status, head.includes("evil") ? 403 : 400);
    }
  });
});

// http.md 5.2
Deno.test("a page of another site changes nothing here", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      `
      page > POST /mailbox/bob | origin: http://evil.example | = hi
      page < 403
      page = …"code":"cross-site"…
      page > POST /mailbox/bob | origin: null | = hi
      page < 403
      page > POST /mailbox/bob | sec-fetch-site: cross-site | = hi
      page < 403
      page > POST /mailbox/bob | sec-fetch-site: same-site | = hi
      page < 403
      page > DELETE /login | origin: https://localhost.evil.example
      page < 403
      page > POST /mailbox/bob | origin: http://localhost | sec-fetch-site: same-origin | = hi
      page < 201 | access-control-allow-origin: (none)
      `,
    ));
});

// http.md 6.1
Deno.test("a head that is too long is refused, and a body before it is read", async () => {
  await withHttp({}, async (port) => {
    const long = await answerTo(port, `${POST}X: ${"a".repeat(20_000)}\r\n\r\n`);
    assertStringIncludes(long, "HTTP/1.1 431 ");
    // the client is still sending when it is answered
    const declared = await answerTo(port, `${POST}Content-Length: 1000000\r\n\r\n${"x".repeat(500_000)}`);
    assertStringIncludes(declared, "HTTP/1.1 413 ");
    assertStringIncludes(declared, '"code":"too long"');
    const chunk = "8000\r\n" + "x".repeat(0x8000) + "\r\n";
    const chunked = await answerTo(
      port,
      `${POST}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(16)}0\r\n\r\n`,
    );
    assertStringIncludes(chunked, "HTTP/1.1 413 ");
    using waits = await HttpPeer.connect(port);
    await waits.write(`${POST}Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n`);
    assertMatch(await waits.rest(), /HTTP\/1\.1 413 /);
  });
});

// http.md 6.2
Deno.test("a client that sends its head or its body too slowly is refused, and one that sends nothing is closed", async () => {
  const httpTimeouts = { ...DEFAULT_OPTIONS.httpTimeouts, headMs: 50, bodyMs: 50, idleMs: 50 };
  await withHttp({ httpTimeouts }, async (port) => {
    using head = await HttpPeer.connect(port), body = await HttpPeer.connect(port);
    using idle = await HttpPeer.connect(port);
    await head.write("GET /healthz HTTP/1.1\r\nHost: local");
    await body.write(`${POST}Content-Length: 2\r\n\r\nh`);
    for (const peer of [head, body]) {
      const { status, body } = await peer.reply();
      assertEquals([status, JSON.parse(body).code], [408, "timed out"]);
      assertEquals(await peer.rest(), "");
    }
    assertEquals(await idle.rest(), "");
  });
});

// http.md 6.4
Deno.test("an address that asks too often is refused for a second", async () => {
  const httpLimits = { ...DEFAULT_OPTIONS.httpLimits, requestsPerSecond: 2 };
  await withHttp({ httpLimits }, (port) =>
    httpTranscript(
      port,
      `
      a > GET /healthz
      a < 200
      b > GET /healthz
      b < 200
      a > GET /healthz
      a < 429 | retry-after: 1
      a = …"code":"too fast"…
      `,
    ));
});

// http.md 6.3
Deno.test("more connections than there may be of one address are closed", async () => {
  const httpLimits = { ...DEFAULT_OPTIONS.httpLimits, addressConnections: 1 };
  await withHttp({ httpLimits }, async (port) => {
    using first = await HttpPeer.connect(port);
    assertEquals((await first.request("GET /healthz")).status, 200);
    using second = await HttpPeer.connect(port);
    assertEquals(await second.rest(), "");
    assertEquals((await first.request("GET /healthz")).status, 200);
  });
});

// http.md 4.1
Deno.test("with --auth required nobody gets further than the page without a log-in", async () => {
  await withHttp({ auth: "required" }, (port) =>
    httpTranscript(
      port,
      `
      eve > GET /healthz
      eve < 200
      eve > GET / | accept: application/json
      eve < 200
      eve = …"isLoginRequired":true…
      eve > GET /mailbox/bob
      eve < 401 | www-authenticate: Basic realm="Wirepost", charset="UTF-8"
      eve = …"code":"no log-in"…
      eve > POST /queue | = job
      eve < 401
      eve > DELETE /lease/1-${"0".repeat(32)}
      eve < 401
      `,
    ));
});
