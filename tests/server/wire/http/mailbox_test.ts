import { assertEquals, assertMatch } from "@std/assert";
import { readLimits } from "../../../../client/command/status/report.ts";
import { connectMailbox } from "../../../../client/mailbox.ts";
import { HttpPeer, httpRequest } from "../../../http.ts";
import { withAdministrator } from "../../administrator.ts";
import { withProtected } from "../../protected.ts";
import { httpTranscript, withHttp } from "./http_server.ts";

/** The ID of the lease in an answer. */
const leaseOf = (headers: Record<string, string>) => headers["wirepost-lease"]!;

// http.md 8.1, 8.4
Deno.test("a message is put, shown without being taken, and taken once", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      String.raw`
      alice > POST /mailbox/bob | = disk almost full\n
      alice < 201 | content-type: text/plain; charset=utf-8
      alice = 1\n
      alice > POST /mailbox/bob?sender=al%20ice | accept: application/json | content-type: application/json | = {"text":"Ω"}
      alice < 201
      alice = {"id":2,"time":"…Z"}\n
      bob > GET /mailbox/bob
      bob < 200
      bob = 1 …Z anonymous ready disk almost full\n2 …Z al ice ready Ω\n
      bob > GET /mailbox/bob?after=1 | accept: application/json
      bob < 200
      bob = {"mailbox":"bob","ready":2,"leased":0,"delayed":0,"dead":0,"messages":[{"id":2,"state":"ready","attempts":0,"sender":"al ice","bytes":2,"text":"Ω","time":"…Z"}],"more":false}\n
      bob > POST /mailbox/bob/receive
      bob < 200 | wirepost-id: 1 | wirepost-sender: anonymous | wirepost-attempt: 1 | wirepost-lease: (none)
      bob = disk almost full\n
      bob > POST /mailbox/bob/receive?max=5 | accept: application/json
      bob < 200
      bob = {"messages":[{"id":2,"sender":"al ice","time":"…Z","text":"Ω","attempt":1}]}\n
      bob > POST /mailbox/bob/receive
      bob < 204
      bob > GET /metrics
      bob < 200
      bob = …wirepost_http_put_total 2\n…wirepost_http_taken_total 2\n…
      `,
    ));
});

// http.md 8.5, 8.6
Deno.test("a lease keeps its message until it is acknowledged, and each message has one of its own", async () => {
  await withHttp({}, async (port) => {
    for (const text of ["a", "b", "c"]) await httpRequest(port, "POST /mailbox/bob", { body: text });
    using bob = await HttpPeer.connect(port);
    const first = await bob.request("POST /mailbox/bob/receive?lease=30s");
    assertEquals([first.body, first.headers["wirepost-attempt"]], ["a\n", "1"]);
    assertMatch(leaseOf(first.headers), /^1-[0-9a-f]{32}$/);
    const rest = await bob.request("POST /mailbox/bob/receive?lease=30s&max=5");
    assertEquals([rest.body, rest.headers["wirepost-id"]], ["b\nc\n", "2, 3"]);
    const [b, c] = leaseOf(rest.headers).split(", ");
    const lease = leaseOf(first.headers);
    await httpTranscript(
      port,
      String.raw`
      bob > POST /lease/${lease}/extend?lease=1m
      bob < 204
      bob > DELETE /lease/${lease}
      bob < 204
      bob > DELETE /lease/${lease}
      bob < 409
      bob = …"code":"lease lost"…
      bob > POST /lease/${b}/release
      bob < 204
      bob > POST /lease/${c}/release?reason=broken&attempts=1
      bob < 204
      bob > GET /mailbox/bob | accept: application/json
      bob < 200
      bob = {"mailbox":"bob","ready":1,"leased":0,"delayed":0,"dead":1,…"attempts":0…
      bob > DELETE /lease/1-00
      bob < 404
      bob > DELETE /lease/2-${"0".repeat(32)}
      bob < 409
      bob > POST /mailbox/bob/receive?lease=500ms
      bob < 400
      bob = …"detail":"query parameter 'lease': expected a duration from 1s to 1d, such as 30s, got '500ms'"…
      `,
    );
  });
});

// http.md 8.3
Deno.test("a request that is repeated with its key stores nothing twice; with another body it is refused", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      String.raw`
      alice > POST /mailbox/bob | idempotency-key: "k1" | = pay\n
      alice < 201
      alice = 1\n
      alice > POST /mailbox/bob | idempotency-key: "k1" | = pay
      alice < 201
      alice = 1\n
      alice > POST /mailbox/bob | idempotency-key: "k1" | = pay twice
      alice < 422
      alice = …"code":"other body"…
      alice > POST /mailbox/carol | idempotency-key: "k1" | = pay
      alice < 422
      alice > POST /mailbox/bob | idempotency-key: k 2 | = pay
      alice < 400
      alice > GET /mailbox/bob | accept: application/json
      alice < 200
      alice = {"mailbox":"bob","ready":1,…
      `,
    ));
});

// http.md 8.2
Deno.test("what is no message is refused: several lines, control characters, too long, no UTF-8", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      String.raw`
      alice > POST /mailbox/bob | = two\nlines
      alice < 400
      alice = …"code":"not printable"…
      alice > POST /mailbox/bob?sender=admin | = hi
      alice < 400
      alice = …"detail":"nobody sends as 'admin'"…
      alice > POST /mailbox/a,b | = hi
      alice < 400
      alice = …"code":"bad ID"…
      alice > POST /mailbox/bob | content-type: image/png | = hi
      alice < 415
      alice > POST /mailbox/bob | content-type: application/json | = {"text":1}
      alice < 400
      alice = …"detail":"expected the member text, a string"…
      alice > POST /mailbox/bob | = ${"x".repeat(65_001)}
      alice < 413
      alice > POST /mailbox/bob?delay=soon | = hi
      alice < 400
      alice > POST /mailbox/bob | = ${"x".repeat(65_000)}
      alice < 201
      `,
    ));
});

