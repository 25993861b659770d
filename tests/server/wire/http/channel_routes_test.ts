import { assertEquals } from "@std/assert";
import { DEFAULT_HUB_LIMITS } from "../../../../server/hub_service.ts";
import { HttpPeer } from "../../../http.ts";
import { FramePeer } from "../../../stream.ts";
import { withAdministrator } from "../../administrator.ts";
import { PASSWORD, withProtected } from "../../protected.ts";
import { httpTranscript, withHttp } from "./http_server.ts";

const CHANNELS = { ports: { mailbox: 0, channels: 0 } };

Deno.test("a channel is made once, and listed with its members and where it ends", async () => {
  await withHttp(CHANNELS, (port) =>
    httpTranscript(
      port,
      `
      ana > GET /channel
      ana < 200
      ana =
      ana > PUT /channel/lab
      ana < 201
      ana = lab\\n
      ana > PUT /channel/lab
      ana < 200
      ana > GET /channel | accept: application/json
      ana < 200 | content-type: application/json
      ana = {"channels":[{"name":"lab","members":0,"last":"{lab}:0"}]}\\n
      ana > PUT /channel/my%20lab
      ana < 400
      ana = …"code":"bad ID"…
      ana > GET /channel/tea
      ana < 404
      ana = …"code":"no channel"…
      ana > GET /channel/lab/member
      ana < 200
      ana =
      `,
    ));
});

Deno.test("what is said is answered with its ID, and read again since a place, before one, or of a time", async () => {
  await withHttp(CHANNELS, (port) =>
    httpTranscript(
      port,
      `
      ana > PUT /channel/lab
      ana < 201
      ana > POST /channel/lab?sender=ana | = 5 Ω, or more? ✓\\n
      ana < 201 | content-type: text/plain; charset=utf-8
      ana = {lab}:1\\n
      ana > POST /channel/lab?sender=ana | accept: application/json | = two\\nlines\\n
      ana < 201
      ana = {"id":"{lab}:3","time":"…Z","lines":2}\\n
      ana > POST /channel/lab | = who am I?
      ana < 201
      ana > GET /channel/lab
      ana < 200
      ana = …Z [ana] 5 Ω, or more? ✓\\n…Z [ana] two\\n…Z [ana] lines\\n…Z [127.0.0.1:…] who am I?\\n
      ana > GET /channel/lab?since={lab}:1&limit=2 | accept: application/json
      ana < 200
      ana = {"channel":"lab","messages":[{"id":"{lab}:2","time":"…","sender":"ana","text":"two"},{"id":"{lab}:3",…"text":"lines"}],"gap":0,"last":"{lab}:4","position":"{lab}:3"}\\n
      ana > GET /channel/lab?since={lab}:3 | accept: application/json
      ana < 200
      ana = …"messages":[{"id":"{lab}:4",…"gap":0,"last":"{lab}:4","position":"{lab}:4"}\\n
      ana > GET /channel/lab?since={lab}:4 | accept: application/json
      ana < 200
      ana = {"channel":"lab","messages":[],"gap":0,"last":"{lab}:4","position":"{lab}:4"}\\n
      ana > GET /channel/lab?since=0123456789:7&limit=1 | accept: application/json
      ana < 200
      ana = …"messages":[{"id":"{lab}:1"…"gap":null…
      ana > GET /channel/lab?before={lab}:3&limit=1
      ana < 200
      ana = …Z [ana] two\\n
      ana > GET /channel/lab?since=10m&limit=1
      ana < 200
      ana = …Z [ana] 5 Ω, or more? ✓\\n
      ana > GET /channel/lab?since=2999-01-01T00:00:00Z
      ana < 200
      ana =
      ana > GET /channel/lab?since=yesterday
      ana < 400
      ana = …"detail":"query parameter 'since': expected HISTORY:NUMBER, got 'yesterday'"…
      `,
    ));
});

Deno.test("the same Idempotency-Key says nothing twice, and another text with it is refused", async () => {
  await withHttp(CHANNELS, (port) =>
    httpTranscript(
      port,
      `
      ana > PUT /channel/lab
      ana < 201
      ana > POST /channel/lab?sender=ana | idempotency-key: k1 | = once
      ana < 201
      ana = {lab}:1\\n
      ana > POST /channel/lab?sender=ana | idempotency-key: k1 | = once
      ana < 201
      ana = {lab}:1\\n
      ana > POST /channel/lab?sender=ana | idempotency-key: k1 | = twice
      ana < 422
      ana = …"code":"other body"…
      ana > GET /channel/lab
      ana < 200
      ana = …Z [ana] once\\n
      `,
    ));
});

