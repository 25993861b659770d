import { assertEquals } from "@std/assert";
import { createSecureContext } from "node:tls";
import type { Stream } from "../../../server/net/listener.ts";
import { PendingTotal } from "../../../server/quota/pending.ts";
import { selfSigned } from "../../../client/command/cert/self_signed.ts";
import type { SocketPolling } from "../../../server/net/fairness.ts";
import { Connection } from "../../../server/net/connection.ts";
import { ChunkJoiner, DEFAULT_SEND_LIMITS } from "../../../server/net/send_queue.ts";
import { Handshakes } from "../../../server/net/tls/handshakes.ts";
import { setTimer } from "../../../server/quota/uptime.ts";
import { TlsPort } from "../../../server/net/tls/tls_port.ts";

/** What becomes of a client that sends these bytes and then waits for the server to close. */
async function beginningOf(bytes: Uint8Array, takesPlain: boolean): Promise<unknown> {
  const { cert, key } = await selfSigned(["localhost"], 1);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const certificate = { context: createSecureContext({ cert, key }) };
  const handshakes = new Handshakes({ monotonicClock: () => performance.now(), setTimer });
  const port = new TlsPort(listener, { certificate, takesPlain, handshakes, handshakeTimeoutMs: 50 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  if (bytes.length > 0) await client.write(bytes);
  const stream = await port.accept();
  const beginning = await stream.begin!();
  await stream.close();
  assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
  return beginning;
}

/** A whole hello, as its head says; what is in it is nothing. */
const HELLO = new Uint8Array([0x16, 3, 1, 0, 54, 1, 0, 0, 50, ...new Uint8Array(50)]);

const TIMED_OUT = { outcome: "tls timed out", why: "no handshake in 0.05 s" };

// channels.md 10.3
Deno.test("a handshake that is half open ends in time: with a first byte, with a part of a record, and with none", async () => {
  const part = new Uint8Array([0x16, 3, 1, 1, 0, 1, 0, 0]);
  assertEquals(await beginningOf(part.subarray(0, 1), true), TIMED_OUT);
  assertEquals(await beginningOf(part, true), TIMED_OUT);
  assertEquals(await beginningOf(part, false), TIMED_OUT);
  // where it can only be TLS, silence is no handshake
  assertEquals(await beginningOf(new Uint8Array(0), false), TIMED_OUT);
});

// channels.md 10.1, 10.6
Deno.test("the first byte decides: any but 22 is a client without TLS", async () => {
  for (const byte of [0, 21, 23, 47, 255]) {
    assertEquals(await beginningOf(new Uint8Array([byte]), true), { outcome: "plain" });
    assertEquals(await beginningOf(new Uint8Array([byte]), false), { outcome: "plaintext refused" });
  }
});

// channels.md 10.9, 10.10
Deno.test("a handshake that may not begin, or has to make room, ends the connection, and so does the client while it waits", async () => {
  const { cert, key } = await selfSigned(["localhost"], 1),
    certificate = { context: createSecureContext({ cert, key }) };
  let ended = 0;
  /** What comes of one whose turn is given by this; `begun` is called with the client and the server's side. */
  const beginWith = async (
    turn: () => Promise<boolean>,
    { giveUp = false, begun = () => {} }: {
      giveUp?: boolean;
      begun?: (client: Deno.TcpConn, stream: Stream) => void;
    } = {},
  ) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const waits = Promise.withResolvers<void>();
    const handshakes: Pick<Handshakes, "begin"> = {
      begin(_hostname, onGivenUp) {
        if (giveUp) queueMicrotask(onGivenUp);
        return {
          turn() {
            waits.resolve();
            return turn();
          },
          end: () => void ended++,
        };
      },
    };
    const port = new TlsPort(listener, { certificate, takesPlain: true, handshakes });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    await client.write(HELLO);
    const stream = await port.accept(), beginning = stream.begin!();
    if (!giveUp) await waits.promise;
    begun(client, stream);
    const { outcome, why } = await beginning;
    if (outcome !== "gone") await stream.close();
    return why === undefined ? outcome : `${outcome}: ${why}`;
  };
  const never = () => new Promise<boolean>(() => {});
  assertEquals(await beginWith(() => Promise.resolve(false)), "too many handshakes");
  assertEquals(await beginWith(never, { giveUp: true }), "too many handshakes");
  assertEquals(
    await beginWith(never, { begun: (client) => void client.closeWrite() }),
    "tls failed: the client is gone",
  );
  // the turn comes when it was closed
  const turn = Promise.withResolvers<boolean>();
  const begun = (_client: Deno.TcpConn, stream: Stream) => {
    stream.close();
    turn.resolve(true);
  };
  assertEquals(await beginWith(() => turn.promise, { begun }), "gone");
  assertEquals(ended, 4);
});

// channels.md 10.9
Deno.test("a client makes its handshake beside any number of others that have sent a part of a hello", async () => {
  const { cert, key } = await selfSigned(["localhost"], 1),
    certificate = { context: createSecureContext({ cert, key }) };
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let accepted = 0;
  const socket = {
    // as if each came from another address
    accept: async () => from(`192.0.2.${accepted++}`, await listener.accept()),
    close() {},
  };
  // no time passes: what is used up is never there again
  const handshakes = new Handshakes({ monotonicClock: () => 0, setTimer });
  const port = new TlsPort(socket, { certificate, takesPlain: true, handshakes });
  const parts: { client: Deno.Conn; stream: Stream; beginning: ReturnType<NonNullable<Stream["begin"]>> }[] =
    [];
  for (let i = 0; i < 100; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    await client.write(HELLO.subarray(0, 40));
    const stream = await port.accept();
    parts.push({ client, stream, beginning: stream.begin!() });
  }
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.addr.port, caCerts: [cert] });
  const stream = await port.accept(), beginning = stream.begin!(), client = await connecting;
  await client.handshake();
  assertEquals(await beginning, { outcome: "tls" });
  assertEquals(handshakes.limits().map(({ used }) => used), [100, 0]);
  client.close();
  await stream.close();
  for (const { client, stream, beginning } of parts) {
    client.close();
    assertEquals(await beginning, { outcome: "tls failed", why: "the client is gone" });
    await stream.close();
  }
  handshakes.close();
});

