/** The Debian package, its unit, the manual page and the scripts that make them, as the tools of Debian see them. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { FROM_SOURCE, lacks, runCommand, temporaryDirectory } from "../../program.ts";

const ROOT = new URL("../../../", import.meta.url).pathname, PACKAGE = `${ROOT}.package/`;

/** A program that starts as a compiled one does, and says no more than its version. */
const PROGRAM = "#!/bin/sh\necho wirepost\n";

/** Runs one of the scripts, which has to have nothing to say. */
async function make(...command: string[]) {
  const { code, err } = await runCommand(command, { cwd: ROOT });
  assertEquals(code, 0, err);
}

Deno.test("the Debian package has what it should, and lintian finds nothing in it", async () => {
  if (await lacks("lintian")) return;
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.writeTextFile(`${path}/wirepost`, PROGRAM, { mode: 0o755 });
  await Deno.writeTextFile(`${path}/DENO_LICENCE`, "MIT License\n");
  await make(`${PACKAGE}stage`, `${path}/wirepost`, `${path}/DENO_LICENCE`, `${path}/stage`);
  await make(`${PACKAGE}debian/build`, `${path}/stage`, "amd64", path);
  const [file = ""] = [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) =>
    name.endsWith(".deb")
  );
  const { out } = await runCommand(["dpkg-deb", "--contents", `${path}/${file}`]);
  const files = [...out.matchAll(/^(-\S+) (\S+) .* \.(\/\S+)$/gm)].map(([, mode, owner, name]) =>
    `${mode} ${owner} ${name}`
  );
  assertEquals(files.toSorted(), [
    "-rw-r--r-- root/root /etc/wirepost.conf",
    "-rw-r--r-- root/root /usr/lib/systemd/system/wirepost.service",
    "-rw-r--r-- root/root /usr/lib/systemd/system/wirepost.socket",
    "-rw-r--r-- root/root /usr/lib/sysusers.d/wirepost.conf",
    "-rw-r--r-- root/root /usr/share/bash-completion/completions/wirepost",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/CHANGELOG.md.gz",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/LICENCES",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/README.md",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/changelog.gz",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/copyright",
    "-rw-r--r-- root/root /usr/share/doc/wirepost/sbom.cdx.json",
    "-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/wirepost.fish",
    "-rw-r--r-- root/root /usr/share/lintian/overrides/wirepost",
    "-rw-r--r-- root/root /usr/share/man/man1/wirepost.1.gz",
    "-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_wirepost",
    "-rwxr-xr-x root/root /usr/bin/wirepost",
  ]);
  // overrides that a shell script in place of the program does not need
  const lintian = await runCommand([
    "lintian",
    "--allow-root",
    "--suppress-tags",
    "unused-override",
    `${path}/${file}`,
  ]);
  assertEquals([lintian.code, lintian.out], [0, ""], lintian.err);
});

Deno.test("systemd takes the unit, and finds it little exposed", async () => {
  if (await lacks("systemd-analyze")) return;
  await using directory = await temporaryDirectory();
  const unit = `${directory.path}/wirepost.service`;
  // the program is not installed here
  const text = await Deno.readTextFile(`${PACKAGE}systemd/wirepost.service`);
  await Deno.writeTextFile(unit, text.replace("/usr/bin/wirepost", "/bin/true"));
  const socket = `${directory.path}/wirepost.socket`;
  await Deno.copyFile(`${PACKAGE}systemd/wirepost.socket`, socket);
  const verified = await runCommand(["systemd-analyze", "verify", "--man=no", unit, socket]);
  assertEquals(verified, { code: 0, out: "", err: "" });
  const { out } = await runCommand(["systemd-analyze", "security", "--offline=true", "--no-pager", unit]);
  assertMatch(out, /Overall exposure level for wirepost.service: \d/);
  assertLess(Number(/Overall exposure level for wirepost.service: ([\d.]+)/.exec(out)?.[1]), 2);
});

Deno.test("the manual page has every command with its options, and man warns of nothing", async () => {
  if (await lacks("man")) return;
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/wirepost.1`, [deno = ""] = FROM_SOURCE;
  const made = await runCommand([
    deno,
    "run",
    "--allow-read",
    "--allow-env",
    "--allow-sys",
    `${PACKAGE}man.ts`,
    "2026-01-31",
  ]);
  assertEquals(made.code, 0, made.err);
  await Deno.writeTextFile(path, made.out);
  const env = { LC_ALL: "C.UTF-8", MANWIDTH: "100" };
  const warned = await runCommand(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path], { env });
  assertEquals([warned.code, warned.err], [0, ""]);
  const { loadCommands } = await import("../../../client/command/program.ts");
  const { COMMANDS } = await import("../../../main.ts");
  for (const { name, options } of await loadCommands(COMMANDS)) {
    const [, section = ""] =
      new RegExp(`^\\.SS ${name.replaceAll("-", "\\\\-")}\\n([^]*?)(?=^\\.S[SH] )`, "m").exec(made.out) ?? [];
    for (const [option, { hidden }] of Object.entries(options)) {
      const isThere = section.includes(`\n.B \\-\\-${option.replaceAll("-", "\\-")}`);
      assertEquals(isThere, !hidden, `--${option} of ${name}`);
    }
  }
});

Deno.test("shellcheck finds nothing in the scripts of the packages", async () => {
  if (await lacks("shellcheck")) return;
  const scripts = ["stage", "archive", "release", "smoke", "notes", "install.sh"].map((name) =>
    `${PACKAGE}${name}`
  );
  const debian = ["build", "postinst", "prerm", "postrm"].map((name) => `${PACKAGE}debian/${name}`);
  const { code, out } = await runCommand(["shellcheck", ...scripts, ...debian, `${ROOT}.ci/run`]);
  assertEquals([code, out], [0, ""]);
});

Deno.test("the notes of a release are what the changelog says of its version", async () => {
  const { code, out, err } = await runCommand([`${PACKAGE}notes`, "0.0.1"]);
  assertEquals({ code, out, err }, { code: 1, out: "", err: "CHANGELOG.md has no version 0.0.1\n" });
});
