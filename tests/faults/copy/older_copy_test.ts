/** An older copy of the data directory is put back while clients hold sessions. */

import { assert, assertEquals } from "@std/assert";
import { connectMailbox, OutcomeUnknownError, SessionEndError } from "../../../client/mailbox.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { RecordedSession } from "../power/recorded_session.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** A server whose data directory can be copied, and be replaced by the copy. */
class CopiedServer implements AsyncDisposable {
  readonly port = freePort();
  readonly #path: string;
  #running: ServerProcess | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get data(): string {
    return `${this.#path}/data`;
  }

  async start() {
    this.#running = await ServerProcess.start(["mailbox", `${this.port}`, "--data", this.data], {
      command: FROM_SOURCE,
    });
  }

  async #kill() {
    assertEquals((await this.#running!.end("SIGKILL")).signal, "SIGKILL", this.#running!.err);
  }

  /** Copies the directory between a kill and a start. */
  async copy() {
    await this.#kill();
    assertEquals((await runCommand(["cp", "-a", this.data, `${this.#path}/copy`])).code, 0);
    await this.start();
  }

  /** Puts the copy back, and starts. */
  async putBack() {
    await this.#kill();
    await Deno.remove(this.data, { recursive: true });
    await Deno.rename(`${this.#path}/copy`, this.data);
    await this.start();
  }

  /** Texts in a mailbox; they are taken. */
  async take(mailbox: string): Promise<string[]> {
    using peer = new Peer(this.port);
    const texts: string[] = [];
    for (let reply = ""; (reply = await peer.ask(`R, ${mailbox}`)) !== "X";) {
      texts.push(reply.replace(/^N, \S+, \S+, /, ""));
    }
    return texts;
  }

  async count(mailbox: string): Promise<number> {
    using administrator = await Administrator.of(this.data, new Peer(this.port));
    return await administrator.count(mailbox);
  }

  async [Symbol.asyncDispose]() {
    await this.#running?.[Symbol.asyncDispose]();
  }
}

/** @throws {Error} It takes too long. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The client learns no outcome")), PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

// store 9.3; session.md 8.12
Deno.test("a session that is ahead of an older copy learns that the outcome of its requests is unknown", async () => {
  await using directory = await temporaryDirectory();
  await using server = new CopiedServer(directory.path);
  await server.start();
  using session = new RecordedSession(server.port);
  for (const text of ["one", "two"]) await session.put("bob", text);
  await server.copy();
  for (const text of ["three", "four", "five"]) await session.put("bob", text);
  await server.putBack();
  const stored = session.put("bob", "six");
  const learned = await soon(Promise.race([stored.then(() => "stored"), session.failed]));
  assertEquals(learned, "unknown");
  assertEquals(await server.take("bob"), ["one", "two"]);
});

Deno.test("what was leased from a state that is gone is not reported as acknowledged", async () => {
  await using directory = await temporaryDirectory();
  await using server = new CopiedServer(directory.path);
  await server.start();
  using sender = new RecordedSession(server.port), receiver = new RecordedSession(server.port);
  await sender.put("bob", "one");
  // an acknowledgement that both states have
  await receiver.ack("bob", await receiver.lease("bob", 1));
  await server.copy();
  await sender.put("bob", "two");
  const leased = await receiver.lease("bob", 1);
  assertEquals(leased.map(({ text }) => text), ["two"]);
  await server.putBack();
  using other = new RecordedSession(server.port);
  await other.put("bob", "three");
  const acknowledged = receiver.ack("bob", leased);
  const learned = await soon(Promise.race([acknowledged.then(() => receiver.lost), receiver.failed]));
  assert(/^(lost|unknown)/.test(learned), `the acknowledgement of a message that is gone: ${learned}`);
  assertEquals(await server.take("bob"), ["three"], "another message was removed in its place");
});

Deno.test("nothing that a client is told to be stored after an older copy was put back is missing", async () => {
  await using directory = await temporaryDirectory();
  await using server = new CopiedServer(directory.path);
  await server.start();
  const names = ["ann", "ben", "cid"];
  const clients = await Promise.all(
    names.map(() => connectMailbox({ port: server.port, timeout: PATIENCE_MS })),
  );
  // texts that were said to be stored, in all and since the copy was put back
  const stored = new Set<string>(), unknown = new Set<string>();
  let number = 0;
  const send = (i: number) => {
    const text = `${number++}`;
    return clients[i]!.send(names[i]!, "sender", text).then(() => void stored.add(text), (error) => {
      assert(error instanceof SessionEndError, String(error));
      if (error instanceof OutcomeUnknownError) unknown.add(text);
    });
  };
  const sendAll = (count: number) =>
    Promise.all(Array.from({ length: count * names.length }, (_, i) => send(i % names.length)));
  await sendAll(5);
  await server.copy();
  await sendAll(5);
  // some have no outcome when the server is killed
  const open = sendAll(20);
  await Promise.race(Array.from({ length: names.length }, (_, i) => send(i)));
  await server.putBack();
  const before = new Set(stored);
  await soon(sendAll(5));
  await soon(open);
  const there = new Set((await Promise.all(names.map((name) => server.take(name)))).flat());
  const missing = [...stored].filter((text) => !before.has(text) && !there.has(text));
  assertEquals(missing, [], "said to be stored, and not there");
  assert(unknown.size > 0, "no client has learned that the state went back");
  await Promise.all(clients.map((client) => client.close(0)));
});

Deno.test("send does not report messages as stored that an older copy doesn't have", async () => {
  await using directory = await temporaryDirectory();
  await using server = new CopiedServer(directory.path);
  await server.start();
  const [program = "", ...args] = FROM_SOURCE;
  const child = new Deno.Command(program, {
    args: [...args, "send", "bob", "--from", "alice", "--server", `127.0.0.1:${server.port}`],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const err = new Response(child.stderr).text(), writer = child.stdin.getWriter();
  const write = async (count: number, expected: number) => {
    await writer.write(new TextEncoder().encode("line\n".repeat(count)));
    while (await server.count("bob") < expected);
  };
  await write(1, 1);
  await server.copy();
  await write(4, 5);
  await server.putBack();
  await writer.write(new TextEncoder().encode("line\n".repeat(4)));
  await writer.close();
  const { code } = await soon(child.status), there = await server.count("bob");
  if (code === 0) assertEquals(there, 9, "reported as stored");
  else assert(/unknown/.test(await err), await err);
  await err;
});
