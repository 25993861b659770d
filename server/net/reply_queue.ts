/**
 * Sends datagrams on one socket, to each receiver in the order in which they are given: several sends that are not
 * awaited go out in any order in Deno, even backwards.
 */
export class Replies {
  readonly #socket: Deno.DatagramConn;
  readonly #onFailure: () => void;
  /** By receiver, what waits for the datagram to it that is on its way. */
  readonly #behind = new Map<string, Uint8Array<ArrayBuffer>[]>();
  #waiting = 0;
  #sent: PromiseWithResolvers<void> | undefined;

  /** @param onFailure Called for each that could not be sent. */
  constructor(socket: Deno.DatagramConn, onFailure: () => void) {
    this.#socket = socket;
    this.#onFailure = onFailure;
  }

  /** How many are not sent yet. */
  get waiting(): number {
    return this.#waiting;
  }

  send(bytes: Uint8Array<ArrayBuffer>, to: Deno.NetAddr) {
    this.#waiting++;
    const receiver = `${to.hostname} ${to.port}`;
    const behind = this.#behind.get(receiver);
    if (behind !== undefined) {
      behind.push(bytes);
      return;
    }
    this.#behind.set(receiver, []);
    this.#send(bytes, to, receiver);
  }

  /** Resolves when all is sent. */
  async sent() {
    while (this.#waiting > 0) await (this.#sent ??= Promise.withResolvers()).promise;
  }

  async #send(bytes: Uint8Array<ArrayBuffer>, to: Deno.NetAddr, receiver: string) {
    const behind = this.#behind.get(receiver)!;
    for (let now = [bytes]; now.length > 0; now = behind.splice(0)) {
      for (const bytes of now) {
        try {
          await this.#socket.send(bytes, to);
        } catch {
          this.#onFailure();
        }
        this.#waiting--;
      }
    }
    this.#behind.delete(receiver);
    if (this.#waiting > 0) return;
    this.#sent?.resolve();
    this.#sent = undefined;
  }
}
