import { assertEquals, assertMatch } from "@std/assert";
import { TLS_ONLY_TEXT } from "../../protocol/channels.ts";
import { selfSigned } from "../../client/command/cert/self_signed.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";
import { FramePeer } from "../stream.ts";

const SERVE = ["mailbox", "0", "channels", "0", "room", "0", "--tls-room-port", "0", "--memory"];
const TLS = ["--tls-cert", "wirepost-cert.pem", "--tls-key", "wirepost-key.pem"];

/** A directory in which commands run, with what a client remembers. */
async function place() {
  const directory = await temporaryDirectory(), cwd = directory.path;
  const env = { XDG_STATE_HOME: `${cwd}/state` };
  const run = (words: string, input?: string) =>
    wirepost(words.split(" "), { cwd, env, ...input === undefined ? {} : { input } });
  return {
    cwd,
    run,
    known: `${cwd}/state/wirepost/known-servers`,
    [Symbol.asyncDispose]: directory[Symbol.asyncDispose],
  };
}

Deno.test("cert makes a pair for its owner alone, and replaces nothing", async () => {
  await using here = await place();
  const { run, cwd } = here, made = await run("cert chat.example.org 192.0.2.7 ::1 --days 30");
  assertEquals([made.code, made.err], [0, ""]);
  assertMatch(
    made.out,
    /^certificate {2}wirepost-cert\.pem\nkey {10}wirepost-key\.pem\nfingerprint {2}sha256:[0-9a-f]{64}\n$/,
  );
  for (const file of ["wirepost-cert.pem", "wirepost-key.pem"]) {
    assertEquals((await Deno.stat(`${cwd}/${file}`)).mode! & 0o777, 0o600);
  }
  const before = await Deno.readTextFile(`${cwd}/wirepost-key.pem`);
  assertEquals(await run("cert"), {
    code: 1,
    out: "",
    err: "wirepost cert: Cannot write wirepost-key.pem: it is there already\n",
  });
  // a certificate that is there leaves no key behind
  assertEquals(
    (await run("cert --tls-key other.pem")).err,
    "wirepost cert: Cannot write wirepost-cert.pem: it is there already\n",
  );
  assertEquals(await Deno.readTextFile(`${cwd}/wirepost-key.pem`), before);
  assertEquals([...Deno.readDirSync(cwd)].map(({ name }) => name).filter((name) => name === "other.pem"), []);
  assertEquals((await run("cert not/a/name")).code, 2);
});

// channels.md 10.7, 10.8
Deno.test("chat and room speak TLS, remember the certificate, and refuse another one that SIGHUP brought", async () => {
  await using here = await place();
  const { run, cwd, known } = here, made = await run("cert");
  const [, fingerprint = ""] = /fingerprint {2}(.*)/.exec(made.out)!;
  await using server = await ServerProcess.start([...SERVE, ...TLS], { cwd });
  await server.logged(
    `the server's certificate is ${fingerprint}, for localhost, 127.0.0.1, ::1, valid until `,
  );
  const { address } = server, chat = `chat tea --as Alice --linger 0s --tls --server ${address}`;
  const remembers = (command: string) =>
    `wirepost ${command}: remembers the certificate of ${address} from now on: ${fingerprint}\n`;
  const first = await run(chat, "/list\n");
  assertEquals([first.code, first.out.includes("\rtea\n"), first.err], [0, true, remembers("chat")]);
  assertEquals(await Deno.readTextFile(known), `${address} ${fingerprint}\n`);
  const room = await run(`room --linger 0s --tls --server ${address}`, "hello\n");
  assertEquals([room.code, room.err], [0, ""]);
  assertEquals((await run("known-servers list")).out, `${address} ${fingerprint}\n`);

  for (const file of ["wirepost-cert.pem", "wirepost-key.pem"]) await Deno.remove(`${cwd}/${file}`);
  const [, now = ""] = /fingerprint {2}(.*)/.exec((await run("cert")).out)!;
  Deno.kill(server.pid, "SIGHUP");
  await server.logged(`the server's certificate is ${now}`);
  const channels = await server.ready("channels");
  assertEquals(await run(chat, ""), {
    code: 1,
    out: `Unable to connect to 127.0.0.1:${channels}\n`,
    err: `wirepost chat: The server at 127.0.0.1:${channels} has the certificate ${now}, but ${known} says ` +
      `${fingerprint}: somebody may be in between; if it was given a new certificate, run: ` +
      `wirepost known-servers remove ${address}\n`,
  });
  assertEquals((await run(`known-servers remove ${address}`)).code, 0);
  assertEquals((await run(chat, "")).code, 0);
  const withCa = await run(`chat Alice 127.0.0.1 ${channels} --linger 0s --tls --ca wirepost-cert.pem`, "");
  assertEquals([withCa.code, withCa.err], [0, ""]);
  assertEquals(await Deno.readTextFile(known), `${address} ${now}\n`);
});

