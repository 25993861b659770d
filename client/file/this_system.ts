import { NODE_SYSTEM } from "./node/node_system.ts";
import type { System } from "./system.ts";

/** The system that the library runs on: Deno, or Node. */
export const system: System = (globalThis as { Deno?: System }).Deno ?? NODE_SYSTEM;
