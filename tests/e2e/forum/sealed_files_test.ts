/** Files with somebody on the way of their connection: what is seen there, and what changing it comes to. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectForum, Forum, RefusedError, TransferError } from "../../../client/forum.ts";
import { freePort } from "../../ports.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { Relay } from "../../relay.ts";
import { contentOf } from "../../client/transfer/server.ts";

const connect = (port: number) => connectForum({ port, as: { name: "yoda", password: "jedi", make: true } });

/** A server, somebody on the way to it, a user's forum, and a file. */
class Scene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    readonly directory: string,
    readonly server: ServerProcess,
    readonly relay: Relay,
    readonly forum: Forum,
  ) {
    this.#stack = stack;
  }

  static async open(content: Uint8Array): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    await Deno.writeFile(`${path}/sent`, content);
    const server = stack.use(await ServerProcess.start(["forum", "0", "--data", `${path}/data`]));
    const relay = stack.use(new Relay(server.port));
    const forum = stack.use(await connect(relay.port));
    await forum.create("thread0");
    return new Scene(stack.move(), path, server, relay, forum);
  }

  upload(options: { isPlain?: boolean; onRetry?: (reason: string) => void } = {}) {
    return this.forum.upload("thread0", "notes", `${this.directory}/sent`, options);
  }

  /** Returns what was saved. */
  async download(options: { isPlain?: boolean; onRetry?: (reason: string) => void } = {}) {
    const path = `${this.directory}/saved`;
    await this.forum.download("thread0", "notes", path, { ...options, force: true });
    return await Deno.readFile(path);
  }

  /** A value of `admin status`. */
  async status(name: string): Promise<number> {
    const { out } = await wirepost(["admin", "status", "--data", `${this.directory}/data`]);
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(out)?.[1] ?? 0);
  }

  async [Symbol.asyncDispose]() {
    await this.#stack.disposeAsync();
  }
}

/** All that has passed on connections, in both directions. */
function recordedBy({ chunks, answers }: Relay): string {
  const decoder = new TextDecoder("latin1");
  return [...chunks, ...answers].map((bytes) => decoder.decode(bytes)).join("");
}

// transfer.md 10.1, 10.15
Deno.test("who records the connection of a file sees nothing of it", async () => {
  const secret = "what nobody else may read, ", content = new TextEncoder().encode(secret.repeat(40_000));
  await using scene = await Scene.open(content);
  await scene.upload();
  assertEquals(await scene.download(), content);
  const recorded = recordedBy(scene.relay);
  assert(recorded.length > 2 * content.length, `${recorded.length}`);
  for (
    const piece of [
      secret,
      "nobody",
      "notes",
      "thread0",
      "yoda",
      "P1 from",
      "P1 upload",
      "P1 sum",
      "P1 stored",
    ]
  ) {
    assertEquals(recorded.includes(piece), false, piece);
  }
  // only with which tickets it began
  assertEquals(recorded.match(/P1 [a-z]+/g), ["P1 sealed", "P1 sealed"]);
  assertEquals(await scene.status("files in the clear"), 0);

  // the same two without a seal, which the recording would have shown
  await scene.forum.remove("thread0");
  await scene.forum.create("thread0");
  await scene.upload({ isPlain: true });
  assertEquals(await scene.download({ isPlain: true }), content);
  const clear = recordedBy(scene.relay);
  assertEquals(clear.split(secret).length - 1 > 78_000, true);
  assertEquals(await scene.status("files in the clear"), 2);
});

/** Changes a bit at one of these places of each connection, one after the other. */
function flipping(relay: Relay, places: readonly number[]): (bytes: Uint8Array<ArrayBuffer>) => void {
  let connection = 0, at = 0;
  return (bytes) => {
    if (relay.connections !== connection) [connection, at] = [relay.connections, 0];
    const place = places[connection - 1]! - at;
    if (place >= 0 && place < bytes.length) bytes[place]! ^= 1;
    at += bytes.length;
  };
}

// transfer.md 10.8
for (const direction of ["to the server", "to the client"] as const) {
  Deno.test(`a bit that is changed on its way ${direction} costs an attempt, and the file is whole`, async () => {
    const content = contentOf(1_500_000);
    await using scene = await Scene.open(content);
    const { relay } = scene, flip = flipping(relay, [10, 60, 400_000, 1_400_000]);
    if (direction === "to the client") relay.changeAnswer = (bytes) => (flip(bytes), [bytes]);
    else relay.change = (bytes) => (bytes === relay.chunks.at(-1) && flip(bytes), [bytes]);
    const reasons = new Set<string>(), onRetry = (reason: string) => void reasons.add(reason);
    await scene.upload({ onRetry });
    assertEquals(await scene.download({ onRetry }), content);
    if (direction === "to the server") assert(await scene.status("files wrong record") >= 2);
    else assert(reasons.has("what came was changed on its way"), [...reasons].join("; "));
  });
}

// transfer.md 10.13
Deno.test("a server that is too old to seal files is refused, and nothing is sent to it", async () => {
  const asked: string[] = [];
  const forum = new Forum({
    request: () => Promise.resolve(),
    query: (query) => {
      asked.push(query.line(1) ?? "");
      return Promise.reject(new RefusedError("not served here"));
    },
    close: () => Promise.resolve(),
  }, { hostname: "127.0.0.1", port: 1 });
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/notes`;
  await Deno.writeTextFile(path, "5 Ω");
  const attempts = [
    () => forum.upload("thread0", "notes", path),
    () => forum.download("thread0", "notes", `${path}.saved`),
  ];
  for (const attempt of attempts) {
    const error = await assertRejects(attempt, TransferError);
    assertEquals(error.message, "Cannot transfer files: the server is too old to encrypt them");
  }
  assertEquals(asked, ["info,1,"]);
  await assertRejects(() => forum.upload("thread0", "notes", path, { isPlain: true }), RefusedError);
  assertEquals(asked.at(-1), "UPD,1,0,4,-,thread0 notes");
});

// transfer.md 10.4, 10.11
Deno.test("after a restart of the server, files are sealed with keys of another handshake", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, content = contentOf(300_000);
  await Deno.writeFile(`${path}/sent`, content);
  const port = freePort(), start = () => ServerProcess.start(["forum", `${port}`, "--data", `${path}/data`]);
  let server = await start();
  await using forum = await connect(port);
  await forum.create("thread0");
  await forum.upload("thread0", "notes", `${path}/sent`);
  await server.end();
  server = await start();
  await using _ = server;
  await forum.download("thread0", "notes", `${path}/saved`);
  assertEquals(await Deno.readFile(`${path}/saved`), content);
});
