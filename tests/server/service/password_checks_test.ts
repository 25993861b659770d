import { assertEquals } from "@std/assert";
import { PasswordChecks } from "../../../server/service/account/password_checks.ts";

/** A check that ends when the test says so, with its name. */
function pending(name: string) {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { check: () => promise, end: () => resolve(name) };
}

// channels.md 9.8
Deno.test("passwords are looked at two at a time, and one name or network can't keep others out", async () => {
  const checks = new PasswordChecks(2), a = pending("a");
  const all: Promise<string | undefined>[] = [];
  for (let i = 0; i < 3; i++) all.push(checks.run("alice", "10.0.0.1", a.check));
  // the third is one too many for alice there, and not for bob, or elsewhere
  assertEquals(await all[2], undefined);
  const b = pending("b");
  all.push(checks.run("bob", "10.0.0.1", b.check), checks.run("alice", "10.0.0.2", b.check));
  assertEquals(checks.limits()[1]!.used, 2);
  b.end();
  a.end();
  assertEquals(await Promise.all(all), ["a", "a", undefined, "b", "b"]);
  assertEquals(checks.limits()[1]!.used, 0);
  // a network has 32 places for all of its names
  const c = pending("c"),
    more = Array.from({ length: 40 }, (_, i) => checks.run(`${i}`, "10.0.0.1", c.check));
  const elsewhere = checks.run("alice", "10.0.0.2", c.check);
  c.end();
  const ended = await Promise.all(more);
  assertEquals([ended.filter((one) => one === "c").length, await elsewhere], [32, "c"]);
});

Deno.test("a check that fails gives its place to the next one", async () => {
  const checks = new PasswordChecks(2), fail = () => Promise.reject(new Error("failed"));
  const all = ["a", "b", "c"].map((name) => checks.run(name, "10.0.0.1", fail).catch(() => "failed"));
  assertEquals(await Promise.all(all), ["failed", "failed", "failed"]);
  assertEquals(await checks.run("a", "10.0.0.1", () => Promise.resolve("right")), "right");
});

// channels.md 9.8
Deno.test("networks take turns with what waits, and an owner at its own network waits for no stranger", async () => {
  const checks = new PasswordChecks(1), done: string[] = [], first = pending("first");
  const look = (name: string, network: string, isOwn = false) =>
    checks.run(name, network, () => {
      done.push(`${name} ${network}`);
      return Promise.resolve();
    }, isOwn);
  const all: Promise<unknown>[] = [checks.run("zoe", "10.0.0.9", first.check)];
  for (const name of ["a", "b", "c"]) all.push(look(name, "10.0.0.1"));
  all.push(look("d", "10.0.0.2"), look("owner", "10.0.0.3", true));
  first.end();
  await Promise.all(all);
  assertEquals(done, ["owner 10.0.0.3", "a 10.0.0.1", "d 10.0.0.2", "b 10.0.0.1", "c 10.0.0.1"]);
});
