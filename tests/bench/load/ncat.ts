/** A file through ncat, which does nothing but pass bytes on. */

import { carryOut, type Figures } from "./loop.ts";

function shell(script: string): Deno.ChildProcess {
  return new Deno.Command("sh", { args: ["-c", script], stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
}

/** Milliseconds between two looks whether it listens. */
const LOOK_MS = 10;

async function pass({ path, mib }: { path: string; mib: number }): Promise<Figures> {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr, passed = `${path}.passed`;
  probe.close();
  const receiver = shell(`exec ncat -l 127.0.0.1 ${port} > '${passed}'`);
  // it takes one connection only, so that whether it listens has to be read from the kernel
  const listens = new RegExp(`0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`);
  while (!listens.test(await Deno.readTextFile("/proc/net/tcp"))) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const begin = performance.now(), sender = shell(`exec ncat --send-only 127.0.0.1 ${port} < '${path}'`);
  await receiver.status;
  const seconds = (performance.now() - begin) / 1000;
  await sender.status;
  const { size } = await Deno.stat(passed);
  await Deno.remove(passed);
  if (size !== mib * 1024 ** 2) throw new Error(`Cannot measure: ${size} bytes came`);
  return { rate: mib / seconds };
}

await carryOut({ "up": pass, "down": pass, "plain-up": pass, "plain-down": pass });
