/** New keys for a session that goes on, and what becomes of the old ones. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LoginError } from "../../../client/session/errors.ts";
import { decodeSealToServer, MAX_AGE_MS, RENEW_MS } from "../../../protocol/seal.ts";
import { ACCOUNT, makeAccount } from "../account.ts";
import { type Passing, SealedWorld, SERVER } from "../sealed_world.ts";

const MINUTE_MS = 60_000;

/** The IDs of the handshakes under which clients sent something since datagram `from`. */
function handshakes(world: SealedWorld, from = 0): Set<string> {
  const sealed = world.passed.slice(from).filter(({ to }) => to === SERVER).map(({ datagram }) =>
    decodeSealToServer(datagram)!
  ).filter(({ body }) => body.kind === "sealed");
  return new Set(sealed.map(({ header }) => header.id));
}

/** Puts a message every half minute for so long. Gives the longest time that one took. */
async function putFor(
  world: SealedWorld,
  client: ReturnType<SealedWorld["client"]>,
  ms: number,
): Promise<number> {
  let longest = 0;
  for (const end = world.clock.now() + ms; world.clock.now() < end;) {
    const began = world.clock.now();
    await world.soon(client.put("x"));
    longest = Math.max(longest, world.clock.now() - began);
    await world.clock.run(MINUTE_MS / 2);
  }
  return longest;
}

/** While this is true, the server gets no handshake of clients. */
function withoutHello(world: SealedWorld, isOff: () => boolean) {
  const { network } = world, send = network.send;
  network.send = (datagram, from, to) => {
    const isHello = to === SERVER && decodeSealToServer(datagram)?.body.kind === "hello";
    if (!isHello || !isOff()) send(datagram, from, to);
  };
}

// seal.md 4.4, 4.12
Deno.test("after an hour a session has new keys, and has waited for nothing", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  const { id } = client.session.state;
  await putFor(world, client, RENEW_MS - MINUTE_MS);
  assertEquals(handshakes(world).size, 1);
  // a round trip takes 2 ms; a log-in four of them
  assert(await putFor(world, client, 2 * MINUTE_MS) < 8);
  assertEquals(handshakes(world).size, 2);
  assertEquals(world.server.seals, 1);
  const before = world.passed.length;
  assert(await putFor(world, client, MINUTE_MS) < 8);
  assertEquals(handshakes(world, before).size, 1);
  assertEquals(client.session.state.id, id);
  assertEquals(world.texts().length, 124);
});

// seal.md 4.10, 4.4
Deno.test("a client that only keeps its name active has new keys after an hour too", async () => {
  await using world = await SealedWorld.make();
  const client = world.client({ keepAlive: true });
  await world.soon(client.login());
  await world.clock.run(RENEW_MS + MINUTE_MS);
  assertEquals(handshakes(world).size, 2);
  assertEquals(world.server.seals, 1);
});

// seal.md 4.12
Deno.test("a session whose server makes no new keys goes on under the old ones", async () => {
  await using world = await SealedWorld.make();
  let isOff = true;
  withoutHello(world, () => isOff);
  const client = world.client();
  isOff = false;
  await world.soon(client.login());
  isOff = true;
  assert(await putFor(world, client, RENEW_MS + 10 * MINUTE_MS) < 8);
  assertEquals(handshakes(world).size, 1);
  isOff = false;
  assert(await putFor(world, client, 2 * MINUTE_MS) < 8);
  assertEquals(handshakes(world).size, 2);
  assertEquals(world.server.seals, 1);
});

// seal.md 4.13
Deno.test("a server forgets keys after two hours, and the session goes on under new ones", async () => {
  await using world = await SealedWorld.make();
  let isOff = false;
  withoutHello(world, () => isOff);
  const client = world.client();
  await world.soon(client.login());
  isOff = true;
  await putFor(world, client, MAX_AGE_MS - MINUTE_MS);
  assertEquals(world.server.seals, 1);
  const [early] = world.passed.filter(({ datagram }) => decodeSealToServer(datagram)?.body.kind === "sealed");
  const put = client.put("last");
  await world.soon(put);
  await world.clock.run(2 * MINUTE_MS);
  assertEquals(world.server.seals, 0);
  // also for a copy of what was sealed under them
  world.network.send(early!.datagram, early!.from, SERVER);
  await world.clock.run(1);
  isOff = false;
  await world.soon(client.put("after"));
  assertEquals(handshakes(world).size, 2);
  assertEquals(world.texts().slice(-2), ["last", "after"]);
});

