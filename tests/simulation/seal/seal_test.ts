import { assert, assertEquals, assertRejects } from "@std/assert";
import { type LoginError, LoginError as LoginErrorClass } from "../../../client/session/errors.ts";
import { decodeSealToServer, encodeSealReply } from "../../../protocol/seal.ts";
import { ACCOUNT, makeAccount } from "../account.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a log-in is refused for. */
async function refused(world: SealedWorld, login: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => world.soon(login), LoginErrorClass) as LoginError).reason;
}

// seal.md 5.12
Deno.test("a session logs in, and its row in the store is its account's", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  await world.soon(Promise.all(["1", "2", "x".repeat(5000)].map(client.put)));
  const session = client.session.state.id;
  assertEquals(world.server.ask({ kind: "open", session }), "denied");
  assertEquals(world.server.ask({ kind: "open", session, account: "bob" }), "denied");
  assert(typeof world.server.ask({ kind: "open", session, account: "alice" }) === "object");
  assertEquals(world.texts().map((text) => text.length), [1, 1, 5000]);
  assertEquals([...world.server.dropped], []);
  assert(Math.max(...world.passed.map(({ datagram }) => datagram.length)) <= 1200);
});

// protocol/README.md 1.5
Deno.test("an unproved address gets at most three times the bytes that it sent, and nothing is kept", async () => {
  await using world = await SealedWorld.make();
  const id = "A".repeat(22), stranger = { hostname: "10.0.0.9", port: 9 };
  const shortest = [`S1> ${id} - - 1\n${"x".repeat(16)}`, `S1> ${id} - - hello,${"A".repeat(43)}`];
  for (const said of shortest) {
    const datagram = new TextEncoder().encode(said);
    world.network.send(datagram, stranger, SERVER);
    await world.clock.run(5);
    const answer = world.passed.at(-1)!;
    assertEquals([answer.to, text(answer.datagram).split(" ").at(-1)], [stranger, "challenge"]);
    assert(answer.datagram.length <= 3 * datagram.length);
  }
  assertEquals(world.passed.length, 4);
  assertEquals(world.server.seals, 0);
});

// seal.md 2.2, 4.5
Deno.test("datagrams repeated at the wrong time, or changed on the way, do nothing and are counted", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  await world.soon(Promise.all(Array.from({ length: 20 }, (_, i) => client.put(`${i}`))));
  await world.soon(client.put("last"));
  const sealed = world.passed.filter(({ datagram, to }) =>
    to === SERVER && decodeSealToServer(datagram)?.body.kind === "sealed"
  );
  const before = world.passed.length;
  for (const { datagram, from } of sealed) world.network.send(datagram, from, SERVER);
  // and from elsewhere: only a challenge may go there
  for (const { datagram } of sealed) world.network.send(datagram, { hostname: "10.0.0.9", port: 9 }, SERVER);
  for (const { datagram, from } of sealed) {
    const changed = datagram.slice();
    changed[changed.length - 1]! ^= 1;
    world.network.send(changed.slice(), from, SERVER);
    // under a number that has not come
    const later = text(datagram.subarray(0, 60)).replace(/ \d+\n[^]*/, " 999999\n");
    world.network.send(
      new Uint8Array([...new TextEncoder().encode(later), ...datagram.subarray(70)]),
      from,
      SERVER,
    );
  }
  await world.clock.run(50);
  const answers = world.passed.slice(before).filter(({ to }) => to !== SERVER);
  assertEquals(answers.filter(({ to }) => to.hostname === "10.0.0.9").length, sealed.length);
  assertEquals(answers.filter(({ to }) => to.hostname !== "10.0.0.9").length, 0);
  assertEquals(world.server.dropped.get("sealed twice"), 2 * sealed.length);
  assertEquals(world.server.dropped.get("sealed wrong"), sealed.length);
  // those of the server do nothing to the client either
  const down = world.passed.filter(({ to, datagram }) => to !== SERVER && datagram.length > 90);
  for (const { datagram } of down) client.seal.received(datagram);
  await world.soon(client.put("after"));
  assertEquals(world.texts(), [...Array.from({ length: 20 }, (_, i) => `${i}`), "last", "after"]);
});

