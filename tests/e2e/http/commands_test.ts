/** `send`, `receive` and `peek` over HTTP: as over UDP, and what can't be done there. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort } from "../../ports.ts";
import {
  FROM_SOURCE,
  type Result,
  runCommand,
  ServerProcess,
  temporaryDirectory,
  wirepost as run,
} from "../../program.ts";

const done = (out = "") => ({ code: 0, out, err: "" });

/** Runs the command, whose words are given, with more arguments that may have spaces. */
type Run = (words: string, options?: { more?: string[]; input?: string }) => Promise<Result>;

function runAt(place: string): Run {
  return (words, { more = [], ...options } = {}) =>
    run([...words.split(" "), "--server", place, ...more], options);
}

/** A server in memory, and the program asked to talk to it over UDP and over HTTP. */
async function withServer(use: (udp: Run, http: Run, url: string) => Promise<void>, ...args: string[]) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", ...args]);
  const url = `http://127.0.0.1:${await server.ready("http")}`;
  await use(runAt(server.address), runAt(url), url);
}

Deno.test("what is sent over HTTP or UDP is received over the other, with the same texts and exit codes", () =>
  withServer(async (udp, http) => {
    for (const [sender, receiver] of [[http, udp], [udp, http], [http, http]] as const) {
      assertEquals(await sender("send bob 5Ω ✓ --as alice"), done());
      assertMatch((await receiver("peek bob")).out, /^.* alice {2}5Ω\n.* alice {2}✓\n$/);
      const { out } = await receiver("receive bob --json");
      assertMatch(
        out,
        /^{"id":\d+,"sender":"alice","receiver":"bob","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","attempt":1,"text":"5Ω"}\n$/,
      );
      assertEquals(await receiver("receive --as bob --all"), done("✓\n"));
      assertEquals(await receiver("receive bob"), { code: 3, out: "", err: "" });
      assertEquals(await receiver("peek bob"), { code: 3, out: "", err: "" });
      assertEquals(await sender("send --shared one two"), done());
      assertEquals(await receiver("receive --shared --count 3"), { code: 3, out: "one\ntwo\n", err: "" });
    }
  }));

Deno.test("lines go over HTTP in their order, up to one that can't be sent", () =>
  withServer(async (_, http) => {
    const input = Array.from({ length: 100 }, (_, i) => `${i} Ω\n`).join("");
    assertEquals(await http("send bob --as alice", { input }), done());
    assertEquals(await http("receive bob --all"), done(input));
    assertEquals(await http("send bob --as alice --delay 1h", { input: "later\n" }), done());
    assertMatch((await http("peek bob --json")).out, /"state":"delayed",.*"text":"later"}\n$/);
    assertEquals(await http("send bob --as alice", { input: "one\na\x07b\nthree\n" }), {
      code: 1,
      out: "",
      err: "wirepost send: line 2: Cannot send a message with control characters other than TAB\n" +
        "wirepost send: 1 message from the beginning of the input stored\n",
    });
    assertEquals(await http("receive bob"), done("one\n"));
  }));

Deno.test("a message for which there is no room is an error after the wait", () =>
  withServer(
    async (_, http) => {
      assertEquals(await http("send bob one --as alice"), done());
      assertEquals(await http("send bob two --as alice --wait 100ms"), {
        code: 1,
        out: "",
        err: "wirepost send: Cannot put the message: withdrawn while the server refused it: full\n",
      });
      const { code, err } = await http("send bob --as alice --wait 300ms", { input: "two\n" });
      assertEquals([code, err.split("\n")[0]], [
        1,
        "wirepost send: line 1: there was no room for it within 0.3 s: full",
      ]);
    },
    "--mailbox-messages",
    "1",
  ));

