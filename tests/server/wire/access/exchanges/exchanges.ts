import type { Case } from "../table.ts";
import type { World } from "../world.ts";

/** What is done, and resolves to what came of it, in the words of the table. */
export type Exchange = (world: World) => Promise<string>;

export type Exchanges = Partial<Record<Case, Exchange>>;
