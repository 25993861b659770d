import { assertEquals, assertGreater } from "@std/assert";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { ROUTES } from "../../../../protocol/http/routes.ts";
import { Router } from "../../../../protocol/http/router.ts";
import { WholeRequest } from "../../../../server/wire/http/whole_request.ts";
import { obtainSeed, randomNumbers } from "../../../faults/form.ts";
import { HttpPeer } from "../../../http.ts";
import { withHttp } from "./http_server.ts";

const encoder = new TextEncoder();
const parse = (text: string) => WholeRequest.parse(encoder.encode(text), 16_384);

const HOST = "Host: localhost", LENGTH = "Content-Length: 2";

/** A request with these lines of its head. */
const request = (
  lines: readonly string[],
  { first = "POST /mailbox/bob HTTP/1.1", body = "hi", end = "\r\n" } = {},
) => [first, ...lines, "", body].join(end);

Deno.test("a plain request that comes whole is read without node:http", () => {
  const { url, headers, body } = parse(
    request(
      [HOST, "content-length:2", "Content-Type:  text/plain; charset=utf-8 ", "Connection: Keep-Alive"],
      {
        first: "POST /mailbox/b%20b?delay=1s HTTP/1.1",
      },
    ),
  )!;
  assertEquals([url, new TextDecoder().decode(body)], ["/mailbox/b%20b?delay=1s", "hi"]);
  assertEquals(headers, {
    "host": "localhost",
    "content-length": "2",
    "content-type": "text/plain; charset=utf-8",
    "connection": "Keep-Alive",
  });
});

Deno.test("whatever could be read in two ways, or is not plain, is node:http's", () => {
  const others: Record<string, string> = {
    "another method": request([HOST, LENGTH], { first: "PUT /mailbox/bob HTTP/1.1" }),
    "HTTP/1.0": request([HOST, LENGTH], { first: "POST /mailbox/bob HTTP/1.0" }),
    "a whole URL": request([HOST, LENGTH], { first: "POST http://localhost/mailbox/bob HTTP/1.1" }),
    "a fragment": request([HOST, LENGTH], { first: "POST /mailbox/bob#a HTTP/1.1" }),
    "two spaces": request([HOST, LENGTH], { first: "POST  /mailbox/bob HTTP/1.1" }),
    "bare LF": request([HOST, LENGTH], { end: "\n" }),
    "a CR within": request([HOST, "Accept: a\rb", LENGTH]),
    "obs-fold": request([HOST, "Accept: a", " b", LENGTH]),
    "a space before the colon": request([HOST, "Content-Length : 2"]),
    "no colon": request([HOST, LENGTH, "Accept"]),
    "an empty value": request([HOST, LENGTH, "Accept:"]),
    "a control character": request([HOST, LENGTH, "Accept: a\x01b"]),
    "no ASCII": request([HOST, LENGTH, "User-Agent: é"]),
    "no Host": request([LENGTH]),
    "two Hosts": request([HOST, HOST, LENGTH]),
    "two lengths": request([HOST, LENGTH, LENGTH]),
    "no length": request([HOST]),
    "a length of two numbers": request([HOST, "Content-Length: 2, 2"]),
    "a length with a sign": request([HOST, "Content-Length: +2"]),
    "a length with a zero before it": request([HOST, "Content-Length: 02"]),
    "a length in hexadecimal": request([HOST, "Content-Length: 0x2"]),
    "nothing": request([HOST, "Content-Length: 0"], { body: "" }),
    "less than the length": request([HOST, "Content-Length: 3"]),
    "more than the length": request([HOST, "Content-Length: 1"]),
    "chunked": request([HOST, "Transfer-Encoding: chunked"], { body: "0\r\n\r\n" }),
    "both": request([HOST, LENGTH, "Transfer-Encoding: chunked"]),
    "an encoding": request([HOST, LENGTH, "Content-Encoding: gzip"]),
    "an upgrade": request([HOST, LENGTH, "Upgrade: h2c", "Connection: upgrade"]),
    "a last one": request([HOST, LENGTH, "Connection: close"]),
    "a wait": request([HOST, LENGTH, "Expect: 100-continue"]),
    "a proxy's": request([HOST, LENGTH, "X-Forwarded-For: 10.0.0.1"]),
    "a page's": request([HOST, LENGTH, "Origin: http://localhost"]),
    "an object's own name": request([HOST, LENGTH, "constructor: a"]),
    "a long head": request([HOST, LENGTH, `User-Agent: ${"a".repeat(16_384)}`]),
    "half a head": "POST /mailbox/bob HTTP/1.1\r\nHost: localhost\r\n",
    "two requests": request([HOST, LENGTH]).repeat(2),
  };
  const taken = Object.entries(others).filter(([, text]) => parse(text) !== undefined).map(([name]) => name);
  assertEquals(taken, []);
});

