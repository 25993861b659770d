/** What an uploading client makes of a file that changes, of what a server has of it, and of who speaks for the server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransferError, type TransferProgress } from "../../../client/transfer/transfer.ts";
import { upload, type UploadOptions } from "../../../client/transfer/upload.ts";
import { transferKeys } from "../../../protocol/transfer/records.ts";
import { temporaryDirectory } from "../../program.ts";
import { TransferPeer } from "./peer.ts";
import { CuttingProxy } from "./proxy.ts";
import { skippingClock } from "./skipping_clock.ts";
import { beginUpload, contentOf, held, sha256, TransferServer, uploadOf } from "./server.ts";

const CONTENT = contentOf(6_000_000);

/** Long enough ago that a change since then shows in a file's times. */
const LONG_AGO = new Date("2020-01-01");

/** A server and a file of the content. */
class Desk implements AsyncDisposable {
  readonly #directory: AsyncDisposable & { path: string };
  readonly server: TransferServer;
  /** Hashes that tickets were asked for with. */
  readonly asked: (string | undefined)[] = [];

  private constructor(directory: AsyncDisposable & { path: string }, server: TransferServer) {
    this.#directory = directory;
    this.server = server;
  }

  static async open(content: Uint8Array = CONTENT): Promise<Desk> {
    const directory = await temporaryDirectory();
    await Deno.writeFile(`${directory.path}/sent`, content);
    return new Desk(directory, await TransferServer.start({ directory: directory.path }));
  }

  get path(): string {
    return `${this.#directory.path}/sent`;
  }

