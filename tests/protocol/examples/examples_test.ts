/**
 * Plays the conversations of the documents in `protocol/` against a server: what they say is sent, byte by byte, and what they say
 * is answered must be answered. Times, IDs and proofs differ from run to run, and nothing else.
 */

import { assert, assertEquals } from "@std/assert";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { newVerifier } from "../../../client/command/account/store.ts";
import { TransferPeer } from "../../client/transfer/peer.ts";
import { put, TransferServer, uploadOf } from "../../client/transfer/server.ts";
import { Peer, temporaryDirectory } from "../../program.ts";
import { type Administered, withAdministrator } from "../../server/administrator.ts";
import { PASSWORD } from "../../server/protected.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { blocksOf, type Conversation, conversationsOf, isConversation, recordingOf } from "./conversation.ts";
import { DatagramParty, type Party, SealedParty, StreamParty, TransferParty } from "./parties.ts";
import { Values } from "./values.ts";

const PROTOCOL = new URL("../../../protocol/", import.meta.url);

const TEXTS = new Map<string, string>();
for (const { name } of Deno.readDirSync(PROTOCOL)) {
  if (name.endsWith(".md")) TEXTS.set(name, Deno.readTextFileSync(new URL(name, PROTOCOL)));
}

/** Connects a party of a conversation, under its name in the document. */
type Connect = (name: string, values: Values) => Party | Promise<Party>;

