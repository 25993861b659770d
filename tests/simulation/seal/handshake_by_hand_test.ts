/** Rules of the seal that need a misbehaving client, or a look at each datagram. */

import { assert, assertEquals } from "@std/assert";
import { clientFirstBare, GS2_HEADER } from "../../../protocol/seal/scram.ts";
import {
  decodeSealToClient,
  decodeSealToServer,
  encodeHello,
  Opener,
  Sealer,
} from "../../../protocol/seal.ts";
import { clientKeys, sealId, sealKey } from "../../../protocol/seal/keys.ts";
import { ACCOUNT } from "../account.ts";
import { PERFECT } from "../network.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

/** A client that sends what the test says, at any time. */
class RawClient {
  readonly address = { hostname: "10.0.0.9", port: 9 };
  readonly key = sealKey(new Uint8Array(32).fill(9));
  header = { id: sealId(this.key.public), startId: "", cookie: "" };
  readonly #world: SealedWorld;
  #received: Uint8Array<ArrayBuffer>[] = [];
  #secret: { sealer: Sealer; opener: Opener } | undefined;

  constructor(world: SealedWorld) {
    this.#world = world;
    world.network.bind(this.address, (datagram) => this.#received.push(datagram));
  }

  /** Sends a datagram. Gives the answers to it. */
  async exchange(datagram: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[]> {
    this.#received = [];
    this.#world.network.send(datagram, this.address, SERVER);
    await this.#world.clock.run(50);
    return this.#received;
  }

  /** Sends a hello. If it is answered by a challenge, it takes its start ID and cookie. */
  async hello(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const [answer] = await this.exchange(encodeHello(this.header, this.key.public));
    const decoded = answer && decodeSealToClient(answer);
    if (decoded?.body.kind === "challenge") this.header = decoded.header;
    if (decoded?.body.kind === "hello" && this.#secret === undefined) {
      const exchange = { service: "mailbox", id: this.header.id, startId: this.header.startId };
      const keys = clientKeys(exchange, this.key, decoded.body.key, decoded.body.server);
      this.#secret = { sealer: new Sealer(">", keys.toServer), opener: new Opener(keys.toClient) };
    }
    return answer;
  }

  /** Sends a text under the seal. Gives the answers. */
  async say(text: string): Promise<string[]> {
    const { sealer, opener } = this.#secret!;
    const answers = await this.exchange(sealer.seal(this.header, new TextEncoder().encode(text)));
    return answers.map((answer) => {
      const { body } = decodeSealToClient(answer)!;
      assert(body.kind === "sealed");
      return new TextDecoder().decode(opener.open(answer, body.number) as Uint8Array);
    });
  }
}

const FIRST = `${GS2_HEADER}${clientFirstBare(ACCOUNT.name, "n".repeat(24))}`;

// seal.md 2.4
Deno.test("the same hello gets the same answer, and one with the ID of another key gets none", async () => {
  await using world = await SealedWorld.make();
  const client = new RawClient(world);
  await client.hello();
  const answer = await client.hello();
  assertEquals(decodeSealToClient(answer!)?.body.kind, "hello");
  assertEquals(await client.hello(), answer);
  assertEquals(world.server.seals, 1);
  const other = new RawClient(world);
  other.header.id = "A".repeat(22);
  await other.hello();
  assert(other.header.cookie !== "");
  assertEquals(await other.hello(), undefined);
  assertEquals(world.server.dropped.get("sealed bad key"), 1);
  assertEquals(world.server.seals, 1);
});

// seal.md 2.3
Deno.test("the cookie of a hello is too old after its next minute, and a new one goes on", async () => {
  await using world = await SealedWorld.make();
  const client = new RawClient(world);
  await client.hello();
  await world.clock.run(121_000);
  const { cookie } = client.header, answer = await client.hello();
  assertEquals(decodeSealToClient(answer!)?.body.kind, "challenge");
  assert(client.header.cookie !== cookie);
  assertEquals(decodeSealToClient((await client.hello())!)?.body.kind, "hello");
  assertEquals(world.server.seals, 1);
});

// seal.md 4.2
Deno.test("every sealed datagram of a handshake has a number of its own, also one that repeats something", async () => {
  await using world = await SealedWorld.make({ conditions: { ...PERFECT, loss: 0.3 } });
  const client = world.client();
  await world.soon(client.login());
  await world.soon(Promise.all(Array.from({ length: 200 }, (_, i) => client.put(`${i} `.repeat(200)))));
  const used = { toServer: new Set<string>(), toClient: new Set<string>() };
  for (const { datagram, to } of world.passed) {
    const isToServer = to === SERVER;
    const { header, body } = (isToServer ? decodeSealToServer(datagram) : decodeSealToClient(datagram))!;
    if (body.kind !== "sealed") continue;
    const number = `${header.id} ${body.number}`, numbers = isToServer ? used.toServer : used.toClient;
    assert(!numbers.has(number), number);
    numbers.add(number);
  }
  assert(used.toServer.size > 100 && used.toClient.size > 20, `${used.toServer.size} ${used.toClient.size}`);
});

// seal.md 4.8
Deno.test("before a log-in a server carries out nothing of a session, and no change of a password", async () => {
  await using world = await SealedWorld.make();
  const client = new RawClient(world);
  await client.hello();
  await client.hello();
  assertEquals(await client.say("1\nput,1,bob,alice,,,hello"), []);
  const verifier = world.server.accounts.verifier(ACCOUNT.name);
  assertEquals(await client.say("change,1,SCRAM-SHA-256$600000:AAAA$AAAA:AAAA"), []);
  assertEquals(world.server.accounts.verifier(ACCOUNT.name), verifier);
  assertEquals(world.server.dropped.get("sealed out of place"), 2);
  assertEquals(world.texts(), []);
});

// seal.md 4.9
Deno.test("a repeated log-in request gets the answer of the first, and an earlier one gets none", async () => {
  await using world = await SealedWorld.make();
  const client = new RawClient(world);
  await client.hello();
  await client.hello();
  const [answer] = await client.say(`first,2,${FIRST}`);
  assert(answer!.startsWith("first,2,"));
  assertEquals(await client.say(`first,2,${FIRST}`), [answer!]);
  assertEquals(await client.say("make,2,carol,x"), [answer!]);
  assertEquals(await client.say(`first,1,${FIRST}`), []);
  const [third] = await client.say(`first,3,${FIRST}`);
  // its nonce is new
  assert(third!.slice("first,3,".length) !== answer!.slice("first,2,".length));
});
