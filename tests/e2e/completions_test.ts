/** The completion scripts in the shells that they are for, with names of a real server. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connectChannels } from "../../client/channels.ts";
import { connectMailbox } from "../../client/mailbox.ts";
import type { Command } from "../../client/command/command.ts";
import { helpOf } from "../../client/command/help.ts";
import { powershellScript } from "../../client/command/completions/powershell.ts";
import { completionTable } from "../../client/command/completions/table.ts";
import { FROM_SOURCE, lacks, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";
import { Terminal } from "./terminal.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
const ignore = Deno.build.os === "windows" || await lacks("tmux") ||
  (await Promise.all(SHELLS.map(lacks))).includes(true);

/** A directory with a command `wirepost`, the scripts, and the start files of the shells. */
async function setUp() {
  const directory = await temporaryDirectory();
  const { path } = directory;
  const program = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${path}/wirepost`, `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 });
  const scripts = await Promise.all(SHELLS.map((shell) => wirepost(["completions", shell])));
  for (const [i, { out }] of scripts.entries()) await Deno.writeTextFile(`${path}/${SHELLS[i]}`, out);
  const server = await ServerProcess.start(["mailbox", "0", "channels", "0", "--data", `${path}/data`]);
  const env = { PATH: `${path}:${Deno.env.get("PATH")}`, WIREPOST_DATA: `${path}/data`, WIREPOST_SERVER: "" };
  await using mailbox = await connectMailbox({ port: server.port });
  for (const receiver of ["bob", "bob builder"]) await mailbox.send(receiver, "alice", "hello");
  await using channels = await connectChannels({ name: "Alice", port: await server.ready("channels") });
  for (const channel of ["tea", "team"]) await channels.send(`/create ${channel}`);
  await channels.send("/list");
  for await (const _ of channels) break;
  return {
    path,
    env,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Command lines, and what completes their last word. */
const CASES: readonly [string, readonly string[]][] = [
  ["wirepost se", ["send", "serve"]],
  ["wirepost send --del", ["--delay"]],
  ["wirepost serve --log ", ["journal", "json", "text"]],
  ["wirepost serve r", ["room"]],
  ["wirepost help rec", ["receive"]],
  ["wirepost help del", ["delivery"]],
  ["wirepost send b", ["bob", "bob builder"]],
  ["wirepost chat te", ["tea", "team"]],
  ["wirepost send --delay ", []],
];

Deno.test(
  { name: "shells complete commands, options, values and the names of a server", ignore },
  async (t) => {
    await using here = await setUp();
    const { path, env } = here;

    await t.step("bash", async () => {
      const script = `
      source ${path}/bash
      complete_line() {
        COMP_LINE=$1 COMPREPLY=()
        read -ra COMP_WORDS <<<"$1"
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _wirepost
        printf '%s\\n' "\${COMPREPLY[@]}" | sort
      }
      while IFS= read -r line; do complete_line "$line"; echo .; done`;
      const input = CASES.map(([line]) => `${line}\n`).join("");
      const { out, err } = await runCommand(["bash", "--norc", "-c", script], { env, input });
      assertEquals([out, err], [answers((name) => name.replace(" ", "\\ "), "\n"), ""]);
    });

    await t.step("fish", async () => {
      const script = `
      source ${path}/fish
      while read -l line; complete -C $line | sort; echo .; end`;
      const input = CASES.map(([line]) => `${line}\n`).join("");
      const { out, err } = await runCommand(["fish", "--no-config", "-c", script], { env, input });
      assertEquals([out.replaceAll(/\t.*$/gm, ""), err], [answers((name) => name), ""]);
    });

    await t.step("keys in bash and zsh", async () => {
      await Deno.writeTextFile(`${path}/.bashrc`, `PS1='% '; source ${path}/bash\n`);
      await Deno.writeTextFile(
        `${path}/.zshrc`,
        `PS1='%% '; autoload -U compinit; compinit -u -d ${path}/zcompdump; source ${path}/zsh\n`,
      );
      const exports = Object.entries(env).map(([name, value]) => `${name}='${value}'`).join(" ");
      for (
        const shell of [`bash --noprofile --rcfile ${path}/.bashrc`, `env ZDOTDIR=${path} zsh -i`]
      ) {
        await using terminal = await Terminal.open(`env ${exports} ${shell}`);
        await terminal.shows("% ");
        await terminal.type("wirepost rec", "Tab");
        await terminal.holds("wirepost receive |");
        await terminal.type("--wa", "Tab");
        await terminal.holds("wirepost receive --wait |");
        await terminal.type("1s b", "Tab");
        await terminal.holds("wirepost receive --wait 1s bob|");
      }
    });
  },
);

/** What a shell prints for all cases; a shell without an answer may print an empty line. */
function answers(shown: (name: string) => string, none = ""): string {
  return CASES.map(([, names]) => (names.map((name) => `${shown(name)}\n`).join("") || none) + ".\n").join(
    "",
  );
}

const COMMAND: Command = {
  name: "draw",
  summary: "Draw 'it'.",
  usage: [""],
  options: {
    ink: { value: "red|blue", help: "The server's [colour]: with\nits name" },
    old: { value: "NAME", help: "An older name", hidden: true },
    file: { value: "FILE", help: "Where to" },
  },
  completes: { names: "channels" },
  examples: [],
  run: () => Promise.resolve(0),
};

Deno.test("the table of completions has what the help of a command has", () => {
  const [entry] = completionTable([COMMAND]);
  assertEquals(entry, {
    name: "draw",
    summary: "Draw 'it'",
    arguments: { names: "channels" },
    options: [
      {
        name: "ink",
        help: "The server's [colour]: with its name",
        value: "red|blue",
        completion: { words: ["red", "blue"] },
      },
      { name: "file", help: "Where to", value: "FILE", completion: { files: true } },
      { name: "help", help: "Show this help", value: undefined, completion: undefined },
    ],
  });
  for (const { name } of entry!.options) assertStringIncludes(helpOf(COMMAND), `--${name}`);
});

Deno.test("the script for PowerShell has the table: commands, options, values and names", () => {
  const script = powershellScript(completionTable([COMMAND]));
  assertStringIncludes(
    script,
    `    'draw' = @{
      summary = 'Draw ''it'''
      options = @('--ink', '--file', '--help')
      values = @{ '--ink' = @('red', 'blue'); '--file' = @() }
      arguments = '@channels'
    }`,
  );
  assertEquals(script.split("{").length, script.split("}").length);
});

Deno.test("completions refuses a shell that it doesn't know, and names of nothing", async () => {
  const { code, err } = await wirepost(["completions", "tcsh"]);
  assertEquals([code, err.split("\n")[0]], [
    2,
    "wirepost completions: Unknown shell 'tcsh': expected bash, zsh, fish, powershell",
  ]);
});
