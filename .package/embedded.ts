/**
 * What is embedded in the compiled program beside this project's own files: with `licences` the text that has to go with
 * it, with `sbom` a list for programs (CycloneDX 1.5, JSON). Both come from the graph of `main.ts`, so nothing is forgotten.
 *
 * `deno run --allow-read --allow-run=deno --allow-env .package/embedded.ts licences|sbom DENO_LICENCE`
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** A package of npm that is embedded. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
  /** SPDX's name of its licence. */
  readonly licence: string;
}

const decoder = new TextDecoder();

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args,
    cwd: new URL("..", import.meta.url).pathname,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** The packages that `main.ts` imports, and those that they need. */
async function packages(): Promise<Package[]> {
  const { npmPackages } = JSON.parse(await deno("info", "--json", "main.ts")) as {
    npmPackages: Record<string, Omit<Package, "licence">>;
  };
  return await Promise.all(
    Object.values(npmPackages).map(async ({ name, version, localPath }) => {
      const { license } = JSON.parse(await Deno.readTextFile(`${localPath}/package.json`));
      if (typeof license !== "string") throw new Error(`${name} ${version} names no licence`);
      return { name, version, localPath, licence: license };
    }),
  );
}

/** The text of a package's licence; undefined if it has none, and only names it. */
async function licenceText(directory: string): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(directory)) {
    if (/^licen[cs]e/i.test(name)) return await Deno.readTextFile(`${directory}/${name}`);
  }
}

/** Deno, which runs the program, and V8 within it. */
function runtime(): { name: string; version: string; licence: string }[] {
  const { deno, v8 } = Deno.version;
  return [{ name: "deno", version: deno, licence: "MIT" }, {
    name: "v8",
    version: v8,
    licence: "BSD-3-Clause",
  }];
}

async function licences(denoLicence: string): Promise<string> {
  const { deno, v8 } = Deno.version;
  const parts = [
    `Wirepost ${config.version} runs on Deno ${deno}, with V8 ${v8}, SQLite and others that Deno's documentation names.\n` +
    `Deno:\n\n${await Deno.readTextFile(denoLicence)}`,
  ];
  for (const { name, version, licence, localPath } of await packages()) {
    const text = await licenceText(localPath);
    parts.push(`${name} ${version}, ${licence}${text === undefined ? "\n" : `:\n\n${text}`}`);
  }
  return parts.map((part) => part.trimEnd()).join(`\n\n${"-".repeat(72)}\n\n`) + "\n";
}

async function sbom(): Promise<string> {
  const component = (name: string, version: string, licence: string, purl: string) => ({
    type: "library",
    name,
    version,
    "bom-ref": purl,
    purl,
    licenses: [{ license: { id: licence } }],
  });
  const { name, version } = { name: "wirepost", version: config.version };
  return JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
      metadata: {
        component: {
          type: "application",
          name,
          version,
          "bom-ref": `pkg:generic/${name}@${version}`,
          licenses: [{ license: { id: config.license } }],
        },
      },
      components: [
        ...runtime().map(({ name, version, licence }) =>
          component(name, version, licence, `pkg:generic/${name}@${version}`)
        ),
        ...(await packages()).map(({ name, version, licence }) =>
          component(name, version, licence, `pkg:npm/${name.replace("@", "%40")}@${version}`)
        ),
      ],
    },
    undefined,
    2,
  ) + "\n";
}

const [what, denoLicence] = Deno.args;
if (what === "licences" && denoLicence !== undefined) {
  await Deno.stdout.write(new TextEncoder().encode(await licences(denoLicence)));
} else if (what === "sbom") await Deno.stdout.write(new TextEncoder().encode(await sbom()));
else throw new Error("Expected 'licences DENO_LICENCE' or 'sbom'");
