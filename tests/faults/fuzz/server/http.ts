/**
 * Scripts of clients of HTTP. A line is `CLIENT WHAT …`: `get PATH`, `post PATH`, `put PATH` and `delete PATH` are requests,
 * with ` | ` before each header and ` | = ` before a body, `raw BYTES` any bytes. `$lease`, `$event` and `$token` stand for the
 * last lease and ID of an event that the script was sent, and for what logs an administrator in. Beside them, others have to
 * be answered: they put and take a message, and hear what they say in a channel.
 *
 * @module
 */

import { ROUTES } from "../../../../protocol/http/routes.ts";
import { type Bytes, bytesOf, holds, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { turn } from "./datagram_server.ts";
import { type FuzzedHttp, startHttp } from "./http_server.ts";
import { Lives, type World } from "./lives.ts";
import { PATIENCE_MS } from "../../../patience.ts";
import type { FuzzedStream } from "./stream.ts";

/** Steps of a script that are taken. */
const MAX_STEPS = 40;

class HttpWorld implements World {
  readonly isSpent = false;
  readonly #http: FuzzedHttp;
  readonly #clients = new Map<string, FuzzedStream>();
  /** What `$name` stands for in a script. */
  readonly #words: Record<"lease" | "event" | "token", string>;
  /** What another client was sent as events. */
  #heard = "";
  readonly #reader: FuzzedStream;
  #ports = 4000;
  #said = 0;

  private constructor(http: FuzzedHttp) {
    this.#http = http;
    this.#words = { lease: `1-${"0".repeat(32)}`, event: "a:0", token: http.token };
    this.#reader = this.#connect("10.99.0.2");
    this.#reader.onWritten = (bytes) => this.#heard = (this.#heard + textOf(bytes)).slice(-2000);
    this.#reader.send(requestOf("GET", "/events?channel=honest"));
  }

  static async start(): Promise<HttpWorld> {
    return new HttpWorld(await startHttp());
  }

  async run(input: Bytes) {
    for (const line of textOf(input).split("\n").slice(0, MAX_STEPS)) {
      this.#step(line.replaceAll(/\$(lease|event|token)/g, (_, name: "lease") => this.#words[name]));
      for (let i = 0; i < 4; i++) await turn();
    }
    for (const { name, used, limit } of this.#http.limits()) {
      holds(used === undefined || limit === undefined || used <= limit, () => `${name}: ${used} of ${limit}`);
    }
    for (const stream of this.#clients.values()) if (!stream.isClosed) stream.cut();
    this.#clients.clear();
    await this.#checkOthers();
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
    const stream = this.#http.listener.connect(hostname, this.#ports++);
    let isFirst = true;
    stream.onWritten = (bytes) => {
      const text = textOf(bytes);
      holds(!isFirst || /^HTTP\/1\.1 [1-5]\d\d /.test(text), () => `the server sends '${text}'`);
      holds(!/^HTTP\/1\.1 500 /.test(text), () => `the server fails: '${text}'`);
      isFirst = false;
      this.#words.lease = /\b\d+-[0-9a-f]{32}\b/.exec(text)?.[0] ?? this.#words.lease;
      this.#words.event = /^id: (\S+)$/m.exec(text)?.[1] ?? this.#words.event;
    };
    return stream;
  }

  /** Others put and take a message, and hear what one of them says. */
  async #checkOthers() {
    const said = `word ${++this.#said}`;
    const post = async (path: string, body: string, expected: RegExp) => {
      const answer = await this.#ask("POST", `${path} | connection: close${body && ` | = ${body}`}`);
      holds(expected.test(answer), () => `another client is answered '${answer}'`);
    };
    await post("/mailbox/honest", said, /^HTTP\/1\.1 201 /);
    await post("/mailbox/honest/receive", "", new RegExp(`^HTTP/1\\.1 200 [^]*\\r\\n\\r\\n${said}\\n$`));
    await post("/channel/honest?sender=Ann", said, /^HTTP\/1\.1 201 /);
    const isHeard = () => this.#heard.includes(`"sender":"Ann","text":"${said}"`);
    await until(isHeard);
    holds(isHeard(), () => `'${said}' is not heard: ${this.#heard}`);
  }

  async #ask(method: string, request: string): Promise<string> {
    const stream = this.#connect("10.99.0.1");
    let answer = "";
    stream.onWritten = (bytes) => {
      answer += textOf(bytes);
      // the server waits for it before it closes
      stream.end();
    };
    stream.send(requestOf(method, request));
    await until(() => stream.isClosed);
    return answer;
  }

  async close() {
    for (const stream of [this.#reader, ...this.#clients.values()]) if (!stream.isClosed) stream.cut();
    await this.#http.close();
  }
}

async function until(reached: () => boolean) {
  for (const end = performance.now() + PATIENCE_MS; !reached() && performance.now() < end;) {
    await turn();
    if (!reached()) await new Promise((resolve) => setTimeout(resolve, 1));
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

/** A value of each parameter of a path that is something there. */
const VALUES: Readonly<Record<string, string>> = {
  ...{ mailbox: "bob", lease: "$lease", letter: "1", channel: "tea", thread: "plans", number: "1" },
  file: "a.txt",
};

const ROUTE_PATHS = Object.values(ROUTES).map(({ path }) =>
  path.replace(/\{(\w+)\}/g, (_, name) => VALUES[name]!)
);

const PATHS = [
  ...ROUTE_PATHS,
  ...[
    "/events?channel=tea&channel=room&sender=eve",
    "/events?channel=tea&since=$event",
    "/events?channel=tea&since=10m",
    "/channel/tea?since=$event&limit=2",
    "/channel/tea?before=$event",
    "/channel/t%C3%A9",
    "/channel/honest?sender=Ann",
    "/mailbox/bob/receive?lease=30s&max=3",
    "/mailbox/bob/receive?wait=5s",
    "/lease/$lease/release?attempts=1&reason=x",
    "/lease/$lease/extend?lease=1m",
    "/mailbox/bob?sender=alice&ttl=1h&delay=1s",
    "/thread/plans?after=1",
    "/thread/plans/1?id=1",
    "/thread/plans/file/b%2Fc",
    "/admin/dead?after=0",
  ],
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
    "authorization: Bearer $token",
    "authorization: Bearer token-0123abcd-AAAAAAAAAAAAAAAAAAAAAA",
    "idempotency-key: k",
    "last-event-id: $event",
    "content-range: bytes 0-0/5",
    "content-range: bytes */5",
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
  ...[
    '= {"text":"hi"}',
    '= {"title":"plans"}',
    "= plans",
    "= hello\\n",
    "= one\\ntwo\\n",
    "range: bytes=1-2",
  ],
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

/** As an administrator. */
const AS = " | authorization: Bearer $token";

const lives = new Lives(() => HttpWorld.start());

export const HTTP_SERVER: Target = {
  name: "http_server",
  covers: ["protocol/", "server/"],
  words: [...PATHS, ...HEADERS, ...RAW, " | ", "\\r\\n"],
  seeds: [
    PATHS.slice(0, 12).map((path) => `a get ${path}`).join("\n"),
    PATHS.map((path, i) => `b post ${path} | ${HEADERS[i % HEADERS.length]} | = {}`).join("\n"),
    HEADERS.map((header) => `c get / | ${header}`).join("\n"),
    "a get /events?channel=tea&sender=eve\nb post /channel/tea?sender=ana | = hi\nb post /channel/tea | idempotency-key: k | = x\n" +
    "b post /channel/tea | idempotency-key: k | = x\na cut\na get /events?channel=tea | last-event-id: $event\nb get /channel/tea/member",
    "a post /mailbox/bob | = x\na post /mailbox/bob/receive?lease=30s | accept: application/json\n" +
    "a post /lease/$lease/extend\na post /lease/$lease/release?attempts=1\n" +
    `a get /admin/dead${AS}\na post /admin/dead/1/requeue${AS}\na delete /lease/$lease`,
    `a post /thread${AS} | = plans\na post /thread/plans${AS} | = hi\na put /thread/plans/1${AS} | = ho\n` +
    `a put /thread/plans/file/a.txt${AS} | = 0123456789\na get /thread/plans/file/a.txt${AS} | range: bytes=1-3\n` +
    `b put /thread/plans/file/b${AS} | content-range: bytes 0-0/5 | = x\nb put /thread/plans/file/b${AS} | content-range: bytes */5\n` +
    `a get /thread/plans${AS}\na delete /thread/plans${AS}`,
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
    if (random.chance(0.4)) headers.push(AS);
    return `${who} ${pick(random, ["get", "get", "post", "put", "delete"])} ${pick(random, PATHS)}${
      headers.join("")
    }`;
  },
  run: (input) => lives.run(input),
  end: () => lives.end(),
};