  get held() {
    return held(this.#directory.path);
  }

  send(options: Partial<UploadOptions> = {}) {
    return upload({
      hostname: "127.0.0.1",
      port: this.server.port,
      path: this.path,
      ticket: ({ size, hash }) => {
        this.asked.push(hash);
        return Promise.resolve(this.server.ticket(uploadOf(CONTENT, { size, hash })));
      },
      ...options,
    });
  }

  async [Symbol.asyncDispose]() {
    await this.server.close();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** Calls back once, when the transfer has begun. */
function onceBegun(callback: () => void): (progress: TransferProgress) => void {
  let isBegun = false;
  return () => {
    if (!isBegun) callback();
    isBegun = true;
  };
}

/** For as long as it is used, files' times and sizes say what they said first: as on a disk with coarse times. */
function stillTimes(): Disposable {
  const { stat } = Deno.FsFile.prototype;
  const first = new Map<number | null, Deno.FileInfo>();
  Deno.FsFile.prototype.stat = async function () {
    const info = await stat.call(this);
    if (!first.has(info.ino)) first.set(info.ino, info);
    return first.get(info.ino)!;
  };
  return { [Symbol.dispose]: () => void (Deno.FsFile.prototype.stat = stat) };
}

// transfer.md 3.9
Deno.test("a file that changes while it is sent fails, and nothing of it becomes visible", async () => {
  const changes: [what: string, change: (file: Deno.FsFile) => void][] = [
    ["a byte that was read already", (file) => file.writeSync(new Uint8Array([255]))],
    ["the last byte", (file) => {
      file.seekSync(-1, Deno.SeekMode.End);
      file.writeSync(new Uint8Array([255]));
    }],
    ["it becomes shorter", (file) => file.truncateSync(5_000_000)],
    ["it becomes longer", (file) => file.truncateSync(7_000_000)],
  ];
  await using desk = await Desk.open();
  for (const [what, change] of changes) {
    await Deno.writeFile(desk.path, CONTENT);
    await Deno.utime(desk.path, LONG_AGO, LONG_AGO);
    const onProgress = onceBegun(() => {
      using file = Deno.openSync(desk.path, { write: true });
      change(file);
    });
    const error = await assertRejects(() => desk.send({ onProgress }), TransferError);
    assertEquals([error.message, error.code], [
      `Cannot send '${desk.path}': it changed while it was sent`,
      "hash",
    ], what);
    assertEquals([desk.server.uploads, desk.held.contents], [[], 0], what);
  }
  await Deno.writeFile(desk.path, CONTENT);
  await desk.send();
  assertEquals(await desk.server.content(desk.server.uploads[0]!), CONTENT);
  assertEquals(desk.held, { contents: 1, partials: 0 });
});

// transfer.md 3.9
Deno.test("a change that does not show in the times of a new file is noticed", async () => {
  await using desk = await Desk.open();
  using _ = stillTimes();
  const onProgress = onceBegun(() => {
    using file = Deno.openSync(desk.path, { write: true });
    file.writeSync(new Uint8Array([255]));
  });
  await assertRejects(
    () => desk.send({ onProgress }),
    TransferError,
    `Cannot send '${desk.path}': it changed while it was sent`,
  );
  assertEquals(desk.server.uploads, []);
});

Deno.test("an upload succeeds if the session says that it is stored, once all of it was sent", async () => {
  await using desk = await Desk.open();
  const lines = `P1 upload 4fJmX0b2TzWq7yR1sNcVbA\nP1 from 0\nP1 from 0\nP1 sum ${"0".repeat(64)}\nP1 s`;
  await using proxy = await CuttingProxy.start(
    desk.server.port,
    () => ({ cut: "rst", after: lines.length + CONTENT.length }),
  );
  const said: (string | undefined)[] = [];
  const content = await desk.send({
    port: proxy.port,
    ticket: ({ size, hash }, attempt) => {
      said.push(hash);
      // at first nobody can know it
      if (attempt !== 1) return Promise.resolve("stored");
      return Promise.resolve(desk.server.ticket(uploadOf(CONTENT, { size })));
    },
  });
  assertEquals(content, { size: CONTENT.length, hash: sha256(CONTENT) });
  assertEquals(said, [undefined, undefined, sha256(CONTENT)]);
});

Deno.test("an upload that took long before it was interrupted continues", async () => {
  await using desk = await Desk.open();
  await Deno.utime(desk.path, LONG_AGO, LONG_AGO);
  let connections = 0;
  await using proxy = await CuttingProxy.start(
    desk.server.port,
    () => connections++ === 0 ? { cut: "rst", after: 4_000_000 } : undefined,
  );
  using clock = skippingClock();
  let cuts = 0;
  await desk.send({
    port: proxy.port,
    onProgress: () => clock.skip(20_000),
    onRetry: () => cuts++,
  });
  assertEquals([cuts, connections], [1, 2]);
  assertEquals(await desk.server.content(desk.server.uploads[0]!), CONTENT);
});

Deno.test("what an earlier run left is compared, and continued if it is of this file", async () => {
  await using desk = await Desk.open();
  const from = await beginUpload(desk.server, CONTENT, (peer) => peer.end());
  const steps: string[] = [];
  await desk.send({
    onProgress: ({ step, done }) => {
      if (steps.at(-1) !== step) steps.push(step);
      if (step === "transfer") assert(done > from, `${done}`);
    },
  });
  assertEquals(steps, ["hash", "transfer", "hash"]);
  assertEquals(desk.asked, [undefined]);
  assertEquals(await desk.server.content(desk.server.uploads[0]!), CONTENT);
  assertEquals(desk.server.metrics.get("files bytes received"), CONTENT.length);
});

Deno.test("what an earlier run left of another file is not continued", async () => {
  const other = contentOf(CONTENT.length, 7);
  await using desk = await Desk.open(other);
  await beginUpload(desk.server, CONTENT, (peer) => peer.end());
  await desk.send();
  assertEquals(desk.asked.length, 1, "it is known before it is sent");
  assertEquals(await desk.server.content(desk.server.uploads[0]!), other);
});

Deno.test("if the server has the beginning of another file, all is sent again", async () => {
  await using desk = await Desk.open();
  const fates = [{ cut: "fin", after: 4_000_000 }] as const;
  let connections = 0;
  await using proxy = await CuttingProxy.start(desk.server.port, () => fates[connections++]);
  let isLost = false;
  await desk.send({
    port: proxy.port,
    onRetry: () => isLost = true,
    ticket: async ({ size, hash }) => {
      desk.asked.push(hash);
      if (isLost && desk.asked.length === 2) {
        // the attempt that was cut has ended, and left what came
        while (desk.server.metrics.get("files bytes received") === 0) {
          await new Promise((resolve) => setTimeout(resolve));
        }
        // another file of the same name and size, which the client has read too far to tell from its own
        using peer = await TransferPeer.upload(desk.server.port, desk.server.ticket(uploadOf(CONTENT)));
        await peer.send("P1 from 0\nnot this one");
        await peer.end();
        while (await peer.line() !== null);
      }
      return desk.server.ticket(uploadOf(CONTENT, { size, hash }));
    },
  });
  assertEquals([desk.asked.length, desk.asked.at(-1)], [3, sha256(CONTENT)]);
  assertEquals(desk.server.metrics.get("files refused hash"), 1);
  assertEquals(await desk.server.content(desk.server.uploads[0]!), CONTENT);
});

/** Somebody on the path, who answers the first connection himself. */
function impostor(answer: (line: string) => string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    for await (const connection of listener) {
      try {
        const buffer = new Uint8Array(65_536);
        let text = "";
        for (let read; (read = await connection.read(buffer)) !== null;) {
          text = (text + new TextDecoder().decode(buffer.subarray(0, read))).slice(-1000);
          const said = answer(text);
          if (said !== "") await connection.write(new TextEncoder().encode(said));
        }
      } catch {
        // the client closed it
      }
      connection.close();
    }
  };
  const served = serve();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

// transfer.md 3.7
Deno.test("a file does not count as stored because an attacker on the network says so", async () => {
  await using desk = await Desk.open(contentOf(1000));
  for (const early of [true, false]) {
    await using path = await impostor((text) => {
      if (early) return `P1 stored ${"0".repeat(64)}\n`;
      if (text.includes("P1 sum")) return `P1 stored ${text.slice(-65)}`;
      return text.includes("P1 from") ? "" : "P1 from 0\n";
    });
    const error = await assertRejects(() => desk.send({ port: path.port, stallMsMax: 1000 }), TransferError);
    assertEquals(error.message, `Cannot send '${desk.path}': the server's answer is malformed`);
  }
  assertEquals(desk.server.uploads, []);
});

// transfer.md 3.6
Deno.test("content that is changed on its way is noticed", async () => {
  await using desk = await Desk.open(contentOf(1000));
  await using path = await impostor((text) => {
    if (text.includes("P1 sum")) return "P1 no hash what arrived is not what was sent\n";
    return text.includes("P1 from") ? "" : "P1 from 0\n";
  });
  const error = await assertRejects(() => desk.send({ port: path.port }), TransferError);
  assertEquals([error.message, error.code], [
    `Cannot send '${desk.path}': what arrived is not what was sent`,
    "hash",
  ]);
});

// transfer.md 10.9
Deno.test("if the transfer is sealed, an answer in the clear is not believed, whatever it says", async () => {
  await using desk = await Desk.open(contentOf(1000));
  const filesKey = new Uint8Array(32).fill(7);
  const answers = [
    [`P1 stored ${"0".repeat(64)}`, "the server's answer is malformed"],
    ["P1 from 0", "the server's answer is malformed"],
    ["P1 no full the disk is full", "the server answers: the disk is full"],
    ["P1 no ticket", "the server answers: ticket"],
  ];
  for (const [answer, why] of answers) {
    let seen = "";
    await using path = await impostor((text) => {
      seen += text;
      return `${answer}\n`;
    });
    const ticket: UploadOptions["ticket"] = () => {
      const issued = desk.server.ticket(uploadOf(contentOf(1000)), filesKey);
      return Promise.resolve({ ...issued, keys: transferKeys(filesKey, issued.ticket) });
    };
    const sending = desk.send({ port: path.port, ticket, stallMsMax: 1000 });
    const error = await assertRejects(() => sending, TransferError);
    assertEquals([error.message, error.code], [`Cannot send '${desk.path}': ${why}`, undefined]);
    assertEquals(seen.includes("P1 upload"), false);
  }
});
