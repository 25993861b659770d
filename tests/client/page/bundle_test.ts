import { assertEquals, assertThrows } from "@std/assert";
import { besideBundle, bundle } from "../../../client/page/bundle.ts";

/** Runs a bundle and a module beside it, as a browser does, and returns what that exports. */
async function run(source: string, later = ""): Promise<Record<string, unknown>> {
  const url = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;
  const main = url(source);
  return await import(later === "" ? main : url(later.replace('"../main.js"', JSON.stringify(main))));
}

const MODULES = {
  "main.js": `import { twice as double } from "./parts/twice.js";
import { Box, letters } from "./box.js";
import add from "./add.js";
export const result = [double(4), new Box(add(1, 2)).value, ...letters()];
`,
  // as packages are written: without a line break
  "parts/twice.js": 'import{one as o}from"../one.js";const t=n=>o*2*n,a=0;export{t as twice,a as A};',
  "one.js": "export const one = 1;\n",
  "box.js": `export { one } from "./one.js";
export class Box {
  constructor(value) {
    this.value = value;
  }
}
export function* letters() {
  yield "a";
}
`,
  "add.js": "const a = 1;export default function(one, other) { return one + other; }",
};

Deno.test("modules are joined into one that does the same, each with names of its own", async () => {
  const { modules } = await run(bundle(MODULES, "main.js")) as { modules: Record<string, unknown> };
  assertEquals((modules["main.js"] as { result: unknown }).result, [8, 3, "a"]);
  assertEquals((modules["box.js"] as { one: unknown }).one, 1);
});

Deno.test("a module that is loaded later gets the same ones, and not another copy", async () => {
  const source = 'import { Box } from "../box.js";\nexport const same = Box;\n',
    joined = bundle(MODULES, "main.js");
  const { same } = await run(joined, besideBundle("views/late.js", source, MODULES, "main.js"));
  const { modules } = await run(joined) as { modules: { "box.js": { Box: unknown } } };
  assertEquals(same, modules["box.js"].Box);
});

Deno.test("what can't be joined is refused: other forms, modules that are not there, and a circle", () => {
  const join = (source: string) =>
    bundle({ "main.js": source, "one.js": 'import { a } from "./main.js";\n' }, "main.js");
  assertThrows(() => join('import * as one from "./one.js";\n'), Error, "it has 'import * as one");
  assertThrows(() => join("export let a = 1;\n"), Error, "it has 'export let a");
  assertThrows(() => join('import { b } from "./two.js";\n'), Error, "there is no two.js");
  assertThrows(() => join('import { b } from "./one.js";\n'), Error, "main.js imports itself");
});
