import { assertEquals } from "@std/assert";
import { Accounts } from "../../../server/service/account/accounts.ts";
import type { Account } from "../../../server/store/requests/account.ts";

// seal.md 6.6
Deno.test("how many accounts were made at one address is shown with the limits, whoever made them when", async () => {
  const made = (name: string, network: string): Account => (
    { name, verifier: "v", mailbox: true, role: "user", tokens: [], network }
  );
  const known = [made("a", "192.0.2.1"), made("b", "192.0.2.1"), made("c", "192.0.2.2"), made("d", "")];
  const store = { ask: () => Promise.resolve({ mailbox: true, apart: 0 }) } as never;
  const accounts = new Accounts({ store, known, monotonicClock: () => 0 });
  const used = () => {
    const { used, limit } = accounts.limits().find(({ name }) => name === "accounts made by one address")!;
    return `${used}/${limit}`;
  };
  assertEquals(used(), "2/25000");
  await accounts.add("e", "v");
  assertEquals(used(), "2/25000");
  await accounts.add("f", "v", "192.0.2.1");
  assertEquals([used(), accounts.ownerOf("f"), accounts.ownerOf("e")], [
    "3/25000",
    "[users of 192.0.2.1]",
    "e",
  ]);
  await accounts.administer("confirm", "f", "");
  assertEquals([used(), accounts.ownerOf("f")], ["2/25000", "f"]);
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
