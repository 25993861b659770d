/** The installer, with a directory that stands for a release. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { lacks, runCommand, temporaryDirectory } from "../../program.ts";

const PACKAGE = new URL("../../../.package/", import.meta.url).pathname;

/** What `.package/stage` puts into a directory, with a program that says no more than its version. */
async function stage(directory: string, version: string) {
  await Deno.mkdir(`${directory}/completions`, { recursive: true });
  await Deno.writeTextFile(`${directory}/wirepost`, `#!/bin/sh\necho wirepost ${version}\n`, { mode: 0o755 });
  for (
    const name of [
      "wirepost.1",
      "LICENCES",
      ...["bash", "zsh", "fish"].map((s) => `completions/wirepost.${s}`),
    ]
  ) {
    await Deno.writeTextFile(`${directory}/${name}`, `${name} of ${version}\n`);
  }
}

/** A release for this machine. */
async function release(path: string, version: string): Promise<string> {
  await stage(`${path}/stage-${version}`, version);
  const directory = `${path}/release-${version}`;
  await Deno.mkdir(directory);
  const target = `linux-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  const made = await runCommand([`${PACKAGE}archive`, `${path}/stage-${version}`, target, directory]);
  assertEquals(made, { code: 0, out: "", err: "" });
  const sums = await runCommand(["sh", "-c", "sha256sum * > SHA256SUMS"], { cwd: directory });
  assertEquals(sums.code, 0);
  return directory;
}

const install = (from: string, to: string, path = "/usr/bin:/bin") =>
  runCommand(["sh", `${PACKAGE}install.sh`, "--from", from, "--to", to], { env: { PATH: path } });

Deno.test("install.sh fetches a release, verifies and installs it, and a later one over it", {
  ignore: await lacks("curl"),
}, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, to = `${path}/home/.local`;
  const first = await install(`file://${await release(path, "1.0.0")}`, to);
  assertEquals([first.code, first.err], [0, ""], first.err);
  assertStringIncludes(
    first.out,
    `wirepost 1.0.0 is in ${to}/bin\nIt is not in PATH yet: export PATH="${to}/bin:$PATH"\n`,
  );
  const second = await install(`file://${await release(path, "1.1.0")}`, to, `/usr/bin:/bin:${to}/bin`);
  assertEquals(second, { code: 0, out: `wirepost 1.1.0 is in ${to}/bin\n`, err: "" });
  const installed = await runCommand(["find", ".", "-type", "f"], { cwd: to });
  assertEquals(installed.out.split("\n").filter((line) => line !== "").toSorted(), [
    "./bin/wirepost",
    "./share/bash-completion/completions/wirepost",
    "./share/doc/wirepost/LICENCES",
    "./share/fish/vendor_completions.d/wirepost.fish",
    "./share/man/man1/wirepost.1",
    "./share/zsh/site-functions/_wirepost",
  ]);
});

Deno.test(
  "install.sh installs nothing that is not what SHA256SUMS says",
  { ignore: await lacks("curl") },
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory, to = `${path}/to`, from = await release(path, "1.0.0");
    const [archive = ""] = [...Deno.readDirSync(from)].map(({ name }) => name).filter((name) =>
      name.endsWith(".gz")
    );
    const whole = await Deno.readFile(`${from}/${archive}`);
    await Deno.writeFile(`${from}/${archive}`, Uint8Array.of(...whole, 0));
    const changed = await install(`file://${from}`, to);
    assertEquals(changed, {
      code: 1,
      out: "",
      err: `install.sh: ${archive} is not what SHA256SUMS says: nothing was installed\n`,
    });
    await Deno.writeTextFile(`${from}/SHA256SUMS`, `${"0".repeat(64)}  another.tar.gz\n`);
    const unnamed = await install(`file://${from}`, to);
    assertEquals([unnamed.code, unnamed.err], [1, `install.sh: SHA256SUMS does not name ${archive}\n`]);
    await Deno.remove(`${from}/${archive}`);
    const gone = await install(`file://${from}`, to);
    assertEquals(gone.code, 1);
    assertStringIncludes(gone.err, `install.sh: cannot fetch file://${from}/${archive}\n`);
    assert(!(await Array.fromAsync(Deno.readDir(path))).some(({ name }) => name === "to"));
  },
);

Deno.test("install.sh says what it needs", async () => {
  const run = (...args: string[]) => runCommand(["sh", `${PACKAGE}install.sh`, ...args]);
  assertEquals(
    (await run()).err,
    "install.sh: this copy does not know where releases are: name it with --from URL\n",
  );
  assertEquals((await run("--to")).err, "install.sh: option --to needs a value\n");
  assertEquals(
    (await run("--where", "x")).err,
    "install.sh: unknown option '--where': expected --to DIRECTORY or --from URL\n",
  );
});
