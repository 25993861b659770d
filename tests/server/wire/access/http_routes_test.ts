/** Who is let in on which route of HTTP: each service, times how somebody logs in, in each mode, and over TLS. */

import { assertEquals } from "@std/assert";
import { HttpPeer, type HttpReply } from "../../../http.ts";
import { expected, HTTP_TABLE, type HttpRoute, WHO, type Who, WRONG_LOGIN } from "./http_table.ts";
import { PASSWORD, tokenOver, withWorld, type World, WRONG } from "./world.ts";

type Headers = Record<string, string>;

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const basic = (name: string, password: string): Headers => ({
  authorization: `Basic ${new TextEncoder().encode(`${name}:${password}`).toBase64()}`,
});

type Connect = () => Promise<HttpPeer>;

async function cookieOf(connect: Connect, name: string): Promise<Headers> {
  using peer = await connect();
  const { headers } = await peer.request("POST /login", {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password: PASSWORD }),
  });
  return { cookie: headers["set-cookie"]!.split(";")[0]! };
}

/** The ways in which each of these logs in: all of them have to come to the same. */
async function waysOf(world: World, connect: Connect): Promise<Record<Who, Headers[]>> {
  const cookie = await cookieOf(connect, "alice");
  return {
    "nobody": [{}, { cookie: cookie.cookie!.replace("alice", "bob") }],
    "alice": [basic("alice", PASSWORD), basic("alice", world.token), bearer(world.token), cookie],
    // where only administrators make accounts, there is none that covers the forum alone
    "carla, forum alone": world.mode === "accounts admin"
      ? []
      : [basic("carla", PASSWORD), await cookieOf(connect, "carla")],
    "bob": [bearer(world.bobsToken), await cookieOf(connect, "bob")],
    "ada, admin": [bearer(world.adasToken), basic("ada", PASSWORD), await cookieOf(connect, "ada")],
  };
}

/** Log-ins that are wrong. */
async function wrongOf(world: World): Promise<Headers[]> {
  const over = await tokenOver(world);
  return [
    bearer(over),
    basic("alice", over),
    basic("alice", WRONG),
    basic("alice", ""),
    basic("bob", world.token),
    bearer("nonsense"),
  ];
}

/** What a request comes to: its status, and why it is refused. */
class Client {
  readonly #connect: Connect;
  readonly #headers: Headers;

  constructor(connect: Connect, headers: Headers) {
    this.#connect = connect;
    this.#headers = headers;
  }

