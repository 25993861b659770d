/** What is said over HTTP is said once, and no reader of events misses any of it without a gap: http.md 9.4, 9.5, 9.7. */

import { assertEquals } from "@std/assert";
import { HttpPeer, httpRequest } from "../../http.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";

/** Starts of the server, and messages of each; the last of one may be answered by the next. */
const RUNS = 3, MESSAGES = 20;

/** What a reader of events was sent over all runs, as a browser keeps it. */
class EventReader {
  lastEventId = "";
  readonly texts = new Set<string>();
  hasGap = false;

  /** Reads until the server is gone. */
  async read(port: number) {
    using peer = await HttpPeer.connect(port);
    const headers = this.lastEventId === "" ? {} : { "last-event-id": this.lastEventId };
    await peer.send("GET /events?channel=lab", { headers });
    assertEquals((await peer.reply()).status, 200);
    let id = this.lastEventId, event = "message";
    for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
      if (line.startsWith("id: ")) id = line.slice("id: ".length);
      else if (line.startsWith("event: ")) event = line.slice("event: ".length);
      else if (line.startsWith("data: ")) {
        if (event === "gap") this.hasGap = true;
        else if (event === "message") this.texts.add(JSON.parse(line.slice("data: ".length)).text);
      } else if (line === "") {
        this.lastEventId = id;
        event = "message";
      }
    }
  }
}

/** Says it, and returns whether that was answered. */
async function say(port: number, text: string): Promise<boolean> {
  const headers = { "idempotency-key": text };
  try {
    return (await httpRequest(port, "POST /channel/lab?sender=ana", { headers, body: text })).status === 201;
  } catch {
    return false;
  }
}

Deno.test("kill -9: each text with a key is said once, and a reader of events misses none without a gap", async () => {
  await using data = await temporaryDirectory();
  const reader = new EventReader(), texts = Array.from({ length: RUNS * MESSAGES }, (_, i) => `text-${i}`);
  let next = 0;
  for (let run = 1; run <= RUNS; run++) {
    const args = ["mailbox", "0", "channels", "0", "--data", data.path];
    await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
    const port = await server.ready("http");
    await httpRequest(port, "PUT /channel/lab");
    const reading = reader.read(port).catch(() => {});
    for (; next < run * MESSAGES - 1; next++) assertEquals(await say(port, texts[next]!), true);
    // the last one is on its way when the server is killed
    const last = say(port, texts[next]!);
    if (run < RUNS) {
      Deno.kill(server.pid, "SIGKILL");
      await server.ended();
      if (await last) next++;
      await reading;
      continue;
    }
    assertEquals(await last, true);
    assertEquals(await history(port), texts);
    await server.end("SIGTERM");
    await reading;
  }
  const missed = texts.filter((text) => !reader.texts.has(text));
  if (!reader.hasGap) assertEquals(missed, []);
});

/** All that the channel has, page by page: a new history ID begins a page. */
async function history(port: number): Promise<string[]> {
  const texts: string[] = [];
  for (let since = "1h", last = ""; since !== last;) {
    const target = `GET /channel/lab?since=${since}`;
    const { body } = await httpRequest(port, target, { headers: { accept: "application/json" } });
    const page = JSON.parse(body);
    texts.push(...page.messages.map(({ text }: { text: string }) => text));
    ({ position: since, last } = page);
  }
  return texts;
}