Deno.test("a server that is away for longer than --wait is no mailbox without room", async () => {
  const port = freePort(), away = Deno.listen({ hostname: "127.0.0.1", port });
  const args = ["send", "bob", "--from", "alice", "--wait", "100ms", "--timeout", "10m"];
  const sending = run([...args, "--server", `http://127.0.0.1:${port}`], { input: "one\ntwo\n" });
  {
    using asking = await away.accept();
    await asking.read(new Uint8Array(1024));
    // longer than the wait
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  away.close();
  await using server = await ServerProcess.start(["mailbox", `${port}`, "--memory"]);
  assertEquals(await sending, done());
  assertEquals(await run(["receive", "bob", "--all", "--server", server.address]), done("one\ntwo\n"));
});

const failed = (how: string, attempt: number, then: string) =>
  `wirepost receive: the command ended with ${how} for message ID, attempt ${attempt} of 2: ${then}\n`;
const unnamed = (text: string) => text.replace(/message \d+/g, "message ID");

Deno.test(
  "--exec runs a command for each message; one that fails comes again, and is then a dead letter",
  { ignore: Deno.build.os === "windows" },
  () =>
    withServer(async (_, http) => {
      await http("send bob one two --as alice");
      const exec = (command: string) =>
        http("receive bob --all --attempts 2 --retry-delay 0s", { more: ["--exec", command] });
      const fails = 'test "$(cat)" = two && echo "$WIREPOST_SENDER $WIREPOST_RECEIVER $WIREPOST_ATTEMPT"';
      const { code, out, err } = await exec(fails);
      assertEquals([code, out, unnamed(err)], [
        1,
        "alice bob 1\n",
        failed("exit 1", 1, "it comes again at once") +
        failed("exit 1", 2, "it is a dead letter, see 'wirepost admin dead'"),
      ]);
      assertEquals(await exec("cat"), { code: 3, out: "", err: "" });
    }),
);

Deno.test("a server that does not answer is a clear error within the --timeout", async () => {
  // bound and never accepted
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const place = `127.0.0.1:${silent.addr.port}`, http = runAt(`http://${place}`);
  const why = `No answer from ${place} within 0.3 s: is the server running?`;
  assertStringIncludes((await http("send bob x --from alice --timeout 300ms")).err, `wirepost send: ${why}`);
  assertEquals((await http("receive bob --timeout 300ms")).code, 1);
  const lines = await http("send bob --from alice --timeout 300ms", { input: "one\ntwo\n" });
  assertStringIncludes(lines.err, `wirepost send: ${why}`);
  assertStringIncludes(
    lines.err,
    "0 messages from the beginning of the input stored; unknown for lines 1 to 2",
  );
});

Deno.test("what HTTP can't do is refused, and other commands say what they need", () =>
  withServer(async (_, http, url) => {
    const refused = async (words: string, run = http) => {
      const { code, err } = await run(words);
      return [code, err.split("\n")[0]];
    };
    for (
      const words of ["send bob --as alice --basic", "receive bob --basic", "peek bob --server-key x"]
    ) {
      const [command] = words.split(" "), [, option] = /(--(?:basic|server-key))/.exec(words)!;
      assertEquals(await refused(words), [
        2,
        `wirepost ${command}: Cannot use ${option} over HTTP: it needs --server HOST[:PORT]`,
      ]);
    }
    assertEquals(await refused("send bob x --as alice --ca x"), [
      2,
      "wirepost send: --ca needs --server https://HOST",
    ]);
    for (const command of ["chat --as alice", "status", "forum --as alice"]) {
      const [name] = command.split(" ");
      assertEquals(await refused(command), [
        2,
        `wirepost ${name}: Cannot use '${url}' with '${name}': give HOST[:PORT]; over HTTP there are send, receive ` +
        "and peek",
      ]);
    }
    const other = async (place: string) => (await refused("receive bob", runAt(place)))[1];
    assertEquals(
      await other(`${url}/mailbox/bob`),
      `wirepost receive: Cannot use '${url}/mailbox/bob': a server is https://HOST[:PORT], with nothing behind it`,
    );
    assertStringIncludes(`${await other("https://alice:secret@example.org")}`, "--password-file FILE");
    // the environment's server is meant as the option's is
    const { code } = await run(["receive", "bob"], { env: { WIREPOST_SERVER: url } });
    assertEquals(code, 3);
  }));

Deno.test("https: a certificate of its own is remembered, another one refused; --ca takes what it has signed", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, env = { XDG_STATE_HOME: `${cwd}/state` };
  const run = (words: string) => runCommand([...FROM_SOURCE, ...words.split(" ")], { cwd, env });
  const [, fingerprint = ""] = /fingerprint {2}(.*)/.exec((await run("cert")).out)!;
  const tls = ["--tls-cert", "wirepost-cert.pem", "--tls-key", "wirepost-key.pem"];
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", ...tls], { cwd });
  const place = `127.0.0.1:${await server.ready("http")}`, at = `--server https://${place}`;
  const first = await run(`send bob hello --as alice ${at}`);
  assertEquals(first, {
    code: 0,
    out: "",
    err: `wirepost send: remembers the certificate of ${place} from now on: ${fingerprint}\n`,
  });
  const known = `${cwd}/state/wirepost/known-servers`;
  assertEquals(await Deno.readTextFile(known), `${place} ${fingerprint}\n`);
  assertEquals(await run(`receive bob ${at}`), done("hello\n"));
  await Deno.writeTextFile(known, `${place} sha256:${"0".repeat(64)}\n`);
  const refused = await run(`send bob hello --as alice ${at}`);
  assertEquals([refused.code, refused.out], [1, ""]);
  assertStringIncludes(refused.err, `has the certificate ${fingerprint}, but ${known} says sha256:000`);
  assertEquals((await run(`receive bob ${at} --ca wirepost-cert.pem`)).code, 3);
  const { code, err } = await run(`peek bob ${at.replace("127.0.0.1", "localhost")} --ca wirepost-cert.pem`);
  assertEquals([code, err], [3, ""]);
});

