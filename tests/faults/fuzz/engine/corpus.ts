/**
 * The inputs that are kept: `corpus/NAME.jsonl`, each line one input as a JSON text, or as `{"base64": …}` where it is no
 * text. They are few and small, and every run of the suite takes them all.
 *
 * @module
 */

import { type Bytes, bytesOf } from "./target.ts";

const FOLDER = new URL("../corpus/", import.meta.url).pathname;

/** The line of an input, to be kept in a corpus. */
export function corpusLine(input: Bytes): string {
  try {
    return JSON.stringify(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input))
      // so that an editor does not obey it, or show it otherwise than it is
      .replace(
        /[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
  } catch {
    return JSON.stringify({ base64: input.toBase64() });
  }
}

/** The inputs of a corpus; none if there is none yet. */
export function readCorpus(name: string, folder = FOLDER): Bytes[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder}${name}.jsonl`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const input = JSON.parse(line) as string | { base64: string };
    return typeof input === "string" ? bytesOf(input) : Uint8Array.fromBase64(input.base64);
  });
}

/** Writes a corpus, the shortest inputs first. */
export function writeCorpus(folder: string, name: string, inputs: readonly Bytes[]) {
  const lines = inputs.toSorted((a, b) => a.length - b.length).map(corpusLine);
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(`${folder}/${name}.jsonl`, lines.map((line) => `${line}\n`).join(""));
}
