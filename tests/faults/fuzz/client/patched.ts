/** Replaces a part of Deno while an input runs: what a client connects to and writes to is in memory. */

type Replaced = Partial<Record<keyof typeof Deno, unknown>>;

/** Until it is disposed of, Deno has these members. */
export function patched(members: Replaced): Disposable {
  const before: Replaced = {};
  for (const name of Object.keys(members) as (keyof typeof Deno)[]) before[name] = Deno[name];
  Object.assign(Deno, members);
  return { [Symbol.dispose]: () => void Object.assign(Deno, before) };
}

/** An environment with these variables alone: the real one is that of all tests of this process. */
export function environment(
  values: Readonly<Record<string, string>>,
): Pick<Deno.Env, "get" | "has" | "toObject"> {
  return {
    get: (name) => values[name],
    has: (name) => Object.hasOwn(values, name),
    toObject: () => ({ ...values }),
  };
}
