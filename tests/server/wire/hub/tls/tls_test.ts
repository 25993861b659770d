import { assert, assertEquals, assertRejects } from "@std/assert";
import { selfSigned } from "../../../../../client/command/cert/self_signed.ts";
import { CHANNELS_TEXTS, TLS_ONLY_TEXT } from "../../../../../protocol/channels.ts";
import { encodeFrames } from "../../../../../protocol/syntax/frame.ts";
import { DEFAULT_HUB_LIMITS } from "../../../../../server/hub_service.ts";
import { FramePeer, LinePeer } from "../../../../stream.ts";
import { lacks, runCommand } from "../../../../program.ts";
import { serveOptions } from "../../../../../server/options/serve_options.ts";
import { DEFAULT_OPTIONS } from "../../../../default_options.ts";
import { withServer } from "../../../serve.ts";
import { withTlsServer } from "./tls_server.ts";

// channels.md 10.1, 10.2
Deno.test("clients with and without TLS meet in the channels on one port, and in the room on two", () =>
  withTlsServer({}, async ({ port, cert }) => {
    using alice = await FramePeer.overTls(port("channels"), cert);
    await alice.send("Alice", "/create room");
    assertEquals(await alice.settle(), []);
    using bob = await FramePeer.named("Bob", port("channels"));
    await bob.send("/join room", "Ω ✓");
    assertEquals([await alice.next(), await alice.next()], ["Bob has joined", "[Bob] Ω ✓"]);
    using carol = await LinePeer.overTls(port("room-tls"), cert);
    await carol.send("hello");
    const address = `127.0.0.1:${carol.port}`;
    for (const peer of [alice, bob]) {
      assertEquals([await peer.next(), await peer.next()], [`${address} has joined`, `[${address}] hello`]);
    }
    using dave = await LinePeer.connect(port("room"));
    assertEquals(await carol.next(), `[127.0.0.1:${dave.port}] entered room`);
    await dave.send("hi");
    assertEquals(await carol.next(), `\r<('127.0.0.1', ${dave.port})> hi`);
    await alice.send("x".repeat(199));
    assertEquals(await carol.next(), `\r<Alice> ${"x".repeat(199)}`);
    // what is said last arrives before the end of the session
    assertEquals(await carol.rest(), []);
  }));

/** Forwards one connection to the server: the client's first bytes one by one. */
function splitting(port: number): AsyncDisposable & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const forwarding = (async () => {
    using near = await listener.accept();
    using far = await Deno.connect({ hostname: "127.0.0.1", port });
    far.setNoDelay(true);
    const first = new Uint8Array(1024), length = await near.read(first);
    for (let at = 0; at < length!; at++) await far.write(first.subarray(at, at + 1));
    const forward = async (from: Deno.Conn, to: Deno.Conn) => {
      const buffer = new Uint8Array(65_536);
      for (let length; (length = await from.read(buffer)) !== null;) {
        await to.write(buffer.subarray(0, length));
      }
      await to.closeWrite();
    };
    // the one that ends first closes both
    await Promise.all([forward(near, far), forward(far, near)]).catch(() => {});
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await forwarding;
    },
  };
}

// channels.md 10.1
Deno.test("a first message that comes byte by byte is taken, with TLS and without", () =>
  withTlsServer({}, async ({ port, cert }) => {
    for (const isTls of [true, false]) {
      await using slow = splitting(port("channels"));
      using peer = isTls ? await FramePeer.overTls(slow.port, cert) : await FramePeer.connect(slow.port);
      await peer.send("Alice", "/join tea");
      assertEquals(await peer.settle(), [CHANNELS_TEXTS.noChannelNamed("tea")]);
      assertEquals(await peer.rest(), []);
    }
  }));

// channels.md 10.1
Deno.test("a client without TLS gets the same bytes as from a server without", async () => {
  const said = [...[
    "Alice",
    "/create tea",
    "/create tea",
    "/list",
    "\u0001x",
    "",
    "/",
    "/join x",
    "Ω".repeat(90),
  ]];
  const bytes: Uint8Array[] = [];
  for (const isTls of [true, false]) {
    const use = async (port: number) => {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const text of said) await conn.write(encodeFrames(text));
      await conn.closeWrite();
      bytes.push(await new Response(conn.readable).bytes());
    };
    if (isTls) await withTlsServer({}, ({ port }) => use(port("channels")));
    else await withServer({ ports: { channels: 0, room: 0 } }, ({ addresses }) => use(addresses[0]!.port));
  }
  assertEquals(bytes[0], bytes[1]);
  assertEquals(bytes[0]!.length, 4 * 200);
});

