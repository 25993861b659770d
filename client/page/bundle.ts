/**
 * Joins modules into one, so that a browser asks for all of them at once: each is a function that returns what it exports,
 * and runs in the order in which they import each other. What is loaded later finds them there.
 *
 * It reads what the modules of this page and its packages have, and throws where one has anything else.
 *
 * @module
 */

/** What a module imports of another one, `{ name as here }` or `here` alone, which is its default. */
const IMPORT = /^import\s*(?:(\w+)|\{([^}]*)\})\s*from\s*"([^"]+)";?/gm;

/** What it exports by names that it has, or that another module exports. */
const EXPORT_LIST = /(?<=^|[;}])export\s*\{([^}]*)\}(?:\s*from\s*"([^"]+)")?;?/gm;

/** What it declares and exports. */
const EXPORT_DECLARATION = /^export (?=(?:async )?(?:function\*?|class|const) (\w+))/gm;
const EXPORT_DEFAULT = /(?<=^|[;}])export default (?=function\b)/gm;

/** What is in none of these forms. */
const OTHER = /(?<=^|[;}])(?:import\b(?!\()|export\b).*$/m;

/** The name of a default, where it has one. */
const DEFAULT = "exportedDefault";

/** The name by which later modules find those of the bundle. */
const MODULES = "modules";

/** Modules by their paths, which imports are relative to. */
export type Modules = Readonly<Record<string, string>>;

/**
 * One module of all of them.
 *
 * @param entry The path of the one that runs last. The bundle takes its place.
 */
export function bundle(modules: Modules, entry: string): string {
  const order: string[] = [];
  visit(entry, modules, order, []);
  const names = new Map(order.map((path, i) => [path, `module${i}`]));
  const functions = order.map((path) => {
    const { imports, body, exports } = moduleOf(path, modules[path]!, (target) => names.get(target)!);
    const returned = exports.length === 0 ? "" : `return { ${exports.join(", ")} };\n`;
    return `const ${names.get(path)} = (() => {\n${imports.join("")}${body.trim()}\n${returned}})();\n`;
  });
  const table = order.map((path) => `  ${JSON.stringify(path)}: ${names.get(path)},\n`).join("");
  return `${functions.join("")}export const ${MODULES} = {\n${table}};\n`;
}

/** A module that is loaded later, with what it imports of the bundle. */
export function besideBundle(path: string, source: string, modules: Modules, entry: string): string {
  let isUsed = false;
  const text = source.replace(IMPORT, (whole, only, list, name) => {
    const target = resolve(path, name);
    if (!Object.hasOwn(modules, target)) return whole;
    isUsed = true;
    return importOf(only, list, `${MODULES}[${JSON.stringify(target)}]`);
  });
  const up = "../".repeat(path.split("/").length - 1);
  return isUsed ? `import { ${MODULES} } from "${up}${entry}";\n${text}` : text;
}

/** Adds the module behind those that it imports. */
function visit(path: string, modules: Modules, order: string[], importers: readonly string[]) {
  if (order.includes(path)) return;
  if (importers.includes(path)) throw new Error(`Cannot join modules: ${path} imports itself`);
  const source = modules[path];
  if (source === undefined) throw new Error(`Cannot join modules: there is no ${path}`);
  for (const target of targetsOf(path, source)) visit(target, modules, order, [...importers, path]);
  order.push(path);
}

function targetsOf(path: string, source: string): string[] {
  const names = [
    ...[...source.matchAll(IMPORT)].map(([, , , name]) => name!),
    ...[...source.matchAll(EXPORT_LIST)].flatMap(([, , name]) => name ?? []),
  ];
  return names.map((name) => resolve(path, name));
}

/** @param nameOf The variable that has the exports of a module. */
function moduleOf(path: string, source: string, nameOf: (path: string) => string) {
  const imports: string[] = [], exports: string[] = [];
  const body = source
    .replace(IMPORT, (_, only, list, name) => {
      imports.push(importOf(only, list, nameOf(resolve(path, name))), "\n");
      return "";
    })
    .replace(EXPORT_LIST, (_, list: string, name: string | undefined) => {
      for (const [from, to] of namesIn(list)) {
        const value = name === undefined ? from : `${nameOf(resolve(path, name))}.${from}`;
        exports.push(value === to ? to : `${to}: ${value}`);
      }
      return "";
    })
    .replace(EXPORT_DECLARATION, (_, name: string) => {
      exports.push(name);
      return "";
    })
    .replace(EXPORT_DEFAULT, () => {
      exports.push(`default: ${DEFAULT}`);
      return `const ${DEFAULT} = `;
    });
  const [other] = OTHER.exec(body) ?? [];
  if (other !== undefined) throw new Error(`Cannot join ${path}: it has '${other.slice(0, 80)}'`);
  return { imports, body, exports };
}

function importOf(only: string | undefined, list: string, from: string): string {
  if (only !== undefined) return `const ${only} = ${from}.default;`;
  const names = namesIn(list).map(([name, here]) => name === here ? name : `${name}: ${here}`);
  return `const { ${names.join(", ")} } = ${from};`;
}

/** `a, b as c`: the names there and here. */
function namesIn(list: string): [from: string, to: string][] {
  return list.split(",").map((name) => name.trim()).filter((name) => name !== "").map((name) => {
    const [from = "", to = from] = name.split(/\s+as\s+/);
    return [from, to];
  });
}

/** The path that a module names. */
function resolve(path: string, name: string): string {
  return new URL(name, `file:///${path}`).pathname.slice(1);
}
