/** The clients in other languages, each against a server. A language that is not installed is left out. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommand, ServerProcess, temporaryDirectory } from "../program.ts";
import { RunningProgram } from "./running_program.ts";

const EXAMPLES = new URL("../../client/examples/", import.meta.url).pathname;

/** Each language: what has to be installed, what is made of a client first, and how that is run. */
const LANGUAGES: Readonly<
  Record<
    string,
    { needs: string; build?(source: string, program: string): string[]; run(program: string): string[] }
  >
> = {
  py: { needs: "python3", run: (program) => ["python3", program] },
  mjs: { needs: "node", run: (program) => ["node", program] },
  sh: { needs: "bash", run: (program) => [program] },
  c: {
    needs: "gcc",
    build: (source, program) => ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program, source],
    run: (program) => [program],
  },
  go: {
    needs: "go",
    build: (source, program) => ["go", "build", "-o", program, source],
    run: (program) => [program],
  },
};

/** The command line of a client; undefined if its language is not installed. */
async function client(language: string, wire: string, directory: string): Promise<string[] | undefined> {
  const { needs, build, run } = LANGUAGES[language]!, source = `${EXAMPLES}${wire}/client.${language}`;
  if ((await runCommand(["sh", "-c", `command -v ${needs}`])).code !== 0) return undefined;
  if (build === undefined) return run(source);
  const program = `${directory}/${wire}`;
  const built = await runCommand(build(source, program));
  assertEquals(built, { code: 0, out: "", err: "" });
  return run(program);
}

for (const language of Object.keys(LANGUAGES)) {
  Deno.test(`the clients of 30 lines talk to a server: ${language}`, async () => {
    await using directory = await temporaryDirectory();
    const mailbox = await client(language, "mailbox", directory.path);
    if (mailbox === undefined) return;
    await using server = await ServerProcess.start([
      "mailbox",
      "0",
      "channels",
      "0",
      "room",
      "0",
      "--memory",
    ]);
    const run = (...args: string[]) => runCommand([...mailbox, "127.0.0.1", `${server.port}`, ...args]);
    assertEquals(await run("receive", "bob"), { code: 3, out: "", err: "" });
    assertEquals(await run("send", "alice", "bob", "5 Ω, or more? ✓"), { code: 0, out: "", err: "" });
    // nothing says that it has arrived
    let received = await run("receive", "bob");
    while (received.code === 3) received = await run("receive", "bob");
    assertEquals(received, { code: 0, out: "alice: 5 Ω, or more? ✓\n", err: "" });

    const port = `${await server.ready("channels")}`;
    const channels = [...(await client(language, "channels", directory.path))!, "127.0.0.1", port];
    await using ann = new RunningProgram([...channels, "ann", "lab"]);
    await ann.say("/list\n");
    await ann.printed("lab\n");
    await using bea = new RunningProgram([...channels, "bea", "lab"]);
    await ann.printed("bea has joined\n");
    await bea.say("5 Ω, or more? ✓\n");
    await ann.printed("[bea] 5 Ω, or more? ✓\n");
    await ann.say("more\n");
    await bea.printed("[ann] more\n");
    assertEquals([await bea.end(), await ann.end()], [0, 0]);
    assertStringIncludes(bea.out, "Room lab already exists, so cannot be created.\n");

    const room = await client(language, "room", directory.path);
    const roomPort = await server.ready("room"), inRoom = [...room!, "127.0.0.1", `${roomPort}`];
    // it is told of the first, which is told of the second
    using observer = await Deno.connect({ hostname: "127.0.0.1", port: roomPort });
    await using one = new RunningProgram(inRoom);
    await observer.read(new Uint8Array(1024));
    await using two = new RunningProgram(inRoom);
    await one.printed("] entered room\n");
    await two.say("5 Ω, or more? ✓\n");
    await one.printed("> 5 Ω, or more? ✓\n");
    await one.say("more\n");
    await two.printed("> more\n");
    assertEquals([await two.end(), await one.end()], [0, 0]);
  });
}
