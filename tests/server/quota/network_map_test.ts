import { assertEquals, assertThrows } from "@std/assert";
import { Networks } from "../../../server/quota/address.ts";
import { NetworkMap } from "../../../server/quota/network_map.ts";
import { subjectOf } from "../../../server/quota/subject.ts";

/** Addresses in two small ranges, so that many are in a network. */
function addresses(count: number): string[] {
  let seed = 7;
  const random = (limit: number) => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * limit);
  };
  return Array.from(
    { length: count },
    (_, i) =>
      i % 3 === 0
        ? `10.${random(4)}.${random(4)}.${random(256)}`
        : i % 3 === 1
        ? `2001:db8:${random(4).toString(16)}::${random(4)}:${random(65536).toString(16)}`
        : `::ffff:10.${random(4)}.${random(4)}.${random(256)}`,
  );
}

Deno.test("an address is found in the same networks as by comparing it with each", () => {
  const texts = addresses(60).map((address, i) =>
    subjectOf(
      `${address}/${address.includes("::ffff") || !address.includes(":") ? 9 + i % 24 : 33 + i * 2 % 96}`,
    )
  ).filter(({ network }) => network !== undefined).map(({ text }) => text);
  for (let count = 0; count < texts.length; count += 6) {
    const map = new NetworkMap<string>(), used = texts.slice(count, count + 6);
    const list = new Networks(used);
    for (const text of used) map.set(text, text);
    for (const address of [...addresses(300), "", "nobody", "fe80::1%eth0"]) {
      const found = map.get(address);
      assertEquals(found !== undefined, list.has(address), `${address} in ${used.join(" ")}`);
      if (found !== undefined) assertEquals(new Networks([found]).has(address), true);
    }
    for (const text of used) map.delete(text);
    for (const address of addresses(300)) assertEquals(map.get(address), undefined);
  }
});

// a look-up in a list of all would take an hour here
Deno.test("ten thousand networks cost each datagram no more than ten", () => {
  const map = new NetworkMap<number>();
  for (let i = 0; i < 10_000; i++) map.set(`10.${i >> 8}.${i & 255}.0/${24 + i % 3}`, i);
  for (let i = 0; i < 20_000; i++) assertEquals(map.get(`192.168.${i >> 8}.${i & 255}`), undefined);
  assertEquals(map.get("10.1.0.9"), 256);
});

Deno.test("a network with the zone of an interface, or that is none, is a SyntaxError", () => {
  for (const network of ["fe80::1%eth0", "::%e", "fe80::1%eth0/64", "10.0.0.0/33", "10.0.0/8", "x"]) {
    assertThrows(() => new Networks([network]), SyntaxError, `Cannot read network '${network}'`);
  }
});
