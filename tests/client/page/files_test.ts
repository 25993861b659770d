import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { webPage } from "../../../client/page/files.ts";
import { loginContent, threadContent, threadsContent } from "../../../client/page/without_script.ts";
import { METRICS } from "../../../server/report/metrics.ts";
import { XSS_CORPUS } from "./xss_corpus.ts";

/** Bytes that the first view takes at most, compressed. */
const FIRST_VIEW_BYTES = 45_000;

Deno.test("the first view is small and one module, and those that are loaded later find each other and what is in it", async () => {
  const { files, html } = await webPage();
  const first = new Set([...html().matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path!));
  first.delete("/thread");
  const texts = [html(), ...[...first].map((path) => files.get(path)!.text)];
  assertLess(texts.reduce((sum, text) => sum + gzipSync(text).length, 0), FIRST_VIEW_BYTES);
  assertEquals([...first].map((path) => path.split("/").at(-1)), ["icon.svg", "page.css", "main.js"]);

  const main = [...first].at(-1)!, table = files.get(main)!.text.split("export const modules = {")[1]!;
  for (const [path, { type, text }] of files) {
    if (!type.startsWith("text/javascript")) continue;
    for (const [, name] of text.matchAll(/(?:\bfrom\s*|\bimport\(\s*)"([^"]+)"/g)) {
      const target = new URL(name!, `http://server${path}`).pathname;
      assert(files.has(target), `${path} imports ${name}, and there is no ${target}`);
      if (path === main) assertStringIncludes(text, `import("${name}")`);
    }
    for (const [, name] of path === main ? [] : text.matchAll(/\bmodules\["([^"]+)"\]/g)) {
      assertStringIncludes(table, `"${name}": `);
    }
  }
});

Deno.test("what the operator's view shows is counted", async () => {
  const view = [...(await webPage()).files].find(([path]) => path.endsWith("views/server.js"))![1].text;
  const shown = [...view.matchAll(/server\.(?:rates|means)\(([^)]*)\)/g)]
    .flatMap(([, names]) => [...names!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!));
  assert(shown.includes("stored"));
  assertEquals(shown.filter((name) => !Object.hasOwn(METRICS, name)), []);
});

Deno.test("a thread without JavaScript has all of its text, and nothing of it is markup", () => {
  const entries = XSS_CORPUS.map((text, id) => ({
    kind: id % 2 === 0 ? "message" : "file",
    id,
    author: text,
    time: "2026-01-31T12:00:00.000Z",
    text,
    name: text,
    size: 1,
  }));
  for (const title of XSS_CORPUS) {
    const html = threadContent({ title, entries }) + threadsContent({ threads: [{ title }] });
    const names = new Set([...html.matchAll(/<\/?([^\s>/]+)/g)].map(([, name]) => name!));
    assertEquals(
      [...names].sort(),
      ["a", "b", "button", "form", "h1", "header", "input", "li", "main", "noscript", "ol", "p", "ul"],
    );
  }
  assertStringIncludes(
    threadsContent({ threads: [{ title: "a#b" }] }),
    '<ul class="threads"><li><a href="/thread/a%23b"><b>a#b</b></a></li></ul>',
  );
  assertStringIncludes(loginContent('/thread/"><b>'), 'name="next" value="/thread/&quot;&gt;&lt;b&gt;"');
});
