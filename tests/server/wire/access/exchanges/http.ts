import { HttpPeer } from "../../../../http.ts";
import { Relay } from "../../../../relay.ts";
import { PASSWORD, tokenOver, type World, WRONG } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";

const basic = (name: string, password: string) => ({
  authorization: `Basic ${new TextEncoder().encode(`${name}:${password}`).toBase64()}`,
});

const connect = (world: World, isTls: boolean, port = world.port("http")) =>
  isTls ? HttpPeer.overTls(port, world.cert) : HttpPeer.connect(port);

/** Asks who one is there; by which headers one says so. */
async function who(
  world: World,
  isTls: boolean,
  headers: Record<string, string>,
  port?: number,
): Promise<string> {
  using peer = await connect(world, isTls, port);
  const { status, body } = await peer.request("GET /", {
    headers: { accept: "application/json", ...headers },
  });
  const { you, code, isLoginRequired } = JSON.parse(body);
  if (status !== 200) return code;
  if (you.account === null) return isLoginRequired ? "nobody, log in first" : "nobody";
  return `in as ${you.account}${you.role === "admin" ? ", admin" : ""}`;
}

/** Logs in as the page does, and asks by its cookie, which `change` may change. */
async function byCookie(
  world: World,
  isTls: boolean,
  [name, password]: [string, string],
  change = (cookie: string) => cookie,
): Promise<string> {
  using peer = await connect(world, isTls);
  const { status, headers, body } = await peer.request("POST /login", {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password }),
  });
  if (status !== 204) return JSON.parse(body).code;
  const [cookie = ""] = headers["set-cookie"]!.split(";");
  return await who(world, isTls, { cookie: change(cookie) });
}

/** By a password or token with each request, and by the page's cookie. */
const both = async (world: World, isTls: boolean, name: string, password: string) => {
  const ways = [
    await who(world, isTls, basic(name, password)),
    await byCookie(world, isTls, [name, password]),
  ];
  return [...new Set(ways)].join("; ");
};

/** The bytes of a request with a log-in come again, on a connection of their own. */
async function replay(world: World, isTls: boolean): Promise<string> {
  using relay = new Relay(world.port("http"));
  await who(world, isTls, basic("alice", world.token), relay.port);
  using again = await HttpPeer.connect(world.port("http"));
  for (const bytes of relay.chunks) await again.write(bytes);
  const reply = await again.reply().catch(() => undefined);
  if (reply === undefined) return "closed";
  return `in as ${JSON.parse(reply.body).you.account}`;
}

/** One byte of what comes last of a request is another one on the way. */
async function changed(world: World, isTls: boolean): Promise<string> {
  using relay = new Relay(world.port("http"));
  relay.change = (bytes, index) => {
    const at = new TextDecoder("latin1").decode(bytes).toLowerCase().indexOf("basic ");
    // the name, and so another one than the token is of
    if (at >= 0) bytes[at + 6]! ^= 0x03;
    else if (isTls && index > 0) bytes[bytes.length - 1]! ^= 1;
    return [bytes];
  };
  return await who(world, isTls, basic("alice", world.token), relay.port).catch(() => "closed");
}

function httpExchanges(isTls: boolean): Exchanges {
  return {
    "no account": (world) => who(world, isTls, {}),
    "account of the forum alone": (world) => both(world, isTls, "carla", PASSWORD),
    "right password": (world) => both(world, isTls, "alice", PASSWORD),
    "wrong password": (world) => both(world, isTls, "alice", WRONG),
    "absent password": (world) => who(world, isTls, basic("alice", "")),
    "token": async (world) => {
      const bearer = await who(world, isTls, { authorization: `Bearer ${world.token}` });
      return [...new Set([bearer, await both(world, isTls, "alice", world.token)])].join("; ");
    },
    "expired token": async (world) => {
      const token = await tokenOver(world),
        bearer = await who(world, isTls, { authorization: `Bearer ${token}` });
      return [...new Set([bearer, await both(world, isTls, "alice", token)])].join("; ");
    },
    "other's name": async (world) => {
      const cookie = await byCookie(
        world,
        isTls,
        ["alice", world.token],
        (cookie) => cookie.replace("alice", "bob"),
      );
      return `${await who(world, isTls, basic("bob", world.token))}; with the cookie, ${cookie}`;
    },
    "replay": (world) => replay(world, isTls),
    "changed": (world) => changed(world, isTls),
    "role user": (world) => both(world, isTls, "alice", world.token),
    "role admin": (world) => both(world, isTls, "ada", world.adasToken),
  };
}

export const http = httpExchanges(false), httpOverTls = httpExchanges(true);
