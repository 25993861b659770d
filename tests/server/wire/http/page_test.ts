import { assertEquals } from "@std/assert";
import { ROUTES } from "../../../../protocol/http/routes.ts";
import { HttpPeer } from "../../../http.ts";
import { httpTranscript, withHttp } from "./http_server.ts";

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const page = {
  files: new Map([["/page/0a/main.js", {
    type: "text/javascript; charset=utf-8",
    text: "export {};\n".repeat(99),
  }]]),
  contents: {},
  html: (content = "") => `<html>${content}</html>`,
  login: (path: string) => `<form>${path}</form>`,
};

Deno.test("a browser gets the page where a route has one, and every other client what it always gets (http.md 13.1)", async () => {
  await withHttp({ page }, async (port) => {
    await httpTranscript(
      port,
      `a > GET / | accept: text/html,application/xhtml+xml,*/*;q=0.8
       a < 200 | content-type: text/html; charset=utf-8 | content-security-policy: ${CSP} | cache-control: no-cache | etag: "…"
       a = <html></html>
       a > GET /
       a < 200 | content-type: text/plain; charset=utf-8
       a > GET /healthz | accept: text/html
       a < 200
       a = ok\\n
       a > GET /nothing | accept: text/html
       a < 404
       a > GET /page/0b/main.js
       a < 404
       a > POST /page/0a/main.js
       a < 404`,
    );
  });
});

Deno.test("files are kept for good, and sent compressed or not at all (http.md 13.3, 13.5)", async () => {
  await withHttp({ page }, async (port) => {
    using peer = await HttpPeer.connect(port);
    const get = async (headers: Record<string, string>) => {
      await peer.send("GET /page/0a/main.js", { headers });
      return await peer.reply();
    };
    const plain = await get({});
    assertEquals(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    assertEquals(plain.body, page.files.get("/page/0a/main.js")!.text);
    const encodings = ["br", "gzip", "gzip, deflate, br", "identity", "br;q=0, gzip"];
    const answers = [];
    for (const encoding of encodings) {
      answers.push((await get({ "accept-encoding": encoding })).headers["content-encoding"]);
    }
    assertEquals(answers, ["br", "gzip", "br", undefined, "gzip"]);
    const known = await get({ "if-none-match": plain.headers["etag"]! });
    assertEquals([known.status, known.body], [304, ""]);
  });
});

Deno.test("a page that is refused has a form to log in, and comes whole though the browser has it (http.md 13.2)", async () => {
  const contents = { threads: () => "" };
  await withHttp({ page: { ...page, contents }, ports: { mailbox: 0, forum: 0 } }, async (port) => {
    using peer = await HttpPeer.connect(port);
    const headers = { accept: "text/html" }, first = await peer.request("GET /thread", { headers });
    assertEquals([first.status, first.body], [401, "<html><form>/thread</form></html>"]);
    assertEquals(first.headers["referrer-policy"], "same-origin");
    const known = { ...headers, "if-none-match": first.headers["etag"] ?? "" };
    assertEquals((await peer.request("GET /thread", { headers: known })).body, first.body);
  });
});

Deno.test("a route whose page has a content for browsers without JavaScript is shown with it (http.md 13.2)", async () => {
  const contents = { server: ({ name }: { name: string }) => `<p>${name}</p>` };
  await withHttp({ page: { ...page, contents } }, async (port) => {
    assertEquals(ROUTES.server.isPage, true);
    await httpTranscript(
      port,
      `a > GET / | accept: text/html
       a < 200 | content-type: text/html; charset=utf-8
       a = <html><p>wirepost</p></html>`,
    );
  });
});
