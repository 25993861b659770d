import { LOOPBACK, type TableUsage } from "./quota/fair_table.ts";

/**
 * How full tables are, as fields `name value` of the answer to `status`: the halves of the anonymous and of those who
 * have logged in, each with its limit, and who holds most of them.
 */
export function tableStatus(tables: readonly [name: string, usage: TableUsage][]): string[] {
  return tables.flatMap(([name, { networks, accounts, ...usage }]) => [
    `${name} ${usage.anonymous}/${usage.mostAnonymous}`,
    ...networks.map(([network, count]) =>
      `${name} at ${network === LOOPBACK ? "loopback" : network} ${count}`
    ),
    `${name} logged in ${usage.loggedIn}/${usage.mostLoggedIn}`,
    ...accounts.map(([account, count]) => `${name} of ${account} ${count}`),
  ]);
}
