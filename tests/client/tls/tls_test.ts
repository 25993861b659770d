import { assertEquals, assertRejects } from "@std/assert";
import { connectChannels, KnownServers, ServerCertificateError } from "../../../client/channels.ts";
import { selfSigned } from "../../../client/command/cert/self_signed.ts";
import { connectRoom } from "../../../client/room.ts";
import { CHANNELS_TEXTS } from "../../../protocol/channels.ts";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { temporaryDirectory } from "../../program.ts";
import { withTlsServer } from "../../server/wire/hub/tls/tls_server.ts";

// channels.md 10.8
Deno.test("a certificate that nobody has signed is remembered beside the server's key, and another one refused", () =>
  withTlsServer({}, async ({ port, fingerprint, renew }) => {
    await using directory = await temporaryDirectory();
    const knownServers = new KnownServers(`${directory.path}/known-servers`);
    const key = encodePublicKey(new Uint8Array(32)), server = "chat.example:21001";
    await knownServers.add(server, key);
    const first: string[] = [];
    const tls = { knownServers, server, onFirstUse: (...what: string[]) => void first.push(...what) };
    for (let i = 0; i < 2; i++) {
      await using alice = await connectChannels({ name: "Alice", port: port("channels"), tls });
      await alice.send("/create");
      assertEquals(await alice.receive(), CHANNELS_TEXTS.createWithoutName);
    }
    {
      await using room = await connectRoom({ port: port("room-tls"), tls });
      await room.send("hello");
    }
    assertEquals(first, [fingerprint, server]);
    const path = knownServers.path;
    assertEquals(await Deno.readTextFile(path), `${server} ${key} ${fingerprint}\n`);
    assertEquals(await knownServers.keyOf(server), key);
    await renew();
    const error = await assertRejects(
      () => connectChannels({ name: "Alice", port: port("channels"), tls }),
      ServerCertificateError,
      `but ${path} says ${fingerprint}: somebody may be in between; if it was given a new certificate, ` +
        `run: wirepost known-servers remove ${server}`,
    );
    assertEquals(
      error.message.startsWith(`The server at 127.0.0.1:${port("channels")} has the certificate sha256:`),
      true,
    );
    assertEquals(await Deno.readTextFile(path), `${server} ${key} ${fingerprint}\n`);
  }));

// channels.md 10.8
Deno.test("with a ca only what it has signed is taken, and nothing is remembered", () =>
  withTlsServer({}, async ({ port, cert, fingerprint }) => {
    const connect = (ca: string, hostname: string) =>
      connectChannels({ name: "Alice", hostname, port: port("channels"), tls: { ca } });
    (await connect(cert, "127.0.0.1")).close();
    const other = await selfSigned(["127.0.0.1"], 1);
    await assertRejects(
      () => connect(other.cert, "127.0.0.1"),
      ServerCertificateError,
      `The certificate of 127.0.0.1:${
        port("channels")
      } is refused: nobody known has signed it (${fingerprint})`,
    );
  }));

Deno.test("a server without TLS, and one that does not answer, are reported as such", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr, tls = { ca: "" };
  const plain = (async () => {
    using conn = await listener.accept();
    await conn.write(new TextEncoder().encode("[127.0.0.1:1] entered room\n"));
    await conn.read(new Uint8Array(1000));
  })();
  await assertRejects(
    () => connectRoom({ port, tls }),
    Error,
    `Cannot connect to 127.0.0.1:${port} with TLS: it answers without TLS`,
  );
  await plain;
  await assertRejects(
    () => connectRoom({ port, tls, timeout: 100 }),
    Error,
    `Cannot connect to 127.0.0.1:${port} with TLS: no answer in time`,
  );
});
