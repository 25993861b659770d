/**
 * Makes the two packages of the client library: for JSR the modules as they are, for npm what TypeScript's compiler makes
 * of them. Both have just what the entry points import.
 *
 * `deno run … .package/library/make.ts [DIRECTORY]` fills DIRECTORY/jsr and DIRECTORY/npm, by default those of dist/. The
 * compiler comes from npm, in the version of package-lock.json here. With GITHUB_REPOSITORY set, the npm package names it:
 * npm checks where a package was made against that.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** What a program can import, and where it stands. */
export const ENTRY_POINTS: Readonly<Record<string, string>> = {
  "./mailbox": "client/mailbox.ts",
  "./channels": "client/channels.ts",
  "./room": "client/room.ts",
  "./forum": "client/forum.ts",
  "./account": "client/account.ts",
  "./browser": "client/web/browser.js",
};

/** The entry points that know neither Deno nor Node. */
const BROWSER = "./browser";

const DESCRIPTION =
  "Client of Wirepost: mailboxes that lose nothing, channels, a room and a forum with files";

const NODE = ">=22";

const ROOT = new URL("../../", import.meta.url).pathname;
const HERE = new URL(".", import.meta.url).pathname;

/**
 * Of the user's settings of npm, that one is left out which npm refuses in a directory with a package.json: started by npm
 * or npx, everything has it in its environment.
 */
const OWN_NPM = { npm_config_allow_scripts: "" };

async function run(command: readonly string[], cwd = ROOT): Promise<string> {
  const [program = "", ...args] = command;
  const { code, stdout } = await new Deno.Command(program, { args, cwd, env: OWN_NPM, stderr: "inherit" })
    .output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) {
    throw new Error(`Cannot make the packages: ${command.join(" ")} ended with ${code}\n${text}`);
  }
  return text;
}

/** The files that a module imports, and itself, by their paths from the root. */
async function filesOf(entry: string): Promise<string[]> {
  const graph = JSON.parse(await run([Deno.execPath(), "info", "--no-config", "--json", entry])) as {
    modules: { specifier: string; error?: string }[];
  };
  return graph.modules.map(({ specifier, error }) => {
    if (error !== undefined) throw new Error(`Cannot make the packages: ${error}`);
    return specifier;
  }).filter((specifier) => !specifier.startsWith("node:")).map((specifier) => {
    const path = new URL(specifier).pathname;
    if (!path.startsWith(ROOT)) throw new Error(`Cannot make the packages: ${entry} needs ${specifier}`);
    return path.slice(ROOT.length);
  });
}

async function copy(file: string, directory: string) {
  const to = `${directory}/${file}`;
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  await Deno.copyFile(`${ROOT}${file}`, to);
}

async function write(path: string, value: unknown) {
  await Deno.writeTextFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** What both packages have: a licence, and the README of the library. */
async function addTexts(directory: string) {
  await Deno.copyFile(`${ROOT}LICENSE`, `${directory}/LICENSE`);
  await Deno.copyFile(`${ROOT}client/README.md`, `${directory}/README.md`);
}

/** A module of JavaScript is given the types that the compiler found in its comments. */
async function makeJsr(directory: string, files: ReadonlySet<string>) {
  for (const file of files) {
    await copy(file, directory);
    if (!file.endsWith(".js")) continue;
    const path = `${directory}/${file}`, types = file.replace(/\.js$/, ".d.ts");
    await Deno.copyFile(`${directory}/../npm/${types}`, `${directory}/${types}`);
    const line = `// @ts-self-types="./${types.replace(/.*\//, "")}"`;
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(/^\/\/ @ts-check$/m, line));
  }
  await addTexts(directory);
  await write(`${directory}/deno.json`, {
    name: "@wirepost/wirepost",
    version: config.version,
    license: config.license,
    exports: Object.fromEntries(Object.entries(ENTRY_POINTS).map(([name, file]) => [name, `./${file}`])),
    unstable: ["net"],
    compilerOptions: { ...config.compilerOptions, types: [] },
  });
}

/** Compiles; the compiler and the types of Node are installed in a directory of their own. */
async function makeNpm(directory: string, files: ReadonlySet<string>) {
  const tools = await Deno.makeTempDir();
  try {
    for (const name of ["package.json", "package-lock.json"]) {
      await Deno.copyFile(HERE + name, `${tools}/${name}`);
    }
    await run(["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], tools);
    const { compilerOptions } = JSON.parse(await Deno.readTextFile(`${HERE}tsconfig.json`));
    await write(`${tools}/tsconfig.json`, {
      compilerOptions: { ...compilerOptions, rootDir: ROOT, outDir: directory },
      files: [...files].map((file) => `${ROOT}${file}`),
    });
    await run([Deno.execPath(), "run", "-A", `${tools}/node_modules/typescript/bin/tsc`, "-p", "."], tools);
  } finally {
    await Deno.remove(tools, { recursive: true });
  }
  await addTexts(directory);
  const repository = Deno.env.get("GITHUB_REPOSITORY");
  const compiled = (file: string) => `./${file.replace(/\.ts$/, ".js")}`;
  const types = (file: string) => `./${file.replace(/\.[jt]s$/, ".d.ts")}`;
  await write(`${directory}/package.json`, {
    name: "wirepost",
    version: config.version,
    description: DESCRIPTION,
    keywords: ["message-queue", "mailbox", "udp", "chat", "client"],
    license: config.license,
    ...repository && { repository: { type: "git", url: `git+https://github.com/${repository}.git` } },
    type: "module",
    exports: Object.fromEntries(
      Object.entries(ENTRY_POINTS).map((
        [name, file],
      ) => [name, { types: types(file), default: compiled(file) }]),
    ),
    files: ["client", "protocol"],
    sideEffects: false,
    engines: { node: NODE },
  });
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? `${ROOT}dist`, files = new Set<string>();
  for (const [name, entry] of Object.entries(ENTRY_POINTS)) {
    const own = await filesOf(entry);
    if (name === BROWSER && own.some((file) => !file.startsWith("client/web/"))) {
      throw new Error(
        `Cannot make the packages: ${entry} imports what is not for browsers: ${own.join(" ")}`,
      );
    }
    for (const file of own) files.add(file);
  }
  for (const [name, make] of Object.entries({ npm: makeNpm, jsr: makeJsr })) {
    await Deno.remove(`${directory}/${name}`, { recursive: true }).catch(() => {});
    await Deno.mkdir(`${directory}/${name}`, { recursive: true });
    await make(await Deno.realPath(`${directory}/${name}`), files);
  }
}
