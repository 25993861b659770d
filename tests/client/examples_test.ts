/**
 * Runs the examples in the docstrings of the library, each as a program with a server of its own. A comment after a print
 * is what it prints, with a comma between one time and the next. Checks that all public symbols are documented.
 */

import { assert, assertEquals } from "@std/assert";
import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import { runCommand, temporaryDirectory } from "../program.ts";
import { withServer } from "../server/serve.ts";

const ROOT = new URL("../../", import.meta.url);

/** How many examples each file has at least: one that is not found proves nothing. */
const FILES = {
  "client/mailbox.ts": 8,
  "client/original_mailbox.ts": 1,
};

/** Its examples, by the line in which each begins. */
function examples(source: string): Map<number, string> {
  const found = new Map<number, string>();
  for (
    const { 1: indent = "", 2: text = "", index } of source.matchAll(/^( *)\* ```ts\n([^]*?)^ *\* ```$/gm)
  ) {
    const code = text.replaceAll(new RegExp(`^${indent}\\* ?`, "gm"), "");
    found.set(source.slice(0, index).split("\n").length, code);
  }
  return found;
}

for (const [file, least] of Object.entries(FILES)) {
  Deno.test(`the examples of ${file} print what they say`, async (t) => {
    const all = examples(await Deno.readTextFile(new URL(file, ROOT)));
    assert(all.size >= least, `${all.size} examples in ${file}`);
    for (const [line, code] of all) {
      await t.step(`line ${line}`, () => run(code, new URL(file, ROOT)));
    }
  });
}

Deno.test("the types of the examples are right", async () => {
  const files = Object.keys(FILES).map((file) => new URL(file, ROOT).pathname);
  const { code, err } = await runCommand([Deno.execPath(), "check", "--doc", ...files], {
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
  });
  assertEquals(code, 0, err);
});

/** The entry points of the library. */
const ENTRY_POINTS = ["account", "mailbox", "original_mailbox", "channels", "room", "forum"];

Deno.test("every public symbol of the library has a documented type that a program can name", async () => {
  const files = ENTRY_POINTS.map((name) => new URL(`client/${name}.ts`, ROOT).pathname);
  const { code, err } = await runCommand([Deno.execPath(), "doc", "--lint", ...files], {
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
  });
  assertEquals(code, 0, err);
});

function run(code: string, file: URL): Promise<void> {
  return withServer({}, async (server) => {
    const { port } = server.addresses[0]!;
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/example.ts`;
    const here = code.replaceAll(/from "(\..*?)"/g, (_, path) => `from "${new URL(path, file).href}"`)
      .replaceAll(`${MAILBOX_PORT}`, `${port}`);
    await Deno.writeTextFile(path, here);
    const config = new URL("deno.json", ROOT).pathname;
    const command = [Deno.execPath(), "run", "--config", config, "--no-check", "--allow-net", path];
    const result = await runCommand(command, { env: { NO_COLOR: "1" } });
    const said = [...code.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map((match) => match[1]!);
    assert(said.length > 0, "an example that shows nothing");
    const out = said.flatMap((line) => line.split(", ")).map((line) => `${line}\n`).join("");
    assertEquals(result, { code: 0, out, err: "" });
  });
}
