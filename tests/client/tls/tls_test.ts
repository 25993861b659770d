import { assertEquals, assertRejects } from "@std/assert";
import { connectChannels, KnownServers, ServerCertificateError } from "../../../client/channels.ts";
import { selfSigned } from "../../../client/command/cert/self_signed.ts";
import { connectRoom } from "../../../client/room.ts";
import { CHANNELS_TEXTS } from "../../../protocol/channels.ts";
import { encodePublicKey } from "../../../protocol/syntax/key_text.ts";
import { lacks, runCommand, temporaryDirectory } from "../../program.ts";
import { Relay } from "../../relay.ts";
import { DEFAULT_OPTIONS } from "../../default_options.ts";
import { Chatter } from "../chat/terminal.ts";
import { type TlsServer, withTlsServer } from "../../server/wire/hub/tls/tls_server.ts";

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

/** Makes the server show a certificate that is made by a command, or by these names and days. */
async function show({ server, files }: TlsServer, names: string[], days = 1): Promise<string> {
  const { cert, key } = await selfSigned(names, days);
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  await server.reload(() => Promise.resolve(DEFAULT_OPTIONS));
  return cert;
}

// channels.md 10.8
Deno.test("with a ca a certificate has to name the server, by its name or address, and to be valid now", () =>
  withTlsServer({}, async (server) => {
    const port = server.port("channels");
    const connect = async (ca: string, hostname: string) => {
      const name = hostname === "::1" ? `[::1]:${port}` : `${hostname}:${port}`;
      try {
        (await connectChannels({ name: "Alice", hostname, port, tls: { ca } })).close();
        return "taken";
      } catch (error) {
        if (!(error instanceof ServerCertificateError)) throw error;
        return error.message.replace(`The certificate of ${name} is refused: `, "")
          .replace(/ \(sha256:[0-9a-f]{64}\)$/, "");
      }
    };
    const rows: [names: string[], days: number, hostname: string, outcome: string][] = [
      [["127.0.0.1"], 1, "127.0.0.1", "taken"],
      [["127.0.0.1"], 1, "localhost", "it is not for localhost"],
      [["localhost"], 1, "localhost", "taken"],
      [["localhost"], 1, "127.0.0.1", "it is not for 127.0.0.1"],
      [["127.0.0.2", "::1", "chat.example.org"], 1, "127.0.0.1", "it is not for 127.0.0.1"],
      // a name that looks like an address names none
      [["*.0.0.1"], 1, "127.0.0.1", "it is not for 127.0.0.1"],
      // valid for half an hour, which is over
      [["127.0.0.1"], -1 / 48, "127.0.0.1", "it is not valid at this time"],
    ];
    for (const [names, days, hostname, outcome] of rows) {
      const cert = await show(server, names, days);
      assertEquals([names, hostname, await connect(cert, hostname)], [names, hostname, outcome]);
    }
  }));

// channels.md 10.8
Deno.test(
  "a certificate that is renewed with the same key is another one, and refused where the first was remembered",
  { ignore: await lacks("openssl") },
  () =>
    withTlsServer({}, async ({ server, files, port }) => {
      await using directory = await temporaryDirectory();
      const knownServers = new KnownServers(`${directory.path}/known-servers`);
      const connect = () =>
        connectChannels({ name: "Alice", port: port("channels"), tls: { knownServers, server: "here" } });
      (await connect()).close();
      const more = "-addext subjectAltName=IP:127.0.0.1 -days 2 -subj /CN=here";
      const made = `openssl req -x509 -key ${files.key} -out ${files.cert} ${more}`.split(" ");
      const { code, err } = await runCommand(made, { input: "" });
      assertEquals(code, 0, err);
      await server.reload(() => Promise.resolve(DEFAULT_OPTIONS));
      await assertRejects(connect, ServerCertificateError, "wirepost known-servers remove here");
      await knownServers.remove("here");
      (await connect()).close();
    }),
);

// channels.md 10.8
Deno.test("a chat whose connection is lost does not go on with a server that has another certificate", () =>
  withTlsServer({}, async ({ port, renew, fingerprint }) => {
    await using directory = await temporaryDirectory();
    const knownServers = new KnownServers(`${directory.path}/known-servers`);
    using relay = new Relay(port("channels"));
    const tls = { knownServers, server: "here" };
    await using alice = await Chatter.channels("Alice", relay.port, { tls });
    alice.type("/create tea");
    await alice.sees("-- in tea: Alice (you)");
    // the same certificate: it goes on
    relay.cut();
    await alice.sees("-- reconnected");
    await renew();
    relay.cut();
    await alice.sees(`says ${fingerprint}:`.slice(0, 20));
    await alice.sees("somebody may be in between");
    assertEquals(relay.connections, 1);
  }));
