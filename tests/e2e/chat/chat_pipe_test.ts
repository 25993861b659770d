/** `wirepost chat` and `wirepost room` in a pipe, with the real server. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FRAME_BYTES } from "../../../protocol/syntax/frame.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, runCommand, ServerProcess, wirepost } from "../../program.ts";
import { ScriptedServer } from "../../client/scripted_server.ts";
import { LinePeer } from "../../stream.ts";
import { teaChannel } from "./tea_channel.ts";

const quoted = (args: readonly string[]) => args.map((arg) => `'${arg}'`).join(" ");

/** A scripted server, and a client of it with pipes for standard input and output. */
async function scripted(args: string[]) {
  const server = new ScriptedServer();
  const client = new PipedClient([...args, `${server.port}`]);
  await server.accept();
  return { server, client };
}

/** The program in a process. Its standard input stays open. */
class PipedClient {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #out: ReadableStreamDefaultReader<string>;
  readonly #err: Promise<string>;
  #written = "";

  constructor(args: readonly string[]) {
    const [deno = "", ...source] = FROM_SOURCE;
    const options = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(deno, { args: [...source, ...args], ...options }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#out = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#err = new Response(this.#child.stderr).text();
  }

  async type(line: string) {
    await this.#keys.write(new TextEncoder().encode(`${line}\n`));
  }

  /** The next output, as long as this text; less if the output ends. */
  async reads(text: string): Promise<string> {
    while (this.#written.length < text.length) {
      const { value, done } = await this.#out.read();
      if (done) break;
      this.#written += value;
    }
    const read = this.#written.slice(0, text.length);
    this.#written = this.#written.slice(text.length);
    return read;
  }

  /** Waits for its end with 1, and gives what is left of what it has written. */
  async end(): Promise<string> {
    for (let read = await this.#out.read(); !read.done; read = await this.#out.read()) {
      this.#written += read.value;
    }
    await this.#keys.close().catch(() => {});
    assertEquals([(await this.#child.status).code, await this.#err], [1, ""]);
    return this.#written;
  }
}

Deno.test("wirepost chat in a pipe sends each line, prints each message, and exits with 0", async () => {
  await using here = await teaChannel();
  const { bob } = here;
  const long = "Ω".repeat(150);
  const input = `/join tea\nhello\n\n${long}\n/list\n/sing\n`;
  const { code, out, err } = await wirepost(["chat", "Alice", "127.0.0.1", here.port, "--linger", "0s"], {
    input,
  });
  const received: unknown[] = [];
  for (let i = 0; i < 7; i++) received.push(await bob.next());
  assertEquals([code, err], [0, ""]);
  const list = "tea",
    invalid = "/sing is not a valid control message. Valid messages are /create, /list, and /join.";
  // a prompt for each line and one more, and one behind each message, which may come between any of them
  const messages = out.replaceAll("[Me] ", "");
  assertEquals(messages, `\r    \r${list}\n\r    \r${invalid}\n`);
  assertEquals(out.split("[Me] ").length - 1, 7 + 2);
  assert(out.startsWith("[Me] ") && out.endsWith("[Me] "), out);
  assertEquals(received, [
    "Alice has joined",
    "[Alice] hello",
    "[Alice]",
    `[Alice] ${"Ω".repeat(96)}`,
    `[Alice] ${"Ω".repeat(4)}`,
    `[Alice] ${"Ω".repeat(50)}`,
    "Alice has left",
  ]);
});

Deno.test("wirepost room in a pipe waits for answers as long as --linger says", async () => {
  await using server = await ServerProcess.start(["room", "0", "--memory"]);
  using peer = await LinePeer.connect(server.port);
  const running = wirepost(["room", "127.0.0.1", `${server.port}`, "--linger", "1h"], {
    input: "hello\nno end",
  });
  assertMatch(await peer.next() ?? "", /entered room$/);
  assertMatch(await peer.next() ?? "", /> hello$/);
  assertMatch(await peer.next() ?? "", /> no end$/);
  await peer.send("an answer", "with a \u202eturn");
  // what it waits for is over when the server is
  await peer.rest();
  await server.end();
  const { code, out, err } = await running;
  assertEquals([code, err], [1, ""]);
  assertEquals(out.replaceAll("<You> ", "").split("\n"), [
    "Connected to server. Start sending messages",
    `\r<('127.0.0.1', ${peer.port})> an answer`,
    `\r<('127.0.0.1', ${peer.port})> with a <U+202E>turn`,
    `Client (127.0.0.1, ${peer.port}) is offline`,
    "",
    "Disconnected from the server",
    "",
  ]);
  // once at first, and behind each line that was sent and each that came
  assertEquals(out.split("<You> ").length - 1, 1 + 2 + 3);
});

Deno.test("a line of a pipe that can't be sent is reported, and the others are sent", async () => {
  await using here = await teaChannel();
  const command = quoted([...FROM_SOURCE, "chat", "Alice", "127.0.0.1", here.port, "--linger", "0s"]);
  const slashes = `/create ${"x".repeat(200)}`;
  const { code, out, err } = await runCommand([
    "sh",
    "-c",
    `printf '/join tea\\na\\377b\\n${slashes}\\nhello\\n' | ${command}`,
  ]);
  assertEquals([code, out], [1, "[Me] ".repeat(5)]);
  assertEquals(
    err,
    [
      "Cannot send a line that is not UTF-8",
      "Cannot send a control message over 200 bytes: '/create xxxxxxxx…'",
      "",
    ].join("\n"),
  );
  assertEquals([await here.bob.next(), await here.bob.next()], ["Alice has joined", "[Alice] hello"]);
});

Deno.test("chat and room say so if there is no server, or it ends", async () => {
  const port = freePort(), listener = Deno.listen({ hostname: "127.0.0.1", port });
  const gone = (async () => (await listener.accept()).close())();
  assertEquals(await wirepost(["chat", "Alice", "127.0.0.1", `${port}`, "--linger", "1h"]), {
    code: 1,
    out: `[Me] \r    \rServer at 127.0.0.1:${port} has disconnected\n`,
    err: "",
  });
  await gone;
  listener.close();
  const said = (command: string, ...args: string[]) => wirepost([command, ...args, "127.0.0.1", `${port}`]);
  const chat = `Unable to connect to 127.0.0.1:${port}\n`, room = "Unable to connect to server\n";
  assertEquals(await said("chat", "Alice"), { code: 1, out: chat, err: "" });
  assertEquals(await said("room"), { code: 1, out: room, err: "" });
});

// channels.md 3.3
Deno.test("chat in a pipe writes what the original client writes, byte for byte", async () => {
  const { server, client } = await scripted(["chat", "Alice", "127.0.0.1"]);
  using _ = server;
  const frame = (text: string) => text.padEnd(FRAME_BYTES);
  assertEquals(await client.reads("[Me] "), "[Me] ");
  assertEquals(await server.read(FRAME_BYTES), frame("Alice"));
  await client.type("/join tea");
  assertEquals(await server.read(FRAME_BYTES), frame("/join tea"));
  assertEquals(await client.reads("[Me] "), "[Me] ");
  await server.write(frame("Bob has joined") + frame("[Bob] hi  there"), 150);
  const said = "\r    \rBob has joined\n[Me] \r    \r[Bob] hi  there\n[Me] ";
  assertEquals(await client.reads(said), said);
  await client.type("hello");
  assertEquals(await server.read(FRAME_BYTES), frame("hello"));
  assertEquals(await client.reads("[Me] "), "[Me] ");
  server.close();
  assertEquals(await client.end(), `\r    \rServer at 127.0.0.1:${server.port} has disconnected\n`);
});

// room.md 3.2, 3.3
Deno.test("room in a pipe writes what the original client writes, byte for byte", async () => {
  const { server, client } = await scripted(["room", "127.0.0.1"]);
  using _ = server;
  const connected = "Connected to server. Start sending messages\n<You> ";
  assertEquals(await client.reads(connected), connected);
  await client.type("hello");
  assertEquals(await server.read(6), "hello\n");
  assertEquals(await client.reads("<You> "), "<You> ");
  await server.write("[127.0.0.1:60604] entered room\n\r<('127.0.0.1', 60604)> hi\n", 20);
  const said = "[127.0.0.1:60604] entered room\n<You> \r<('127.0.0.1', 60604)> hi\n<You> ";
  assertEquals(await client.reads(said), said);
  server.close();
  assertEquals(await client.end(), "\nDisconnected from the server\n");
});

Deno.test("a message that arrives while another is printed is printed too, though the input has ended", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [deno = "", ...source] = FROM_SOURCE;
  const child = new Deno.Command(deno, {
    args: [...source, "chat", "Alice", "127.0.0.1", `${listener.addr.port}`, "--linger", "0s"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  using server = await listener.accept();
  // more than a pipe holds that nobody reads from yet
  const count = 1000,
    each = "\r    \r\n[Me] ".length + FRAME_BYTES,
    all = new Uint8Array(count * FRAME_BYTES).fill(0x78);
  for (let at = 0; at < all.length;) at += await server.write(all.subarray(at));
  // it says no more
  while (await server.read(new Uint8Array(1000)) !== null);
  await server.closeWrite();
  const { stdout } = await child.output();
  assertEquals(stdout.length, "[Me] ".length + count * each);
});