Deno.test("a reader of events is sent what is said, and who joins and leaves, on every wire", async () => {
  await withHttp({ ports: { mailbox: 0, channels: 0 } }, (port) =>
    httpTranscript(
      port,
      `
      nc > PUT /channel/lab
      nc < 201
      ana > GET /events?channel=lab
      ana < 200 | content-type: text/event-stream | cache-control: no-store | connection: close
      ana ~ retry: 1000
      ana ~ id: {lab}:0
      bob > GET /events?channel=lab&sender=bob
      bob < 200
      bob ~ retry: 1000
      bob ~ id: {lab}:0
      ana ~ event: joined
      ana ~ data: {"channel":"lab","name":"bob","members":1}
      nc > GET /channel/lab/member | accept: application/json
      nc < 200
      nc = {"members":1,"names":["bob"]}\\n
      nc > POST /channel/lab?sender=bob | = hello
      nc < 201
      ana ~ id: {lab}:1
      ana ~ data: {"channel":"lab","id":"{lab}:1","time":"…","sender":"bob","text":"hello"}
      bob ~ id: {lab}:1
      bob ~ data: {"channel":"lab","id":"{lab}:1","time":"…","sender":"bob","text":"hello"}
      `,
    ));
});

Deno.test("a reader goes on behind the ID of its last event, in all of its channels", async () => {
  await withHttp(CHANNELS, (port) =>
    httpTranscript(
      port,
      `
      ana > PUT /channel/a
      ana < 201
      ana > PUT /channel/b
      ana < 201
      one > GET /events?channel=a&channel=b
      one < 200
      one ~ retry: 1000
      one ~ id: {a}:0,{b}:0
      ana > POST /channel/a?sender=x | = a1
      ana < 201
      ana > POST /channel/b?sender=x | = b1
      ana < 201
      one ~ id: {a}:1,{b}:0
      one ~ data: …"text":"a1"}
      one ~ id: {a}:1,{b}:1
      one ~ data: …"text":"b1"}
      two > GET /events?channel=a&channel=b | last-event-id: {a}:1,{b}:0
      two < 200
      two ~ retry: 1000
      two ~ id: {a}:1,{b}:0
      two ~ id: {a}:1,{b}:1
      two ~ data: …"text":"b1"}
      two ~ id: {a}:1,{b}:1
      ana > POST /channel/a?sender=x | = a2
      ana < 201
      two ~ id: {a}:2,{b}:1
      two ~ data: …"text":"a2"}
      three > GET /events?channel=a&since=10m
      three < 200
      three ~ retry: 1000
      three ~ id: {a}:0
      three ~ id: {a}:1
      three ~ data: …"text":"a1"}
      three ~ id: {a}:2
      three ~ data: …"text":"a2"}
      three ~ id: {a}:2
      four > GET /events?channel=a | last-event-id: 0123456789:7
      four < 200
      four ~ retry: 1000
      four ~ id: 0123456789:7
      four ~ event: gap
      four ~ data: {"channel":"a","missing":null}
      four ~ id: {a}:1
      four ~ data: …"text":"a1"}
      five > GET /events?channel=a | last-event-id: x
      five < 400
      five = …"code":"bad header"…
      five > GET /events
      five < 400
      five = …"detail":"expected 1 to 32 channels, got 0"…
      `,
    ));
});

Deno.test("what is dropped is a gap with its number, and a channel that is removed says so", async () => {
  const hubLimits = { ...DEFAULT_HUB_LIMITS, history: { messages: 2, bytes: 1_000_000 } };
  await withHttp({ ...CHANNELS, hubLimits }, (port) =>
    httpTranscript(
      port,
      `
      ana > PUT /channel/a
      ana < 201
      ana > POST /channel/a?sender=x | = 1\\n2\\n3\\n4\\n5
      ana < 201
      ana = {a}:5\\n
      ana > GET /channel/a?since={a}:1
      ana < 200
      ana = (2 messages are missing)\\n…Z [x] 4\\n…Z [x] 5\\n
      ana > GET /channel/a?before={a}:5
      ana < 200
      ana = (3 messages are missing)\\n…Z [x] 4\\n
      one > GET /events?channel=a | last-event-id: {a}:1
      one < 200
      one ~ retry: 1000
      one ~ id: {a}:1
      one ~ event: gap
      one ~ data: {"channel":"a","missing":2}
      one ~ id: {a}:4
      `,
    ));
});

Deno.test("a line that is too long, one that would show a password, and too many lines are refused", async () => {
  await withHttp(CHANNELS, (port) =>
    httpTranscript(
      port,
      `
      ana > PUT /channel/a
      ana < 201
      ana > POST /channel/a | = ${"x".repeat(4097)}
      ana < 413
      ana > POST /channel/a | = ${"x".repeat(4096)}
      ana < 201
      ana > POST /channel/a | = hello\\n /login ana secret
      ana < 400
      ana = …"code":"bad body"…
      ana > POST /channel/a | = ${"x\\n".repeat(101)}x
      ana < 413
      `,
    ));
});

