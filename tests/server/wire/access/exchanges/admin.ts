import {
  connectAdministrator,
  connectOriginalMailbox,
  NO_SECRET,
  RefusedCommandError,
} from "../../../../../client/original_mailbox.ts";
import { LoginError } from "../../../../../client/session/errors.ts";
import { proof } from "../../../../../protocol/admin.ts";
import { Peer } from "../../../../program.ts";
import { SECRET } from "../../../administrator.ts";
import { PASSWORD, tokenOver, type World, WRONG } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";

const encoder = new TextEncoder();

async function outcomeOf(request: () => Promise<string[]>): Promise<string> {
  try {
    await request();
    return "answered";
  } catch (error) {
    if (error instanceof LoginError) return error.reason;
    if (error instanceof RefusedCommandError) return error.message;
    throw error;
  }
}

/** A command under this secret. */
const byText = ({ port }: World, secret: string) =>
  outcomeOf(async () => {
    await using mailbox = await connectOriginalMailbox({ port: port("mailbox") });
    return await mailbox.control(encoder.encode(secret), "count");
  });

/** A command under the seal of an account. */
const byAccount = ({ port, knownServers }: World, name: string, password: string) =>
  outcomeOf(async () => {
    const server = { port: port("mailbox"), knownServers };
    await using mailbox = await connectAdministrator({ ...server, as: { name, password } });
    return await mailbox.control(NO_SECRET, "count");
  });

/** An order with its proof, as a client sends it. */
async function orderOf(peer: Peer, command: string): Promise<string> {
  const nonce = (await peer.ask("A, challenge   ")).replace("A, ok, ", "");
  return `A, ${nonce}, ${proof(encoder.encode(SECRET), nonce, command)}, ${command}`;
}

/** What comes back for it; `nothing` if another request is answered before it. */
async function answerOf(peer: Peer, datagram: string): Promise<string> {
  await peer.send(datagram);
  await peer.send("R, nobody");
  const answer = await peer.receive();
  if (answer === "X") return "nothing";
  if (await peer.receive() !== "X") throw new Error("More came than was asked for");
  return answer.replace("A, error, ", "");
}

export const admin: Exchanges = {
  "no account": (world) => byText(world, ""),
  "account of the forum alone": (world) => byAccount(world, "carla", PASSWORD),
  "right password": (world) => byText(world, SECRET),
  "wrong password": (world) => byText(world, WRONG),
  "absent password": async ({ port }) => {
    using peer = new Peer(port("mailbox"));
    const nonce = (await peer.ask("A, challenge   ")).replace("A, ok, ", "");
    return await answerOf(peer, `A, ${nonce}, count`);
  },
  "token": (world) => byAccount(world, "ada", world.adasToken),
  "expired token": async (world) => byAccount(world, "alice", await tokenOver(world)),
  "other's name": (world) => byAccount(world, "ada", world.token),
  "replay": async ({ port, control, next }) => {
    using peer = new Peer(port("mailbox"));
    const name = `again${next()}`, order = await orderOf(peer, `ban, 60, ${name}`);
    const first = await peer.ask(order);
    await control(`unban, ${name}`);
    const second = await peer.ask(order), bans = await control("bans");
    const isCarriedOut = bans.some((row) => row.includes(name));
    return `${first === second ? "the same answer" : second}, ${isCarriedOut ? "carried out again" : "once"}`;
  },
  "changed": async ({ port }) => {
    using peer = new Peer(port("mailbox"));
    return await answerOf(peer, (await orderOf(peer, "count")).replace(/count$/, "counu"));
  },
  "spoofed source": async ({ port }) => {
    using peer = new Peer(port("mailbox"));
    using other = new Peer(port("mailbox"), "127.0.0.1", "127.0.0.9");
    return await answerOf(other, await orderOf(peer, "count"));
  },
  "role user": (world) => byAccount(world, "alice", world.token),
  "role admin": (world) => byAccount(world, "ada", PASSWORD),
};
