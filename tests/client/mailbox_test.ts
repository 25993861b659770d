import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connectBasicMailbox, NoAnswerError, SHARED_QUEUE } from "../../client/mailbox.ts";
import { withServer } from "../server/serve.ts";

/** A server that answers as the test says, and tells what it was sent. */
function scripted(answer: (text: string, number: number) => string[]) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  const reading = (async () => {
    for await (const [datagram, from] of socket) {
      const text = new TextDecoder().decode(datagram);
      for (const reply of answer(text, heard.push(text))) {
        await socket.send(new TextEncoder().encode(reply), from);
      }
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    heard,
    async close() {
      socket.close();
      await reading;
    },
  };
}

Deno.test("the example of the library sends and receives", () =>
  withServer({}, async (server) => {
    const { port } = server.addresses[0]!;
    const source = await Deno.readTextFile(new URL("../../client/mailbox.ts", import.meta.url));
    const example = /```ts\n([^]*?)```/.exec(source)![1]!.replace(/^ \* ?/gm, "");
    const library = new URL("../../client/mailbox.ts", import.meta.url).href;
    const code = `${
      example.replace("./client/mailbox.ts", library).replace("21001", `${port}`)
    }\nexport { mail };`;
    const { mail } = await import(`data:application/typescript,${encodeURIComponent(code)}`);
    assertEquals([mail.sender, mail.message], ["alice", "How are you?"]);
  }));

Deno.test("BasicMailbox keeps messages as they are, of mailboxes and of the shared queue", () =>
  withServer({}, async (server) => {
    await using mailbox = await connectBasicMailbox({ port: server.addresses[0]!.port });
    const texts = ["", "Ω, ✓, 😀", " spaces  ", "tab\t"];
    for (const text of texts) {
      await mailbox.send("bob", "alice", text);
      await mailbox.send(SHARED_QUEUE, "", text);
    }
    await mailbox.flush();
    for (const text of texts) {
      assertEquals((await mailbox.receive("bob"))?.message, text);
      assertEquals((await mailbox.receive(SHARED_QUEUE))?.message, text);
    }
    assertEquals(await mailbox.receive("bob"), undefined);
    assertEquals(await mailbox.receive(SHARED_QUEUE), undefined);
  }));

Deno.test("BasicMailbox does not overrun the server with ten thousand messages", () =>
  withServer({}, async (server) => {
    await using mailbox = await connectBasicMailbox({ port: server.addresses[0]!.port });
    for (let i = 0; i < 10_000; i++) await mailbox.send("bob", "alice", `${i}`);
    await mailbox.flush();
    for (let i = 0; i < 10_000; i++) assertEquals((await mailbox.receive("bob"))?.message, `${i}`);
  }));

Deno.test("BasicMailbox refuses what the wire can not carry", async () => {
  await using mailbox = await connectBasicMailbox({ port: 9 });
  await assertRejects(() => mailbox.send("bob", "admin", "x"), TypeError, "the name is the administrator's");
  await assertRejects(() => mailbox.send("b,b", "alice", "x"), TypeError, "Cannot use 'b,b' as an ID");
  await assertRejects(() => mailbox.send("bob", "", "x"), TypeError, "as an ID");
  await assertRejects(() => mailbox.send("bob", "alice", "a\nb"), TypeError, "control characters");
  await assertRejects(() => mailbox.send("bob", "alice", "\ud800"), TypeError, "control characters");
  await assertRejects(() => mailbox.send("bob", "alice", "x".repeat(990)), RangeError, "at most 988 fit");
  await assertRejects(() => mailbox.receive(" bob"), TypeError, "as an ID");
});

Deno.test("BasicMailbox says so when no server answers", async () => {
  const silent = scripted(() => []);
  const mailbox = await connectBasicMailbox({ port: silent.port, timeout: 50 });
  const error = await assertRejects(() => mailbox.receive("bob"), NoAnswerError);
  assertStringIncludes(error.message, `No answer from 127.0.0.1:${silent.port} within 0.05 s`);
  await mailbox.send("bob", "alice", "x");
  await assertRejects(() => mailbox.close(), NoAnswerError);
  await silent.close();
});

Deno.test("BasicMailbox repeats a request that was lost, and gives what came twice", async () => {
  // the first request is lost, and the second is answered as if both had come
  const late = scripted((_, number) =>
    number === 1 ? [] : ["N, 2026-01-31T12:00:00.000Z, a, 1", "N, , a, 2"]
  );
  await using mailbox = await connectBasicMailbox({ port: late.port });
  assertEquals((await mailbox.receive("bob"))?.message, "1");
  assertEquals(late.heard, ["R, bob", "R, bob"]);
  assertEquals((await mailbox.late("bob")).map(({ message }) => message), ["2"]);
  await late.close();
});

Deno.test("BasicMailbox listens to its server alone, and to nothing that is no answer", async () => {
  const server = scripted((text) => text === "R, bob" ? ["hello", "xxx", "A, ok", "N, x", "X"] : []);
  await using mailbox = await connectBasicMailbox({ port: server.port });
  assertEquals(await mailbox.receive("bob"), undefined);
  await server.close();
});

Deno.test("connectBasicMailbox() finds a server by name, and says where it can't", async () => {
  await withServer({}, async (server) => {
    await using mailbox = await connectBasicMailbox({
      hostname: "localhost",
      port: server.addresses[0]!.port,
    });
    assertEquals(await mailbox.receive("bob"), undefined);
  });
  await assertRejects(() => connectBasicMailbox({ hostname: "nowhere.invalid" }), Error, "Cannot look up");
});
