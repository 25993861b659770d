/** A server that answers as a script of `commands.ts` says. */

import { encodeAnswers, isSessionDatagram } from "../../../../protocol/session.ts";
import { type Bytes, bytesOf, textOf, unescaped } from "../engine/target.ts";
import { FuzzedStream } from "../server/stream.ts";

/** Milliseconds after which a connection ends, unless the script says `tcp-silent`. */
const TCP_MS = 50;

/** Answers that the last line of a script gives. */
const LAST_REPEATED = 20;

const SERVER = { hostname: "127.0.0.1", port: 21001 };

/** The server's end of the client's sockets. */
export class HostileServer {
  readonly #steps: string[];
  #repeated = 0;
  readonly streams: FuzzedStream[] = [];
  readonly #receivers = new Set<() => void>();
  readonly #sent: Bytes[] = [];
  readonly #startId = "00000001";

  constructor(steps: readonly string[]) {
    this.#steps = [...steps];
  }

  listenDatagram = () => {
    let closed = false, reject: (error: Error) => void = () => {};
    const sent = this.#sent, receivers = this.#receivers;
    return {
      addr: { transport: "udp", hostname: "0.0.0.0", port: 50_000 },
      receive: (buffer: Uint8Array) =>
        new Promise((resolve, fail) => {
          reject = fail;
          const pass = () => {
            if (closed) return void receivers.delete(pass);
            const datagram = sent.shift();
            if (datagram === undefined) return;
            receivers.delete(pass);
            buffer.set(datagram.subarray(0, buffer.length));
            resolve([buffer.subarray(0, Math.min(buffer.length, datagram.length)), {
              transport: "udp",
              ...SERVER,
            }]);
          };
          receivers.add(pass);
          pass();
        }),
      send: (datagram: Bytes) => {
        this.#received(datagram.slice());
        return Promise.resolve(datagram.length);
      },
      close: () => {
        closed = true;
        reject(new Deno.errors.BadResource("closed"));
      },
    };
  };

  connect = () => {
    const stream = new FuzzedStream("127.0.0.1", 55_555);
    this.streams.push(stream);
    stream.onWritten = () => this.#tcp();
    if (!this.#steps.includes("tcp-silent")) setTimeout(() => stream.isClosed || stream.end(), TCP_MS);
    return Promise.resolve(
      Object.assign(stream, { setNoDelay() {}, closeWrite: () => Promise.resolve(stream.end()) }),
    );
  };

  /** Gives the lines for connections that come next. */
  #tcp() {
    while (this.#steps[0]?.startsWith("tcp ")) {
      const bytes = unescaped(this.#steps.shift()!.slice(4));
      for (const stream of this.streams) if (!stream.isClosed) stream.send(bytes);
    }
  }

  #received(datagram: Bytes) {
    const text = textOf(datagram);
    if (text.startsWith("A, challenge")) return this.#send(bytesOf(`A, ok, ${"0".repeat(36)}`));
    const [, session = "", startId] = text.split(" ");
    if (isSessionDatagram(datagram) && startId === "-") {
      const cookie = "000000000001" + "1".repeat(16);
      return this.#send(encodeAnswers({ session, startId: this.#startId, cookie, done: 0 }, []));
    }
    const step = this.#next();
    if (step === undefined || step === "silent") return;
    const [, many, rest = ""] = /^(many )?(.*)$/s.exec(step)!;
    for (let i = 0; i < (many === undefined ? 1 : 50); i++) {
      this.#answer(rest.replaceAll("$i", `${i}`), session, text);
    }
    // what no datagram asks for comes at once
    while (this.#steps.length > 1 && this.#steps[0]!.startsWith("raw ")) {
      this.#send(unescaped(this.#steps.shift()!.slice(4)));
    }
    this.#tcp();
  }

  #answer(step: string, session: string, request: string) {
    if (step.startsWith("raw ")) return this.#send(unescaped(step.slice(4)));
    if (!request.startsWith("P1>")) return this.#send(bytesOf(`A, ${textOf(unescaped(step))}`));
    const number = /^[a-z]+,(\d+)/im.exec(request.slice(request.indexOf("\n") + 1))?.[1] ?? "1";
    const lines = textOf(unescaped(step.replaceAll(/\$[tn]/g, number)));
    this.#send(encodeAnswers({ session, startId: this.#startId, cookie: "", done: 0 }, [lines]));
  }

  #next(): string | undefined {
    if (this.#steps.length > 1) return this.#steps.shift();
    return this.#repeated++ < LAST_REPEATED ? this.#steps[0] : undefined;
  }

  #send(datagram: Bytes) {
    this.#sent.push(datagram);
    for (const pass of [...this.#receivers]) pass();
  }
}
