/**
 * The packages of the client library, made as for a release and installed as a program would have them, and a Node that is
 * new enough for them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { lacks, runCommand } from "../../../program.ts";

/** Without a setting that npm refuses in a directory with a package.json: npx puts it into the environment. */
export const OWN_NPM = { npm_config_allow_scripts: "" };

const ROOT = new URL("../../../../", import.meta.url).pathname;

/** Node of npm, for where none or an older one is installed. */
const NODE = { major: 22, version: "22.23.5" };

/** Whether the tests are skipped, because there is no npm. */
export const ignore: boolean = await lacks("npm");

/** The command that runs the Node that the package is for. */
async function findNode(): Promise<string> {
  const { out } = await runCommand(["node", "--version"]).catch(() => ({ out: "" }));
  if (Number(/^v(\d+)\./.exec(out)?.[1]) >= NODE.major) return "node";
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const name = `node-${Deno.build.os}-${arch}@${NODE.version}`;
  const command = ["npx", "--yes", `--package=${name}`, "--", "node", "--print", "process.execPath"];
  const { code, out: path, err } = await runCommand(command);
  assertEquals(code, 0, err);
  return path.trim();
}

/** A directory with both packages, and with a program's directory in which the one of npm is installed. */
export class Packed {
  private constructor(readonly path: string, readonly node: string) {}

  static async make(path: string): Promise<Packed> {
    const made = await runCommand([
      ...[
        Deno.execPath(),
        "run",
        "--no-check",
        "--allow-read",
        "--allow-write",
        "--allow-run",
        "--allow-env",
      ],
      ...[`${ROOT}.package/library/make.ts`, path],
    ]);
    assertEquals(made.code, 0, made.err);
    const packed = await runCommand(["npm", "pack", "--json"], { cwd: `${path}/npm`, env: OWN_NPM });
    assertEquals(packed.code, 0, packed.err);
    const [{ filename }] = JSON.parse(packed.out);
    const program = `${path}/program`;
    await Deno.mkdir(program);
    await Deno.writeTextFile(`${program}/package.json`, '{ "private": true, "type": "module" }\n');
    // it needs nothing else, and so no network
    const install = ["npm", "install", "--offline", "--no-audit", "--no-fund", `${path}/npm/${filename}`];
    const installed = await runCommand(install, { cwd: program, env: OWN_NPM });
    assertEquals(installed.code, 0, installed.err);
    return new Packed(path, await findNode());
  }

  /** Where programs are run. */
  get program(): string {
    return `${this.path}/program`;
  }

  /** Puts a program where the packages are, and gives the commands that run it on Node and on Deno. */
  async commands(name: string, code: string): Promise<Record<"Node" | "Deno", string[]>> {
    const { exports } = JSON.parse(await Deno.readTextFile(`${this.path}/jsr/deno.json`)) as {
      exports: Record<string, string>;
    };
    const imports = Object.entries(exports).map(([name, file]) => [
      name.replace(".", "wirepost"),
      `${this.path}/jsr/${file}`,
    ]);
    const config = `${this.path}/deno.json`, file = `${this.program}/${name}`;
    await Deno.writeTextFile(
      config,
      JSON.stringify({ imports: Object.fromEntries(imports), unstable: ["net"] }),
    );
    await Deno.writeTextFile(file, code);
    return { Node: [this.node, file], Deno: [Deno.execPath(), "run", "-A", `--config=${config}`, file] };
  }

  /** Copies a program of the repository to where the package is installed; gives the command that runs it on Node. */
  async command(file: string): Promise<string[]> {
    const path = `${this.program}/${file.replace(/.*\//, "")}`;
    await Deno.copyFile(`${ROOT}${file}`, path);
    return [this.node, path];
  }
}
