/** The server's log: what a line of it looks like, and what a stranger can make of it. */

import { assert, assertEquals } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { connectMailbox } from "../../../client/mailbox.ts";
import { Log, type LogOptions, quoted } from "../../../server/report/log.ts";
import { Peer } from "../../program.ts";
import { withServer } from "../serve.ts";

const NOON = Date.UTC(2026, 0, 31, 12);
const TIME = "2026-01-31T12:00:00.000Z";

/** A log whose clocks stand still until they are set. */
function frozen(options: LogOptions = {}) {
  const frozen = { at: 0, text: "", sumUp: () => {} };
  const write = (bytes: Uint8Array) => Promise.resolve(frozen.text += new TextDecoder().decode(bytes));
  const setTimer = (_: number, callback: () => void) => {
    frozen.sumUp = callback;
    return () => {};
  };
  const log = new Log(write, {
    wallClock: () => NOON,
    monotonicClock: () => frozen.at,
    setTimer,
    ...options,
  });
  const lines = async () => {
    await log.flush();
    const lines = frozen.text.split("\n").slice(0, -1);
    frozen.text = "";
    return lines;
  };
  return { log, frozen, lines };
}

// log.md 1.3
Deno.test("a log line has time, level, service, peer and what happened; --log-level leaves out what is less", async () => {
  const { log, lines } = frozen({ level: "warn" });
  log.error({ service: "store", what: "cannot write to disk" });
  log.warn({
    service: "mailbox",
    peer: "[2001:db8::1]:4000",
    what: "log-in as 'bob' refused: wrong password",
  });
  log.info({ service: "forum", what: "not worth a warning" });
  log.debug({ service: "forum", what: "a request" });
  // the originals' consoles have no level
  log.console("room", "Chat server started on port 6000");
  assertEquals(await lines(), [
    `${TIME} error store - cannot write to disk`,
    `${TIME} warn mailbox [2001:db8::1]:4000 log-in as 'bob' refused: wrong password`,
    "Chat server started on port 6000",
  ]);
});

// log.md 1.2
Deno.test("--log journal writes the level as systemd reads it, and leaves the time to it", async () => {
  const { log, lines } = frozen({ format: "journal", level: "debug" });
  log.error({ service: "store", what: "cannot write to disk" });
  log.warn({ service: "mailbox", peer: "127.0.0.1:4000", what: "no\n<3>yes" });
  log.info({ service: "server", what: "ready" });
  log.debug({ service: "forum", what: "a request" });
  log.console("room", "Chat server started on port 6000");
  assertEquals(await lines(), [
    "<3>store - cannot write to disk",
    "<4>mailbox 127.0.0.1:4000 no\\x0a<3>yes",
    "<6>server - ready",
    "<7>forum - a request",
    "<6>room - Chat server started on port 6000",
  ]);
});

// log.md 1.1, 3.1
Deno.test("--log json writes every line as one object, those of the originals' consoles too", async () => {
  const { log, lines } = frozen({ format: "json" });
  log.warn({ service: "mailbox", peer: "127.0.0.1:4000", what: "no" });
  log.info({ service: "server", what: 'a \u009b\u202e\n"b' });
  log.console("room", "Client (127.0.0.1, 60602) connected");
  assertEquals(await lines(), [
    `{"time":"${TIME}","level":"warn","service":"mailbox","peer":"127.0.0.1:4000","what":"no"}`,
    `{"time":"${TIME}","level":"info","service":"server","what":"a \\u009b\\u202e\\n\\"b"}`,
    `{"time":"${TIME}","level":"info","service":"room","console":"Client (127.0.0.1, 60602) connected"}`,
  ]);
});

// log.md 2.1
Deno.test("what a client chose makes no line of its own, obeys no terminal, and can be distinguished from the rest", async () => {
  const { log, lines } = frozen();
  for (const name of ["a\nb", "\x1b[2J\u009b", "\u202eabc", "it's", "\\x1b"]) {
    log.info({ service: "room", what: `${quoted(name)} has come` });
  }
  log.console("forum", "a\rb issued LST command");
  assertEquals((await lines()).map((line) => line.replace(`${TIME} info room - `, "")), [
    "'a\\x0ab' has come",
    "'\\x1b[2J\\x9b' has come",
    "'\\u202eabc' has come",
    "'it\\'s' has come",
    "'\\\\x1b' has come",
    "a\\x0db issued LST command",
  ]);
});

Deno.test("what a stranger causes again and again is summed up, and hides nothing else", async () => {
  const { log, frozen: world, lines } = frozen();
  const wrong = () => log.warn({ service: "forum", what: "wrong", kind: "wrong password" });
  for (let i = 0; i < 1000; i++) wrong(), log.console("room", "connected", { hostname: "192.0.2.1" });
  log.warn({ service: "forum", what: "busy", kind: "busy" });
  log.warn({ service: "mailbox", what: "wrong too", kind: "wrong password" });
  // the time to sum up has come
  world.sumUp();
  const text = await lines();
  assertEquals(text.filter((line) => line.endsWith(" wrong")).length, 50);
  assertEquals(text.filter((line) => line === "connected").length, 50);
  assertEquals(text.slice(-4), [
    `${TIME} warn forum - busy`,
    `${TIME} warn mailbox - wrong too`,
    `${TIME} warn forum - 950 more like this: wrong password`,
    "(950 more like this)",
  ]);

  world.at += 200;
  wrong();
  wrong();
  assertEquals(await lines(), [
    `${TIME} warn forum - wrong`,
    `${TIME} warn forum - 1 more like this: wrong password`,
  ]);
});

