/**
 * `fetch` over connections that this program opens by itself, so that it can check the server's certificate as it does on
 * channels. node:http speaks HTTP/1.1 on them, and keeps them for the next request.
 *
 * @module
 */

import { Agent, type ClientRequest, type IncomingMessage, request as startRequest } from "node:http";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers";
import type { Connection } from "./connection.ts";
import { ServerCertificateError } from "./tls/certificate_trust.ts";

/** Connections to one server at a time. */
const MAX_CONNECTIONS = 6;

/** Longest body of an answer, in bytes: 64 of the longest messages, escaped. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Bytes that are read at once. */
const READ_BYTES = 65_536;

/** What is used of a `RequestInit`, which is another type for each version of Deno's libraries. */
interface RequestFields {
  signal?: AbortSignal | null;
  method?: string;
  headers?: HeadersInit;
  body?: unknown;
}

export class HttpConnections implements Disposable {
  readonly #agent: Agent;

  /** @param open Opens a connection to the server. */
  constructor(open: () => Promise<Connection>) {
    this.#agent = new ConnectionAgent(open);
  }

  /**
   * Sends a request; its body is a text, if it has one. The answer is read whole.
   *
   * @throws {TypeError} There is no answer.
   * @throws {ServerCertificateError} The server's certificate is not trusted.
   */
  readonly fetch: typeof fetch = (input, init = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { signal, method = "GET", headers, body }: RequestFields = init, url = new URL(`${input}`);
    signal?.throwIfAborted();
    const text = body == null ? undefined : new TextEncoder().encode(`${body}`);
    const all = Object.fromEntries(new Headers(headers));
    if (text !== undefined) all["content-length"] = `${text.length}`;
    const request = startRequest({
      agent: this.#agent,
      method,
      path: `${url.pathname}${url.search}`,
      hostname: url.hostname,
      port: url.port,
      headers: { host: url.host, ...all },
    });
    const abort = () => request.destroy();
    signal?.addEventListener("abort", abort);
    answerTo(request).then(resolve, (error) => {
      const isOwn = signal?.aborted || error instanceof ServerCertificateError;
      reject(isOwn ? signal?.reason ?? error : new TypeError(error.message, { cause: error }));
    }).finally(() => signal?.removeEventListener("abort", abort));
    request.end(text);
    return promise;
  };

  /** Closes all connections. */
  [Symbol.dispose]() {
    this.#agent.destroy();
  }
}

function answerTo(request: ClientRequest): Promise<Response> {
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (answer) => {
      const pieces: Uint8Array[] = [];
      let length = 0;
      answer.on("data", (piece: Uint8Array<ArrayBuffer>) => {
        pieces.push(piece);
        length += piece.length;
        if (length > MAX_ANSWER_BYTES) request.destroy(new RangeError("the answer is longer than any"));
      });
      answer.once("error", reject);
      answer.once("close", () => reject(new Error("the connection broke within the answer")));
      answer.once("end", () => resolve(responseOf(answer, pieces)));
    });
  });
}

function responseOf({ statusCode: status = 0, rawHeaders }: IncomingMessage, pieces: Uint8Array[]): Response {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  // these have no body
  const body = status === 204 || status === 304 ? null : new Blob(pieces as Uint8Array<ArrayBuffer>[]);
  return new Response(body, { status, headers });
}

class ConnectionAgent extends Agent {
  readonly #open: () => Promise<Connection>;

  constructor(open: () => Promise<Connection>) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
    this.#open = open;
  }

  override createConnection(_options: unknown, done?: (error: Error | null, socket: Duplex) => void): Duplex {
    const nothing = undefined as unknown as Duplex;
    this.#open().then((connection) => done?.(null, socketOf(connection)), (error) => done?.(error, nothing));
    // it is given to the callback
    return nothing;
  }
}

/** The connection as node:http takes it, with those methods of a socket that it calls. */
function socketOf(connection: Connection): Duplex {
  const socket = new Duplex({
    read() {
      connection.read(new Uint8Array(READ_BYTES)).then((bytes) => {
        this.push(bytes);
        // no request may begin on it any more, also if nobody reads it now
        if (bytes === null) nextTurn(() => this.destroy());
      }, (error) => this.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      connection.write(chunk).then(() => done(), done);
    },
    final(done) {
      connection.closeWrite().then(() => done(), () => done());
    },
    destroy(error, done) {
      connection.close();
      done(error);
    },
  });
  const nothing = () => socket;
  return Object.assign(socket, {
    setKeepAlive: nothing,
    setNoDelay: nothing,
    setTimeout: nothing,
    ref: nothing,
    unref: nothing,
  });
}
