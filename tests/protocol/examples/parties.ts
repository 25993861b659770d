/**
 * The clients of an example: each sends what the document says, byte by byte, and holds what it receives against it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SessionConnection } from "../../../client/session/seal/session_connection.ts";
import { KnownServers } from "../../../client/session/seal/known_servers.ts";
import { proof } from "../../../protocol/admin.ts";
import { bodyAt, encodeRequests } from "../../../protocol/session.ts";
import { TransferPeer } from "../../client/transfer/peer.ts";
import { Peer } from "../../program.ts";
import { SECRET } from "../../server/administrator.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import type { Values } from "./values.ts";

export interface Party {
  send(text: string): Promise<void>;
  /** Waits for what the document says. */
  receive(documented: string): Promise<void>;
  /** Waits until the server has carried out what was sent. */
  settle?(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The document's text is what came, or the test fails. */
function hold(documented: string, real: string, values: Values) {
  if (!values.learn(documented, real)) assertEquals(real, values.fill(documented));
}

/** Characters that the documents write as words. */
const characters = (text: string) =>
  text.replaceAll("␠", " ").replaceAll(/\bSTX /g, "\x02").replaceAll(/ LF /g, "\n").replaceAll(
    /\bCR /g,
    "\r",
  );

/** What the document has for a command of the administrator, with its proof. */
const ORDER = /^A, (\S+), \S+…, (.*)$/;

/** Sends and receives datagrams; a command of the administrator gets the proof that the document leaves out. */
export class DatagramParty implements Party {
  readonly #peer: Peer;
  readonly #values: Values;

  constructor(port: number, values: Values) {
    this.#peer = new Peer(port);
    this.#values = values;
  }

  get port(): number {
    return this.#peer.port;
  }

  async send(text: string) {
    const [order, documented = "", command = ""] = ORDER.exec(text) ?? [];
    if (order === undefined) return await this.#peer.send(characters(this.#values.fill(text)));
    let nonce = this.#values.fill(documented);
    // the example begins behind the challenge
    if (nonce.includes("…")) nonce = (await this.#peer.ask("A, challenge   ")).replace("A, ok, ", "");
    const filled = this.#values.fill(command);
    await this.#peer.send(
      `A, ${nonce}, ${proof(new TextEncoder().encode(SECRET), nonce, filled)}, ${filled}`,
    );
  }

  async receive(documented: string) {
    const datagram = await this.#peer.receive();
    // an event is one line, which the documents break
    const lines = documented.replaceAll(/,\n"/g, ',"');
    if (!lines.endsWith("\n…")) return hold(lines, datagram, this.#values);
    // more rows follow, and stand between those that are shown
    const rows = datagram.split("\n");
    for (const line of lines.split("\n").slice(0, -1)) {
      assert(rows.includes(line), `no row: ${line} in ${datagram}`);
    }
  }

  /** Waits for a datagram of exactly so many bytes. */
  async receiveBytes(documented: string, length: number) {
    const datagram = await this.#peer.receive();
    hold(documented, datagram, this.#values);
    assertEquals(new TextEncoder().encode(datagram).length, length, datagram);
  }

  async [Symbol.asyncDispose]() {
    this.#peer[Symbol.dispose]();
    await Promise.resolve();
  }
}

/** `frame(X) frame(Y)`, or `frame(X)` on lines one behind the other. */
const framesOf = (text: string) =>
  [...text.matchAll(/frame\((.*?)\)(?=\s|$)/gs)].map(([, frame = ""]) => characters(frame));

/** A client of the channels or of the room. */
export class StreamParty implements Party {
  readonly #peer: FramePeer | LinePeer;
  readonly #values: Values;
  /** What came while it waited for something else. */
  readonly #early: string[] = [];

  constructor(peer: FramePeer | LinePeer, values: Values) {
    this.#peer = peer;
    this.#values = values;
  }

  #messagesOf(text: string): string[] {
    if (this.#peer instanceof LinePeer) return text.split("\n").map(characters);
    const frames = framesOf(text);
    assert(frames.length > 0, `no frame: ${text}`);
    return frames;
  }

  async send(text: string) {
    if (text === "connects") return;
    if (text === "closes") return this.#peer[Symbol.dispose]();
    await this.#peer.send(...this.#messagesOf(this.#values.fill(text)));
  }

  async settle() {
    if (this.#peer instanceof FramePeer) this.#early.push(...await this.#peer.settle());
  }

  async receive(documented: string) {
    for (const message of this.#messagesOf(documented)) {
      hold(message, this.#early.shift() ?? await this.#peer.next() ?? "(closed)", this.#values);
    }
  }

  async [Symbol.asyncDispose]() {
    this.#peer[Symbol.dispose]();
    await Promise.resolve();
  }
}

/** What a session under a seal takes for the server's start ID. */
const START_ID = "00000001";

/** Milliseconds after which nothing more is expected: more than any load explains. */
const MAX_WAIT_MS = 60_000;

/** What a connection under a seal receives: lines of answers, and control messages. */
class SealedLines {
  readonly state = {
    id: crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true }),
  };
  readonly #received: string[] = [];
  #arrived = Promise.withResolvers<void>();

  received(datagram: Uint8Array) {
    const [, ...lines] = new TextDecoder().decode(datagram.subarray(bodyAt(datagram))).split("\n");
    this.#add(...lines);
  }

  control(message: Uint8Array) {
    this.#add(new TextDecoder().decode(message));
  }

  #add(...received: string[]) {
    this.#received.push(...received);
    this.#arrived.resolve();
  }

  /** @throws {Error} Nothing came: better than a test that never ends. */
  async next(): Promise<string> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("Nothing came")), MAX_WAIT_MS);
    try {
      while (this.#received.length === 0) {
        this.#arrived = Promise.withResolvers();
        await Promise.race([this.#arrived.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
    return this.#received.shift()!;
  }

  fail(error: (sent: boolean) => Error) {
    this.#add(error(true).message);
  }

  close() {
    return Promise.resolve();
  }
}

type SealedConnection = SessionConnection<SealedLines & { state: never }>;

/** A client that has logged in: lines of its session, or `{…}`, a datagram inside the seal. */
export class SealedParty implements Party {
  readonly #connection: SealedConnection;
  readonly #send: (datagram: Uint8Array<ArrayBuffer>) => unknown;
  readonly #values: Values;
  /** Outcomes up to this number are known. */
  #low = 1;

  private constructor(
    connection: SealedConnection,
    send: (datagram: Uint8Array<ArrayBuffer>) => unknown,
    values: Values,
  ) {
    this.#connection = connection;
    this.#send = send;
    this.#values = values;
  }

  static async open(
    service: "mailbox" | "forum",
    options: { port: number; name: string; password: string; make?: boolean; knownServers: string },
    values: Values,
  ): Promise<SealedParty> {
    const { port, knownServers, ...as } = options;
    let send: ((datagram: Uint8Array<ArrayBuffer>) => unknown) | undefined;
    const connection = await SessionConnection.open(
      { port, as, knownServers: new KnownServers(knownServers), timeout: 30_000 },
      { service, port },
      (environment) => {
        send = environment.send;
        return new SealedLines() as unknown as SealedLines & { state: never };
      },
    );
    const party = new SealedParty(connection, send!, values);
    // the header of what is inside a seal comes alone at first
    return party;
  }

  get #lines(): SealedLines {
    return this.#connection.session;
  }

  async send(text: string) {
    const filled = this.#values.fill(text);
    const inside = /^\{(.*)\}$/s.exec(filled)?.[1];
    if (inside === undefined) {
      const header = { session: this.#lines.state.id, startId: START_ID, cookie: "", low: this.#low };
      await this.#send(encodeRequests(header, filled.split("\n")));
      return;
    }
    const [order, nonce = "", command = ""] = ORDER.exec(inside) ?? [];
    // the seal proves who sends: the secret is empty (admin.md 8.2)
    const message = order === undefined
      ? characters(inside)
      : `A, ${nonce}, ${proof(new Uint8Array(0), nonce, command)}, ${command}`;
    await this.#connection.control(new TextEncoder().encode(message));
  }

  async receive(documented: string) {
    for (const line of documented.replace(/^\{(.*)\}$/s, "$1").split("\n")) {
      hold(line, await this.#lines.next(), this.#values);
      const last = /^(?:ok|bad),(?:\d+-)?(\d+)/.exec(line)?.[1];
      if (last !== undefined) this.#low = Number(last) + 1;
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#connection.close(1000);
  }
}

/** What stands for bytes in an example of the transfer: ``the 11 bytes `hello world` ``. */
const BYTES = /^the (\d+) bytes `(.*)`$/;

/** The client's side of a transfer. */
export class TransferParty implements Party {
  readonly #peer: TransferPeer;
  readonly #values: Values;

  constructor(peer: TransferPeer, values: Values) {
    this.#peer = peer;
    this.#values = values;
  }

  async send(text: string) {
    const [, length, bytes = ""] = BYTES.exec(text) ?? [];
    if (length === undefined) return await this.#peer.send(`${this.#values.fill(text)}\n`);
    assertEquals(bytes.length, Number(length), text);
    await this.#peer.send(bytes);
  }

  async receive(documented: string) {
    const behind = /^the bytes behind the first ([\d,]+)$/.exec(documented)?.[1];
    if (behind === undefined) return hold(documented, await this.#peer.line() ?? "(closed)", this.#values);
    const rest = await this.#peer.bytes(1_000_000);
    assertEquals(new TextDecoder().decode(rest), this.#values.fill("REST"));
  }

  async [Symbol.asyncDispose]() {
    this.#peer[Symbol.dispose]();
    await Promise.resolve();
  }
}
