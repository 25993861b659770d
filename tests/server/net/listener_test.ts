import { assertEquals } from "@std/assert";
import { ConnectionSlots } from "../../../server/net/connection_slots.ts";
import { Listener, type Stream, waitFor } from "../../../server/net/listener.ts";
import type { LogEvent } from "../../../server/report/log.ts";
import { lacks } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { withServer } from "../serve.ts";

const ignore = Deno.build.os === "windows" || await lacks("python3");

/** Connects to a port so many times, and resets each connection before anybody can accept it. */
const RESET = `
import socket, struct, sys
for _ in range(int(sys.argv[2])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
`;

function resetConnections(port: number, times: number) {
  // synchronously: the server, which is in this process, accepts none of them meanwhile
  const args = ["-c", RESET, String(port), String(times)];
  assertEquals(new Deno.Command("python3", { args }).outputSync().code, 0);
}

for (const name of ["channels", "room", "forum"] as const) {
  // channels.md 5.11
  Deno.test(
    `${name}: clients that are gone before they are accepted do not delay others`,
    { ignore },
    () =>
      withServer({ ports: { [name]: 0 } }, async (server) => {
        const { port } = server.listening.findLast((service) => service.name === name)!.addresses[0]!;
        resetConnections(port, 60);
        if (name === "channels") {
          using alice = await FramePeer.named("Alice", port);
          await alice.send("/join tea");
          assertEquals(await alice.next(), "No channel named tea exists. Try '/create tea'?");
        } else if (name === "room") {
          using alice = await LinePeer.connect(port);
          // two, because only the earlier one gets a line about the other
          using bob = await LinePeer.connect(port);
          assertEquals(await alice.next(), `[127.0.0.1:${bob.port}] entered room`);
        } else {
          using alice = await LinePeer.connect(port);
          await alice.send("hello");
          assertEquals(await alice.next(), "P1 no malformed");
        }
      }),
  );
}

function failed(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A listener on a socket whose `accept` gives these outcomes in turn, and then never any more. */
class Subject {
  /** What is accepted, counted, logged and waited for. */
  readonly events: string[] = [];
  readonly listener: Listener<Stream & { client: string }, { close(): void }>;
  readonly ended = Promise.withResolvers<void>();

  constructor(
    outcomes: readonly (string | Error)[],
    wait?: (ms: number, signal: AbortSignal) => Promise<void>,
  ) {
    const { events, ended } = this, left = outcomes.values(), closed = Promise.withResolvers<never>();
    closed.promise.catch(() => {});
    const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
    this.listener = new Listener({
      name: "channels",
      service: "channels",
      sockets: [{
        accept() {
          const { value, done } = left.next();
          if (done) ended.resolve();
          if (done) return closed.promise;
          return value instanceof Error
            ? Promise.reject(value)
            : Promise.resolve({ client: value, remoteAddr } as Stream & { client: string });
        },
        close: () => closed.reject(new Deno.errors.BadResource("closed")),
      }],
      slots: new ConnectionSlots({ connections: 9, addressConnections: undefined }),
      metrics: { add: (name: string) => events.push(name.replace("channels ", "")) } as never,
      log: { warn: ({ what }: LogEvent) => events.push(what) } as never,
      open({ client }) {
        events.push(client);
        return { close() {} };
      },
      onSlot() {},
      serve: () => Promise.resolve(),
      wait: wait ?? ((ms) => {
        events.push(`wait ${ms}`);
        return Promise.resolve();
      }),
    });
  }
}

/** What comes of these outcomes of `accept`, in their order. */
async function accepting(outcomes: readonly (string | Error)[]): Promise<string[]> {
  const { events, listener, ended } = new Subject(outcomes);
  await ended.promise;
  await listener.close();
  return events;
}

// channels.md 5.11
Deno.test("only a machine that has run out of something makes clients wait to be accepted", async () => {
  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
    const first = ["accept failed", `cannot accept a connection: ${code}; trying again`, "wait 5"];
    assertEquals(
      await accepting([failed(code), failed(code), "Alice", failed(code)]),
      [...first, "accept failed", "wait 10", "Alice", ...first],
    );
  }
  for (const code of ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM"]) {
    const gone = "gone before accepted";
    assertEquals(await accepting([failed(code), failed(code), "Alice"]), [gone, gone, "Alice"]);
  }
});

// channels.md 5.11
Deno.test("a wait to accept grows to a second, and ends with the server", async () => {
  const failures = new Array<Error>(10).fill(failed("EMFILE"));
  const waits = (await accepting(failures)).filter((event) => event.startsWith("wait"));
  assertEquals(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000].map((ms) => `wait ${ms}`));

  const waiting = Promise.withResolvers<void>();
  const { listener } = new Subject(failures, (_, signal) => {
    waiting.resolve();
    return waitFor(3_600_000, signal);
  });
  await waiting.promise;
  await listener.close();
});
