import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { download } from "../../../client/transfer/download.ts";
import { TransferError } from "../../../client/transfer/transfer.ts";
import { upload } from "../../../client/transfer/upload.ts";
import { temporaryDirectory } from "../../program.ts";
import { ScriptedServer } from "./scripted_server.ts";
import { contentOf, sha256 } from "./server.ts";
import { skippingClock } from "./skipping_clock.ts";

const HASH = "0".repeat(64), TICKET = "A".repeat(22), KEY = `${"A".repeat(42)}A`;

/** Milliseconds that a transfer of these tests may go without progress. */
const PATIENCE = 1500;

/** What a client asks a server for that announces this, and what becomes of it. */
async function fetching(
  { port = 9, size, hash = HASH, ...more }: {
    port?: number;
    size: number;
    hash?: string;
    maxSize?: number;
    stallMsMax?: number;
    workMsMax?: number;
    onRetry?(why: string): void;
  },
  act: (fetched: Promise<unknown>, path: string) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/got`;
  const ticket = () => Promise.resolve({ ticket: TICKET, size, hash });
  await act(
    download({ hostname: "127.0.0.1", port, path, ticket, stallMsMax: PATIENCE, ...more }),
    directory.path,
  );
}

const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);

async function failure(work: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => work, TransferError)).message;
}

Deno.test("a download that is larger than the limit is refused before a byte is fetched", async () => {
  let connections = 0;
  await using server = new ScriptedServer(async (peer) => {
    connections++;
    await peer.line();
  });
  await fetching({ port: server.port, size: 999_999_999_999_999 }, async (fetched, path) => {
    assertStringIncludes(
      await failure(fetched),
      "got': it has 999999999999999 bytes, more than the limit of 4294967296",
    );
    assertEquals(names(path), []);
  });
  await fetching({ port: server.port, size: 11, maxSize: 10 }, async (fetched) => {
    assertStringIncludes(await failure(fetched), "it has 11 bytes, more than the limit of 10");
  });
  assertEquals(connections, 0);
});

Deno.test("a download that does not fit on the disk is refused before a byte is fetched", () =>
  fetching({ size: 900_000_000_000_000, maxSize: 999_999_999_999_999 }, async (fetched, path) => {
    const why = await failure(fetched);
    assert(/it needs 900000000000000 bytes, and the disk has \d+ left$/.test(why), why);
    assertEquals(names(path), []);
  }));

Deno.test("bytes after the announced size are ignored", async () => {
  const content = contentOf(1000);
  await using server = new ScriptedServer(async (peer) => {
    await peer.line();
    await peer.send("P1 from 0\n");
    await peer.send(content);
    for (;;) await peer.send(content);
  });
  await fetching({ port: server.port, size: 1000, hash: sha256(content) }, async (fetched, path) => {
    await fetched;
    assertEquals(await Deno.readFile(`${path}/got`), content);
    assertEquals(names(path), ["got"]);
  });
});

Deno.test("a download that arrives in single bytes fails as stalled", async () => {
  await using server = new ScriptedServer(async (peer) => {
    await peer.line();
    await peer.send("P1 from 0\n");
    for (;;) {
      await peer.send("x");
      await new Promise((resolve) => setTimeout(resolve));
    }
  });
  await fetching({ port: server.port, size: 4_000_000_000 }, async (fetched) => {
    assertStringIncludes(await failure(fetched), "the transfer makes no progress");
  });
});

Deno.test("a server may work for nine minutes, and is given up after ten", async () => {
  using clock = skippingClock();
  const content = contentOf(1000);
  let waits = 0;
  await using server = new ScriptedServer(async (peer, connection) => {
    await peer.line();
    for (; connection > 1 || waits < 108; waits++) {
      await peer.send("P1 wait\n");
      await new Promise((resolve) => setTimeout(resolve));
      clock.skip(5000);
    }
    await peer.send("P1 from 0\n");
    await peer.send(content);
  });
  const stallMsMax = 60_000;
  await fetching({ port: server.port, size: 1000, hash: sha256(content), stallMsMax }, async (fetched) => {
    await fetched;
    assertEquals(waits, 108);
  });
  await fetching({ port: server.port, size: 1000, hash: sha256(content), stallMsMax }, async (fetched) => {
    assertStringIncludes(await failure(fetched), "the transfer makes no progress");
  });
});

Deno.test("a download that is interrupted after each byte is given up", async () => {
  await using server = new ScriptedServer(async (peer) => {
    const [, offset] = /(\d+)$/.exec((await peer.line())!)!;
    await peer.send(`P1 from ${offset}\nx`);
  });
  await fetching({ port: server.port, size: 1_000_000 }, async (fetched) => {
    await failure(fetched);
  });
  assertLess(server.connections, 20);
});

Deno.test("an upload that is accepted byte by byte is given up", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/sent`, content = contentOf(1_000_000);
  await Deno.writeFile(path, content);
  await using server = new ScriptedServer(async (peer, connection) => {
    await peer.line();
    const hash = createHash("sha256").update(content.subarray(0, connection)).digest("hex");
    await peer.send(`P1 from ${connection} ${hash}\n`);
    await peer.line();
  });
  let tickets = 0;
  const ticket = () => {
    tickets++;
    return Promise.resolve({ ticket: TICKET, key: KEY });
  };
  await failure(upload({ hostname: "127.0.0.1", port: server.port, path, ticket, stallMsMax: PATIENCE }));
  assertLess(tickets, 20);
});

Deno.test("an upload whose tickets are never valid is given up", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/sent`;
  await Deno.writeFile(path, contentOf(1000));
  await using server = new ScriptedServer(async (peer) => {
    await peer.line();
    await peer.send("P1 no ticket unknown, used or too old\n");
  });
  let tickets = 0;
  const ticket = () => {
    tickets++;
    return Promise.resolve({ ticket: TICKET, key: KEY });
  };
  const sent = upload({ hostname: "127.0.0.1", port: server.port, path, ticket, stallMsMax: PATIENCE });
  assertStringIncludes(await failure(sent), "the server answers: unknown, used or too old");
  assertLess(tickets, 20);
});
