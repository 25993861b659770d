import { InterruptedError } from "./signals.ts";
import { TerminalEditor } from "./terminal_editor.ts";
import { StandardTty } from "./tty.ts";

/** Longest secret, in UTF-16 code units. */
const MAX_SECRET = 4096;

/**
 * Asks for a secret, such as a password, on the terminal of standard input and of `output`, and shows nothing of it.
 * Everything else goes on meanwhile. Undefined after Ctrl-D with nothing typed.
 *
 * @throws {InterruptedError} Ctrl-C was pressed.
 * @throws {Error} Standard input is no terminal.
 */
export async function promptSecret(
  prompt: string,
  output: "stdout" | "stderr" = "stderr",
): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) throw new Error("Cannot ask for a secret: standard input is no terminal");
  await using editor = new TerminalEditor(new StandardTty(output), prompt, MAX_SECRET);
  const line = await editor.read({ secret: true });
  if (editor.interrupted.aborted) throw new InterruptedError();
  return line?.text;
}
