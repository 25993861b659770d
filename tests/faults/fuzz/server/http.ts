/**
 * Scripts of clients of HTTP. A line is `CLIENT WHAT …`: `get PATH` and `post PATH` are requests, with ` | ` before each header
 * and ` | = ` before a body, `raw BYTES` any bytes. Beside them, another client has to be answered.
 *
 * @module
 */

import { HttpService } from "../../../../server/http_service.ts";
import { Networks } from "../../../../server/quota/address.ts";
import { Clients } from "../../../../server/report/clients.ts";
import { Log } from "../../../../server/report/log.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { Accounts } from "../../../../server/service/account/accounts.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { Moderation } from "../../../../server/service/moderation.ts";
import { ROUTES } from "../../../../protocol/http/routes.ts";
import { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, holds, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { turn } from "./datagram_server.ts";
import { Lives, type World } from "./lives.ts";
import { fuzzedStore } from "./store.ts";
import { FuzzedListener, type FuzzedStream } from "./stream.ts";
import { PATIENCE_MS } from "../../../patience.ts";

/** Steps of a script that are taken. */
const MAX_STEPS = 40;

const LIMITS = {
  ...{ connections: 16, addressConnections: undefined },
  ...{ connectionsPerSecond: undefined, requestsPerSecond: undefined },
};

class HttpWorld implements World {
  readonly isSpent = false;
  readonly #http: HttpService;
  readonly #listener: FuzzedListener;
  readonly #close: () => Promise<void>;
  readonly #clients = new Map<string, FuzzedStream>();
  #ports = 4000;

  constructor(http: HttpService, listener: FuzzedListener, close: () => Promise<void>) {
    this.#http = http;
    this.#listener = listener;
    this.#close = close;
  }

  static start(): Promise<HttpWorld> {
    const now = () => Math.floor(performance.now()) + 1_700_000_000_000, random = new Random(5);
    const stores = fuzzedStore(now, random, (mailbox) => mailboxes.ready(mailbox)), { store } = stores;
    const environment = { wallClock: now, monotonicClock: now, random: random.bytes };
    const log = new Log(() => Promise.resolve(), { level: "debug" }), listener = new FuzzedListener();
    const accounts = new Accounts({ ...environment, store, known: [] });
    const moderation = new Moderation({ ...environment, store, known: [] });
    const mailboxes = new Mailboxes({ ...environment, store, accounts, moderation });
    const http = new HttpService({
      ...{
        ...environment,
        accounts,
        moderation,
        mailboxes,
        hub: undefined,
        forum: undefined,
        store,
        log,
        secret: undefined,
      },
      ...{ sockets: [listener], version: "0", services: { mailbox: 21001 }, limits: LIMITS, webHosts: [] },
      ...{ metrics: new Metrics(), clients: new Clients(now), polling: { due: undefined } as never },
      trustedProxies: new Networks(["127.0.0.0/8"]),
      administer: () => Promise.resolve(undefined),
      values: () => Promise.resolve(new Map()),
    });
    return Promise.resolve(
      new HttpWorld(http, listener, async () => {
        await http.close();
        await log.flush();
        stores.close();
      }),
    );
  }

  async run(input: Bytes) {
    for (const line of textOf(input).split("\n").slice(0, MAX_STEPS)) {
      this.#step(line);
      for (let i = 0; i < 4; i++) await turn();
    }
    for (const { name, used, limit } of this.#http.limits()) {
      holds(used === undefined || limit === undefined || used <= limit, () => `${name}: ${used} of ${limit}`);
    }
    for (const stream of this.#clients.values()) if (!stream.isClosed) stream.cut();
    this.#clients.clear();
    await this.#checkHonest();
  }

  #step(line: string) {
    const [, who = "", what = "", rest = ""] = /^(\S)\S* ?(\S*) ?(.*)$/s.exec(line) ?? [];
    if (who === "") return;
    let stream = this.#clients.get(who);
    if (stream === undefined || stream.isClosed) {
      this.#clients.set(who, stream = this.#connect(who < "d" ? "127.0.0.1" : "10.0.0.9"));
    }
    switch (what) {
      case "get":
      case "post":
      case "put":
      case "delete":
        return stream.send(requestOf(what.toUpperCase(), rest));
      case "raw":
        return stream.send(unescaped(rest));
      case "end":
        return stream.end();
      case "cut":
        return stream.cut();
      case "stall":
      case "read":
        return stream.setReading(what === "read");
    }
  }

  /** What the server sends is an answer of HTTP/1.1. */
  #connect(hostname: string): FuzzedStream {
    const stream = this.#listener.connect(hostname, this.#ports++);
    let isFirst = true;
    stream.onWritten = (bytes) => {
      holds(
        !isFirst || /^HTTP\/1\.1 [1-5]\d\d /.test(textOf(bytes)),
        () => `the server sends '${textOf(bytes)}'`,
      );
      isFirst = false;
    };
    return stream;
  }

  async #checkHonest() {
    const stream = this.#connect("10.99.0.1");
    let answer = "";
    stream.onWritten = (bytes) => answer += textOf(bytes);
    stream.send(requestOf("GET", "/healthz | connection: close"));
    for (const end = performance.now() + PATIENCE_MS; !answer.endsWith("ok\n") && performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    holds(/^HTTP\/1\.1 200 [^]*\r\n\r\nok\n$/.test(answer), () => `another client is answered '${answer}'`);
    if (!stream.isClosed) stream.cut();
    for (let i = 0; i < 4; i++) await turn();
  }

  async close() {
    for (const stream of this.#clients.values()) if (!stream.isClosed) stream.cut();
    await this.#close();
  }
}

/** `PATH | header: value | = body`. */
function requestOf(method: string, text: string): Bytes {
  const [path = "/", ...parts] = text.split(" | ");
  const body = unescaped(parts.find((part) => part.startsWith("= "))?.slice(2) ?? "");
  const headers = parts.filter((part) => !part.startsWith("= "));
  const length = body.length === 0 ? [] : [`content-length: ${body.length}`];
  const head = [`${method} ${path} HTTP/1.1`, "host: localhost", ...headers, ...length].join("\r\n");
  return new Uint8Array([
    ...bytesOf(textOf(unescaped(head.replaceAll("\r\n", "\\r\\n")))),
    13,
    10,
    13,
    10,
    ...body,
  ]);
}

const PATHS = [
  ...Object.values(ROUTES).map(({ path }) => path.replaceAll(/\{\w+\}/g, "name")),
  ...[
    "/",
    "/nothing",
    "/healthz?x=1",
    "/../etc/passwd",
    "/%2e%2e/x",
    "/%ff",
    "*",
    "http://localhost/healthz",
    "x",
    "/healthz?%",
  ],
];

const HEADERS = [
  ...[
    "accept: application/json",
    "accept: text/html",
    "accept: constructor",
    "authorization: Basic YWxpY2U6eA==",
    "host: evil.example",
  ],
  ...[
    "authorization: Bearer token-0123abcd-AAAAAAAAAAAAAAAAAAAAAA",
    "cookie: wirepost=1.alice..1999999999." + "0".repeat(64),
  ],
  ...[
    "origin: https://evil.example",
    "sec-fetch-site: cross-site",
    "x-forwarded-for: 8.8.8.8, 10.0.0.1",
    "connection: close",
  ],
  ...[
    "content-type: application/json",
    "transfer-encoding: chunked",
    "content-length: 5",
    "expect: 100-continue",
    "upgrade: websocket",
  ],
  ...['= {"name":"alice","password":"x"}', "= x", "= {", "x: " + "y".repeat(2000), "range: bytes=0-"],
];

const RAW = [
  ...[
    "GET / HTTP/1.0\\r\\n\\r\\n",
    "GET /healthz HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n",
    "\\r\\n\\r\\n",
    "GET",
    "\\x16\\x03\\x01",
    "PRI * HTTP/2.0\\r\\n\\r\\n",
  ],
  ...[
    "POST /login HTTP/1.1\\r\\nhost: localhost\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n0\\r\\n\\r\\n",
    "zzz\\r\\n",
    "0\\r\\n\\r\\n",
  ],
  ...[
    "GET / HTTP/1.1\\r\\nhost: a\\r\\nhost: b\\r\\n\\r\\n",
    "GET / HTTP/9.9\\r\\n\\r\\n",
    "CONNECT x:1 HTTP/1.1\\r\\n\\r\\n",
    "x".repeat(3000),
  ],
];

const lives = new Lives(() => HttpWorld.start());

export const HTTP_SERVER: Target = {
  name: "http_server",
  covers: ["protocol/", "server/"],
  words: [...PATHS, ...HEADERS, ...RAW, " | ", "\\r\\n"],
  seeds: [
    PATHS.slice(0, 12).map((path) => `a get ${path}`).join("\n"),
    PATHS.map((path, i) => `b post ${path} | ${HEADERS[i % HEADERS.length]} | = {}`).join("\n"),
    HEADERS.map((header) => `c get / | ${header}`).join("\n"),
    RAW.map((raw, i) => `${"abcdef"[i % 6]} raw ${raw}`).join("\n"),
    "a raw POST /login HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-length: 10\\r\\n\\r\\n12\na cut\nb stall\nb get /openapi.json\nb end",
  ],
  maxBytes: 8192,
  shortInputs: 30,
  maxMs: 6000,
  line(random) {
    const who = pick(random, ["a", "b", "c", "d", "e"]);
    if (random.chance(0.15)) return `${who} ${pick(random, ["end", "cut", "stall", "read"])}`;
    if (random.chance(0.2)) return `${who} raw ${pick(random, RAW)}`;
    const headers = Array.from({ length: random.between(0, 3) }, () => ` | ${pick(random, HEADERS)}`);
    return `${who} ${pick(random, ["get", "get", "post", "put", "delete"])} ${pick(random, PATHS)}${
      headers.join("")
    }`;
  },
  run: (input) => lives.run(input),
  end: () => lives.end(),
};
