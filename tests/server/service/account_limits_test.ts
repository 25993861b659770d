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
  const used = () => accounts.limits().map(({ name, used, limit }) => `${name} ${used}/${limit}`);
  assertEquals(used(), [
    ...["accounts 0/100000", "wrong log-ins of one address 0/64", "wrong log-ins as one user 0/16"],
    ...["new accounts of one address 0/100", "accounts made by one address 0/25000"],
  ]);
  for (let i = 0; i < 3; i++) accounts.loginFailed("bob", "192.0.2.1"), accounts.addWaitMs("192.0.2.9");
  assertEquals(used(), [
    ...["accounts 0/100000", "wrong log-ins of one address 3/64", "wrong log-ins as one user 3/16"],
    ...["new accounts of one address 3/100", "accounts made by one address 0/25000"],
  ]);
});