Deno.test("an account logs in with a password or a token, and never over plain HTTP to another machine", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, env = { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_DATA: `${cwd}/data` };
  const local = (words: string, more: Record<string, string> = {}) =>
    run(words.split(" "), { cwd, env: { ...env, ...more } });
  await Deno.writeTextFile(`${cwd}/password`, "jedi master\n");
  await using server = await ServerProcess.start(["mailbox", "0", "--data", `${cwd}/data`], { cwd });
  assertEquals((await local("account add yoda --password-file password")).code, 0);
  const token = (await local("account token add yoda")).out.trim().split("\n").at(-1)!;
  const at = `--server http://127.0.0.1:${await server.ready("http")}`;
  const http = (words: string, more?: Record<string, string>) => local(`${words} ${at}`, more);

  assertEquals(await http("send yoda hello --as yoda --password-file password"), done());
  assertEquals(await http("receive --as yoda", { WIREPOST_PASSWORD: token }), done("hello\n"));
  assertEquals(await http("receive --as yoda"), {
    code: 1,
    out: "",
    err:
      "wirepost receive: Cannot ask for a password: standard input is not a terminal; give --password-file or set " +
      "WIREPOST_PASSWORD\n",
  });
  assertEquals(
    (await http("receive --as yoda", { WIREPOST_PASSWORD: "wrong" })).err,
    "wirepost receive: Cannot log in as 'yoda': the name or the password is wrong\n",
  );
  const udp = (words: string) => local(`${words} --server ${server.address}`);
  for (const words of ["receive yoda --as luke", "send bob x --from yoda"]) {
    const refused = await http(words);
    assertEquals(refused, await udp(words));
    assertEquals(refused.code, 1);
  }
  assertStringIncludes(
    (await local("receive --as yoda --password-file password --server http://192.0.2.7")).err,
    "Cannot log in at http://192.0.2.7, where others can read the password: use https://",
  );
});
