import { FramePeer } from "../../stream.ts";
import { ServerProcess } from "../../program.ts";

/** The channel "tea" of a server of its own, with Bob in it, and what others need to come there. */
export async function teaChannel(): Promise<
  AsyncDisposable & { bob: FramePeer; port: string; server: ServerProcess }
> {
  const server = await ServerProcess.start(["channels", "0", "--memory"]);
  const bob = await FramePeer.named("Bob", server.port);
  await bob.send("/create tea");
  await bob.settle();
  return {
    bob,
    server,
    port: `${server.port}`,
    async [Symbol.asyncDispose]() {
      bob[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
