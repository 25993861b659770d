/** The second implementation of the seal, in Python and from the specification alone: tests/protocol/seal_python/seal.py. */

import { assertEquals } from "@std/assert";
import { pythonWith, runCommand, type ServerProcess } from "../../program.ts";

const SCRIPT = new URL("../../protocol/seal_python/seal.py", import.meta.url).pathname;

/** What runs it; undefined if that is not installed. */
export const python: string | undefined = await pythonWith("cryptography");

/** Lets it talk to a server, and returns the lines that it prints. `what` is one of its commands. */
export async function talk(server: ServerProcess, what: string): Promise<string[]> {
  await server.logged("the server's key is public1");
  const key = /server's key is (\S+)/.exec(server.err)![1]!;
  const command = [python!, SCRIPT, what, "127.0.0.1", `${server.port}`, key];
  const env = { PYTHONIOENCODING: "utf-8", PYTHONDONTWRITEBYTECODE: "1" };
  const { code, out, err } = await runCommand(command, { env });
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.trimEnd().split("\n");
}
