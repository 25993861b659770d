/**
 * A user of the forum that makes threads without an end.
 *
 *     threads.ts MAIN TARGET SIZE
 *
 * Says `reached` once so many were made or refused, and goes on until it is ended.
 *
 * @module
 */

import type { connectForum } from "../../../client/forum.ts";
import type { Target } from "./services.ts";

/** Threads on their way at a time. */
const WINDOW = 256;

const [main = "", json = "", size = ""] = Deno.args;
const { forum: port, serverKey } = JSON.parse(json) as Target;
const library = await import(new URL("client/forum.ts", main).href);
const connect = library.connectForum as typeof connectForum;
const forum = await connect({ port, serverKey, as: { name: "mallory", password: "spam", make: true } });

let made = 0, settled = 0;
async function make() {
  for (;;) {
    await forum.create(`m${made++}`).catch((error) => {
      if (error.name !== "RefusedError" && error.name !== "FullError") throw error;
    });
    if (++settled === Number(size)) Deno.stdout.writeSync(new TextEncoder().encode("reached\n"));
  }
}

await Promise.all(Array.from({ length: WINDOW }, make));
