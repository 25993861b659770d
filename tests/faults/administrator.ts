import { proof } from "../../protocol/admin.ts";
import { connectOriginalMailbox } from "../../client/original_mailbox.ts";
import { readSecret, secretPath } from "../../server/data/directory.ts";
import type { Peer } from "../program.ts";
import { PATIENCE_MS } from "../patience.ts";

/** Asks a server as its administrator, by the secret in its data directory. */
export class Administrator implements Disposable {
  /** The answer's fields without `A, ok`. */
  readonly ask: (command: string) => Promise<string[]>;
  readonly #peer: Peer | undefined;

  private constructor(ask: (command: string) => Promise<string[]>, peer?: Peer) {
    this.ask = ask;
    this.#peer = peer;
  }

  /** Every question is sent once. */
  static async of(directory: string, peer: Peer): Promise<Administrator> {
    const secret = await readSecret(secretPath(directory));
    const ask = async (command: string) => {
      const [nonce = ""] = fields(await peer.ask("A, challenge   "));
      return fields(await peer.ask(`A, ${nonce}, ${proof(secret, nonce, command)}, ${command}`));
    };
    return new Administrator(ask, peer);
  }

  /** A question is repeated until it is answered: where a flood fills the server's socket, it may be lost. */
  static async repeating(directory: string, port: number): Promise<Administrator> {
    const secret = await readSecret(secretPath(directory));
    const mailbox = await connectOriginalMailbox({ port, timeout: PATIENCE_MS });
    return new Administrator((command) => mailbox.control(secret, command));
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
    this.#peer?.[Symbol.dispose]();
  }
}

function fields(answer: string): string[] {
  const [type, state, ...rest] = answer.split(", ");
  if (type !== "A" || state !== "ok") throw new Error(`Expected 'A, ok, …', got '${answer}'`);
  return rest;
}