/** Plays a conversation. */
async function play({ place, messages }: Conversation, connect: Connect, values = new Values()) {
  await using parties = new AsyncDisposableStack();
  const connected = new Map<string, Party>();
  const partyOf = async (name: string) => {
    const party = connected.get(name) ?? parties.use(await connect(name, values));
    connected.set(name, party);
    return party;
  };
  const firsts = messages.filter(({ party }, i) =>
    messages.findIndex((other) => other.party === party) === i
  );
  const arrives = new Set(messages.filter(({ text }) => text === "connects").map(({ party }) => party));
  // who hears before it speaks was there before
  firsts.sort((a, b) => Number(a.isSent) - Number(b.isSent));
  for (const { party: name } of firsts) if (!arrives.has(name)) await partyOf(name);
  for (const [i, { party: name, isSent, text }] of messages.entries()) {
    const party = await partyOf(name);
    try {
      await (isSent ? party.send(text) : party.receive(text));
      // the next one sends when the server has carried this out
      if (isSent && messages[i + 1]?.isSent && messages[i + 1]!.party !== name) await party.settle?.();
    } catch (error) {
      throw new Error(`${place}: ${name} ${isSent ? "→" : "←"} ${text}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** Plays one conversation of a document, with a server that is set up for it. */
type Scene = (conversation: Conversation) => Promise<void>;

const withDatagrams = (
  setUp: (administered: Administered) => Promise<void> = () => Promise.resolve(),
  options: Parameters<typeof withAdministrator>[0] = {},
  numbers: number[] = [],
): Scene =>
(conversation) =>
  withAdministrator(options, async (administered) => {
    await setUp(administered);
    const connect: Connect = (_, values) => new DatagramParty(administered.port("mailbox"), values);
    await play(conversation, connect, new Values(numbers));
  });

const addAlice = async ({ control }: Administered) =>
  void await control(`account, add, alice, ${await newVerifier(PASSWORD)}`);

async function putMessages({ port }: Administered, ...datagrams: string[]) {
  using peer = new Peer(port("mailbox"));
  for (const datagram of datagrams) await peer.send(datagram);
  // what was sent before is carried out by then
  await peer.ask("R, nobody");
}

/** Frames, and Bob in the channel tea where he is said to be there. */
const withFrames = (setUp = (_: Administered) => Promise.resolve()): Scene => (conversation) =>
  withAdministrator({}, async (administered) => {
    await setUp(administered);
    await play(conversation, async (name, values) => {
      const peer = await FramePeer.connect(administered.port("channels"));
      if (name === "Bob, in tea") {
        await peer.send("Bob", "/create tea");
        await peer.settle();
      }
      return new StreamParty(peer, values);
    });
  });

const withLines = (setUp = (_: Administered) => Promise.resolve()): Scene => (conversation) =>
  withAdministrator({}, async (administered) => {
    await setUp(administered);
    await play(conversation, async (name, values) => {
      const peer = await LinePeer.connect(administered.port("room"));
      values.set(name, `127.0.0.1:${peer.port}`);
      values.set(name.replace("127.0.0.1:", ""), `${peer.port}`);
      return new StreamParty(peer, values);
    });
  });

const sealed =
  (service: "mailbox" | "forum", name: string, setUp = (_: Administered) => Promise.resolve()): Scene =>
  (conversation) =>
    withAdministrator({}, async (administered) => {
      await using directory = await temporaryDirectory();
      await setUp(administered);
      const knownServers = `${directory.path}/known-servers`, port = administered.port(service);
      const options = { port, name, password: PASSWORD, make: service === "forum", knownServers };
      await play(conversation, (_, values) => SealedParty.open(service, options, values));
    });

/** Makes the account that `make,…` makes, and says as the server did what it covers. */
class Maker implements Party {
  readonly #port: number;
  #covers = "";

  constructor(port: number) {
    this.#port = port;
  }

  async send(text: string) {
    const name = /^make,1,(\w+),/.exec(text)![1]!;
    await using directory = await temporaryDirectory();
    await using _ = await connectMailbox({
      port: this.#port,
      knownServers: new KnownServers(`${directory.path}/known-servers`),
      as: {
        name,
        password: PASSWORD,
        make: true,
        made: ({ mailbox }) => void (this.#covers = mailbox ? "mailbox" : "forum"),
      },
    });
  }

  receive(documented: string) {
    assertEquals(documented, `made,1,${this.#covers}`);
    return Promise.resolve();
  }

  [Symbol.asyncDispose]() {
    return Promise.resolve();
  }
}

const HELLO = new TextEncoder().encode("hello world");
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

/** A server that gives out the ticket and the key of the document. */
const transferring =
  (setUp: (server: TransferServer) => Promise<string | void>): Scene => async (conversation) => {
    const ticket = /^P1 \w+ (\S{22})/.exec(conversation.messages[0]!.text)![1]!;
    const given = new Map([[16, Uint8Array.fromBase64(ticket, { alphabet: "base64url" })], [32, KEY]]);
    let isGiven = false;
    await using server = await TransferServer.start({
      random: (bytes) => isGiven && given.get(bytes) || crypto.getRandomValues(new Uint8Array(bytes)),
    });
    const values = new Values(),
      [, ...inFull] = /In full, .*?```\n(.*?)\n(.*?)\n(.*?)\n```/s.exec(TEXTS.get("transfer.md")!)!;
    for (const value of inFull) values.set(`${value.slice(0, 4)}…${value.slice(-2)}`, value);
    const rest = await setUp(server);
    if (rest !== undefined) values.set("REST", rest);
    isGiven = true;
    if (rest === undefined) server.ticket(uploadOf(HELLO));
    else server.downloadTicket(server.uploads[0]!);
    await play(
      conversation,
      async (_, values) => new TransferParty(await TransferPeer.connect(server.port), values),
      values,
    );
  };

const putThree = (world: Administered) => putMessages(world, ...Array(3).fill("F, bob, alice, hello"));

/** Bob has a message, and makes an account, which covers the forum alone; the administrator confirms it if they are asked to. */
async function makeBob(world: Administered) {
  await putMessages(world, "F, bob, alice, hello");
  await new Maker(world.port("mailbox")).send("make,1,bob,");
}

/** A server with a data directory: numbers of its records depend on what came together, and it writes some by itself. */
const held: Scene = async (conversation) => {
  await using directory = await temporaryDirectory();
  await withDatagrams(putThree, { data: `${directory.path}/data` }, [8120, 8131, 8134])(conversation);
};

async function cutUpload(server: TransferServer) {
  using peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(HELLO)));
  await peer.line();
  await peer.send("P1 from 0\nhello ");
  await peer.end();
  while (await peer.line().catch(() => null) !== null);
}

/** Makes dead letters of two messages. */
async function failMessages(world: Administered) {
  await putMessages(world, "F, bob, alice, How are you, dear Bob?", "F, bob, carol, Bob!?");
  await using mailbox = await connectMailbox({ port: world.port("mailbox") });
  const reasons = ["exit 3", "signal 9"];
  for await (const message of mailbox.messages("bob", { wait: 0 })) {
    await message.fail({ attempts: 1, reason: reasons.shift()! });
  }
}

/** What seal.md shows stands in its test vectors too, which another implementation has computed; what is sealed, in clear. */
const asComputed: Scene = ({ messages }) => {
  const vectors = new Map(
    [...TEXTS.get("seal.md")!.matchAll(/^(\w[\w -]*?) += (.*)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const counts = { server: 0, client: 0 };
  const greetings = ["hello", "challenge", "hello again", "hello answer"].map((name) => vectors.get(name)!);
  const expected = messages.map(({ isSent }, i) => {
    if (i < greetings.length) return greetings[i]!;
    const to = isSent ? "server" : "client", sealed = vectors.get(`to-${to} ${++counts[to]}`)!;
    const plain = vectors.get(`plain ${i + 1 - greetings.length}`)!.replaceAll("\\n", "\n");
    const [header] = new TextDecoder().decode(Uint8Array.fromHex(sealed)).split("\n");
    return `${header}\n{${plain}}`;
  });
  const values = new Values();
  for (const [i, { text }] of messages.entries()) {
    assert(values.learn(text, expected[i]!), `${text}\nbut computed:\n${expected[i]}`);
  }
  return Promise.resolve();
};

/** The scenes of the conversations of each document, in their order. */
const SCENES: Readonly<Record<string, readonly Scene[]>> = {
  "mailbox.md": [withDatagrams()],
  "channels.md": [withFrames(), withFrames(), withFrames(addAlice)],
  "room.md": [withLines(), withLines(addAlice)],
  "seal.md": [asComputed],
  "forum.md": [sealed("forum", "yoda")],
  "transfer.md": [
    transferring(() => Promise.resolve()),
    transferring(cutUpload),
    transferring(async (server) => {
      const content = new TextEncoder().encode(`${"x".repeat(1_048_576)}the rest`);
      await put(server, content);
      return "the rest";
    }),
  ],
  "admin.md": [
    withDatagrams(putThree),
    withDatagrams(failMessages),
    withDatagrams(putThree),
    held,
    (conversation) =>
      withAdministrator({}, async (administered) => {
        using alice = await FramePeer.named("alice", administered.port("channels"));
        await alice.settle();
        using bob = new Peer(administered.port("mailbox"));
        await bob.send("F, alice, bob, hello");
        await bob.ask("R, bob");
        await play(conversation, (_, values) => new DatagramParty(administered.port("mailbox"), values));
      }),
    sealed("mailbox", "alice", async (world) => {
      await putThree(world);
      await addAlice(world);
      await world.control("account, role, alice, admin");
    }),
  ],
  "watch.md": [withDatagrams()],
  "accounts.md": [
    (conversation) =>
      withAdministrator({}, async (administered) => {
        await putMessages(administered, "F, bob, alice, hello");
        await play(conversation, () => new Maker(administered.port("mailbox")));
      }),
    withDatagrams(makeBob),
    withDatagrams(async (world) => {
      await makeBob(world);
      await world.control("account, confirm, bob");
    }),
  ],
};

for (const [document, text] of TEXTS) {
  for (const [i, conversation] of conversationsOf(document, text).entries()) {
    Deno.test(`what ${document} shows is what happens, example ${i + 1}`, async () => {
      const scene = SCENES[document]?.[i];
      assert(scene, `${conversation.place}: nothing plays it`);
      await scene(conversation);
    });
  }
}

Deno.test("the datagrams of session.md are those of a session, byte by byte", () =>
  withAdministrator({}, async ({ port }) => {
    const values = new Values(), messages = recordingOf("session.md", TEXTS.get("session.md")!);
    assert(messages.length > 0);
    await using parties = new AsyncDisposableStack();
    const clients = new Map<string, DatagramParty>();
    for (const { party, isSent, text, length } of messages) {
      const client = clients.get(party) ?? parties.use(new DatagramParty(port("mailbox"), values));
      clients.set(party, client);
      if (!isSent) await client.receiveBytes(text, length);
      else {
        assertEquals(new TextEncoder().encode(text).length, length, text);
        await client.send(text);
      }
    }
  }));

Deno.test("every conversation in a document is one that is played", () => {
  for (const [document, text] of TEXTS) {
    const others = blocksOf(text, "").filter(isConversation);
    assertEquals(others.map(({ line }) => `${document}:${line}`), []);
  }
});
