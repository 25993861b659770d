import { NODE_SOCKETS } from "./node/sockets.ts";
import type { Sockets } from "./socket.ts";

/** The sockets of what the library runs on. */
export const sockets: Sockets = (globalThis as { Deno?: Sockets }).Deno ?? NODE_SOCKETS;