// http.md 8.4
Deno.test("a request that waits is answered when a message comes, in the order in which they came", async () => {
  await withWaiting(async (port, waits, mailbox) => {
    await using udp = await connectMailbox({ port: mailbox });
    const peers = await Promise.all([1, 2].map(() => HttpPeer.connect(port)));
    await peers[0]!.send("POST /mailbox/bob/receive?wait=60s");
    await waits(1);
    await peers[1]!.send("POST /mailbox/bob/receive?wait=60s");
    await waits(2);
    await udp.send("bob", "alice", "first");
    await httpRequest(port, "POST /mailbox/bob", { body: "second" });
    assertEquals((await peers[0]!.reply()).body, "first\n");
    assertEquals((await peers[1]!.reply()).body, "second\n");
    assertEquals((await peers[0]!.request("POST /mailbox/bob/receive?wait=1ms")).status, 204);
    for (const peer of peers) peer[Symbol.dispose]();
  });
});

// http.md 8.4
Deno.test("a client that goes away while it waits gets nothing, and the message goes to the next", async () => {
  await withWaiting(async (port, waits) => {
    const gone = await HttpPeer.connect(port), stays = await HttpPeer.connect(port);
    await gone.send("POST /mailbox/bob/receive?wait=60s&lease=30s");
    await waits(1);
    await stays.send("POST /mailbox/bob/receive?wait=60s");
    await waits(2);
    gone[Symbol.dispose]();
    await waits(1);
    await httpRequest(port, "POST /mailbox/bob", { body: "hello" });
    const { body, headers } = await stays.reply();
    assertEquals([body, headers["wirepost-attempt"]], ["hello\n", "1"]);
    stays[Symbol.dispose]();
  });
});

// http.md 8.4
Deno.test("receivers on HTTP and in sessions share a mailbox, and a server that stops answers those that wait", async () => {
  const peers: HttpPeer[] = [];
  await withWaiting(async (port, waits, mailbox) => {
    await using udp = await connectMailbox({ port: mailbox });
    const session = udp.messages("bob", { wait: 60_000, count: 1 }).next();
    peers.push(await HttpPeer.connect(port));
    await peers[0]!.send("POST /mailbox/bob/receive?wait=60s");
    await waits(1);
    for (const text of ["1", "2"]) await httpRequest(port, "POST /mailbox/bob", { body: text });
    const texts = [(await peers[0]!.reply()).body.trim(), (await session).value?.text];
    assertEquals(texts.sort(), ["1", "2"]);
    peers.push(await HttpPeer.connect(port));
    await peers[1]!.send("POST /queue/receive?wait=60s");
    await waits(1);
  });
  assertEquals((await peers[1]!.reply()).status, 204);
  for (const peer of peers) peer[Symbol.dispose]();
});

// http.md 8.8
Deno.test("the shared queue has neither sender nor receiver", async () => {
  await withHttp({}, (port) =>
    httpTranscript(
      port,
      String.raw`
      alice > POST /queue | = job 1\n
      alice < 201
      bob > POST /queue/receive
      bob < 200 | wirepost-sender: 
      bob = job 1\n
      bob > POST /queue/receive
      bob < 204
      bob > GET /queue
      bob < 405 | allow: POST
      `,
    ));
});

// accounts.md 2.4, 2.5
Deno.test("a mailbox, and a sender, with an account are its own log-in's alone", async () => {
  const basic = (name: string) => `Basic ${btoa(`${name}:correct horse`)}`;
  await withProtected(({ port }) =>
    httpTranscript(
      port("http"),
      String.raw`
      eve > POST /mailbox/alice | = hi
      eve < 201
      eve > POST /mailbox/alice/receive
      eve < 401
      eve = …"code":"account"…
      eve > GET /mailbox/alice
      eve < 401
      eve > POST /mailbox/bob?sender=alice | = hi
      eve < 401
      eve = …"code":"sender has an account"…
      bob > POST /mailbox/alice/receive | authorization: ${basic("bob")}
      bob < 403
      bob = …"code":"not your mailbox"…
      bob > POST /mailbox/alice?sender=carol | authorization: ${basic("bob")} | = hi
      bob < 403
      bob = …"code":"not your name"…
      bob > POST /mailbox/alice | authorization: ${basic("bob")} | = from bob
      bob < 201
      alice > POST /mailbox/alice/receive?max=9 | authorization: ${basic("alice")}
      alice < 200 | wirepost-sender: anonymous, bob
      alice = hi\nfrom bob\n
      `,
    )
  );
});

/** A server, and what resolves when so many requests wait. */
async function withWaiting(
  use: (port: number, waits: (count: number) => Promise<void>, mailbox: number) => Promise<void>,
) {
  await withAdministrator({ ports: { mailbox: 0 } }, ({ control, port }) => {
    const waits = async (count: number) => {
      const isReached = async () =>
        (await readLimits(control)).some(({ name, used }) =>
          name === "http requests waiting" && used === count
        );
      while (!await isReached());
    };
    return use(port("http"), waits, port("mailbox"));
  });
}
