/**
 * Runs the tests: `deno task test` all of them, `deno task test NAME…` those with one of the names in their path. Options
 * of `deno test`, such as `--filter`, go to it. `deno task faults` runs those that have a full form in it, one after the
 * other: some of them measure.
 *
 * Command lines and servers of the tests run in processes that are kept for the next ones (`tests/hosting/`): to start
 * hundreds of them would take most of the time. `deno test` without this program starts them all, and so does the full
 * form.
 *
 * Types are not checked here: that is `deno task check`.
 *
 * @module
 */

import { HOSTS_VARIABLE } from "./hosting/hosted_process.ts";
import { HostPool } from "./hosting/pool.ts";

/** Test files that run at the same time: some of them wait, so there are more than processors. */
const JOBS = 2 * navigator.hardwareConcurrency + 1;

/**
 * playwright-core, which drives a browser, looks at what only all permissions let it see; and it is in a deno.lock of the
 * tests, so that it is no part of the program.
 */
const FLAGS = ["--no-check", "--allow-all", "--lock=tests/deno.lock"];

/** Whether tests run in their full form, which takes hours. */
const FULL = Deno.env.get("WIREPOST_FAULTS") === "full";

/** Files that take long come first, the longest before the others, so that none of them runs alone at the end. */
const LONG = [
  ...[
    "readme_test",
    "faults/attack/",
    "session/proxy_test",
    "transfer_test",
    "wait_limit_test",
    "download_test",
  ],
  ...["simulation_test", "bench_test", "forum/proxy_test", "disk_full_test", "fuzz_test", "compile_test"],
  ...["account_test", "send_receive_test", "e2e/", "faults/", "simulation/"],
];

/** What says which form is to run. */
const FORM = "tests/faults/form.ts";

const ROOT = new URL("../", import.meta.url).pathname;

function* testFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}${folder}`)) {
    if (isDirectory) yield* testFiles(`${folder}${name}/`);
    else if (name.endsWith("_test.ts")) yield `${folder}${name}`;
  }
}

/** An import may stand in a text that a test writes. */
function isFile(path: string): boolean {
  try {
    return Deno.statSync(`${ROOT}${path}`).isFile;
  } catch {
    return false;
  }
}

/** Whether a test has a full form: it, or what it uses, asks which one is to run. */
function hasFullForm(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = Deno.readTextFileSync(`${ROOT}${file}`);
  const imported = [...text.matchAll(/^(?:import|export|\}).* from "(\..*\.ts)";$/gm)]
    .map(([, path = ""]) => new URL(path, new URL(file, "file:///")).pathname.slice(1))
    .filter((path) => path.startsWith("tests/") && isFile(path));
  if (file !== FORM && text.includes("WIREPOST_FAULTS")) return true;
  if (imported.includes(FORM) && /\bFULL\b/.test(text)) return true;
  return imported.some((path) => hasFullForm(path, seen));
}

function place(file: string): number {
  const place = LONG.findIndex((part) => file.includes(part));
  return place < 0 ? LONG.length : place;
}

/** Options of `deno test` whose value is the next argument. */
const WITH_VALUE = ["--filter", "--ignore", "--reporter", "--junit-path"];

const isOption = (arg: string, i: number) =>
  arg.startsWith("-") || WITH_VALUE.includes(Deno.args[i - 1] ?? "");
const names = Deno.args.filter((arg, i) => !isOption(arg, i)), options = Deno.args.filter(isOption);
const files = [...testFiles("tests/")]
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .filter((file) => !FULL || hasFullForm(file))
  .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
if (files.length === 0) {
  await Deno.stderr.write(new TextEncoder().encode(`No test file has ${names.join(" or ")} in its path\n`));
  Deno.exit(1);
}

async function run(flags: readonly string[], env: Record<string, string>): Promise<number> {
  const args = ["test", ...FLAGS, ...flags, ...options, ...files];
  return (await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env }).spawn().status).code;
}

if (FULL) Deno.exitCode = await run([], {});
else {
  await using hosts = new HostPool();
  const jobs = Deno.env.get("DENO_JOBS") ?? `${JOBS}`;
  Deno.exitCode = await run(["--parallel"], { DENO_JOBS: jobs, [HOSTS_VARIABLE]: hosts.address });
}
