import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connectOriginalMailbox, ServerTimeoutError, SHARED_QUEUE } from "../../client/original_mailbox.ts";
import { withServer } from "../server/serve.ts";

/** A server that answers as the test says, and keeps what it received. */
function scripted(answer: (text: string, number: number) => string[]) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const reading = (async () => {
    for await (const [datagram, from] of socket) {
      const text = new TextDecoder().decode(datagram);
      for (const reply of answer(text, received.push(text))) {
        await socket.send(new TextEncoder().encode(reply), from);
      }
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    received,
    async close() {
      socket.close();
      await reading;
    },
  };
}

Deno.test("OriginalMailbox keeps messages as they are, of mailboxes and of the shared queue", () =>
  withServer({}, async (server) => {
    await using mailbox = await connectOriginalMailbox({ port: server.addresses[0]!.port });
    const texts = ["", "Ω, ✓, 😀", " spaces  ", "tab\t"];
    for (const text of texts) {
      await mailbox.send("bob", "alice", text);
      await mailbox.send(SHARED_QUEUE, "", text);
    }
    await mailbox.flush();
    for (const text of texts) {
      assertEquals((await mailbox.receive("bob"))?.text, text);
      assertEquals((await mailbox.receive(SHARED_QUEUE))?.text, text);
    }
    assertEquals(await mailbox.receive("bob"), undefined);
    assertEquals(await mailbox.receive(SHARED_QUEUE), undefined);
  }));

// mailbox.md 6.3
Deno.test("OriginalMailbox does not overflow the server's socket with ten thousand messages", () =>
  withServer({}, async (server) => {
    await using mailbox = await connectOriginalMailbox({ port: server.addresses[0]!.port });
    for (let i = 0; i < 10_000; i++) await mailbox.send("bob", "alice", `${i}`);
    await mailbox.flush();
    for (let i = 0; i < 10_000; i++) assertEquals((await mailbox.receive("bob"))?.text, `${i}`);
  }));

Deno.test("OriginalMailbox refuses what the wire cannot carry", async () => {
  await using mailbox = await connectOriginalMailbox({ port: 9 });
  await assertRejects(() => mailbox.send("bob", "admin", "x"), TypeError, "the name is the administrator's");
  await assertRejects(() => mailbox.send("b,b", "alice", "x"), TypeError, "Cannot use 'b,b' as an ID");
  await assertRejects(() => mailbox.send("bob", "", "x"), TypeError, "as an ID");
  await assertRejects(() => mailbox.send("bob", "alice", "a\nb"), TypeError, "control characters");
  await assertRejects(() => mailbox.send("bob", "alice", "\ud800"), TypeError, "control characters");
  await assertRejects(() => mailbox.send("bob", "alice", "x".repeat(990)), RangeError, "at most 988 fit");
  await assertRejects(() => mailbox.receive(" bob"), TypeError, "as an ID");
});

Deno.test("OriginalMailbox sends the longest message between the longest IDs, and refuses a longer one", () =>
  withServer({}, async (server) => {
    await using mailbox = await connectOriginalMailbox({ port: server.addresses[0]!.port });
    const bob = "b".repeat(64), alice = "Ω".repeat(32);
    const longest = "x".repeat(1024 - "F, , , ".length - 64 - 64);
    await assertRejects(() => mailbox.send(bob, alice, `${longest}x`), RangeError, "at most 889 fit");
    await mailbox.send(bob, alice, longest);
    assertEquals((await mailbox.receive(bob))?.text, longest);
  }));

Deno.test("OriginalMailbox reports that no server answers", async () => {
  const silent = scripted(() => []);
  const mailbox = await connectOriginalMailbox({ port: silent.port, timeout: 50 });
  const error = await assertRejects(() => mailbox.receive("bob"), ServerTimeoutError);
  assertStringIncludes(error.message, `No answer from 127.0.0.1:${silent.port} within 0.05 s`);
  await mailbox.send("bob", "alice", "x");
  await assertRejects(() => mailbox.close(), ServerTimeoutError);
  await silent.close();
});

Deno.test("OriginalMailbox reports once that no server answers: closing does not try again", async () => {
  const silent = scripted(() => []);
  const mailbox = await connectOriginalMailbox({ port: silent.port, timeout: 50 });
  for (let i = 0; i < 32; i++) await mailbox.send("bob", "alice", `${i}`);
  await assertRejects(() => mailbox.send("bob", "alice", "32"), ServerTimeoutError);
  await mailbox.close();
  await silent.close();
});

// mailbox.md 6.4
Deno.test("OriginalMailbox does not mistake a late answer for the answer to the next flush", async () => {
  // the first flush gets a late answer and one in time, the second none
  const takes: string[] = [];
  const late = scripted((text) => {
    if (!text.startsWith("R, ")) return [];
    return takes.push(text) === 2 ? ["X", "X"] : [];
  });
  await using mailbox = await connectOriginalMailbox({ port: late.port, timeout: 700 });
  await mailbox.send("bob", "alice", "1");
  await mailbox.flush();
  await mailbox.send("bob", "alice", "2");
  await assertRejects(() => mailbox.flush(), ServerTimeoutError);
  await assertRejects(() => mailbox.flush(), ServerTimeoutError);
  await late.close();
});

Deno.test("OriginalMailbox does not mistake a challenge's second answer for the command's", async () => {
  // the first challenge is answered after the client has repeated it: its answer comes before the command's
  const nonce = (number: number) => `A, ok, ${number}`.padEnd(43, "0");
  const server = scripted((_, number) => [[], [nonce(1)], [nonce(2), "A, ok, 3"]][number - 1] ?? []);
  await using mailbox = await connectOriginalMailbox({ port: server.port });
  assertEquals(await mailbox.control(new Uint8Array(16), "count"), ["3"]);
  assertEquals(server.received.slice(0, 2), ["A, challenge   ", "A, challenge   "]);
  assertEquals(server.received[2]?.slice(0, 39), nonce(1).replace("ok, ", ""));
  await server.close();
});

// mailbox.md 6.5
Deno.test("OriginalMailbox sends each control command from a socket of its own", async () => {
  // both commands are answered twice, the second time too late
  let orders = 0;
  const server = scripted((text) =>
    text === "A, challenge   " ? [`A, ok, ${"0".repeat(36)}`] : [`A, ok, ${++orders}`, `A, ok, late`]
  );
  await using mailbox = await connectOriginalMailbox({ port: server.port });
  for (const answer of ["1", "2"]) {
    assertEquals(await mailbox.control(new Uint8Array(16), "count"), [answer]);
  }
  await server.close();
});

Deno.test("OriginalMailbox reports what the server refuses, of the challenge and of the command", async () => {
  const off = scripted(() => ["A, error, administration is off"]);
  const wrong = scripted((text) =>
    text === "A, challenge   " ? [`A, ok, ${"0".repeat(36)}`] : ["A, error, wrong proof"]
  );
  for (const [server, error] of [[off, "administration is off"], [wrong, "wrong proof"]] as const) {
    await using mailbox = await connectOriginalMailbox({ port: server.port });
    await assertRejects(() => mailbox.control(new Uint8Array(16), "count"), Error, error);
    await server.close();
  }
});

// mailbox.md 6.2
Deno.test("OriginalMailbox repeats a lost request, and keeps what came twice", async () => {
  // the first request is lost, and the second is answered as if both had come
  const late = scripted((_, number) =>
    number === 1 ? [] : ["N, 2026-01-31T12:00:00.000Z, a, 1", "N, , a, 2"]
  );
  await using mailbox = await connectOriginalMailbox({ port: late.port });
  assertEquals((await mailbox.receive("bob"))?.text, "1");
  assertEquals(late.received, ["R, bob", "R, bob"]);
  assertEquals((await mailbox.late("bob")).map(({ text }) => text), ["2"]);
  await late.close();
});

// mailbox.md 6.1
Deno.test("OriginalMailbox ignores other hosts, and what is no answer", async () => {
  const server = scripted((text) => text === "R, bob" ? ["hello", "xxx", "A, ok", "N, x", "X"] : []);
  await using mailbox = await connectOriginalMailbox({ port: server.port });
  assertEquals(await mailbox.receive("bob"), undefined);
  await server.close();
});

Deno.test("connectOriginalMailbox() finds a server by name, and reports if it can't", async () => {
  await withServer({}, async (server) => {
    await using mailbox = await connectOriginalMailbox({
      hostname: "localhost",
      port: server.addresses[0]!.port,
    });
    assertEquals(await mailbox.receive("bob"), undefined);
  });
  await assertRejects(() => connectOriginalMailbox({ hostname: "nowhere.invalid" }), Error, "Cannot look up");
  await using mailbox = await connectOriginalMailbox({ hostname: "fe80::1%nowhere" });
  await assertRejects(() => mailbox.receive("bob"), Error, "Cannot send to [fe80::1%nowhere]:21001: ");
});
