import { wirepost } from "../../program.ts";

/** Files that are made to hold one. */
const KEPT = /\/(?:password|new-password|people|wrong|other-secret|seal-key|secret)$/;

/** Everything that is written while it runs. */
export class Recorder {
  readonly #outputs: [what: string, text: string][] = [];

  constructor(readonly cwd: string) {}

  add(what: string, text: string) {
    this.#outputs.push([what, text]);
  }

  async run(args: string[], { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {}) {
    const result = await wirepost(args, {
      cwd: this.cwd,
      input,
      env: { XDG_STATE_HOME: `${this.cwd}/state`, ...env },
    });
    this.add(args.join(" "), `${result.out}${result.err}`);
    return result;
  }

  /** The outputs and files that one of the secrets is in: all of it, or in base64 or hexadecimal digits. */
  found(secrets: readonly string[]): string[] {
    const bytes = secrets.map((secret) => new TextEncoder().encode(secret));
    const written = [
      ...secrets,
      ...bytes.map((each) => each.toHex()),
      ...bytes.map((each) => each.toBase64()),
    ];
    const texts = [...this.#outputs, ...filesIn(this.cwd)];
    return texts.filter(([, text]) => written.some((secret) => text.includes(secret))).map(([what]) => what);
  }
}

/** Each file but those that are made to hold a secret, as text. */
function* filesIn(directory: string): Generator<[string, string]> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else if (!KEPT.test(path)) yield [path, new TextDecoder("latin1").decode(Deno.readFileSync(path))];
  }
}