// seal.md 8.1
Deno.test("a session continues its numbers when the server restarts, and when its address changes", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  await world.soon(client.put("1"));
  const { id } = client.session.state;
  world.server.kill();
  const second = client.put("2");
  await world.clock.run(500);
  await world.server.start();
  await world.soon(second);
  client.move();
  await world.soon(client.put("3"));
  // one that was silent for so long that the server has forgotten it
  await world.clock.run(120_000);
  assertEquals(world.server.seals, 0);
  await world.soon(client.put("4"));
  assertEquals(client.session.state, { id, startTime: "", next: 5, low: 5 });
  assertEquals(world.texts(), ["1", "2", "3", "4"]);
});

// seal.md 5.13
Deno.test("a later process continues the session of an account, and no other account can", async () => {
  await using world = await SealedWorld.make();
  await world.soon(world.server.accounts.add("eve", makeAccount({ name: "eve", password: "e" }).verifier));
  const first = world.client();
  await world.soon(first.login());
  await world.soon(first.put("1"));
  first.kill();
  const resume = { id: first.session.state.id, next: 1 };
  const eve = world.client({ as: { name: "eve", password: "e" }, resume });
  assertEquals(await refused(world, eve.login()), "denied");
  const again = world.client({ resume });
  await world.soon(again.login());
  // carried out before
  await world.soon(again.put("1"));
  await world.soon(again.put("2"));
  // memory has forgotten its account; the store has not
  again.kill();
  await world.clock.run(120_000);
  const later = world.client({ as: { name: "eve", password: "e" }, resume });
  await world.soon(later.login());
  assertEquals(await refused(world, later.put("3")), "denied");
  assertEquals(world.texts(), ["1", "2"]);
});

Deno.test("a log-in is refused with its reason", async () => {
  await using world = await SealedWorld.make();
  const login = (as: { name?: string; password?: string }) => refused(world, world.client({ as }).login());
  assertEquals(await login({ password: "wrong" }), "wrong password");
  assertEquals(await login({ name: "nobody" }), "no account");
  assertEquals(await login({ name: "no name" }), "bad name");
});

Deno.test("a new name gets an account, once, and its password is asked for as a new one", async () => {
  await using world = await SealedWorld.make();
  const asked: boolean[] = [];
  const as = {
    name: "bob,b",
    make: true,
    password: (isNew: boolean) => {
      asked.push(isNew);
      return "new";
    },
  };
  await world.soon(world.client({ as }).login());
  assertEquals(asked, [true]);
  assert(world.server.accounts.has("bob,b"));
  await world.soon(world.client({ as }).login());
  assertEquals(asked, [true, false]);
  assertEquals(
    await refused(world, world.client({ as: { ...as, password: "other" } }).login()),
    "wrong password",
  );
});

// seal.md 6.1
Deno.test("wrong proofs are slowed down, for a stranger's network more than for the owner's", async () => {
  await using world = await SealedWorld.make();
  await world.soon(world.client({ hostname: "10.1.0.1" }).login());
  const took = async (login: Promise<void>) => {
    const began = world.clock.now();
    await world.soon(login.catch(() => {}));
    return world.clock.now() - began;
  };
  for (let i = 0; i < 16; i++) {
    const client = world.client({ hostname: `10.2.0.${i}`, as: { password: "guess" } });
    assert(await took(client.login()) < 1000);
  }
  // the attempts of this name are used up, for the right proof too, except from its owner's network
  const stranger = await took(world.client({ hostname: "10.3.0.1" }).login());
  assert(stranger > 1000 && stranger < 5000, `${stranger}`);
  for (let i = 0; i < 16; i++) {
    await took(world.client({ hostname: `10.4.0.${i}`, as: { password: "guess" } }).login());
  }
  assert(await took(world.client({ hostname: "10.1.0.1" }).login()) < 1000);
});

