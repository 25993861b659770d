/** `send` and `receive` over HTTP while the server is killed and started again: nothing is lost, and nothing comes twice. */

import { assertEquals } from "@std/assert";
import { FROM_SOURCE, ServerProcess, startProgram, temporaryDirectory } from "../../program.ts";
import { Relay } from "../../relay.ts";

/** Messages, and after how many of them the server is killed. */
const MESSAGES = 60, KILLS = [15, 35];

Deno.test("send and receive over HTTP go on over kill -9 of the server: each message comes once", async () => {
  await using data = await temporaryDirectory();
  const start = () => ServerProcess.start(["mailbox", "0", "--data", data.path], { command: FROM_SOURCE });
  let server = await start();
  // a port that is the server's whichever it has itself
  using relay = new Relay(await server.ready("http"));
  try {
    const patient = ["--server", `http://127.0.0.1:${relay.port}`, "--timeout", "10m"];
    const sending = await startProgram(["send", "bob", "--as", "alice", ...patient], { input: "piped" });
    const wait = ["--wait", "10m", "--count", `${MESSAGES}`];
    const receiving = await startProgram(["receive", "bob", ...wait, ...patient], { input: "null" });
    const sent = Array.from({ length: MESSAGES }, (_, i) => `message ${i}`);
    const input = ReadableStream.from([new TextEncoder().encode(sent.join("\n"))]).pipeTo(sending.stdin);
    const errors = [sending.stdout, sending.stderr, receiving.stderr].map((one) => new Response(one).text());

    const received: string[] = [], kills = [...KILLS];
    let rest = "";
    for await (const text of receiving.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      received.push(...lines);
      if (received.length < kills[0]!) continue;
      kills.shift();
      Deno.kill(server.pid, "SIGKILL");
      await server.ended();
      server = await start();
      relay.moveTo(await server.ready("http"));
    }
    await input;
    const codes = [(await sending.status).code, (await receiving.status).code];
    assertEquals([codes, await Promise.all(errors)], [[0, 0], ["", "", ""]]);
    assertEquals(received.toSorted(), sent.toSorted());
  } finally {
    await server.end("SIGKILL");
  }
});