// channels.md 10.10
Deno.test("a client makes its handshake beside half-open ones of another address, the oldest of which give way", async () => {
  const { cert, key } = await selfSigned(["localhost"], 1),
    certificate = { context: createSecureContext({ cert, key }) };
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let hostname = "192.0.2.1";
  const socket = {
    // as if they came from elsewhere
    accept: async () => from(hostname, await listener.accept()),
    close() {},
  };
  const handshakes = new Handshakes({ monotonicClock: () => performance.now(), setTimer, maxWaiting: 4 });
  const port = new TlsPort(socket, { certificate, takesPlain: true, handshakes });
  const begin = async () => {
    const stream = await port.accept();
    return { stream, beginning: stream.begin!() };
  };
  const clients: Deno.Conn[] = [], halfOpen: Awaited<ReturnType<typeof begin>>[] = [];
  for (let i = 0; i < 6; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    await client.write(new Uint8Array([0x16, 3, 1]));
    clients.push(client);
    halfOpen.push(await begin());
  }
  hostname = "192.0.2.2";
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.addr.port, caCerts: [cert] });
  const { stream, beginning } = await begin(), client = await connecting;
  await client.handshake();
  assertEquals(await beginning, { outcome: "tls" });
  // two went for the others of their own, one for this one
  const gaveWay = await Promise.all(halfOpen.slice(0, 3).map(({ beginning }) => beginning));
  assertEquals(gaveWay.map(({ outcome }) => outcome), Array(3).fill("too many handshakes"));
  assertEquals(handshakes.limits().map(({ used }) => used), [3, 0]);
  client.close();
  for (const client of clients) client.close();
  for (const { outcome } of await Promise.all(halfOpen.slice(3).map(({ beginning }) => beginning))) {
    assertEquals(outcome, "tls failed");
  }
  for (const each of [...halfOpen.map(({ stream }) => stream), stream]) await each.close();
  handshakes.close();
});

// channels.md 9.2
Deno.test("a secret may travel over TLS from anywhere, and otherwise from this machine alone", () => {
  const isPrivate = (isTls: boolean, hostname: string) => {
    const address = { transport: "tcp", hostname, port: 1 } as const;
    const stream = {
      remoteAddr: address,
      isTls,
      read: () => Promise.resolve(null),
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      close() {},
    };
    const connection = new Connection(stream, address, {
      limits: DEFAULT_SEND_LIMITS,
      joiner: new ChunkJoiner(),
      total: new PendingTotal(1000),
      polling: { due: undefined, turn() {} } as unknown as SocketPolling,
      monotonicClock: () => 0,
    });
    connection.close();
    return connection.isPrivate;
  };
  assertEquals([isPrivate(true, "192.0.2.1"), isPrivate(false, "192.0.2.1")], [true, false]);
  assertEquals([isPrivate(true, "127.0.0.1"), isPrivate(false, "127.0.0.1")], [true, true]);
});

/** A connection as if it came from this address. */
function from(hostname: string, connection: Deno.TcpConn): Stream {
  return {
    remoteAddr: { transport: "tcp", hostname, port: 1 },
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    close: () => connection.close(),
  };
}