// seal.md 6.2, 6.3
Deno.test("guessing passwords for hours does not keep the owner out", async () => {
  await using world = await SealedWorld.make();
  const { accounts } = world.server, stranger = "10.2.0.1";
  let guesses = 0;
  const guess = () => {
    if (accounts.loginWaitMs(ACCOUNT.name, stranger) > 0) return;
    accounts.loginFailed(ACCOUNT.name, stranger);
    guesses++;
  };
  for (let second = 0; second < 7200; second++) {
    guess();
    if (second % 600 === 599) assertEquals(accounts.loginWaitMs(ACCOUNT.name, "10.3.0.1"), 0);
    await world.clock.run(1000);
  }
  assert(guesses < 7200 / 3 + 16 + 20, `${guesses}`);
});

// seal.md 5.11
Deno.test("with oneSession, a name is active in one place until it leaves or is silent", async () => {
  await using world = await SealedWorld.make({ oneSession: true });
  const first = world.client({ keepAlive: true });
  await world.soon(first.login());
  assertEquals(await refused(world, world.client().login()), "active");
  // it sends no request for a long time, and stays active
  await world.clock.run(300_000);
  assertEquals(await refused(world, world.client().login()), "active");
  // the same client again
  const same = world.client({ resume: { id: first.session.state.id, next: 1 } });
  await world.soon(same.login());
  first.kill();
  await world.soon(same.seal.close(1000));
  const second = world.client();
  await world.soon(second.login());
  second.kill();
  await world.clock.run(30_000);
  assertEquals(await refused(world, world.client().login()), "active");
  await world.clock.run(40_000);
  await world.soon(world.client().login());
});

// seal.md 5.11
Deno.test("a name that is active is refused before the client proves anything, or by final if two log in at once", async () => {
  await using world = await SealedWorld.make({ oneSession: true });
  let asked = 0;
  const password = () => {
    asked++;
    return ACCOUNT.password;
  };
  // both are asked for their passwords before one of them logs in
  const both = [world.client({ as: { password } }), world.client({ as: { password } })];
  const outcomes = await world.soon(Promise.allSettled(both.map((client) => client.login())));
  assertEquals(asked, 2);
  assertEquals(
    outcomes.map((outcome) => outcome.status === "rejected" ? outcome.reason.reason : "logged in"),
    [
      "logged in",
      "active",
    ],
  );
  assertEquals(await refused(world, world.client({ as: { password } }).login()), "active");
  assertEquals(asked, 2);
});

// seal.md 5.11
Deno.test("a client that a forged `unknown` makes log in again is not refused as active", async () => {
  await using world = await SealedWorld.make({ oneSession: true });
  const client = world.client({ keepAlive: true });
  await world.soon(client.login());
  await world.soon(client.put("one"));
  // forged by somebody who sees the datagrams: the server knows the seal all the while
  const { header } = decodeSealToServer(world.passed.findLast(({ to }) => to === SERVER)!.datagram)!;
  client.seal.received(encodeSealReply({ ...header, cookie: "" }, "unknown"));
  await world.soon(client.put("two"));
  assertEquals(world.texts(), ["one", "two"]);
});

// seal.md 8.5
Deno.test("an account that is removed ends its sessions", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  await world.soon(client.put("1"));
  await world.soon(world.server.accounts.remove(ACCOUNT.name));
  assertEquals(world.server.seals, 0);
  assertEquals(await refused(world, client.put("2")), "no account");
  assertEquals(world.texts(), ["1"]);
});

// seal.md 8.5
Deno.test("a new password ends every session that logged in with the old one, except the one that sets it", async () => {
  await using world = await SealedWorld.make();
  const [first, second] = [world.client(), world.client()];
  await world.soon(first.login());
  await world.soon(second.login());
  await world.soon(first.seal.setPassword("new one"));
  assertEquals(world.server.seals, 1);
  await world.soon(first.put("from the first"));
  assertEquals(await refused(world, second.put("from the second")), "wrong password");
  assertEquals(await refused(world, world.client().login()), "wrong password");
  await world.soon(world.client({ as: { password: "new one" } }).login());
  // and when it has to log in again
  world.server.kill();
  await world.server.start();
  await world.soon(first.put("later"));
  assertEquals(world.texts(), ["from the first", "later"]);
});

