/**
 * Does what README.md and the topics of the help say, word for word. In its `console` blocks a line that begins with `$ ` is a command, and the
 * lines behind it are its output, in which `…` stands for anything. A `serve` command runs until the next one. A
 * `python` or `ts` block is a program, and a comment behind its print what it prints. All run in one copy of the source
 * and in order, on free ports in place of the services' own, so that a server on the machine is left alone.
 */

import { assert, assertEquals } from "@std/assert";
import { TOPICS } from "../../client/command/topics.ts";
import { SERVICE_PORTS } from "../../server/options/options.ts";
import { freePort } from "../ports.ts";
import { FROM_SOURCE, lacks, LOADED, netcat, runCommand, temporaryDirectory } from "../program.ts";

const SOURCE = new URL("../../", import.meta.url).pathname;

/** What runs without the rest of the repository, and what it is made from. */
const COPIED = ["main.ts", "deno.json", "deno.lock", "std.d.ts", "client", "server", "protocol"];

interface Step {
  command: string;
  output: string[];
  /** Whether its block begins with it. */
  isFirst: boolean;
}

/** The commands of a block, each with the output that it shows. */
function steps(language: string, block: string): Step[] {
  const lines = block.trimEnd().split("\n");
  if (language !== "console") {
    const output = [...block.matchAll(/^ *(?:print|console\.log)\(.*\);? *(?:#|\/\/) (.*)$/gm)].map((m) =>
      m[1]!
    );
    assert(output.length > 0, `a program that does not show what it prints:\n${block}`);
    return [{ command: block, output, isFirst: true }];
  }
  const steps: Step[] = [];
  for (const line of lines) {
    if (line.startsWith("$ ")) {
      steps.push({ command: line.slice(2), output: [], isFirst: steps.length === 0 });
    } else {
      assert(steps.length > 0, `output of no command: ${line}`);
      steps.at(-1)!.output.push(line);
    }
  }
  return steps;
}

/** Times differ from day to day. */
function normal(text: string): string {
  return text.trimEnd().replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME");
}

/** Whether the output is what is shown. */
function fits(output: string, shown: string[]): boolean {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&").replaceAll("…", ".*");
  // a line with nothing but … is any number of lines
  const pattern = normal(shown.join("\n")).split("\n")
    .map((line) => line === "…" ? "(?:.*\n)*?" : `${literal(line)}\n`).join("");
  return new RegExp(`^${pattern}$`).test(`${normal(output)}\n`) || output === "" && shown.length === 0;
}

async function copy(from: string, to: string, change: (text: string) => string) {
  if ((await Deno.stat(from)).isFile) {
    return await Deno.writeTextFile(to, change(await Deno.readTextFile(from)));
  }
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`, change);
}

/** A directory like the one that its reader has, with `wirepost` on the PATH. */
class Reader implements AsyncDisposable {
  #server: { child: Deno.ChildProcess; ended: Promise<Deno.CommandStatus> } | undefined;

  /** By the port of each service, the one that stands in for it. */
  readonly #ports = new Map(Object.values(SERVICE_PORTS).map((port) => [`${port}`, `${freePort()}`]));

  /** The commands that set variables and aliases in the reader's shell. */
  #exports = "";

  constructor(readonly directory: string) {}

  here(text: string): string {
    return text.replace(/\b\d{4,5}\b/g, (number) => this.#ports.get(number) ?? number);
  }

  async prepare() {
    for (const name of COPIED) {
      await copy(`${SOURCE}${name}`, `${this.directory}/${name}`, (text) => this.here(text));
    }
    await Deno.mkdir(`${this.directory}/.bin`);
    const [deno, ...options] = FROM_SOURCE.slice(0, -1).filter((arg) => !LOADED.includes(arg)).map((arg) =>
      `'${arg}'`
    );
    await this.#onPath("deno", `exec ${deno} "$@"`);
    await this.#onPath("wirepost", `exec ${deno} ${options.join(" ")} "$(dirname "$0")/../main.ts" "$@"`);
  }

  async #onPath(name: string, script: string) {
    await Deno.writeTextFile(`${this.directory}/.bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  #env(first = "") {
    return {
      PATH: `${first}${this.directory}/.bin:${Deno.env.get("PATH")}`,
      NO_COLOR: "1",
      NO_UPDATE_NOTIFIER: "1",
      XDG_STATE_HOME: `${this.directory}/.state`,
    };
  }

  async run(language: string, { command, output }: Step) {
    const text = this.here(command), shown = output.map((line) => this.here(line));
    if (/^(?:export|alias) /.test(text)) this.#exports += `${text}\n`;
    if (/\bserve\b/.test(text)) return await this.#serve(text, shown);
    const compiler = Deno.env.get("DENO_COMPILER");
    // the task calls the deno that runs it
    const first = / task compile$/.test(text) && compiler ? `${compiler.replace(/[^/]*$/, "")}:` : "";
    const program = language === "python"
      ? ["python3", "-c", text]
      : language === "ts"
      ? ["sh", "-c", "deno run --allow-net readme.ts 2>&1"]
      : ["sh", "-c", `exec 2>&1\n${this.#exports}${text}`];
    if (language === "ts") await Deno.writeTextFile(`${this.directory}/readme.ts`, text);
    const result = await runCommand(program, { cwd: this.directory, env: this.#env(first) });
    const said = `${result.out}${result.err}`;
    assertEquals(result.code, 0, `${text}\n${said}`);
    assert(fits(said, shown), `${text}\nshows:\n${said}\nnot:\n${shown.join("\n")}`);
    if (/^wirepost admin stop/.test(text)) assertEquals((await this.#server!.ended).code, 0);
  }

  /** Starts a server in the place of the one before, and waits until it has said what is shown, in any order. */
  async #serve(command: string, shown: string[]) {
    await this.stop();
    // a group of its own, because npx and tasks have children
    const child = new Deno.Command("sh", {
      args: ["-c", `exec 2>&1\n${command}`],
      cwd: this.directory,
      env: this.#env(),
      detached: true,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    let said = "", onOutput = () => {};
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) said += text, onOutput();
    })();
    this.#server = { child, ended: reading.then(() => child.status) };
    const over = this.#server.ended.then(() => true);
    const all = () => shown.every((line) => line === "…" || said.split("\n").some((is) => fits(is, [line])));
    while (!all()) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      onOutput = () => resolve(false);
      assert(!await Promise.race([promise, over]), `${command}\nended and had shown:\n${said}`);
    }
  }

  /** Ends the server and all that runs it. */
  async stop() {
    if (this.#server === undefined) return;
    try {
      Deno.kill(-this.#server.child.pid, "SIGKILL");
    } catch {
      // it has ended
    }
    await this.#server.ended;
    this.#server = undefined;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }
}

/** Why a command, and those after it in its block, can not be run here, if they can't; in CI every one is. */
async function whyNot(command: string): Promise<string | undefined> {
  for (const [program, use] of Object.entries({ npx: /^npx /, python3: /^import socket/, curl: /\bcurl / })) {
    if (use.test(command) && await lacks(program)) return `${program} is not installed`;
  }
  // with -w1, ncat does not wait for an answer
  if (/\| nc /.test(command) && await netcat("openbsd", "traditional") === undefined) {
    return "nc is not installed, or not OpenBSD's or the traditional one";
  }
  // it downloads the base runtime
  const compiles = Deno.env.get("CI") !== undefined || Deno.env.get("DENO_COMPILER") !== undefined;
  if (!compiles && / task compile$|^dist\//.test(command)) return "neither CI nor DENO_COMPILER is set";
}

/** The commands of a topic, which stand behind four spaces as in a console. */
function topicSteps(text: string): Step[] {
  const blocks = text.match(/^ {4}\$ .*\n(?:^ {4}.*\n)*/gm) ?? [];
  return blocks.flatMap((block) => steps("console", block.replace(/^ {4}/gm, "")));
}

for (const topic of Object.keys(TOPICS)) {
  Deno.test(`every command of 'wirepost help ${topic}' does what it says`, async (t) => {
    const text = await Deno.readTextFile(`${SOURCE}client/command/topics/${topic}.txt`);
    const commands = topicSteps(text);
    if (commands.length === 0) return;
    await using directory = await temporaryDirectory();
    await using reader = new Reader(directory.path);
    await reader.prepare();
    await reader.run("console", {
      command: "wirepost serve",
      output: ["mailbox listening on udp 127.0.0.1:21001"],
      isFirst: true,
    });
    let reason: string | undefined;
    for (const step of commands) {
      reason = (step.isFirst ? undefined : reason) ?? await whyNot(step.command);
      const ignore = reason !== undefined;
      const name = `$ ${step.command}${ignore ? ` (skipped: ${reason})` : ""}`;
      const passed = await t.step({ name, ignore, fn: () => reader.run("console", step) });
      if (!passed && !ignore) return;
    }
  });
}

Deno.test("every command of README.md does what it says", async (t) => {
  const readme = await Deno.readTextFile(`${SOURCE}README.md`);
  const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  assertEquals(readme.match(/^ *(?:```|~~~)/gm)?.length, 2 * blocks.length, "a block that is not closed");
  await using directory = await temporaryDirectory();
  await using reader = new Reader(directory.path);
  await reader.prepare();
  for (const [, language = "", block = ""] of blocks) {
    let reason: string | undefined;
    // what a terminal shows while other commands run
    if (language === "text") continue;
    assert(["console", "python", "ts"].includes(language), `a block in no language: ${block}`);
    for (const step of steps(language, block)) {
      const { command } = step;
      // that is what runs now
      if (/ task test$/.test(command)) continue;
      reason ??= await whyNot(command);
      const ignore = reason !== undefined;
      const name = language === "console" ? `$ ${command}` : `a program in ${language}`;
      const passed = await t.step({
        name: ignore ? `${name} (skipped: ${reason})` : name,
        ignore,
        fn: () => reader.run(language, step),
      });
      if (!passed && !ignore) return;
    }
  }
});
