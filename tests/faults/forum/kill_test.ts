import { assert, assertEquals, assertGreater } from "@std/assert";
import { connectForum, type Credentials, type Forum, LoginError } from "../../../client/forum.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";
import { ClientProcess } from "../client_process.ts";
import { FULL, obtainSeed, randomNumbers, report } from "../form.ts";
import { ForumModel, ForumUser } from "./model.ts";

/** Users at once, and the least time for which they work, in milliseconds. */
const USERS = FULL ? 50 : 8, TIME = FULL ? 60_000 : 0;

/** Kills of the server at least, and commands after which one comes, at most. */
const KILLS = FULL ? 10 : 3, MOST = FULL ? 3000 : 200;

/** Clients that are killed. */
const CLIENT_KILLS = FULL ? 20 : 2;

/** Users that log in at the same moment. */
const LOGINS = FULL ? 50 : 16;

/** Milliseconds for which a server may be away: a busy machine takes its time to start one. */
const TIMEOUT = 60_000;

/** Logs in, and makes an account if there is none. */
function connect(port: number, serverKey: string, as: Omit<Credentials, "make">): Promise<Forum> {
  return connectForum({ port, serverKey, timeout: TIMEOUT, as: { ...as, make: true } });
}

async function keyOf(server: ServerProcess): Promise<string> {
  await server.logged("the server's key is ");
  return /key is (\S+)/.exec(server.err)![1]!;
}

/** @throws {Error} It takes too long: what was acknowledged and is not there may leave a user waiting for ever. */
async function soon(promise: Promise<unknown>) {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The users have no answers any more")), PATIENCE_MS);
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("kill -9 of the server with many users in the same threads loses no acknowledged command", async () => {
  const seed = obtainSeed(), random = randomNumbers(seed);
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  const port = freePort();
  const start = () =>
    ServerProcess.start(["forum", `${port}`, "--data", directory.path], { command: FROM_SOURCE });
  await using servers = new AsyncDisposableStack();
  let server = servers.use(await start());
  const key = await keyOf(server);
  // they leave while there is a server
  await using stack = new AsyncDisposableStack();
  const enter = async (name: string) => stack.use(await connect(port, key, { name, password: `of ${name}` }));

  const model = new ForumModel(FULL ? 8 : 3, FULL ? 6 : 3);
  const founder = await enter("founder");
  await model.found(founder);
  const users = await Promise.all(Array.from({ length: USERS }, async (_, i) => {
    const name = `user${i}`, own = `${files.path}/${i}`;
    await Deno.mkdir(own);
    return new ForumUser(model, await enter(name), name, seed + i, own);
  }));

  let stopped = false, enough = Infinity, reached = Promise.withResolvers<void>();
  model.onAnswer = () => {
    if (model.commands >= enough) reached.resolve();
  };
  const began = performance.now();
  const working = Promise.all(users.map((user) => user.work(() => !stopped)));
  working.catch(() => {});
  let kills = 0, between = 0;
  while (kills < KILLS || performance.now() - began < TIME) {
    reached = Promise.withResolvers();
    enough = model.commands + 50 + random(MOST);
    await soon(Promise.race([reached.promise, working]));
    if (model.open > 0) between++;
    Deno.kill(server.pid, "SIGKILL");
    kills++;
    assertEquals((await server.ended()).signal, "SIGKILL", `the server ended by itself: ${server.err}`);
    server = servers.use(await start());
  }
  stopped = true;
  await soon(working);
  const seconds = (performance.now() - began) / 1000;
  await model.check(founder);
  report(
    `${USERS} users, ${model.commands} commands in ${seconds.toFixed(0)} s; kills of the server: ${kills}, ` +
      `${between} of them while commands had no answer; unknown outcomes: none`,
  );
  report([...model.answered].toSorted().map(([name, count]) => `${name}: ${count}`).join(", "));
  assertGreater(between, 0);
});

Deno.test("kill -9 of clients leaves the acknowledged commands, and at most one more", async () => {
  const random = randomNumbers(obtainSeed());
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["forum", "0", "--data", directory.path]);
  const key = await keyOf(server);
  await using reader = await connect(server.port, key, { name: "reader", password: "none" });
  await reader.create("a");
  const unknown: string[] = [];
  const acknowledged = await Promise.all(Array.from({ length: CLIENT_KILLS }, async (_, i) => {
    const name = `poster${i}`;
    await using client = new ClientProcess("forum/poster.ts", [`${server.port}`, key, name, "a"]);
    await client.printed(20 + random(200));
    return [name, (await client.kill()).length] as const;
  }));
  const entries = await Array.fromAsync(reader.read("a"));
  for (const [name, count] of acknowledged) {
    const texts = entries.filter(({ user }) => user === name).map((entry) =>
      "text" in entry ? entry.text : ""
    );
    assertEquals(texts, texts.map((_, n) => `${name} ${n}`));
    assert(
      texts.length === count || texts.length === count + 1,
      `${name}: ${count} acknowledged, ${texts.length} there`,
    );
    unknown.push(`'${name} ${count}' ${texts.length > count ? "is there" : "is not there"}`);
  }
  report(`kills of clients: ${CLIENT_KILLS}; of unknown outcome, without an answer: ${unknown.join(", ")}`);
});

Deno.test("many users log in at once, half with wrong passwords, some with the same name", async () => {
  await using server = await ServerProcess.start(["forum", "0", "--memory"]);
  const key = await keyOf(server), wrong = LOGINS / 2, same = LOGINS / 5 | 0;
  const at = { port: server.port, serverKey: key, timeout: TIMEOUT };
  const password = (name: string) => `of ${name}`;
  const names = [...Array.from({ length: LOGINS - same }, (_, i) => `user${i}`), "twin"];
  await Promise.all(names.map(async (name) => {
    await using _ = await connect(server.port, key, { name, password: password(name) });
  }));
  await server.logged("exited");
  await using inside = new AsyncDisposableStack();
  /** Whether the log-in succeeds, or why not. */
  const logIn = async (name: string, password: string): Promise<string> => {
    try {
      inside.use(await connectForum({ ...at, as: { name, password }, timeout: PATIENCE_MS }));
      return `${name} is in`;
    } catch (error) {
      if (!(error instanceof LoginError)) throw error;
      return `${name}: ${error.reason}`;
    }
  };
  const outcomes = await Promise.all([
    ...Array.from({ length: wrong }, (_, i) => logIn(`user${i}`, "guessed")),
    ...Array.from(
      { length: LOGINS - wrong - same },
      (_, i) => logIn(`user${wrong + i}`, password(`user${wrong + i}`)),
    ),
    ...Array.from({ length: same }, () => logIn("twin", password("twin"))),
  ]);
  const expected = [
    ...Array.from({ length: wrong }, (_, i) => `user${i}: wrong password`),
    ...Array.from({ length: LOGINS - wrong - same }, (_, i) => `user${wrong + i} is in`),
    "twin is in",
    ...Array.from({ length: same - 1 }, () => "twin: active"),
  ];
  assertEquals(outcomes.toSorted(), expected.toSorted());
  report(
    `log-ins at the same moment: ${LOGINS}, ${wrong} wrong, ${same} with one name, of which one came in`,
  );
  // a failed log-in has spoilt nothing for anybody
  await inside.disposeAsync();
  for (const name of ["user0", "twin"]) {
    await using _ = await connectForum({
      ...at,
      as: { name, password: password(name) },
      timeout: PATIENCE_MS,
    });
  }
});