/** The next line of a stream that is not blank; undefined at its end. */
async function next(reader: HttpPeer): Promise<string | undefined> {
  const line = await reader.line();
  return line === "" ? await next(reader) : line;
}

/** A reader of events, behind the head of its answer and the start of the stream. */
async function read(port: number, target: string, headers: Record<string, string> = {}): Promise<HttpPeer> {
  const reader = await HttpPeer.connect(port);
  await reader.send(`GET ${target}`, { headers });
  assertEquals((await reader.reply()).status, 200);
  assertEquals([await next(reader), (await next(reader))?.slice(0, 3)], ["retry: 1000", "id:"]);
  return reader;
}

/** Who says what in the next event, which is a message. */
async function message(reader: HttpPeer): Promise<{ sender: string; text: string }> {
  const [id, data] = [await next(reader), await next(reader)];
  const { id: messageId, sender, text } = JSON.parse(data!.replace(/^data: /, ""));
  assertEquals(id, `id: ${messageId}`);
  return { sender, text };
}

Deno.test("readers of events, and clients of the channels, are in the same channel", async () => {
  await withAdministrator({}, async ({ port }) => {
    const http = port("http");
    using bob = await FramePeer.connect(port("channels"));
    await bob.send("Bob", "/create tea", "/list");
    assertEquals(await bob.next(), "tea");
    using ana = await read(http, "/events?channel=tea&sender=ana");
    assertEquals(await bob.next(), "ana has joined");
    await httpTranscript(http, `x > POST /channel/tea?sender=ana | = /join x\nx < 201`);
    assertEquals(await bob.next(), "[ana] /join x");
    assertEquals(await message(ana), { sender: "ana", text: "/join x" });
    await bob.send("hello");
    assertEquals(await message(ana), { sender: "Bob", text: "hello" });
    ana.conn.close();
    assertEquals(await bob.next(), "ana has left");
  });
});

Deno.test("an administrator sees readers of events, kicks and mutes them, and removes their channel", async () => {
  await withAdministrator({}, async ({ port, control }) => {
    const http = port("http");
    await httpTranscript(http, `x > PUT /channel/tea\nx < 201`);
    using ana = await read(http, "/events?channel=tea&sender=ana");
    using silent = await read(http, "/events?channel=tea");
    assertEquals((await control("channels")).includes("1 tea"), true);
    assertEquals((await control("members, 0, tea")).map((row) => row.split(" ")[1]), ["ana"]);
    assertEquals((await control("status")).includes("event readers 2"), true);
    assertEquals(
      (await control("connections")).filter((row) => /,http,connection,.*,ana$/.test(row)).length,
      1,
    );
    await control("mute-loopback, 0, ana");
    await httpTranscript(http, `x > POST /channel/tea?sender=ana | = hi\nx < 403\nx = …"code":"muted"…`);
    assertEquals(await control("kick, ana"), ["1"]);
    assertEquals(await next(ana), undefined);
    assertEquals([await next(silent), await next(silent)], [
      "event: left",
      'data: {"channel":"tea","name":"ana","members":0}',
    ]);
    await control("ban-loopback, 0, ana");
    await httpTranscript(http, `x > GET /events?channel=tea&sender=ana\nx < 403\nx = …"code":"banned"…`);
    assertEquals(await control("remove-channel, tea"), ["0"]);
    assertEquals([await next(silent), await next(silent)], ["event: removed", 'data: {"channel":"tea"}']);
    await httpTranscript(http, `x > GET /channel/tea\nx < 404`);
  });
});

Deno.test("a protected name is its account's, and its stream ends with the log-in", async () => {
  await withProtected(async ({ port, control }) => {
    const http = port("http"), authorization = `Basic ${btoa(`alice:${PASSWORD}`)}`;
    await httpTranscript(
      http,
      `
      x > PUT /channel/tea
      x < 201
      x > POST /channel/tea?sender=alice | = hi
      x < 401
      x = …"code":"not logged in"…
      x > GET /events?channel=tea&sender=alice
      x < 401
      x > POST /channel/tea | authorization: ${authorization} | = it is me
      x < 201
      x > POST /channel/tea?sender=bob | authorization: ${authorization} | = it is me
      x < 401
      x > POST /channel/tea?sender=carla | = hi
      x < 201
      x > GET /channel/tea
      x < 200
      x = …Z [alice] it is me\\n…Z [carla] hi\\n
      `,
    );
    using alice = await read(http, "/events?channel=tea&sender=alice", { authorization });
    using carla = await read(http, "/events?channel=tea&sender=carla");
    assertEquals([await next(alice)], ["event: joined"]);
    assertEquals(await next(alice), 'data: {"channel":"tea","name":"carla","members":2}');
    await control("account, remove, alice");
    assertEquals(await next(alice), undefined);
    assertEquals(await next(carla), "event: left");
    await next(carla);
    await control("account, confirm, carla");
    assertEquals(await next(carla), undefined);
  });
});
