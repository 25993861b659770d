import { assertEquals } from "@std/assert";
import { type Channels, connectChannels } from "../../../client/web/channels.js";
import { FakeServer } from "../page/fake_server.ts";

/** Reads events until there are so many messages, gaps and breaks together. */
async function readSome(channels: Channels, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of channels) {
    if (event.type === "message") seen.push(event.message.text);
    else if (event.type === "gap") seen.push(`gap ${event.missing}`);
    else if (event.type === "disconnected") seen.push("disconnected");
    else if (event.type === "caught up") seen.push("caught up");
    if (seen.length === count) break;
  }
  return seen;
}

Deno.test("messages come once and in order, also those said while the connection was broken", async () => {
  await using server = new FakeServer();
  const channels = connectChannels({ url: server.url, name: "ana", channels: ["lab"] });
  server.say("lab", "bob", "1");
  assertEquals(await readSome(channels, 2), ["1", "caught up"]);
  for (let i = 2; i <= 250; i++) server.say("lab", "bob", `${i}`);
  const expected = Array.from({ length: 249 }, (_, i) => `${i + 2}`);
  assertEquals(await readSome(channels, 250), [...expected, "caught up"]);
});

Deno.test("the last messages come before the stream has begun, and what is said in between comes once", async () => {
  await using server = new FakeServer();
  const isShown = Promise.withResolvers<void>();
  const late = async (url: URL | RequestInfo, init?: RequestInit) => {
    const answer = await fetch(url, init);
    if (new URL(`${url}`).pathname !== "/events" || !answer.ok) return answer;
    await isShown.promise;
    return answer;
  };
  const channels = connectChannels({ url: server.url, name: "ana", channels: ["lab"], fetch: late });
  server.say("lab", "bob", "1");
  const seen: string[] = [];
  for await (const event of channels) {
    seen.push(event.type === "message" ? event.message.text : event.type);
    if (event.type === "caught up") break;
    if (event.type !== "message" || event.message.text !== "1") continue;
    server.say("lab", "bob", "2");
    isShown.resolve();
  }
  assertEquals(seen, ["1", "connected", "2", "caught up"]);
});

Deno.test("a server that has lost what was missed says so by a gap", async () => {
  await using server = new FakeServer();
  const channels = connectChannels({
    url: server.url,
    name: "ana",
    channels: ["lab"],
    positions: { lab: "gone:7" },
  });
  server.say("lab", "bob", "1");
  assertEquals(await readSome(channels, 3), ["gap undefined", "1", "caught up"]);
});

Deno.test("what is sent is said once and in its order, also if the server does not answer at first", async () => {
  await using server = new FakeServer();
  server.pause();
  const channels = connectChannels({ url: server.url, name: "ana" });
  let isDelayed = () => {};
  const delayed = new Promise<void>((resolve) => isDelayed = resolve);
  const sent = ["a", "b", "c"].map((text) => channels.send("lab", text, { onDelay: isDelayed }));
  await delayed;
  server.resume();
  const ids = (await Promise.all(sent)).map(({ id }) => id.split(":")[1]);
  assertEquals(ids, ["1", "2", "3"]);
  assertEquals(server.channel("lab").messages.map(({ text }) => text), ["a", "b", "c"]);
});

// http.md 9.5
Deno.test("what was said though its answer was lost is not said again, also where others say the same", async () => {
  await using server = new FakeServer();
  let isToBreak = true;
  const breaking = async (url: URL | RequestInfo, init?: RequestInit) => {
    const answer = await fetch(url, init);
    if (init?.method !== "POST" || !isToBreak) return answer;
    isToBreak = false;
    // from another window of the same name: it is a message of its own
    server.say("lab", "ana", "again");
    await answer.body?.cancel();
    throw new TypeError("connection reset");
  };
  const channels = connectChannels({ url: server.url, name: "ana", channels: ["lab"], fetch: breaking });
  server.say("lab", "ana", "again");
  const [first, second] = await Promise.all([channels.send("lab", "again"), channels.send("lab", "again")]);
  assertEquals([first.id, second.id].map((id) => id.split(":")[1]), ["2", "4"]);
  assertEquals(server.channel("lab").messages.length, 4);
});

Deno.test("a channel that can't be made is refused, and the others are followed", async () => {
  await using server = new FakeServer();
  const channels = connectChannels({ url: server.url, name: "ana", channels: ["lab", "a b", "tea"] });
  server.say("lab", "bob", "1");
  const seen: string[] = [];
  for await (const event of channels) {
    if (event.type === "refused") seen.push(`${event.channel}: ${event.error.code}`);
    else if (event.type === "message") seen.push(event.message.text);
    else if (event.type === "caught up") seen.push(event.channel);
    if (event.type === "caught up" && event.channel === "tea") break;
  }
  // what was said may come before
  assertEquals(seen.toSorted(), ["1", "a b: bad ID", "lab", "tea"]);
});
