import { createHash, createHmac } from "node:crypto";
import { PATIENCE_MS } from "../../patience.ts";

/** A TCP socket as any client has it: lines and bytes, each waited for. */
export class TransferPeer implements Disposable {
  readonly #socket: Deno.TcpConn;
  #ahead = new Uint8Array(0);
  #isOver = false;
  readonly #timer: ReturnType<typeof setTimeout>;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    // better than a test that never ends
    this.#timer = setTimeout(() => this[Symbol.dispose](), PATIENCE_MS);
  }

  /** One that has connected already. */
  static of(socket: Deno.TcpConn): TransferPeer {
    return new TransferPeer(socket);
  }

  static async connect(port: number, first?: string): Promise<TransferPeer> {
    const peer = new TransferPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
    if (first !== undefined) await peer.send(`${first}\n`);
    return peer;
  }

  /** Presents the ticket of an upload. */
  static async upload(port: number, { ticket, key }: { ticket: string; key: string }): Promise<UploadPeer> {
    return keyed(await TransferPeer.connect(port, `P1 upload ${ticket}`), key);
  }

  async send(data: string | Uint8Array) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Ends its side; the other may go on. */
  async end() {
    await this.#socket.closeWrite();
  }

  /** The next line without its end, that is not `P1 wait`; null at the end. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#ahead.indexOf(0x0a);
      if (end < 0) {
        if (!await this.#more()) return null;
        continue;
      }
      const line = new TextDecoder().decode(this.#ahead.subarray(0, end));
      this.#ahead = this.#ahead.slice(end + 1);
      if (line !== "P1 wait") return line;
    }
  }

  /** So many bytes, or fewer where the end comes before. */
  async bytes(count: number): Promise<Uint8Array> {
    while (this.#ahead.length < count && await this.#more());
    const bytes = this.#ahead.slice(0, count);
    this.#ahead = this.#ahead.slice(count);
    return bytes;
  }

  [Symbol.dispose]() {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#socket.close();
    this.#isOver = true;
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(262_144);
    const read = await this.#socket.read(buffer);
    if (read === null) return false;
    const both = new Uint8Array(this.#ahead.length + read);
    both.set(this.#ahead);
    both.set(buffer.subarray(0, read), this.#ahead.length);
    this.#ahead = both;
    return true;
  }
}

/** One that has presented the ticket of an upload. */
export type UploadPeer = TransferPeer & { key: Uint8Array };

/** With the key of its ticket, in base64url. */
export function keyed(peer: TransferPeer, key: string): UploadPeer {
  return Object.assign(peer, { key: Uint8Array.fromBase64(key, { alphabet: "base64url" }) });
}

/** The line that proves this content. */
export function sumOf({ key }: Pick<UploadPeer, "key">, content: Uint8Array): string {
  return `${proofOf("sum", key, content)}\n`;
}

/** What a server answers that stored this content. */
export function storedOf({ key }: Pick<UploadPeer, "key">, content: Uint8Array): string {
  return proofOf("stored", key, content);
}

function proofOf(kind: string, key: Uint8Array, content: Uint8Array): string {
  const hash = createHash("sha256").update(content).digest("hex");
  return `P1 ${kind} ${createHmac("sha256", key).update(`${kind} ${hash}`).digest("hex")}`;
}

/** Sends what of the content is behind `from`, and its proof. */
export async function sendContent(peer: UploadPeer, content: Uint8Array, from = 0) {
  await peer.send(`P1 from ${from}\n`);
  await peer.send(content.subarray(from));
  await peer.send(sumOf(peer, content));
}