// channels.md 10.2
Deno.test(
  "openssl finds TLS 1.2 and 1.3, and nothing older",
  { ignore: await lacks("openssl") },
  () =>
    withTlsServer({}, async ({ port, cert }) => {
      const ask = (version: string, more: string[] = []) =>
        runCommand(
          [
            "openssl",
            "s_client",
            `-${version}`,
            "-connect",
            `127.0.0.1:${port("channels")}`,
            "-brief",
            ...more,
          ],
          { input: "" },
        );
      for (const [version, name] of [["tls1_2", "TLSv1.2"], ["tls1_3", "TLSv1.3"]] as const) {
        const { code, err } = await ask(version);
        assertEquals([code, /^Protocol version: (.*)$/m.exec(err)?.[1]], [0, name], err);
      }
      for (const version of ["tls1", "tls1_1"]) {
        // without the last one, openssl itself refuses what is so old
        const { code, err } = await ask(version, ["-cipher", "ALL:@SECLEVEL=0"]);
        assertEquals([code, err.includes("Protocol version")], [1, false], err);
      }
      using alice = await FramePeer.overTls(port("channels"), cert);
      await alice.send("Alice");
      assertEquals(await alice.settle(), []);
    }),
);

/** What TLS 1.2 may use with a key on an elliptic curve: forward secrecy, and a cipher that also authenticates (RFC 9325, 4.2). */
const STRONG = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((name) =>
  `ECDHE-ECDSA-${name}`
);

// channels.md 10.2
Deno.test(
  "openssl finds no cipher of TLS 1.2 that is weak",
  { ignore: await lacks("openssl") },
  () =>
    withTlsServer({}, async ({ port }) => {
      const all = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
      const { out } = await runCommand(["openssl", "ciphers", "-tls1_2", all], { input: "" });
      const names = out.trim().split(":").filter((name) => !name.startsWith("TLS_"));
      assert(names.length > 30, out);
      const taken: string[] = [];
      // each hello offers what the server has not chosen yet, until it chooses nothing
      for (let left = names;;) {
        const { code, err } = await runCommand([
          ...["openssl", "s_client", "-tls1_2", "-connect", `127.0.0.1:${port("channels")}`, "-brief"],
          ...["-cipher", `${left.join(":")}:@SECLEVEL=0`],
        ], { input: "" });
        if (code !== 0) break;
        const chosen = /^Ciphersuite: (.*)$/m.exec(err)![1]!;
        taken.push(chosen);
        left = left.filter((name) => name !== chosen);
      }
      assertEquals(taken.toSorted(), STRONG.toSorted());
    }),
);

// channels.md 10.6
Deno.test("with --plaintext off a client without TLS is told so, and the room's plain port is closed", () =>
  withTlsServer({ takesPlain: false }, async ({ server, log, port, cert }) => {
    assertEquals(server.listening.map(({ name }) => name), ["channels", "room-tls"]);
    using bob = await FramePeer.named("Bob", port("channels"));
    assertEquals([await bob.next(), await bob.next()], [TLS_ONLY_TEXT, undefined]);
    using carol = await LinePeer.connect(port("room-tls"));
    await carol.send("hello");
    assertEquals([await carol.next(), await carol.next()], [TLS_ONLY_TEXT, undefined]);
    assertEquals(log.filter((line) => line.includes(" plaintext refused")).length, 2);
    using alice = await FramePeer.overTls(port("channels"), cert);
    await alice.send("Alice");
    assertEquals(await alice.settle(), []);
  }));

// channels.md 10.4
Deno.test("what is no handshake is closed, counted and logged, and announced to nobody", () =>
  withTlsServer({}, async ({ log, port, cert }) => {
    using dave = await LinePeer.connect(port("room"));
    using alice = await LinePeer.overTls(port("room-tls"), cert);
    assertEquals(await dave.next(), `[127.0.0.1:${alice.port}] entered room`);
    using wrong = await FramePeer.connect(port("channels"));
    await wrong.write(new Uint8Array([0x16, 9, 9, 0, 2, 0, 0]));
    assertEquals(await wrong.next(), undefined);
    // one that leaves within the handshake
    using half = await LinePeer.connect(port("room-tls"));
    await half.write(new Uint8Array([0x16]));
    assertEquals(await half.rest(), []);
    using bob = await LinePeer.connect(port("room"));
    assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
    assertEquals(log.join("").split(" tls failed: ").length, 3, log.join(""));
  }));

