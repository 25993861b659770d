// Logs in, in every way there is, and says what came of it: PORT KEY STATE.
// deno-lint-ignore-file no-console
import { setPassword } from "wirepost/account";
import { connectMailbox, KnownServers } from "wirepost/mailbox";

const [port, serverKey, state] = process.argv.slice(2), knownServers = new KnownServers(`${state}/known`);
const connect = (as, more) => connectMailbox({ port: Number(port), as, serverKey, ...more });
const failed = (what) => (error) => console.log(`${what}: ${error.name} ${error.reason ?? ""}`.trim());

const bob = await connect({ name: "bob", password: "pässword Ω", make: true });
await bob.send("bob", "bob", "sealed ✓");
await connect({ name: "bob", password: "wrong" }).catch(failed("wrong password"));
await connect({ name: "nobody", password: "x" }).catch(failed("no account"));
const plain = await connectMailbox({ port: Number(port) });
await plain.stat("bob").catch(failed("without log-in"));
await plain.close();

await setPassword(
  { port: Number(port), as: { name: "bob", password: "pässword Ω" }, serverKey },
  () => Promise.resolve("another"),
);
await bob.stat("bob").catch(failed("after another password"));
await bob.close().catch(() => {});

// the key is remembered at first use, and another one refused after that
const again = await connect({ name: "bob", password: "another" }, { serverKey: undefined, knownServers });
for await (const message of again.messages("bob", { count: 1, wait: 30_000 })) {
  console.log(`${message.sender}: ${message.text}`);
  await message.ack();
}
await again.close();
const [known] = await knownServers.list();
console.log(`remembered: ${known.key === serverKey}`);
const other = "public1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabgoo2";
await connect({ name: "bob", password: "another" }, { serverKey: other }).catch(failed("another key"));
await knownServers.remove(known.server);
console.log(`forgotten: ${(await knownServers.list()).length === 0}`);
