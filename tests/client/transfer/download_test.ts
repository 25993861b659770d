import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { download } from "../../../client/transfer/download.ts";
import { checkSavedName, nameOfPath } from "../../../client/transfer/file_name.ts";
import { type AttemptOptions, TransferError } from "../../../client/transfer/transfer.ts";
import { upload } from "../../../client/transfer/upload.ts";
import { temporaryDirectory } from "../../program.ts";
import { CuttingProxy, type Fate } from "./proxy.ts";
import { contentOf, sha256, TransferServer } from "./server.ts";
import { skippingClock } from "./skipping_clock.ts";

const CONTENT = contentOf(6_000_000);

/** A server, a directory with a file of the content, and how its user sends and fetches. */
class Desk implements AsyncDisposable {
  attempts = 0;
  readonly #directory: AsyncDisposable & { path: string };
  readonly server: TransferServer;
  readonly port: number;

  private constructor(directory: AsyncDisposable & { path: string }, server: TransferServer, port: number) {
    this.#directory = directory;
    this.server = server;
    this.port = port;
  }

  static async open(content: Uint8Array = CONTENT, port?: (server: TransferServer) => number): Promise<Desk> {
    const directory = await temporaryDirectory();
    await Deno.writeFile(`${directory.path}/sent`, content);
    await Deno.mkdir(`${directory.path}/in`);
    const server = await TransferServer.start({ directory: directory.path });
    return new Desk(directory, server, port?.(server) ?? server.port);
  }

  get sent(): string {
    return `${this.#directory.path}/sent`;
  }

  /** Where downloads go. */
  get directory(): string {
    return `${this.#directory.path}/in`;
  }

  get got(): string {
    return `${this.directory}/got`;
  }

  /** Names in the directory where downloads go. */
  get names(): string[] {
    return [...Deno.readDirSync(this.directory)].map(({ name }) => name).toSorted();
  }

  send(options: Partial<AttemptOptions> = {}, name = "notes.txt") {
    return upload({
      hostname: "127.0.0.1",
      port: this.port,
      path: this.sent,
      ticket: (content) => {
        this.attempts++;
        return Promise.resolve(this.server.ticket({ user: "alice", thread: 1, name, ...content }));
      },
      ...options,
    });
  }

  fetch(options: Partial<AttemptOptions> & { force?: boolean } = {}) {
    return download({
      hostname: "127.0.0.1",
      port: this.port,
      path: this.got,
      ticket: () => {
        this.attempts++;
        const { size, hash, ...upload } = this.server.uploads[0]!;
        return Promise.resolve({ ticket: this.server.downloadTicket({ size, hash, ...upload }), size, hash });
      },
      ...options,
    });
  }

  async [Symbol.asyncDispose]() {
    await this.server.close();
    await this.#directory[Symbol.asyncDispose]();
  }
}

Deno.test("a file that is sent and fetched is the same, and its progress is reported", async () => {
  for (const size of [0, 1, 1_048_576, 6_000_000]) {
    const content = contentOf(size);
    await using desk = await Desk.open(content);
    const steps: string[] = [];
    const onProgress = ({ step, done, size }: { step: string; done: number; size: number }) => {
      if (done === size) steps.push(step);
    };
    assertEquals(await desk.send({ onProgress }), { size, hash: sha256(content) });
    assertEquals(await desk.fetch({ onProgress }), { size, hash: sha256(content) });
    assertEquals(await Deno.readFile(desk.got), content);
    // the file is so new that a change could hide
    assertEquals(steps, size === 0 ? [] : ["transfer", "hash", "transfer"]);
    assertEquals([desk.attempts, desk.names], [2, ["got"]]);
  }
});

for (const cut of ["fin", "rst", "silence"] as const) {
  // transfer.md 1.5
  Deno.test(`a transfer that is interrupted by ${cut} five times each way continues where it was`, async () => {
    await using desk = await Desk.open();
    let cutsMax = 5;
    // a connection that is given up on a loaded machine, before so much has passed, is none that was cut
    const plan = (): Fate | undefined => proxy.cuts[cut] < cutsMax ? { cut, after: 1_000_000 } : undefined;
    await using proxy = await CuttingProxy.start(desk.server.port, plan);
    const cuts: string[] = [];
    // a silence that nothing else here can be taken for would last half a minute
    const options = {
      port: proxy.port,
      idleMsMax: cut === "silence" ? 500 : 30_000,
      onRetry: (why: string) => cuts.push(why),
    };
    await desk.send(options);
    assertEquals(proxy.cuts[cut], 5);
    assertEquals(await desk.server.content(desk.server.uploads[0]!), CONTENT);
    cutsMax = 10;
    await desk.fetch(options);
    assertEquals(proxy.cuts[cut], 10);
    assertEquals(await Deno.readFile(desk.got), CONTENT);
    assertEquals(desk.names, ["got"]);
    assert(cuts.length >= 10, cuts.join());
    const received = desk.server.metrics.get("files bytes received");
    assertEquals(received, CONTENT.length, "no byte was stored twice");
  });
}

