import { proof } from "../../protocol/admin.ts";
import { Peer } from "../program.ts";

/** Asks a server as its administrator, by the secret in its data directory. Every question is sent once. */
export class Administrator implements Disposable {
  readonly #secret: Uint8Array;
  readonly #peer: Peer;

  private constructor(secret: Uint8Array, peer: Peer) {
    this.#secret = secret;
    this.#peer = peer;
  }

  static async of(directory: string, peer: Peer): Promise<Administrator> {
    const secret = (await Deno.readTextFile(`${directory}/secret`)).trim();
    return new Administrator(new TextEncoder().encode(secret), peer);
  }

  /** The answer's fields without `A, ok`. */
  async ask(command: string): Promise<string[]> {
    const [nonce = ""] = fields(await this.#peer.ask("A, challenge   "));
    return fields(await this.#peer.ask(`A, ${nonce}, ${proof(this.#secret, nonce, command)}, ${command}`));
  }

  /** Messages in one mailbox, or in all. */
  async count(mailbox?: string): Promise<number> {
    return Number(await this.ask(mailbox === undefined ? "count" : `count, ${mailbox}`));
  }

  /** A figure of `status`; one that was not counted yet is 0. */
  async figures(): Promise<(name: string) => number> {
    const figures = new Map((await this.ask("status")).map((field): [string, number] => {
      const space = field.lastIndexOf(" ");
      return [field.slice(0, space), Number(field.slice(space + 1))];
    }));
    return (name) => figures.get(name) ?? 0;
  }

  [Symbol.dispose]() {
    this.#peer[Symbol.dispose]();
  }
}

function fields(answer: string): string[] {
  const [type, state, ...rest] = answer.split(", ");
  if (type !== "A" || state !== "ok") throw new Error(`Expected 'A, ok, …', got '${answer}'`);
  return rest;
}
