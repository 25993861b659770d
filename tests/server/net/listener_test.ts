import { assertEquals } from "@std/assert";
import { acceptAll, waitFor } from "../../../server/net/listener.ts";
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
  Deno.test(
    `${name}: clients that are gone before they are accepted keep nobody waiting`,
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
          // two, because who comes before the other is told of it
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

/** A socket that gives these in turn, and is closed then. */
function scripted(outcomes: readonly (string | Error)[]) {
  const left = outcomes.values();
  return {
    accept() {
      const { value, done } = left.next();
      if (done) return Promise.reject(new Deno.errors.BadResource("closed"));
      return value instanceof Error ? Promise.reject(value) : Promise.resolve(value);
    },
  };
}

function failed(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** What comes of these outcomes of `accept`, in their order. */
async function accepting(outcomes: readonly (string | Error)[]): Promise<string[]> {
  const events: string[] = [];
  await acceptAll({
    socket: scripted(outcomes),
    onAccepted: (connection) => events.push(connection),
    onGone: () => events.push("gone"),
    onExhausted: (error, isFirst) => events.push(`${error.message}${isFirst ? " first" : ""}`),
    stopped: new AbortController().signal,
    wait(ms) {
      events.push(`wait ${ms}`);
      return Promise.resolve();
    },
  });
  return events;
}

Deno.test("only a machine that has run out of something makes clients wait to be accepted", async () => {
  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
    assertEquals(
      await accepting([failed(code), failed(code), "Alice", failed(code)]),
      [`${code} first`, "wait 5", code, "wait 10", "Alice", `${code} first`, "wait 5"],
    );
  }
  for (const code of ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM"]) {
    assertEquals(await accepting([failed(code), failed(code), "Alice"]), ["gone", "gone", "Alice"]);
  }
});

Deno.test("a wait to accept grows to a second, and ends with the server", async () => {
  const failures = new Array<Error>(10).fill(failed("EMFILE"));
  const waits = (await accepting(failures)).filter((event) => event.startsWith("wait"));
  assertEquals(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000].map((ms) => `wait ${ms}`));

  const stop = new AbortController();
  await acceptAll({
    socket: scripted(failures),
    onAccepted() {},
    onGone() {},
    onExhausted: () => setTimeout(() => stop.abort()),
    stopped: stop.signal,
    wait: (_, signal) => waitFor(3_600_000, signal),
  });
});