// transfer.md 3.14
Deno.test("an upload whose last answer was lost is not stored twice", async () => {
  await using desk = await Desk.open();
  // what the server answers after the proof is `P1 stored`
  const fates: (Fate | undefined)[] = [{
    cut: "rst",
    after: `P1 upload 4fJmX0b2TzWq7yR1sNcVbA\nP1 from 0\nP1 from 0\nP1 sum ${"0".repeat(64)}\nP1 s`.length +
      CONTENT.length,
  }];
  await using proxy = await CuttingProxy.start(desk.server.port, () => fates.shift());
  await desk.send({ port: proxy.port });
  assertEquals([proxy.cuts.rst, desk.attempts, desk.server.uploads.length], [1, 2, 1]);
});

Deno.test("if the thread has a file of the name, its reason is the error", async () => {
  await using desk = await Desk.open();
  await desk.send();
  await Deno.writeFile(desk.sent, contentOf(1000));
  const error = await assertRejects(() => desk.send(), TransferError);
  assertEquals([error.message, error.code], ["file exists", "thread"]);
});

Deno.test("a file that can't be sent fails before a ticket is requested", async () => {
  await using desk = await Desk.open();
  const refused = (path: string, why: string) =>
    assertRejects(
      () =>
        upload({
          hostname: "127.0.0.1",
          port: desk.port,
          path,
          ticket: () => Promise.reject(new Error("asked")),
        }),
      TransferError,
      `Cannot send '${path}': ${why}`,
    );
  await refused(desk.directory, "");
  await refused(`${desk.directory}/none`, "no such file or directory");
});

// transfer.md 5.2
Deno.test("a download replaces a file only with force", async () => {
  await using desk = await Desk.open();
  await desk.send();
  await Deno.writeTextFile(desk.got, "mine");
  const there = `Cannot save '${desk.got}': it exists already`;
  await assertRejects(() => desk.fetch(), TransferError, there);
  // the server was asked first: it may have no such file
  assertEquals(desk.attempts, 2);
  await desk.fetch({ force: true });
  assertEquals(await Deno.readFile(desk.got), CONTENT);

  await Deno.remove(desk.got);
  const late = desk.fetch({
    onProgress: ({ done, size }) => done === size && Deno.writeTextFileSync(desk.got, "mine"),
  });
  await assertRejects(() => late, TransferError, there);
  assertEquals(await Deno.readTextFile(desk.got), "mine");
  assertEquals(desk.names, ["got"]);
});

Deno.test("a download does not follow a link in place of its temporary file", async () => {
  await using desk = await Desk.open();
  await desk.send();
  const { hash } = desk.server.uploads[0]!;
  await Deno.writeTextFile(`${desk.sent}.other`, "mine");
  await Deno.symlink(`${desk.sent}.other`, `${desk.directory}/.wirepost-${hash.slice(0, 16)}.part`);
  await Deno.symlink(`${desk.sent}.other`, desk.got);
  await assertRejects(() => desk.fetch(), TransferError, "it exists already");
  await desk.fetch({ force: true });
  assertEquals(await Deno.readFile(desk.got), CONTENT);
  assertEquals(await Deno.readTextFile(`${desk.sent}.other`), "mine");
});