// log.md section 4
Deno.test("one address never uses up the lines of others, on its own or from many ports", async () => {
  const { log, lines } = frozen();
  const wrong = (peer: string) => log.warn({ service: "forum", peer, what: "wrong", kind: "wrong password" });
  for (let port = 1; port <= 1000; port++) {
    wrong(`192.0.2.1:${port}`);
    wrong(`[2001:db8::${port}]:1`);
    log.console("forum", "mallory issued LST command", { hostname: "192.0.2.1" });
  }
  wrong("192.0.2.2:1");
  wrong("[2001:db8:0:1::1]:1");
  log.console("forum", "alice issued LST command", { hostname: "192.0.2.2" });
  const text = await lines(), count = (part: string) => text.filter((line) => line.includes(part)).length;
  assertEquals([count(" 192.0.2.1:"), count(" [2001:db8::"), count("mallory")], [50, 50, 50]);
  assertEquals([count(" 192.0.2.2:1 wrong"), count("[2001:db8:0:1::1]:1 wrong"), count("alice")], [1, 1, 1]);
  assertEquals(log.limits(), [
    { name: "characters of the log that wait", used: 0, limit: 1024 * 1024 },
    { name: "log lines of one address", used: 50, limit: 50 },
    { name: "console lines of one address", used: 50, limit: 50 },
  ]);
  for (let i = 3; i < 250; i++) wrong(`192.0.2.${i}:1`);
  assertEquals((await lines()).filter((line) => line.endsWith(" wrong")).length, 98);
});

Deno.test("at --log-level debug nothing is left out", async () => {
  const { log, lines } = frozen({ level: "debug" });
  for (let i = 0; i < 1000; i++) log.warn({ service: "forum", what: "wrong", kind: "wrong password" });
  assertEquals((await lines()).length, 1000);
});

Deno.test("a log that nobody reads takes no more memory, and says how many lines it left out", async () => {
  const text: string[] = [];
  let read = Promise.withResolvers<void>();
  const log = new Log((bytes) => {
    text.push(new TextDecoder().decode(bytes));
    return read.promise;
  }, { wallClock: () => NOON });
  for (let i = 0; i < 300_000; i++) log.info({ service: "mailbox", what: "a line of some length" });
  const pending = read;
  read = Promise.withResolvers();
  read.resolve();
  pending.resolve();
  await log.flush();
  const lines = text.join("").split("\n").slice(0, -1);
  const [, left = ""] = /^\S+ warn server - (\d+) lines left out: standard error took them too slowly$/
    .exec(lines.at(-1)!)!;
  assertEquals(lines.length - 1 + Number(left), 300_000);
});

// log.md 2.3
Deno.test("wrong passwords and refused log-ins leave a line with the name and the address", () =>
  withServer({ ports: { mailbox: 0, forum: 0 } }, async (server, log) => {
    const [mailboxPort, forumPort] = server.listening.map(({ addresses }) => addresses[0]!.port);
    const [serverKey = ""] = /(?<=key is )\S+/.exec(log.join(""))!;
    const as = { name: "leia", password: "right" };
    const leia = await connectForum({ port: forumPort!, serverKey, as: { ...as, make: true } });
    const refused = async (connecting: Promise<AsyncDisposable>) => {
      let isIn = true;
      await connecting.catch(() => isIn = false);
      assert(!isIn, "was let in");
    };
    await refused(connectForum({ port: forumPort!, serverKey, as }));
    await leia.close();
    await refused(connectForum({ port: forumPort!, serverKey, as: { ...as, password: "secret" } }));
    await refused(connectMailbox({ port: mailboxPort!, serverKey, as: { ...as, password: "secret" } }));
    const lines = log.join("").split("\n").filter((line) => line.includes("leia") && line.includes("warn"));
    assertEquals(lines.map((line) => line.replace(/^\S+Z|(?<=127\.0\.0\.1):\d+/g, "")), [
      " warn forum 127.0.0.1 log-in as 'leia' refused: the name is active",
      " warn forum 127.0.0.1 log-in as 'leia' refused: wrong password",
      " warn mailbox 127.0.0.1 log-in as 'leia' refused: wrong password",
    ]);
    assert(!log.join("").includes("secret"));
  }));

// log.md 2.2, 2.3
Deno.test("a wrong proof of an administrator leaves a line, and messages never do", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-log-" });
  const secretFile = `${directory}/secret`;
  await Deno.writeTextFile(secretFile, "0123456789abcdef");
  try {
    await withServer({ secretFile, logLevel: "debug" }, async (server, log) => {
      using peer = new Peer(server.addresses[0]!.port);
      await peer.send("F, bob, alice, for bob's eyes");
      const nonce = (await peer.ask("A, challenge".padEnd(32))).replace("A, ok, ", "");
      assertEquals(await peer.ask(`A, ${nonce}, ${"0".repeat(64)}, stop`), "A, error, wrong proof");
      const line = ` warn admin 127.0.0.1:${peer.port} a command of the administrator refused: wrong proof\n`;
      assert(log.join("").includes(line), log.join(""));
      assert(!log.join("").includes("eyes"));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