// channels.md 10.5
Deno.test("a client with TLS that does not read is cut off at the bound of what waits, and others go on", () =>
  withTlsServer({ hubLimits: { ...DEFAULT_HUB_LIMITS, maxPendingBytesInAll: 100_000 } }, async (server) => {
    const { port, cert, log } = server;
    using alice = await FramePeer.overTls(port("channels"), cert);
    await alice.send("Alice", "/create tea");
    assertEquals(await alice.settle(), []);
    using silent = await FramePeer.overTls(port("channels"), cert);
    await silent.send("Silent", "/join tea");
    assertEquals(await alice.next(), "Silent has joined");
    const asked = new Array<string>(100).fill("/".padEnd(199, "x"));
    const sending = (async () => {
      for (;;) await silent.send(...asked);
    })().catch(() => {});
    assertEquals(await alice.next(), "Silent has left");
    await sending;
    assert(log.some((line) => line.includes("'Silent' is cut off: too much waited")), log.join(""));
    await alice.send("/list");
    assertEquals(await alice.next(), "tea");
  }));

/** How many clients talk while the certificate is changed, how often it is, and how often each says something at least. */
const TALKERS = 20, CHANGES = 20, MESSAGES = 50;

// channels.md 10.7
Deno.test("certificates are changed under load, and no connection is lost", () =>
  withTlsServer({}, async ({ port, cert, renew }) => {
    const talkers = await Promise.all(
      Array.from({ length: TALKERS }, () => FramePeer.overTls(port("channels"), cert)),
    );
    try {
      await talkers[0]!.send("talker", "/create tea");
      assertEquals(await talkers[0]!.settle(), []);
      for (const talker of talkers.slice(1)) {
        await talker.send("talker", "/join tea");
        await talker.settle();
      }
      let isChanging = true;
      // each goes on until the last change is made, and says then how often it has said something
      const talk = async (talker: FramePeer) => {
        let count = 0;
        for (; isChanging || count < MESSAGES; count++) {
          await talker.send("x");
          await answered(talker);
        }
        await talker.send(`said ${count}`);
      };
      /** Resolves when the server has read what the talker has said: so that nobody runs ahead of the others. */
      const read = new Map<FramePeer, () => void>();
      const answered = async (talker: FramePeer) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        read.set(talker, resolve);
        await talker.send("/");
        await promise;
      };
      const receive = async (talker: FramePeer) => {
        let count = 0, said = 0;
        for (let left = TALKERS - 1; left > 0 || count < said;) {
          const text = await talker.next();
          assert(text !== undefined, "the server has closed");
          if (text.startsWith("/ is not a valid")) read.get(talker)!();
          else if (text === "[talker] x") count++;
          const [, all] = /^\[talker\] said (\d+)$/.exec(text) ?? [];
          if (all === undefined) continue;
          said += Number(all);
          left--;
        }
        assertEquals(count, said);
      };
      const all = Promise.all(talkers.flatMap((talker) => [talk(talker), receive(talker)]));
      let last = cert;
      for (let i = 0; i < CHANGES; i++) {
        last = await renew();
        // a client that comes now is shown the new one
        using peer = await FramePeer.overTls(port("channels"), last);
        await peer.send("new");
        assertEquals(await peer.settle(), []);
      }
      isChanging = false;
      await all;
      // who trusts the first one alone says so in its handshake
      await assertRejects(() => FramePeer.overTls(port("channels"), cert), Error);
    } finally {
      for (const talker of talkers) talker[Symbol.dispose]();
    }
  }));

// channels.md 10.7
Deno.test("files that can't be used leave the certificate and the options as they are", () =>
  withTlsServer({}, async ({ server, files, log, port, cert }) => {
    const changed = serveOptions({ ...DEFAULT_OPTIONS.values, "max-channels": 7 }, {});
    const reload = () => server.reload(() => Promise.resolve(changed));
    const right = await Deno.readTextFile(files.cert),
      key = await Deno.readTextFile(files.key),
      other = await selfSigned(["localhost"], 1);
    for (
      const [file, text, why] of [
        [files.key, other.key, `Cannot use ${files.key}: it is not the key of ${files.cert}`],
        [files.key, "no key", `Cannot use ${files.key} as a key: it is not in PEM, or has a passphrase`],
        [files.cert, "no certificate", `Cannot use ${files.cert} as a certificate: it is not in PEM`],
      ] as const
    ) {
      await Deno.writeTextFile(file, text);
      await reload();
      assert(
        log.at(-1)!.endsWith(` error server - ${why}; the options and the certificate stay as they were\n`),
        log.at(-1),
      );
      if (file === files.key) await Deno.writeTextFile(file, key);
    }
    using alice = await FramePeer.overTls(port("channels"), cert);
    await alice.send("Alice");
    assertEquals(await alice.settle(), []);
    await Deno.writeTextFile(files.cert, right);
    await reload();
    assertEquals(log.join("").match(/ info server - options .*/g), [
      " info server - options that hold from now on: --max-channels",
    ]);
  }));