  async request(line: string, body?: string): Promise<HttpReply> {
    // an answer of events has no end
    using peer = await this.#connect();
    const type = body?.startsWith("{") ? { "content-type": "application/json" } : {};
    const options = { headers: { accept: "application/json", ...type, ...this.#headers } };
    return await peer.request(line, body === undefined ? options : { ...options, body });
  }

  async outcome(line: string, body?: string): Promise<string> {
    return outcomeOf(await this.request(line, body));
  }
}

function outcomeOf({ status, body }: HttpReply): string {
  return status < 400 ? `${status}` : `${status} ${JSON.parse(body).code}`;
}

type Exchange = (client: Client, world: World, others: Others) => Promise<string>;

/** Those who have something that another one tries to use. */
interface Others {
  alice: Client;
  bob: Client;
}

/** A message for alice, and the ID of a lease of it. */
async function lease(client: Client, { bob }: Others): Promise<string | HttpReply> {
  await bob.request("POST /mailbox/alice", "hi");
  const reply = await client.request("POST /mailbox/alice/receive?lease=5m");
  return reply.status === 200 ? JSON.parse(reply.body).messages[0].lease : reply;
}

/** A thread of bob's with a message and a file. */
async function thread(world: World, { bob }: Others): Promise<string> {
  const title = `thread${world.next()}`;
  await bob.request("POST /thread", JSON.stringify({ title }));
  await bob.request(`POST /thread/${title}`, "bob's");
  await bob.request(`PUT /thread/${title}/file/notes`, "bob's");
  return title;
}

const EXCHANGES: Readonly<Record<HttpRoute, Exchange>> = {
  "put": (client) => client.outcome("POST /mailbox/box", "hi"),
  "put as alice": (client) => client.outcome("POST /mailbox/box?sender=alice", "hi"),
  "peek at alice's": (client) => client.outcome("GET /mailbox/alice"),
  "receive alice's": async (client, _, { bob }) => {
    await bob.request("POST /mailbox/alice", "hi");
    return await client.outcome("POST /mailbox/alice/receive");
  },
  "lease alice's, acknowledge": async (client, _, others) => {
    const got = await lease(client, others);
    return typeof got === "string" ? await client.outcome(`DELETE /lease/${got}`) : outcomeOf(got);
  },
  "acknowledge alice's lease, knowing its ID": async (client, _, others) =>
    await client.outcome(`DELETE /lease/${await lease(others.alice, others)}`),
  "acknowledge alice's lease, guessing its ID": async (client, _, others) => {
    const id = await lease(others.alice, others) as string;
    return await client.outcome(`DELETE /lease/${id.slice(0, -32)}${"0".repeat(32)}`);
  },
  "put into the shared queue": (client) => client.outcome("POST /queue", "hi"),
  "receive from it": (client) => client.outcome("POST /queue/receive"),
  "list channels": (client) => client.outcome("GET /channel"),
  "make a channel": (client, world) => client.outcome(`PUT /channel/c${world.next()}`),
  "say something": async (client, _, { bob }) => {
    await bob.request("PUT /channel/tea");
    return await client.outcome("POST /channel/tea", "hi");
  },
  "say something as alice": (client) => client.outcome("POST /channel/tea?sender=alice", "hi"),
  "read a channel": (client) => client.outcome("GET /channel/tea"),
  "list members": (client) => client.outcome("GET /channel/tea/member"),
  "read events": (client) => client.outcome("GET /events?channel=tea"),
  "list threads": (client) => client.outcome("GET /thread"),
  "make a thread": (client, world) =>
    client.outcome("POST /thread", JSON.stringify({ title: `new${world.next()}` })),
  "post": async (client, world, others) =>
    await client.outcome(`POST /thread/${await thread(world, others)}`, "hi"),
  "read a thread": async (client, world, others) =>
    await client.outcome(`GET /thread/${await thread(world, others)}`),
  "edit bob's message": async (client, world, others) =>
    await client.outcome(`PUT /thread/${await thread(world, others)}/1`, "changed"),
  "delete bob's message": async (client, world, others) =>
    await client.outcome(`DELETE /thread/${await thread(world, others)}/1`),
  "remove bob's thread": async (client, world, others) =>
    await client.outcome(`DELETE /thread/${await thread(world, others)}`),
  "send a file": async (client, world, others) =>
    await client.outcome(`PUT /thread/${await thread(world, others)}/file/more`, "hi"),
  "fetch a file": async (client, world, others) =>
    await client.outcome(`GET /thread/${await thread(world, others)}/file/notes`),
  "metrics": (client) => client.outcome("GET /metrics"),
  "admin: status": (client) => client.outcome("GET /admin/status"),
  "admin: limits": (client) => client.outcome("GET /admin/limits"),
  "admin: connections": (client) => client.outcome("GET /admin/connections"),
  "admin: dead letters": (client) => client.outcome("GET /admin/dead"),
  // there is no such letter
  "admin: requeue": (client) => client.outcome("POST /admin/dead/999/requeue"),
  "admin: delete": (client) => client.outcome("DELETE /admin/dead/999"),
};

const ROUTES = Object.keys(HTTP_TABLE) as HttpRoute[];

const CASES = [["open", false], ["required", false], ["accounts admin", false], ["open", true]] as const;

for (const [mode, isTls] of CASES) {
  Deno.test(`who is let in on which route of HTTP, ${mode}${isTls ? ", over TLS" : ""}`, () =>
    withWorld(mode, async (world) => {
      const port = world.port("http");
      const connect = () => isTls ? HttpPeer.overTls(port, world.cert) : HttpPeer.connect(port);
      const ways = await waysOf(world, connect), wrong = await wrongOf(world);
      const others = {
        alice: new Client(connect, bearer(world.token)),
        bob: new Client(connect, bearer(world.bobsToken)),
      };
      const outcome = (route: HttpRoute, headers: Headers) =>
        EXCHANGES[route](new Client(connect, headers), world, others).catch((error) => `${error.stack}`);
      for (const [i, route] of ROUTES.entries()) {
        for (const who of WHO) {
          const outcomes: string[] = [];
          for (const headers of ways[who]) outcomes.push(await outcome(route, headers));
          assertEquals([route, who, ...outcomes], [
            route,
            who,
            ...ways[who].map(() => expected(mode, route, who)),
          ]);
        }
        // each of them on a sixth of the routes: too many would be guessing
        assertEquals([route, await outcome(route, wrong[i % wrong.length]!)], [route, WRONG_LOGIN]);
      }
    }));
}
