import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import * as tls from "node:tls";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { certificateFingerprint } from "../../../protocol/syntax/fingerprint.ts";
import {
  CONNECT_TIMEOUT_MS,
  type Connection,
  type ConnectOptions,
  MAX_TIMER_MS,
  openTcp,
} from "../connection.ts";
import { DuplexReader } from "../duplex_reader.ts";
import type { TcpSocket } from "../socket.ts";
import { checkCertificate } from "./certificate_trust.ts";

/** Bytes that are read at once. */
const READ_BYTES = 16_384;

/**
 * Connects over TCP with TLS 1.2 or 1.3, to the first of the name's addresses that accepts.
 *
 * @throws {ServerCertificateError} The server's certificate is not the right one; nothing was sent to it.
 * @throws {Error} None accepted in time.
 */
export async function connectTls(options: ConnectOptions & { port: number }): Promise<Connection> {
  const { hostname = "127.0.0.1", port, timeout = CONNECT_TIMEOUT_MS, signal, tls = {} } = options;
  const server = formatAddress({ hostname, port }), settings = typeof tls === "boolean" ? {} : tls;
  const tcp = await openTcp(options);
  const connection = new TlsConnection(tcp, {
    host: hostname,
    // an address is no name for SNI (RFC 6066, section 3)
    ...isAddress(hostname) ? {} : { servername: hostname },
    ca: settings.ca ?? systemRoots(),
    minVersion: "TLSv1.2",
    // what is not signed by a root may still be known: see below
    rejectUnauthorized: false,
  });
  const abort = () => connection.close();
  signal?.addEventListener("abort", abort);
  const timer = setTimeout(abort, Math.min(timeout, MAX_TIMER_MS));
  let isSecured = false;
  try {
    await connection.secured;
    isSecured = true;
    clearTimeout(timer);
    await checkCertificate(settings, {
      server,
      fingerprint: await connection.fingerprint(),
      why: connection.problem(hostname),
    });
    signal?.throwIfAborted();
    return connection;
  } catch (error) {
    connection.close();
    signal?.throwIfAborted();
    if (isSecured) throw error;
    throw new Error(`Cannot connect to ${server} with TLS: ${whyOf(error as Error)}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^[\d.]+$/.test(hostname);
}

/** The roots that the system trusts; undefined for those that Deno brings along, where it can't be asked. */
function systemRoots(): string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?(type: "system"): string[] };
  try {
    const roots = getCACertificates?.("system") ?? [];
    return roots.length > 0 ? roots : undefined;
  } catch {
    return undefined;
  }
}

/** A server without TLS sends something else than the answer to a hello. */
function whyOf({ message }: Error): string {
  return /corrupt|InvalidContentType|wrong version/i.test(message)
    ? `it answers without TLS (${message})`
    : message;
}

class TlsConnection implements Connection {
  readonly #tcp: TcpSocket;
  readonly #socket: TLSSocket;
  /** Resolves when the handshake is done. */
  readonly secured: Promise<void>;
  readonly #reader: DuplexReader;
  #closed = false;
  /** Resolves when the socket has set itself up: before that it must not be destroyed (Deno 2.9.6). */
  readonly #started = nextTurn();

  constructor(tcp: TcpSocket, options: ConnectionOptions) {
    this.#tcp = tcp;
    const all = { ...options, socket: duplexOf(tcp, this.#started), allowHalfOpen: true };
    const socket = this.#socket = connect(all);
    const secured = Promise.withResolvers<void>();
    this.secured = secured.promise;
    this.secured.catch(() => {});
    socket.on("secureConnect", () => secured.resolve());
    socket.on("error", (error) => secured.reject(error));
    socket.on("end", () => secured.reject(new Error("the server has ended the connection")));
    socket.on(
      "close",
      () => secured.reject(new Error(this.#closed ? "no answer in time" : "the server is gone")),
    );
    this.#reader = new DuplexReader(socket, "the server is gone");
  }

  /** Of the server's certificate. */
  fingerprint(): Promise<string> {
    return certificateFingerprint(this.#socket.getPeerCertificate().raw);
  }

  /** Why the certificate is not one that a root has signed for this server; undefined if it is. */
  problem(hostname: string): string | undefined {
    const certificate = this.#socket.getPeerCertificate(), now = Date.now();
    if (checkServerIdentity(hostname, certificate) !== undefined) return `it is not for ${hostname}`;
    if (this.#socket.authorized) return undefined;
    const { authorizationError } = this.#socket as { authorizationError?: unknown };
    const code = `${authorizationError}`;
    // of one that has signed itself the system says no more than that
    const isOver = now < Date.parse(certificate.valid_from) || now > Date.parse(certificate.valid_to);
    if (isOver || /EXPIRED|NOT_YET_VALID/.test(code)) return "it is not valid at this time";
    return /SELF_SIGNED|UNABLE_TO/.test(code) ? "nobody known has signed it" : code;
  }

  async read(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
    const length = await this.#reader.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve())
    );
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#started.then(() => this.#socket.destroy());
    try {
      this.#tcp.close();
    } catch {
      // the socket has closed it
    }
  }
}

/** The socket as node:tls takes it. */
function duplexOf(tcp: TcpSocket, started: Promise<unknown>): Duplex {
  const duplex: Duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      const buffer = new Uint8Array(READ_BYTES);
      started.then(() => tcp.read(buffer)).then(
        (length) => this.push(length === null ? null : buffer.subarray(0, length)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(tcp, chunk).then(() => done(), done);
    },
    final(done) {
      tcp.closeWrite().then(() => done(), () => done());
    },
  });
  // the connection has it from its own socket
  duplex.on("error", () => {});
  return duplex;
}

async function writeAll(tcp: TcpSocket, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) at += await tcp.write(bytes.subarray(at));
}
