import { connectMailbox } from "../../../../../client/mailbox.ts";
import { Peer } from "../../../../program.ts";
import type { World } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";

/** Puts a message with this name as its sender, takes one from the mailbox of the name, and uses the shared queue. */
async function use(world: World, name: string, from = "127.0.0.1"): Promise<string> {
  const { port, next, control } = world, box = `box${next()}`;
  await giveMail(world, name);
  using peer = new Peer(port("mailbox"), "127.0.0.1", from);
  await peer.send(`F, ${box}, ${name}, hello`);
  const mail = await peer.ask(`R, ${name}`);
  await peer.send("for, hello");
  const shared = await peer.ask("req");
  const [count] = await control(`count, ${box}`);
  return [
    count === "1" ? "puts" : "dropped",
    mail.endsWith("hello") ? "takes" : mail,
    shared.endsWith("hello") ? "shares" : shared,
  ].join(", ");
}

/** Puts a message for the name, as somebody who is let in. */
async function giveMail({ port, knownServers, bobsToken }: World, name: string) {
  const as = { name: "bob", password: bobsToken };
  await using bob = await connectMailbox({ port: port("mailbox"), knownServers, as });
  await bob.send(name, "bob", "hello");
}

/** Sends datagrams, and returns what texts came of them. */
async function textsOf(
  { port, next, knownServers, bobsToken }: World,
  datagramsTo: (box: string) => string[],
) {
  const box = `box${next()}`;
  using peer = new Peer(port("mailbox"));
  for (const datagram of datagramsTo(box)) await peer.send(datagram);
  // an answer shows that all of them were read
  await peer.ask("R, nobody");
  const as = { name: "bob", password: bobsToken }, texts: string[] = [];
  await using bob = await connectMailbox({ port: port("mailbox"), knownServers, as });
  for await (const message of bob.messages(box, { wait: 0 })) {
    texts.push(message.text);
    await message.ack();
  }
  return texts.length === 0 ? "dropped" : texts.join(", ");
}

/** How many datagrams were refused because nobody had logged in. */
async function refusedOf({ control }: World): Promise<number> {
  for (let skip = 0;;) {
    const fields = await control(`status, ${skip}`);
    const [, count] = fields.map((field) =>
      /^refused no log-in (\d+)$/.exec(field)
    ).find((m) => m !== null) ?? [];
    if (count !== undefined) return Number(count);
    if (fields.length === 0) return 0;
    skip += fields.length;
  }
}

export const originalMailbox: Exchanges = {
  "no account": async (world) => {
    const outcome = await use(world, "eve"), refused = await refusedOf(world);
    return refused > 0 ? `${outcome}, counted ${refused} times` : outcome;
  },
  "account of the forum alone": (world) => use(world, "carla"),
  "other's name": (world) => use(world, "alice"),
  "replay": (world) =>
    textsOf(world, (box) => {
      const datagram = `F, ${box}, eve, hello`;
      return [datagram, datagram];
    }),
  "changed": (world) => textsOf(world, (box) => [`F, ${box}, eve, hellp`]),
  "spoofed source": (world) => use(world, "eve", "127.0.0.2"),
};
