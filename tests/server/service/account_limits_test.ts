import { assertEquals } from "@std/assert";
import { Accounts } from "../../../server/service/accounts.ts";

// seal.md 6.6
Deno.test("one address makes a quarter of the accounts at most, and others find some left", () => {
  let now = 0;
  const accounts = new Accounts({ store: {} as never, known: [], monotonicClock: () => now });
  let made = 0;
  while (accounts.mayMake("192.0.2.1")) made++;
  assertEquals([made, accounts.mayMake("192.0.2.2")], [25_000, true]);
  const { used, limit } = accounts.limits().find(({ name }) => name === "accounts made by one address")!;
  assertEquals([used, limit], [25_000, 25_000]);
  now += 86_400_000;
  assertEquals([accounts.mayMake("192.0.2.1"), accounts.mayMake("192.0.2.1")], [true, false]);
});

// seal.md 6.1, 6.5
Deno.test("what is left of the log-ins and new accounts of an address is shown with the limits", () => {
  const accounts = new Accounts({ store: {} as never, known: [], monotonicClock: () => 0 });
  const limitOf = (name: string) => accounts.limits().find((limit) => limit.name === name);
  const used = () =>
    ["wrong log-ins of one address", "wrong log-ins as one user", "new accounts of one address"]
      .map((name) => `${limitOf(name)?.used}/${limitOf(name)?.limit}`);
  assertEquals([limitOf("accounts")?.limit, ...used()], [100_000, "0/64", "0/16", "0/100"]);
  for (let i = 0; i < 3; i++) accounts.loginFailed("bob", "192.0.2.1"), accounts.addWaitMs("192.0.2.9");
  assertEquals(used(), ["3/64", "3/16", "3/100"]);
});
