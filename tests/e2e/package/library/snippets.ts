/**
 * The programs in the library's README.
 *
 * @module
 */

const README = new URL("../../../../client/README.md", import.meta.url);

/** A program, and what it says that it prints. */
export interface Snippet {
  /** Line of the README. */
  line: number;
  code: string;
  out: string;
}

/** All of them. A comment after a print is what it prints, with a comma between one time and the next. */
export async function snippets(): Promise<Snippet[]> {
  const readme = await Deno.readTextFile(README);
  return [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
    line: readme.slice(0, index).split("\n").length,
    code,
    out: [...code.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)]
      .map(([, said = ""]) => `${said.replaceAll(", ", "\n")}\n`).join(""),
  }));
}