/** A server of node:http that answers what it has read of a request. */
async function echo() {
  const server = createServer(async (incoming, response) => {
    const { method, url, headers } = incoming;
    response.end(JSON.stringify({ method, url, headers, body: await text(incoming) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

Deno.test("what is read without node:http, that would have read the same", async () => {
  const random = randomNumbers(obtainSeed()), among = <T>(all: readonly T[]): T => all[random(all.length)]!;
  const pieces = [
    "a",
    "B",
    "-",
    ":",
    ": ",
    " ",
    "\t",
    ",",
    ";",
    "=",
    '"',
    "%20",
    "/",
    "?",
    "0",
    "2",
    "\\",
    "~",
    "\r",
    "\n",
    "é",
  ];
  const word = () => Array.from({ length: random(6) }, () => among(pieces)).join("");
  const names = [
    "Accept",
    "User-Agent",
    "Content-Type",
    "Idempotency-Key",
    "Authorization",
    "Accept-Language",
    "X",
  ];
  await using server = await echo();
  using peer = await HttpPeer.connect(server.port);
  let taken = 0;
  for (let i = 0; i < 3000 && taken < 200; i++) {
    const lines = [
      among(["Host: a", "host:a", "Host:  a "]),
      among([LENGTH, "content-length:2", "Content-Length: 02"]),
    ];
    for (let count = random(4); count > 0; count--) lines.splice(random(3), 0, `${among(names)}:${word()}`);
    const target = among(["/mailbox/b", "/queue", "/channel/c"]) + among(["", "", "?", "?delay=1s", word()]);
    const written = request(lines, { first: `POST ${target} HTTP/1.1` }), whole = parse(written);
    if (whole === undefined) continue;
    taken++;
    await peer.write(written);
    const { method, url, headers, body } = whole, read = JSON.parse((await peer.reply()).body);
    assertEquals(read, { method, url, headers, body: new TextDecoder().decode(body) });
  }
  assertGreater(taken, 100);
});

Deno.test("only the routes that answer at once are read so", () => {
  const router = new Router(ROUTES), names = new Set<string>();
  const values: Record<string, string> = {};
  for (const route of Object.values(ROUTES)) {
    const path = route.path.replaceAll(/\{\w+\}/g, (name) => values[name] ?? "a");
    if (parse(request([HOST, LENGTH], { first: `POST ${path} HTTP/1.1` })) === undefined) continue;
    try {
      names.add(router.find("POST", path).name);
    } catch {
      names.add(path);
    }
  }
  assertEquals([...names].sort(), ["put", "putShared", "say"]);
});

Deno.test("an answer is the same whether node:http has read its request or not", async () => {
  await withHttp({}, async (port) => {
    const plain = { "accept": "application/json", "content-type": "text/plain" };
    const cases = [
      ["POST /mailbox/bob", "hi", {}],
      ["POST /queue?delay=1s", "Ω ✓", {}],
      ["POST /channel/room", "hello", {}],
      ["POST /mailbox/bob?what=1", "hi", {}],
      ["POST /mailbox/..", "hi", {}],
      ["POST /mailbox/bob", "a\x01b", {}],
      ["POST /mailbox/bob", "hi", { "host": "elsewhere.example" }],
      ["POST /mailbox/bob", "hi", { "content-type": "image/png" }],
      ["POST /mailbox/bob", "hi", { "authorization": "Bearer 1" }],
      ["POST /mailbox/bob", "x".repeat(1500), {}],
      ["POST /mailbox/bob", "hi", { "idempotency-key": "one" }],
      ["POST /mailbox/bob", "other", { "idempotency-key": "one" }],
    ] as const;
    for (const [line, body, more] of cases) {
      const answers = [];
      // a header of which nobody makes anything
      for (const other of [{}, { "x-other": "1" }]) {
        using peer = await HttpPeer.connect(port);
        await peer.send(line, { headers: { ...plain, ...more, ...other }, body });
        const { status, headers, body: answered } = await peer.reply();
        const { date: _, "content-length": __, ...rest } = headers;
        answers.push({ status, headers: rest, body: answered.replaceAll(/"(id|time)":("[^"]*"|\d+)/g, "") });
      }
      assertEquals(answers[0], answers[1], `${line} ${JSON.stringify(more)}`);
    }
  });
});

Deno.test("requests on one connection are answered in their order, however they come", async () => {
  await withHttp({}, async (port) => {
    using peer = await HttpPeer.connect(port);
    const put = (text: string, lines: readonly string[] = []) =>
      request([HOST, `Content-Length: ${text.length}`, "Accept: application/json", ...lines], { body: text });
    const ids: number[] = [];
    const answered = async () => ids.push(JSON.parse((await peer.reply()).body).id);
    // one by one, two at once without waiting, in two pieces, and as others write it
    await peer.write(put("1"));
    await answered();
    await peer.write(put("2"));
    await peer.write(put("3"));
    await answered();
    await answered();
    await peer.write(put("4") + put("5") + put("6").slice(0, 30));
    await peer.write(put("6").slice(30));
    for (let i = 0; i < 3; i++) await answered();
    await peer.write(put("7", ["X-Other: 1"]));
    await answered();
    await peer.write(put("8"));
    await answered();
    assertEquals(ids, ids.toSorted((a, b) => a - b));
    assertEquals(new Set(ids).size, 8);
    await peer.send("GET /mailbox/bob", { headers: { accept: "application/json" } });
    const { messages } = JSON.parse((await peer.reply()).body);
    assertEquals(messages.map(({ text }: { text: string }) => text), [..."12345678"]);
  });
});

// http.md 1.5
Deno.test("who has ended its side behind a request is answered, whether node:http has read it or not", async () => {
  await withHttp({}, async (port) => {
    for (const lines of [[], ["X-Other: 1"], ["Connection: close"], ["X-Other: 1", "Connection: close"]]) {
      for (let i = 0; i < 10; i++) {
        using socket = await Deno.connect({ port });
        await socket.write(encoder.encode(request([HOST, LENGTH, ...lines])));
        await socket.closeWrite();
        const answer = await new Response(socket.readable).text();
        assertEquals(answer.split("\r\n")[0], "HTTP/1.1 201 Created", `${lines}`);
      }
    }
  });
});
