import { assertEquals, assertStringIncludes } from "@std/assert";
import { Networks } from "../../../../server/quota/address.ts";
import { HttpPeer, httpRequest } from "../../../http.ts";
import { newToken, PASSWORD, withProtected } from "../../protected.ts";
import { withTlsServer } from "../hub/tls/tls_server.ts";
import { httpTranscript } from "./http_server.ts";

const basic = (name: string, password: string) =>
  `Basic ${new TextEncoder().encode(`${name}:${password}`).toBase64()}`;

async function accountOf(port: number, headers: Record<string, string>): Promise<unknown> {
  const { body } = await httpRequest(port, "GET /", { headers: { accept: "application/json", ...headers } });
  return JSON.parse(body).you?.account;
}

Deno.test("a request logs in by Basic, a wrong password is 401, and the header names how", async () => {
  await withProtected(async ({ port }) => {
    const http = port("http");
    assertEquals(await accountOf(http, { authorization: basic("alice", PASSWORD) }), "alice");
    // the second one is not looked at again
    assertEquals(await accountOf(http, { authorization: basic("alice", PASSWORD) }), "alice");
    await httpTranscript(
      http,
      `
      alice > GET / | authorization: ${basic("alice", "wrong")}
      alice < 401 | www-authenticate: Basic realm="Wirepost", charset="UTF-8"
      alice = …"code":"wrong log-in"…
      page > GET / | authorization: ${basic("nobody", "wrong")} | sec-fetch-dest: empty
      page < 401 | www-authenticate: Bearer
      plain > GET /thread | accept: application/json | referer: http://lab.local/thread
      plain < 401 | www-authenticate: Bearer
      link > GET /thread/t/file/f | accept: text/html, */* | referer: http://lab.local/thread/t
      link < 401 | www-authenticate: Basic realm="Wirepost", charset="UTF-8"
      odd > GET / | authorization: Digest x
      odd < 400
      odd = …"code":"bad header"…
      `,
    );
  });
});

Deno.test("requests that come together with the same password are one log-in (http.md 4.3)", async () => {
  await withProtected(async ({ port }) => {
    const statuses = (password: string) =>
      Promise.all(Array.from({ length: 40 }, async () => {
        const headers = { authorization: basic("alice", password) };
        return (await httpRequest(port("http"), "GET /", { headers })).status;
      }));
    assertEquals(await statuses(PASSWORD), Array(40).fill(200));
    // they count as one wrong password: after 40 of them most would have to wait
    assertEquals(await statuses("wrong"), Array(40).fill(401));
  });
});

Deno.test("a token logs in without its account's name, until it is removed", async () => {
  await withProtected(async ({ control, port }) => {
    const { token, id, verifier } = await newToken(), authorization = `Bearer ${token}`;
    await control(`account, add-token, bob, ${id}, ${verifier}, 0`);
    assertEquals(await accountOf(port("http"), { authorization }), "bob");
    await control(`account, remove-token, bob, ${id}`);
    assertEquals((await httpRequest(port("http"), "GET /", { headers: { authorization } })).status, 401);
  });
});

Deno.test("a form logs in and out, and leads on to a page of this server alone (http.md 4.6)", async () => {
  await withProtected(async ({ port }) => {
    const http = port("http"), form = "content-type: application/x-www-form-urlencoded | accept: text/html";
    await httpTranscript(
      http,
      `
      page > POST /login | ${form} | = name=alice&password=${
        PASSWORD.replace(" ", "+")
      }&next=/thread/plans?after=1
      page < 303 | location: /thread/plans?after=1 | set-cookie: wirepost=…; HttpOnly; SameSite=Strict
      page > POST /login | ${form} | = name=alice&password=wrong&next=/thread
      page < 303 | location: /thread#wrong-log-in | set-cookie: (none)
      page > POST /login | ${form} | = out=1&next=/thread
      page < 303 | location: /thread | set-cookie: wirepost=; Path=/; Max-Age=0; …
      page > POST /login | ${form} | = out=1&next=//evil.example
      page < 303 | location: /
      page > POST /login | ${form} | = out=1&next=/%5Cevil.example
      page < 303 | location: /
      page > POST /login | ${form} | = out=1&next=https://evil.example
      page < 303 | location: /
      page > POST /login | ${form} | = out=1&next=/%0d%0aset-cookie:x
      page < 303 | location: /
      page > POST /login | ${form} | origin: http://evil.example | = name=alice&password=x&next=/
      page < 403
      page = …"code":"cross-site"…
      page > POST /login | content-type: application/x-www-form-urlencoded | = {"name":"alice","password":"${PASSWORD}"}
      page < 204
      `,
    );
  });
});

Deno.test("the page's cookie logs in until it is removed, and until the password is another one", async () => {
  await withProtected(async ({ control, port }) => {
    const http = port("http"), headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name: "alice", password: PASSWORD });
    const login = await httpRequest(http, "POST /login", { headers, body });
    const [, cookie = "", attributes] = /^(\w+=[^;]+); (.*)$/.exec(login.headers["set-cookie"] ?? "") ?? [];
    assertEquals([login.status, attributes], [204, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"]);
    assertEquals(await accountOf(http, { cookie: `other=1; ${cookie}` }), "alice");
    assertEquals(await accountOf(http, { cookie: cookie.replace("alice", "bob") }), null);
    const logout = await httpRequest(http, "DELETE /login", { headers: { cookie } });
    assertStringIncludes(logout.headers["set-cookie"]!, "wirepost=; Path=/; Max-Age=0;");
    const wrong = await httpRequest(http, "POST /login", {
      headers,
      body: JSON.stringify({ name: "alice", password: "no" }),
    });
    assertEquals(wrong.status, 401);
    await control("account, remove, alice");
    assertEquals(await accountOf(http, { cookie }), null);
  });
});

Deno.test("over TLS the cookie is secure; behind a proxy that is trusted the client is the one that it names", async () => {
  await withTlsServer(
    { ports: { mailbox: 0 }, trustedProxies: new Networks(["127.0.0.1"]) },
    async ({ port, cert }) => {
      using tls = await HttpPeer.overTls(port("http"), cert);
      const { status, headers } = await tls.request("DELETE /login");
      assertEquals(status, 204);
      assertEquals(
        headers["set-cookie"],
        "__Host-wirepost=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
      );
      await httpTranscript(
        port("http"),
        `
        proxy > GET / | authorization: ${basic("alice", PASSWORD)} | x-forwarded-for: 127.0.0.9, 192.0.2.1
        proxy < 403
        proxy = …"code":"in clear"…
        proxy > GET /admin/status | x-forwarded-for: 192.0.2.1
        proxy < 401 | www-authenticate: Bearer
        proxy > GET / | authorization: ${
          basic("alice", PASSWORD)
        } | x-forwarded-for: 192.0.2.1 | x-forwarded-proto: https
        proxy < 401
        `,
      );
    },
  );
});
