/**
 * The packages of the client library: what is in them, and that the one for npm does on Node what the library promises, as
 * a program has it that has installed it.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { selfSigned } from "../../../client/command/cert/self_signed.ts";
import { testSessionClient } from "../mailbox/session_client.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { ignore, OWN_NPM, Packed } from "./library/packed.ts";
import { RunningProgram } from "../running_program.ts";
import { snippets } from "./library/snippets.ts";
import { SERVICE_PORTS } from "../../../server/options/options.ts";

const PROGRAMS = "tests/e2e/package/library/programs/";

let making: Promise<Packed> | undefined, directory: AsyncDisposable | undefined;

/** Made once, for the first test that wants it. */
function packed(): Promise<Packed> {
  return making ??= (async () => {
    const made = await temporaryDirectory();
    directory = made;
    return await Packed.make(made.path);
  })();
}

Deno.test.afterAll(async () => {
  await making?.catch(() => {});
  await directory?.[Symbol.asyncDispose]();
});

Deno.test(
  "the npm package has what its entry points need, with types, and nothing else",
  { ignore },
  async () => {
    const { path } = await packed();
    const { out } = await runCommand(["npm", "pack", "--dry-run", "--json"], {
      cwd: `${path}/npm`,
      env: OWN_NPM,
    });
    const [{ name, files }] = JSON.parse(out) as [{ name: string; files: { path: string }[] }];
    assertEquals(name, "wirepost");
    const paths = files.map((file) => file.path);
    const { exports } = JSON.parse(await Deno.readTextFile(`${path}/npm/package.json`)) as {
      exports: Record<string, Record<string, string>>;
    };
    assertEquals(Object.keys(exports).toSorted(), [
      ...["./account", "./browser", "./channels", "./forum", "./mailbox", "./room"],
    ]);
    for (const targets of Object.values(exports)) {
      for (const target of Object.values(targets)) assert(paths.includes(target.slice(2)), target);
    }
    const others = paths.filter((path) =>
      !/^(?:client|protocol)\/(?:.*\/)?[a-z_0-9]+(?:\.js|\.d\.ts)$/.test(path)
    );
    assertEquals(others.toSorted(), ["LICENSE", "README.md", "package.json"]);
    assertEquals(paths.filter((path) => /command|terminal|page\//.test(path)), []);
  },
);

Deno.test("what a browser imports knows neither Deno nor Node", { ignore }, async () => {
  const { path } = await packed();
  for await (const { name } of Deno.readDir(`${path}/npm/client/web`)) {
    const text = await Deno.readTextFile(`${path}/npm/client/web/${name}`);
    assertEquals(
      /\bDeno\.|\bnode:|\bprocess\.|\bBuffer\b|^(?:im|ex)port .*from "(?!\.\/)/m.exec(text),
      null,
      name,
    );
  }
});

Deno.test("the JSR package could be published", { ignore }, async () => {
  const { path } = await packed();
  const command = [Deno.execPath(), "publish", "--dry-run", "--allow-dirty"];
  const { code, err } = await runCommand(command, { cwd: `${path}/jsr`, env: { NO_COLOR: "1" } });
  assertEquals(code, 0, err);
  assertEquals(err.match(/warning.*/g), null, err);
  assertStringIncludes(err, "Success Dry run complete");
});

Deno.test("a program that uses every entry point has their types", { ignore }, async () => {
  const { program } = await packed();
  await Deno.copyFile(
    `${new URL("library/programs/types.ts", import.meta.url).pathname}`,
    `${program}/types.ts`,
  );
  const command = [Deno.execPath(), "check", "--node-modules-dir=manual", "types.ts"];
  const { code, err } = await runCommand(command, { cwd: program, env: { NO_COLOR: "1" } });
  assertEquals(code, 0, err);
});

testSessionClient({
  name: "node",
  command: async () => (await packed()).command(`${PROGRAMS}session.mjs`),
  silence: (server) => `session.mjs: No answer from ${server} within 10 s: is the server running?\n`,
  ignore,
});

Deno.test(
  "node: what is sealed is read by its account alone, and a server's key is remembered",
  { ignore },
  async () => {
    const node = await packed();
    await using data = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
    const command = await node.command(`${PROGRAMS}sealed.mjs`);
    assertEquals(await runCommand([...command, `${server.port}`, await keyOf(server), data.path]), {
      code: 0,
      err: "",
      out: [
        "wrong password: LoginError wrong password",
        "no account: LoginError no account",
        "without log-in: RefusedError denied",
        "after another password: LoginError wrong password",
        "bob: sealed ✓",
        "remembered: true",
        "another key: ServerKeyError",
        "forgotten: true",
        "",
      ].join("\n"),
    });
  },
);

async function keyOf(server: ServerProcess): Promise<string> {
  await server.logged("the server's key is public1");
  return /server's key is (\S+)/.exec(server.err)![1]!;
}

Deno.test("node: channels and room are the same with TLS, and with a log-in", { ignore }, async () => {
  const node = await packed();
  await using data = await temporaryDirectory();
  const file = (name: string) => `${data.path}/${name}`;
  const { cert, key } = await selfSigned(["127.0.0.1"], 1), other = await selfSigned(["127.0.0.1"], 1);
  await Deno.writeTextFile(file("cert"), cert);
  await Deno.writeTextFile(file("key"), key);
  await Deno.writeTextFile(file("other"), other.cert);
  await Deno.writeTextFile(file("password"), "ann's password\n");
  const tls = ["--tls-cert", file("cert"), "--tls-key", file("key"), "--tls-room-port", "0"];
  await using server = await ServerProcess.start([
    ...["mailbox", "0", "channels", "0", "room", "0", "--data", data.path],
    ...tls,
  ]);
  const added = await wirepost([
    ...["account", "add", "ann", "--password-file", file("password")],
    ...["--server", server.address, "--secret-file", file("secret")],
  ]);
  assertEquals(added.code, 0, added.err);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  closed.close();
  const ports = {
    channels: await server.ready("channels"),
    room: await server.ready("room"),
    roomTls: await server.ready("room-tls"),
    closed: closed.addr.port,
  };
  const command = await node.command(`${PROGRAMS}talk.mjs`);
  const args = [JSON.stringify(ports), file("cert"), data.path, file("other")];
  const both = (how: string) => [
    `channels, ${how}: [bea] 5 Ω, or more? ✓`,
    `room, ${how}: <ann> from one to the other ✓`,
    "stopped",
  ];
  assertEquals(await runCommand([...command, ...args]), {
    code: 0,
    err: "",
    out: [
      ...["plain", "with a certificate", "at first use"].flatMap(both),
      "true wrong",
      "ServerCertificateError",
      `Cannot connect to 127.0.0.1:${ports.closed}: connect ECONNREFUSED 127.0.0.1:${ports.closed}`,
      "",
    ].join("\n"),
  });
});

Deno.test("node: files go on after the server was killed, each way", { ignore }, async () => {
  const node = await packed();
  await using data = await temporaryDirectory();
  const content = new Uint8Array(24 * 1024 * 1024);
  for (let at = 0; at < content.length; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  await Deno.writeFile(`${data.path}/sent`, content);
  const start = (port: number) =>
    ServerProcess.start(["forum", `${port}`, "--data", `${data.path}/data`], { command: FROM_SOURCE });
  const port = freePort();
  let server = await start(port);
  try {
    const key = await keyOf(server);
    const command = await node.command(`${PROGRAMS}files.mjs`);
    await using program = new RunningProgram([...command, `${port}`, key, data.path]);
    for (const half of ["half sent", "half fetched"]) {
      await program.printed(`${half}\n`);
      await server.end("SIGKILL");
      server = await start(port);
      await program.say("\n");
    }
    assertEquals(await program.ended(), 0);
    assertEquals(
      program.out,
      [
        "half sent",
        "yoda hello, all ✓",
        "yoda sent",
        "half fetched",
        "stopped",
        "1 went on",
        `Cannot save '${data.path}/too': it exists already`,
        `Cannot send '${data.path}/missing': no such file or directory`,
        "",
      ].join("\n"),
    );
  } finally {
    await server[Symbol.asyncDispose]();
  }
  for (const name of ["fetched", "later", "too"]) {
    const { out } = await runCommand(["cmp", `${data.path}/sent`, `${data.path}/${name}`]);
    assertEquals(out, "", name);
  }
  assertEquals([...Deno.readDirSync(data.path)].filter(({ name }) => name.endsWith(".part")), []);
});

for (const runtime of ["Node", "Deno"] as const) {
  Deno.test(
    `every program of the library's README prints on ${runtime} what it says`,
    { ignore },
    async (t) => {
      const library = await packed();
      await using data = await temporaryDirectory();
      await using server = await ServerProcess.start([
        ...["mailbox", "0", "channels", "0", "room", "0", "forum", "0"],
        ...["--data", `${data.path}/data`],
      ]);
      const ports = new Map<string, number>();
      for (const [service, port] of Object.entries(SERVICE_PORTS)) {
        ports.set(`${port}`, await server.ready(service));
      }
      for (const { line, code, out } of await snippets()) {
        await t.step(`line ${line}`, async () => {
          const here = code.replace(/\b\d{4,5}\b/g, (number) => `${ports.get(number) ?? number}`);
          const command = (await library.commands(`readme_${line}.mjs`, here))[runtime];
          const env = { NO_COLOR: "1", XDG_STATE_HOME: data.path };
          assert(out !== "", "a program that shows nothing");
          assertEquals(await runCommand(command, { cwd: data.path, env }), { code: 0, out, err: "" });
        });
      }
    },
  );
}
