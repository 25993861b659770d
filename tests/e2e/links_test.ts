/** Links in the documents to files and sections of the source. */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

function* documents(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory && name !== "node_modules" && name !== ".git") {
      yield* documents(new URL(`${name}/`, folder));
    } else if (name.endsWith(".md")) yield new URL(name, folder);
  }
}

/** The anchors of a document's headings, as renderers make them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

async function isThere(link: string, document: URL): Promise<boolean> {
  const target = new URL(link, document), file = new URL(target.pathname, ROOT);
  try {
    if (target.hash === "") return (await Deno.stat(file)) !== undefined;
    return anchors(await Deno.readTextFile(file)).includes(decodeURIComponent(target.hash.slice(1)));
  } catch {
    return false;
  }
}

Deno.test("every link within the documents leads somewhere", async () => {
  const broken: string[] = [];
  let count = 0;
  for (const document of documents(ROOT)) {
    const text = (await Deno.readTextFile(document)).replace(/^```.*?^```$/gms, "");
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      count++;
      if (!await isThere(link, document)) {
        broken.push(`${document.pathname.slice(ROOT.pathname.length)}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
  // if there were none, nothing was looked at
  assertEquals(count > 20, true);
});
