/**
 * Clients that nobody wrote for this server, over kill -9 of it: curl and Python's urllib put each message with a key once,
 * and a browser's EventSource misses no event without a gap (http.md 8.3, 9.7).
 */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "../../client/page/browser.ts";
import { httpRequest } from "../../http.ts";
import { FROM_SOURCE, lacks, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Relay } from "../../relay.ts";

/** Messages of each client, and after which of them the server is killed. */
const MESSAGES = 24, KILL_AFTER = 8;

const TEXTS = Array.from({ length: MESSAGES }, (_, i) => `message ${i}`);

type Directory = Awaited<ReturnType<typeof temporaryDirectory>>;

/** A server that is reached at one port, though it has another one after each start. */
class KilledServer implements AsyncDisposable {
  readonly #data: Directory;
  #server: ServerProcess;
  readonly relay: Relay;

  private constructor(data: Directory, server: ServerProcess, port: number) {
    this.#data = data;
    this.#server = server;
    this.relay = new Relay(port);
  }

  static async start(): Promise<KilledServer> {
    const data = await temporaryDirectory(), server = await KilledServer.#start(data.path);
    return new KilledServer(data, server, await server.ready("http"));
  }

  static #start(path: string): Promise<ServerProcess> {
    const args = ["mailbox", "0", "channels", "0", "--data", path];
    return ServerProcess.start(args, { command: FROM_SOURCE });
  }

  /** Kills it, and starts it again. */
  async kill() {
    Deno.kill(this.#server.pid, "SIGKILL");
    await this.#server.ended();
    this.#server = await KilledServer.#start(this.#data.path);
    this.relay.moveTo(await this.#server.ready("http"));
  }

  /** All texts of a mailbox. */
  async take(mailbox: string): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      const { body } = await httpRequest(this.relay.port, `POST /mailbox/${mailbox}/receive?max=64`);
      if (body === "") return texts;
      texts.push(...body.trimEnd().split("\n"));
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#server.end("SIGKILL");
    this.relay[Symbol.dispose]();
    await this.#data[Symbol.asyncDispose]();
  }
}

/** Says something with a key until that is answered. */
async function say(port: number, text: string) {
  for (;;) {
    const request = { headers: { "idempotency-key": text.replace(" ", "-") }, body: text };
    const reply = await httpRequest(port, "POST /channel/lab?sender=ana", request).catch(() => undefined);
    if (reply?.status === 201) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("Python's urllib puts each message with a key once, over kill -9 of the server", {
  ignore: await lacks("python3"),
}, async () => {
  await using server = await KilledServer.start();
  const url = `http://127.0.0.1:${server.relay.port}/mailbox/bob?sender=alice`;
  const child = new Deno.Command("python3", {
    args: [new URL("puts.py", import.meta.url).pathname, url],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = ReadableStream.from([new TextEncoder().encode(TEXTS.join("\n"))]).pipeTo(child.stdin);
  let out = "", isKilled = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    if (isKilled || out.split("\n").length <= KILL_AFTER) continue;
    isKilled = true;
    await server.kill();
  }
  await input;
  assertEquals([(await child.status).code, isKilled], [0, true]);
  assertEquals(new Set(out.trim().split("\n")).size, MESSAGES);
  assertEquals(await server.take("bob"), TEXTS);
});

Deno.test("curl puts each message with a key once, over kill -9 of the server", {
  ignore: await lacks("curl"),
}, async () => {
  await using server = await KilledServer.start();
  const script = `for i in $(seq 0 ${MESSAGES - 1}); do
    curl --silent --show-error --fail --retry 1000 --retry-all-errors --retry-delay 1 --retry-max-time 600 \\
      -H "Idempotency-Key: key-$i" -d "message $i" "$1/mailbox/bob" 2> /dev/null || exit 1
  done`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", `http://127.0.0.1:${server.relay.port}`],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let out = "", isKilled = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    if (isKilled || out.split("\n").length <= KILL_AFTER) continue;
    isKilled = true;
    await server.kill();
  }
  assertEquals([(await child.status).code, isKilled], [0, true]);
  assertEquals(await server.take("bob"), TEXTS);
});

Deno.test("a browser's EventSource connects again by itself, and misses no event without a gap", {
  ignore: LACKS_BROWSER,
}, async () => {
  await using server = await KilledServer.start();
  const { port } = server.relay;
  await httpRequest(port, "PUT /channel/lab");
  await using browser = await TestBrowser.start();
  // the second one is the icon's, which only the page names
  browser.expected.push(/ERR_/, /404/);
  // nothing of this server but a text: the page would follow channels by itself
  const page = await browser.open(`http://127.0.0.1:${port}/healthz`);
  const followed = page.evaluate(`new Promise((resolve) => {
    const source = new EventSource("/events?channel=lab"), texts = [];
    let hasGap = false;
    source.addEventListener("gap", () => hasGap = true);
    source.onopen = () => globalThis.isOpen = true;
    source.onmessage = ({ data }) => {
      const { text } = JSON.parse(data);
      texts.push(text);
      if (text === "message ${MESSAGES - 1}") resolve({ texts, hasGap });
    };
  })`);
  await page.evaluate(`new Promise((resolve) => {
    const timer = setInterval(() => globalThis.isOpen && resolve(clearInterval(timer)), 50);
  })`);
  for (const [i, text] of TEXTS.entries()) {
    const said = say(port, text);
    // it is on its way
    if (i === KILL_AFTER) await server.kill();
    await said;
  }
  const { texts, hasGap } = await followed as { texts: string[]; hasGap: boolean };
  assertEquals(texts.length, new Set(texts).size);
  if (!hasGap) assertEquals(texts, TEXTS);
});
