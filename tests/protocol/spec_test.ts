/** The documents of protocol/: their rules are numbered in order, and what cites a rule or links to one finds it. */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const FOLDERS = ["protocol", "client", "server", "tests", ".github"];

/** A document without its code blocks, in which nothing is a rule or a link. */
const prose = (text: string) => text.replaceAll(/^```.*?^```$/gms, "");

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else yield path;
  }
}

/** Texts of the project, by their paths. */
async function readTexts(): Promise<Map<string, string>> {
  const paths = ["README.md", "main.ts"];
  for (const folder of FOLDERS) paths.push(...await Array.fromAsync(filesIn(folder)));
  const texts = paths.filter((path) => /\.(ts|md|py)$/.test(path))
    .map(async (path) => [path, await Deno.readTextFile(new URL(path, ROOT))] as const);
  return new Map(await Promise.all(texts));
}

interface Rule {
  section: number;
  rule: number;
}

/** The rules of a document, in its order. */
function rulesOf(text: string): Rule[] {
  return [...prose(text).matchAll(/^\*\*(\d+)\.(\d+)\*\* /gm)]
    .map(([, section, rule]) => ({ section: Number(section), rule: Number(rule) }));
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...prose(text).matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, heading = ""]) =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

const TEXTS = await readTexts();
const DOCUMENTS = new Map(
  [...TEXTS].filter(([path]) => /^protocol\/\w+\.md$/.test(path))
    .map(([path, text]) => [path.slice("protocol/".length), text]),
);
/** What may be cited: `4.2` for a rule, `4` for a section. */
const CITABLE = new Map(
  [...DOCUMENTS].map(([name, text]) => {
    const sections = [...prose(text).matchAll(/^## (\d+)\. /gm)].map(([, section]) => section!);
    return [name, new Set([...sections, ...rulesOf(text).map(({ section, rule }) => `${section}.${rule}`)])];
  }),
);

Deno.test("the rules of every document of protocol/ are numbered, each once and in order", () => {
  for (const [name, text] of DOCUMENTS) {
    let section = 0, rule = 0;
    for (const line of prose(text).split("\n")) {
      const heading = /^## (\d+)\. /.exec(line), number = /^\*\*(\d+)\.(\d+)\*\* /.exec(line);
      if (heading !== null) {
        assertEquals(Number(heading[1]), section + 1, `${name}: ${line}`);
        section++;
        rule = 0;
      } else if (number !== null) {
        assertEquals(Number(number[1]), section, `${name}: ${line}`);
        assertEquals(Number(number[2]), rule + 1, `${name}: ${line}`);
        rule++;
      }
    }
  }
});

Deno.test("every rule that code, tests and documents cite is there", () => {
  const missing: string[] = [];
  for (const [path, text] of TEXTS) {
    // a comment may break between the document and the number
    const joined = text.replaceAll(/\n[ \t]*(?:\*|\/\/)?[ \t]*/g, " ");
    const cited =
      /\b([A-Za-z]+\.md),? (section |sections )?(\d+(?:\.\d+)?(?:(?:, | and | to )\d+(?:\.\d+)?)*)/g;
    for (const [whole, document = "", , numbers = ""] of joined.matchAll(cited)) {
      const citable = CITABLE.get(document);
      for (const number of numbers.match(/\d+(?:\.\d+)?/g)!) {
        if (!citable?.has(number)) missing.push(`${path}: ${whole}`);
      }
    }
    const own = path.startsWith("protocol/") && CITABLE.get(path.slice("protocol/".length));
    if (!own) continue;
    for (
      const [whole, number = ""] of joined.matchAll(/\((?:section )?(\d+\.\d+|(?<=section )\d+)(?=[,;)])/g)
    ) {
      if (!own.has(number)) missing.push(`${path}: ${whole}`);
    }
  }
  assertEquals(missing, []);
});

Deno.test("every link of the documents within the project leads somewhere", () => {
  const broken: string[] = [];
  for (const [path, text] of TEXTS) {
    if (!path.endsWith(".md")) continue;
    for (const [whole, target = ""] of prose(text).matchAll(/\[[^\]]+\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const url = file === "" ? new URL(path, ROOT) : new URL(file, new URL(path, ROOT));
      const linked = TEXTS.get(url.href.slice(ROOT.href.length));
      const found = linked === undefined
        ? anchor === undefined && exists(url)
        : anchor === undefined || anchorsOf(linked).has(anchor);
      if (!found) broken.push(`${path}: ${whole}`);
    }
  }
  assertEquals(broken, []);
});

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url) !== undefined;
  } catch {
    return false;
  }
}

Deno.test("the datagrams of the capture in session.md have the lengths that it says", () => {
  const [capture = ""] = /^127\.0\.0\.1\.59406 .*?(?=^```)/ms.exec(DOCUMENTS.get("session.md")!) ?? [];
  const parts = capture.trimEnd().split(/^127\..*length (\d+)\n/m).slice(1);
  assertEquals(parts.length, 24);
  for (let i = 0; i < parts.length; i += 2) {
    const datagram = parts[i + 1]!.replace(/\n$/, "");
    assertEquals(new TextEncoder().encode(datagram).length, Number(parts[i]), datagram);
  }
});