// channels.md 10.6
Deno.test("with --plaintext off, who comes without TLS is told what to do", async () => {
  await using here = await place();
  const { run, cwd } = here;
  await run("cert");
  await using server = await ServerProcess.start([...SERVE, ...TLS, "--plaintext", "off"], { cwd });
  const { address } = server;
  const chat = await run(`chat Alice 127.0.0.1 ${await server.ready("channels")}`, "hello\n");
  assertEquals([chat.code, chat.out.includes(TLS_ONLY_TEXT)], [1, true]);
  assertEquals(
    (await run(`room --server ${address}`, "")).err,
    `wirepost room: Cannot connect to room: ${address} takes clients with TLS only: give --tls\n`,
  );
  assertEquals((await run(`room --linger 0s --tls --server ${address}`, "")).code, 0);
});

Deno.test("serve names what is wrong with its certificate before it starts", async () => {
  await using here = await place();
  const { run } = here;
  const refused = async (words: string) => {
    const { code, err } = await run(`serve channels 0 --memory ${words}`);
    return [code, err.split("\n")[0]];
  };
  assertEquals(await refused("--tls-cert a"), [2, "wirepost serve: Cannot use --tls-cert without --tls-key"]);
  assertEquals(await refused("--tls-key a"), [2, "wirepost serve: Cannot use --tls-key without --tls-cert"]);
  assertEquals(await refused("--plaintext off"), [
    2,
    "wirepost serve: Cannot use --plaintext off without --tls-cert and --tls-key: 'wirepost cert' makes both",
  ]);
  assertEquals(await refused("--tls-cert a --tls-key b"), [
    1,
    "wirepost serve: Cannot read the certificate in a: No such file or directory",
  ]);
  assertEquals(
    (await run("chat Alice 127.0.0.1 1 --ca a", "")).err.split("\n")[0],
    "wirepost chat: --ca needs --tls",
  );
});

/** How often another certificate comes while a client talks. */
const CHANGES = 20;

// channels.md 10.7
Deno.test("a connection loses nothing while SIGHUP brings one certificate after the other", async () => {
  await using here = await place();
  const { cwd, run } = here;
  await run("cert");
  const first = await Deno.readTextFile(`${cwd}/wirepost-cert.pem`);
  await using server = await ServerProcess.start([...SERVE, ...TLS], { cwd, command: FROM_SOURCE });
  const channels = await server.ready("channels");
  using alice = await FramePeer.overTls(channels, first);
  using bob = await FramePeer.overTls(channels, first);
  await alice.send("alice", "/create tea");
  await alice.settle();
  await bob.send("bob", "/join tea");
  await bob.settle();
  let isChanging = true, said = 0;
  const talking = (async () => {
    // each answer shows that the server has read what was said
    for (; isChanging; said++) {
      await alice.send(`${said}`);
      await alice.settle();
    }
    await alice.send("the end");
  })();
  const heard = (async () => {
    const lines: string[] = [];
    for (;;) {
      const line = await bob.next();
      if (line === undefined || line === "[alice] the end") return lines;
      lines.push(line);
    }
  })();
  for (let i = 0; i < CHANGES; i++) {
    const { cert, key, fingerprint } = await selfSigned(["127.0.0.1"], 1);
    await Deno.writeTextFile(`${cwd}/wirepost-cert.pem`, cert);
    await Deno.writeTextFile(`${cwd}/wirepost-key.pem`, key);
    Deno.kill(server.pid, "SIGHUP");
    await server.logged(`the server's certificate is ${fingerprint}`);
    using carol = await FramePeer.overTls(channels, cert);
    await carol.send("carol");
    assertEquals(await carol.settle(), []);
  }
  isChanging = false;
  await talking;
  assertEquals(await heard, Array.from({ length: said }, (_, i) => `[alice] ${i}`));
  assertEquals(said >= CHANGES, true, `${said} lines`);
});
