/**
 * Standard output and standard error: what is written is written whole before a call resolves.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Whether the terminal, if there is one, would show the sequences that others obey. */
export function isDumb(): boolean {
  return Deno.env.get("TERM") === "dumb";
}

async function writeAll(stream: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array) {
  // a pipe may take less than it is given
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** Bytes for standard output. */
export function writeBytes(bytes: Uint8Array): Promise<void> {
  return writeAll(Deno.stdout, bytes);
}

/** Text for standard output: results. */
export function write(text: string): Promise<void> {
  return writeAll(Deno.stdout, encoder.encode(text));
}

/** Bytes of one write of {@linkcode tryWrite}: so much may be on its way where it is given up. */
const PIECE = 16 * 1024;

/**
 * Texts for standard output, as if in one write. Where that ends early, tells how many of them it has taken whole, and
 * why.
 *
 * @param givenUp When no reader is waited for any more.
 */
export async function tryWrite(
  texts: readonly string[],
  givenUp?: Promise<void>,
): Promise<{ taken: number; error?: unknown }> {
  const bytes = encoder.encode(texts.join(""));
  const late = givenUp?.then((): number => {
    throw new Error("Cannot write: nobody reads standard output");
  });
  late?.catch(() => {});
  let at = 0;
  try {
    while (at < bytes.length) {
      const written = Deno.stdout.write(bytes.subarray(at, late === undefined ? undefined : at + PIECE));
      at += await (late === undefined ? written : Promise.race([written, late]));
    }
    return { taken: texts.length };
  } catch (error) {
    let taken = 0;
    for (let end = 0; taken < texts.length; taken++) {
      end += encoder.encode(texts[taken]!).length;
      if (end > at) break;
    }
    return { taken, error };
  }
}

/** Bytes for standard error. */
export function writeErrorBytes(bytes: Uint8Array): Promise<void> {
  return writeAll(Deno.stderr, bytes);
}

/** Text for standard error: everything that is no result. */
export function writeError(text: string): Promise<void> {
  return writeAll(Deno.stderr, encoder.encode(text));
}

/**
 * Somebody else's text as it may be shown: control characters but TAB as `^X`, so that none is obeyed, and what breaks
 * lines or changes the direction of the text behind it as `<U+202E>`, so that it can't look like another text.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\t]|[\u2028-\u202e\u2066-\u2069]/gu, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    if (code === 0x7f) return "^?";
    return code < 0xa0 ? `^[${String.fromCharCode(code - 0x40)}` : `<U+${code.toString(16).toUpperCase()}>`;
  });
}