// seal.md 8.4
Deno.test("a client that logs in again does not make a removed account again", async () => {
  await using world = await SealedWorld.make();
  const client = world.client({ as: { name: "carol", make: true } });
  await world.soon(client.login());
  await world.soon(world.server.accounts.remove("carol"));
  assertEquals(await refused(world, client.put("1")), "no account");
  assert(!world.server.accounts.has("carol"));
});

// seal.md 7.8
Deno.test("a client that finds another key at a new handshake reports it, and sends nothing more", async () => {
  await using world = await SealedWorld.make();
  let refuse = false;
  const trust = () => {
    if (refuse) throw new Error("another key");
  };
  const client = world.client({ trust });
  await world.soon(client.login());
  refuse = true;
  world.server.kill();
  await world.server.start();
  const error = await world.soon(client.put("1").then(() => undefined, (error) => error));
  assertEquals(error.message, "another key");
  assertEquals(world.texts(), []);
});

// seal.md 8.3
Deno.test("handshakes that never log in keep nobody out, and are forgotten", async () => {
  await using world = await SealedWorld.make({
    seals: { all: 4, ofNetwork: 4, ofAccount: 4, loggedInOfNetwork: 4 },
  });
  const first = world.client({ keepAlive: true });
  await world.soon(first.login());
  const idlers = [1, 2, 3, 4, 5].map(() => {
    let ask = () => {};
    const password = () => new Promise<string>((resolve) => ask = () => resolve(ACCOUNT.password));
    const client = world.client({ as: { password } });
    const login = client.login();
    login.catch(() => {});
    return { login, type: () => ask() };
  });
  await world.clock.run(5000);
  assertEquals(world.server.seals, 5);
  await world.soon(world.client().login());
  // a user who took that long is logged in by a new handshake
  idlers[0]!.type();
  await world.soon(idlers[0]!.login);
  await world.clock.run(70_000);
  assertEquals(world.server.seals, 1);
  await world.soon(first.put("still there"));
  assertEquals(world.texts(), ["still there"]);
});

Deno.test("a server that has as many log-ins as it can takes the next when one has gone", async () => {
  await using world = await SealedWorld.make({
    seals: { all: 2, ofNetwork: 2, ofAccount: 2, loggedInOfNetwork: 2 },
  });
  const [first, second, third] = [world.client(), world.client(), world.client()];
  await world.soon(first.login());
  await world.soon(second.login());
  const login = third.login();
  await world.clock.run(5000);
  assertEquals(world.server.seals, 3);
  await world.soon(first.seal.close(1000));
  await world.soon(login);
});

Deno.test("50 log in at the same moment over a bad network, half of them wrongly, some with the same name", async () => {
  const conditions = {
    loss: 0.2,
    repeated: 0.1,
    reordered: 0.2,
    late: 50,
    delay: [1, 20] as [number, number],
  };
  await using world = await SealedWorld.make({ conditions, oneSession: true });
  const names = Array.from({ length: 20 }, (_, i) => `user${i}`);
  for (const name of names) {
    await world.soon(world.server.accounts.add(name, makeAccount({ name, password: name }).verifier));
  }
  const logins = Array.from({ length: 50 }, (_, i) => {
    const name = names[(i >> 1) % 20]!, right = i % 2 === 0;
    const client = world.client({ as: { name, password: right ? name : "wrong" } });
    return { name, right, client, login: client.login() };
  });
  const results = await world.soon(Promise.allSettled(logins.map(({ login }) => login)), 120_000);
  const active = new Map<string, number>();
  for (const [i, result] of results.entries()) {
    const { name, right } = logins[i]!;
    if (result.status === "fulfilled") {
      assert(right);
      active.set(name, (active.get(name) ?? 0) + 1);
    } else {
      const { reason } = result.reason as LoginError;
      // a name that is active is refused before its password is asked for
      assert(reason === "active" || !right && reason === "wrong password", `${name}: ${result.reason}`);
    }
  }
  // a client can leave though its `bye` or the answer is lost
  await world.soon(Promise.all(logins.map(({ client }) => client.seal.close(1000))), 1500);
  assertEquals([...active].sort(), names.map((name) => [name, 1] as [string, number]).sort());
});
