/** Those who stand between a client and its server, and servers that are not the client's. seal.md sections 5 and 7. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type LoginError, LoginError as LoginErrorClass } from "../../../client/session/errors.ts";
import {
  decodeSealToClient,
  decodeSealToServer,
  encodeHello,
  encodeHelloAnswer,
  encodeSealReply,
  Opener,
  Sealer,
} from "../../../protocol/seal.ts";
import { clientKeys, sealId, sealKey, serverKeys } from "../../../protocol/seal/keys.ts";
import { newToken } from "../../server/protected.ts";
import { ACCOUNT } from "../account.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a log-in is refused for. */
async function refused(world: SealedWorld, login: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => world.soon(login), LoginErrorClass) as LoginError).reason;
}

/** Sits between a client and the server with keys of its own, or the server's, and reads what it can. */
class Middleman {
  readonly address = { hostname: "10.0.0.66", port: 66 };
  readonly read: string[] = [];
  /** Changes the server's answers. */
  change = (plain: string) => plain;
  readonly #key;
  readonly #ephemeral;

  constructor(world: SealedWorld, key = sealKey(world.random.bytes(32))) {
    this.#key = key;
    this.#ephemeral = sealKey(world.random.bytes(32));
    const { network } = world, outer = { hostname: "10.0.0.67", port: 67 };
    const mine = sealKey(world.random.bytes(32)), id = sealId(mine.public);
    const there = { id, startId: "", cookie: "" };
    let server: { sealer: Sealer; opener: Opener } | undefined,
      client: { sealer: Sealer; opener: Opener } | undefined;
    let victim = this.address;
    let header = { id: "", startId: "0000000a", cookie: "" };
    const encoder = new TextEncoder();
    network.bind(this.address, (datagram, from) => {
      const decoded = decodeSealToServer(datagram);
      if (decoded === undefined) return;
      victim = from;
      header = { ...header, id: decoded.header.id };
      if (decoded.header.startId !== header.startId) {
        const challenge = encodeSealReply({ ...header, cookie: "0".repeat(16) }, "challenge");
        return network.send(challenge, this.address, from);
      }
      if (decoded.body.kind === "hello") {
        const exchange = { service: "mailbox", ...header };
        const keys = serverKeys(exchange, this.#ephemeral, this.#key, decoded.body.key);
        client ??= { sealer: new Sealer("<", keys.toClient), opener: new Opener(keys.toServer) };
        const answer = encodeHelloAnswer(header, this.#ephemeral.public, this.#key.public, keys.confirm);
        network.send(answer, this.address, from);
        network.send(encodeHello(there, mine.public), outer, SERVER);
        return;
      }
      const plain = client?.opener.open(datagram, decoded.body.number);
      if (plain === undefined || typeof plain === "string") return;
      this.read.push(text(plain));
      if (server !== undefined) network.send(server.sealer.seal(there, plain), outer, SERVER);
    });
    network.bind(outer, (datagram) => {
      const { header: { startId, cookie }, body } = decodeSealToClient(datagram)!;
      if (body.kind === "challenge") {
        Object.assign(there, { startId, cookie });
        network.send(encodeHello(there, mine.public), outer, SERVER);
      } else if (body.kind === "hello" && server === undefined) {
        const keys = clientKeys({ service: "mailbox", id, startId }, mine, body.key, body.server);
        server = { sealer: new Sealer(">", keys.toServer), opener: new Opener(keys.toClient) };
      } else if (body.kind === "sealed") {
        const plain = server?.opener.open(datagram, body.number);
        if (plain === undefined || typeof plain === "string") return;
        this.read.push(text(plain));
        const changed = encoder.encode(this.change(text(plain)));
        network.send(client!.sealer.seal(header, changed), this.address, victim);
      }
    });
  }
}

// seal.md 5.6
Deno.test("a man in the middle with other keys is refused by the server, and by the client", async () => {
  await using world = await SealedWorld.make();
  const middle = new Middleman(world);
  const client = () => world.client({ server: middle.address });
  assertEquals(await refused(world, client().login()), "not the server");
  assert(
    middle.read.some((plain) => plain.endsWith("e=channel-bindings-dont-match")),
    middle.read.join("\n"),
  );
  // it answers that all is well instead of the server
  await using second = await SealedWorld.make();
  const lying = new Middleman(second);
  lying.change = (plain) => plain.replace(/e=.*/, `v=${"A".repeat(43)}=`);
  assertEquals(await refused(second, second.client({ server: lying.address }).login()), "not the server");
  assert(lying.read.every((plain) => !plain.includes(ACCOUNT.password)));
  assertEquals(second.texts(), []);
});

// seal.md 3.4, 5.6, section 12
Deno.test("a man in the middle with the server's key can't log in as a client, nor read what was recorded", async () => {
  await using world = await SealedWorld.make();
  const honest = world.client();
  await world.soon(honest.login());
  await world.soon(honest.put("recorded"));
  const middle = new Middleman(world, world.server.stolenKey), asked: string[] = [];
  const trust = (key: string) => void asked.push(key);
  const victim = world.client({ server: middle.address, trust });
  assertEquals(await refused(world, victim.login()), "not the server");
  // the client could not know better: it is the server's key
  assertEquals(asked, [world.server.key]);
  assert(middle.read.some((plain) => plain.endsWith("e=channel-bindings-dont-match")));
  assert(middle.read.every((plain) => !plain.includes("v=") && !plain.includes(ACCOUNT.password)));
  assertEquals(world.texts(), ["recorded"]);
  // without ES a thief lacks the first exchange, whatever it puts in its place
  const [hello, , sealed] = ["hello", "hello", "sealed"].map((kind, i) =>
    world.passed.filter(({ datagram, to }) =>
      to === SERVER && decodeSealToServer(datagram)?.body.kind === kind
    )[i && 1]!
      .datagram
  );
  const { header, body } = decodeSealToServer(hello!)!, number = decodeSealToServer(sealed!)!;
  assert(body.kind === "hello" && number.body.kind === "sealed");
  const exchange = { service: "mailbox", id: header.id, startId: number.header.startId };
  const guess = serverKeys(exchange, sealKey(world.random.bytes(32)), world.server.stolenKey, body.key);
  assertEquals(new Opener(guess.toServer).open(sealed!, number.body.number), "wrong");
});

// seal.md 7.6
Deno.test("a man in the middle learns nothing of a new account if the server's key is known", async () => {
  await using world = await SealedWorld.make();
  const middle = new Middleman(world);
  const client = world.client({
    server: middle.address,
    as: { name: "carol", make: true },
    trust(key) {
      if (key !== world.server.key) throw new LoginErrorClass("another key", false, "not the server");
    },
  });
  assertEquals(await refused(world, client.login()), "not the server");
  assertEquals(middle.read, []);
  assert(!world.server.accounts.has("carol"));
});

// seal.md 5.9, 5.16
Deno.test("a client sends no proof to a server that asks for few iterations, of a password or a token, or has a short salt", async () => {
  await using world = await SealedWorld.make();
  const weak = new Middleman(world);
  weak.change = (plain) => plain.replace(/i=\d+/, "i=4096");
  assertEquals(await refused(world, world.client({ server: weak.address }).login()), "refused");
  assert(weak.read.every((plain) => !plain.startsWith("final")));
  // or has chosen a short salt, for which it may have computed proofs before
  await using second = await SealedWorld.make();
  const salted = new Middleman(second);
  salted.change = (plain) => plain.replace(/s=[^,]+/, "s=AAAA");
  assertEquals(await refused(second, second.client({ server: salted.address }).login()), "refused");
  assert(salted.read.every((plain) => !plain.startsWith("final")));
  // or asks for less than a token has
  await using third = await SealedWorld.make();
  const hasty = new Middleman(third), { token: password, ...token } = await newToken();
  assertEquals(await third.soon(third.server.accounts.addToken(ACCOUNT.name, token)), "changed");
  hasty.change = (plain) => plain.replace("i=4096", "i=4095");
  const login = third.client({ server: hasty.address, as: { name: ACCOUNT.name, password } }).login();
  assertEquals(await refused(third, login), "refused");
  assert(hasty.read.every((plain) => !plain.startsWith("final")));
});
