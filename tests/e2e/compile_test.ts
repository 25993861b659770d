/** The single program: compiled, moved away from its source, and used. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { runCommand, ServerProcess, temporaryDirectory } from "../program.ts";

const SOURCE = new URL("../../", import.meta.url).pathname;

/** Compiles as the task does, but to `output`, and with the deno of DENO_COMPILER if it is set. */
async function compile(output: string) {
  const [deno, ...args] = config.tasks.compile.command.split(" ");
  assertEquals(deno, "deno");
  const at = args.indexOf("--output") + 1;
  assert(at > 0 && !/["'$&;|]/.test(args.join("")), "a task that is more than words");
  args[at] = output;
  return await runCommand([Deno.env.get("DENO_COMPILER") ?? Deno.execPath(), ...args], {
    cwd: SOURCE,
    env: { NO_COLOR: "1" },
  });
}

Deno.test("the compiled program needs nothing else: it serves, sends, receives and administers", async (t) => {
  await using built = await temporaryDirectory();
  await using elsewhere = await temporaryDirectory();
  const compiled = await compile(`${built.path}/wirepost`);
  if (compiled.code !== 0 && Deno.env.get("CI") === undefined && /download/i.test(compiled.err)) {
    const why = /^error: .*/m.exec(compiled.err)?.[0];
    await t.step({ name: `skipped: the base runtime can't be had: ${why}`, ignore: true, fn() {} });
    return;
  }
  assertEquals(compiled.code, 0, compiled.err);

  const program = `${elsewhere.path}/wirepost`, cwd = elsewhere.path;
  await Deno.rename(`${built.path}/wirepost`, program);
  // the page and its packages are inside
  for (
    const text of ["This page needs JavaScript", "export function ChannelView", "github.com/leeoniya/uPlot"]
  ) {
    assertEquals([text, (await runCommand(["grep", "-aqF", text, program])).code], [text, 0]);
  }
  // nothing of this machine's Deno is to be found
  const env = { DENO_DIR: `${cwd}/none`, NO_COLOR: "1" };
  const wirepost = (args: string[], input?: string) =>
    runCommand([program, ...args], { cwd, env, ...input === undefined ? {} : { input } });
  const done = (out = "") => ({ code: 0, out, err: "" });

  assertEquals(await wirepost(["--version"]), done(`wirepost ${config.version}\n`));
  // the library that it is made with is inside
  const { code, out, err } = await wirepost(["cert"]);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^fingerprint {2}sha256:[0-9a-f]{64}$/m);
  for (const options of [["--memory", "--secret-file", "secret"], []]) {
    await Deno.writeTextFile(`${cwd}/secret`, "long enough to be a secret\n");
    await using server = await ServerProcess.start(["mailbox", "0", ...options], { command: [program], cwd });
    const to = ["--server", server.address];
    const input = Array.from({ length: 1000 }, (_, i) => `${i} Ω ✓ 😀\n`).join("");
    assertEquals(await wirepost(["send", "bob", "--from", "alice", ...to], input), done());
    assertEquals(
      await wirepost(["receive", "bob", "--count", "999", ...to]),
      done(input.replace(/.*\n$/, "")),
    );
    const secret = options.length > 0 ? ["--secret-file", "secret", ...to] : [];
    assertEquals(await wirepost(["admin", "count", "bob", ...secret]), done("1\n"));
    assertMatch(
      (await wirepost(["bench", "mailbox", "--count", "100", "--runs", "1", ...to])).out,
      /^median /m,
    );
    assertEquals(await wirepost(["admin", "stop", ...secret]), done("stopping\n"));
    assertEquals((await server.ended()).code, 0);
  }
  // what it kept is there when it starts again
  await using server = await ServerProcess.start(["mailbox", "0"], { command: [program], cwd });
  assertEquals(await wirepost(["receive", "bob", "--server", server.address]), done("999 Ω ✓ 😀\n"));
  // Deno 2.6, with which it is compiled where no other runtime can be had, has no HTTP that could be used
  if (/left out: HTTP needs Deno/.test(server.err)) assert(Deno.env.has("DENO_COMPILER"), server.err);
  else await assertPage(server.address);
  assertEquals((await server.end()).code, 0);
});

/** The page and all that it loads at first are inside. */
async function assertPage(address: string) {
  const load = async (path: string, accept: string) => {
    const answer = await fetch(`http://${address}${path}`, { headers: { accept } });
    return [answer.status, await answer.text()] as const;
  };
  const [status, page] = await load("/", "text/html");
  assertEquals(status, 200);
  const files = [...page.matchAll(/(?:href|src)="(\/page\/[^"]+)"/g)].map(([, path]) => path!);
  assert(files.some((path) => path.endsWith("main.js")) && files.some((path) => path.endsWith("page.css")));
  for (const path of files) {
    const [status, text] = await load(path, "*/*");
    assertEquals([path, status, text !== ""], [path, 200, true]);
  }
}