// seal.md 6.7
Deno.test("those who guess passwords from the same address do not keep a session from new keys", async () => {
  await using world = await SealedWorld.make();
  const client = world.client(), { accounts } = world.server;
  await world.soon(client.login());
  await putFor(world, client, RENEW_MS - MINUTE_MS);
  for (let guess = 0; guess < 300; guess++) accounts.loginFailed(ACCOUNT.name, client.address.hostname);
  assert(accounts.loginWaitMs(ACCOUNT.name, client.address.hostname) > 3 * MINUTE_MS);
  assert(await putFor(world, client, 2 * MINUTE_MS) < 8);
  assertEquals(handshakes(world).size, 2);
  // another session of the same name has to wait
  const other = world.client(), began = world.clock.now();
  await world.soon(other.login(), 5 * MINUTE_MS);
  assert(world.clock.now() - began > MINUTE_MS);
});

// seal.md 4.15, 8.1
Deno.test("what was sealed before a restart, or before new keys, opens nowhere after it", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  await world.soon(client.put("once"));
  const before = world.passed.filter(({ to }) => to === SERVER);
  world.server.kill();
  await world.server.start();
  await world.soon(client.put("after"));
  const seals = world.server.seals;
  for (const { datagram, from } of before) world.network.send(datagram, from, SERVER);
  await world.clock.run(50);
  assertEquals(world.server.seals, seals);
  assertEquals(world.texts(), ["once", "after"]);
});

// seal.md 4.14
Deno.test("what the keys of a handshake are made from is overwritten", async () => {
  await using world = await SealedWorld.make();
  const made: Uint8Array[] = [], { random } = world, { bytes } = random;
  random.bytes = (count) => {
    const given = bytes(count);
    if (count === 32) made.push(given);
    return given;
  };
  // a server takes its randomness when it starts
  world.server.kill();
  await world.server.start();
  const cookieKeys = made.splice(0);
  assert(cookieKeys.length > 0);
  await world.soon(world.client().login());
  // EC and ES
  assertEquals(made, [new Uint8Array(32), new Uint8Array(32)]);
});

// seal.md 8.1
Deno.test("a client whose server restarts while it sets a password says that it can't know", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  world.server.kill();
  const changing = assertRejects(() => client.seal.setPassword("new one"), LoginError, "Cannot know whether");
  await world.clock.run(100);
  await world.server.start();
  await world.soon(changing);
  await world.soon(client.put("after"));
  assertEquals(world.texts(), ["after"]);
});

// seal.md 4.12
Deno.test("a client that leaves while it makes new keys frees its name", async () => {
  await using world = await SealedWorld.make({ oneSession: true });
  // a log-in takes 8 ms: one leaves after each of them
  const names = Array.from({ length: 10 }, (_, ms) => `leaves-after-${ms}`), password = "p";
  for (const name of names) {
    await world.soon(world.server.accounts.add(name, makeAccount({ name, password }).verifier));
  }
  const clients = names.map((name) => world.client({ as: { name, password }, keepAlive: true }));
  await world.soon(Promise.all(clients.map((client) => client.login())));
  await world.clock.run(RENEW_MS - MINUTE_MS);
  const before = world.passed.length;
  const isHello = ({ datagram }: Passing) => decodeSealToServer(datagram)?.body.kind === "hello";
  const isRenewing = () => world.passed.slice(before).filter(isHello).length === clients.length;
  assert(await world.clock.until(isRenewing, 2 * MINUTE_MS));
  const left: Promise<void>[] = [];
  for (const client of clients) {
    left.push(client.seal.close(1000));
    await world.clock.run(1);
  }
  await world.soon(Promise.all(left));
  for (const name of names) await world.soon(world.client({ as: { name, password } }).login());
});