// transfer.md 4.3
Deno.test("an abandoned download continues later, and two at a time do not disturb each other", async () => {
  await using desk = await Desk.open();
  await desk.send();
  await using proxy = await CuttingProxy.start(desk.server.port, () => ({ cut: "fin", after: 2_000_000 }));
  const controller = new AbortController();
  const given = desk.fetch({
    port: proxy.port,
    signal: controller.signal,
    onRetry: () => controller.abort(new Error("enough")),
  });
  await assertRejects(() => given, Error, "enough");
  assertEquals(desk.names, [`.wirepost-${desk.server.uploads[0]!.hash.slice(0, 16)}.part`]);
  const before = desk.server.metrics.get("files bytes sent");
  const second = `${desk.directory}/second`;
  const steps = new Set<string>();
  const [first] = await Promise.allSettled([
    desk.fetch({ onProgress: ({ step }) => steps.add(step) }),
    download({
      hostname: "127.0.0.1",
      port: desk.port,
      path: second,
      onProgress: ({ step }) => steps.add(step),
      ticket: () => {
        const upload = desk.server.uploads[0]!;
        return Promise.resolve({ ...upload, ticket: desk.server.downloadTicket(upload) });
      },
    }),
  ]);
  assertEquals(first.status, "fulfilled");
  assertEquals([await Deno.readFile(desk.got), await Deno.readFile(second)], [CONTENT, CONTENT]);
  assertEquals(desk.names, ["got", "second"]);
  assertEquals([...steps].toSorted(), ["hash", "transfer"], "one of them goes on");
  const sent = desk.server.metrics.get("files bytes sent") - before;
  assert(sent < 2 * CONTENT.length, `${sent} bytes were sent again`);
});

Deno.test("a download whose ticket expired while its beginning was hashed gets another one", async () => {
  await using desk = await Desk.open();
  await desk.send();
  await using proxy = await CuttingProxy.start(desk.server.port, () => ({ cut: "fin", after: 2_000_000 }));
  const controller = new AbortController();
  const given = desk.fetch({
    port: proxy.port,
    signal: controller.signal,
    onRetry: () => controller.abort(new Error("enough")),
  });
  await assertRejects(() => given, Error, "enough");
  using clock = skippingClock();
  let hashes = 0;
  const cuts: string[] = [];
  await desk.fetch({
    onProgress: ({ step }) => {
      if (step === "hash" && hashes++ === 0) clock.skip(70_000);
    },
    onRetry: (why) => cuts.push(why),
  });
  assertEquals(cuts, ["the server answers: unknown, used or too old"]);
  assertEquals(await Deno.readFile(desk.got), CONTENT);
});

// transfer.md 4.2
Deno.test("content that does not match its hash is not saved", async () => {
  await using desk = await Desk.open();
  await desk.send();
  const upload = desk.server.uploads[0]!, bytes = CONTENT.slice();
  bytes[5_999_999]! ^= 1;
  const hash = sha256(bytes);
  const ticket = () => Promise.resolve({ ...upload, hash, ticket: desk.server.downloadTicket(upload) });
  await assertRejects(
    () => download({ hostname: "127.0.0.1", port: desk.port, path: desk.got, ticket }),
    TransferError,
    `Cannot fetch '${desk.got}': what came is not what was announced`,
  );
  assertEquals(desk.names, []);
});

Deno.test("an unreachable server is tried until the transfer stalls, and a signal ends it at once", async () => {
  await using desk = await Desk.open();
  const cuts: string[] = [];
  const error = await assertRejects(
    () => desk.send({ port: 1, stallMsMax: 500, onRetry: (why) => cuts.push(why) }),
    TransferError,
    `Cannot send '${desk.sent}': no connection: `,
  );
  assertEquals(error.canResume, true);
  assert(cuts.length >= 1);
  const controller = new AbortController();
  const reason = new Error("enough");
  const given = desk.send({ port: 1, signal: controller.signal, onRetry: () => controller.abort(reason) });
  assertEquals(await assertRejects(() => given, Error), reason);
});

// transfer.md 5.1
Deno.test("the name of a file is the last part of its path, and is never a path itself", () => {
  assertEquals(nameOfPath("../x/notes.txt"), "notes.txt");
  assertEquals(nameOfPath("C:\\x\\notes.txt", "windows"), "notes.txt");
  for (const path of ["", "/", "..", "a/..", "my notes", "x".repeat(129), "a\\b"]) {
    assertThrows(() => nameOfPath(path, "linux"), TypeError, "as a file's name");
  }
  for (const name of ["../x", "/etc/passwd", "a/b", "a\\b", "", ".", "..", "x".repeat(129)]) {
    assertThrows(() => checkSavedName(name, "linux"), TypeError, "it is not a valid file name");
  }
  for (const name of ["CON", "nul.txt", "Lpt1", "what?", "dot."]) {
    checkSavedName(name, "linux");
    assertThrows(() => checkSavedName(name, "windows"), TypeError, "Windows has no file of this name");
  }
  for (const name of ["console", "notes.txt", "com", "a.con"]) checkSavedName(name, "windows");
});
