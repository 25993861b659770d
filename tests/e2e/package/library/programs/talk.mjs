// Talks in channels and in the room, plain and with TLS, and says what was heard: PORTS as JSON, and a certificate in PEM.
// deno-lint-ignore-file no-console
import { readFileSync } from "node:fs";
import { connectChannels, KnownServers, LoginRefusedError } from "wirepost/channels";
import { connectRoom } from "wirepost/room";

const ports = JSON.parse(process.argv[2]),
  ca = readFileSync(process.argv[3], "utf8"),
  state = process.argv[4];
const password = "ann's password";

/** The next text that has this in it. */
async function heard(client, part) {
  for await (const text of client) if (text.includes(part)) return text;
}

for (const tls of [false, { ca }, { knownServers: new KnownServers(`${state}/known`) }]) {
  const port = ports.channels, how = tls === false ? "plain" : tls.ca ? "with a certificate" : "at first use";
  const ann = await connectChannels({ port, name: "ann", password, tls });
  const bea = await connectChannels({ port, name: "bea", tls });
  const channel = `lab-${port}-${how.replaceAll(" ", "-")}`;
  await ann.send(`/create ${channel}`);
  await ann.send("/list");
  await heard(ann, channel);
  await bea.send(`/join ${channel}`);
  await heard(ann, "bea has joined");
  const long = "Ω".repeat(150);
  await bea.send("5 Ω, or more? ✓");
  await bea.send(long);
  console.log(`channels, ${how}: ${await heard(ann, "bea")}`);
  for (let rest = long; rest !== "";) {
    rest = rest.replace((await heard(ann, "[bea] ")).slice("[bea] ".length), "");
  }
  await ann.finish();
  while (await ann.receive() !== undefined);
  ann.close();
  bea.close();

  const place = { port: tls === false ? ports.room : ports.roomTls, tls };
  const one = await connectRoom(place), two = await connectRoom({ ...place, as: { name: "ann", password } });
  await heard(one, "entered");
  await two.send("from one to the other ✓");
  console.log(`room, ${how}: ${await heard(one, ">")}`);
  const isAborted = AbortSignal.abort(new Error("stopped"));
  await connectRoom({ ...place, signal: isAborted }).catch((error) => console.log(error.message));
  two.close();
  one.close();
}
await connectChannels({ port: ports.channels, name: "ann", password: "wrong" })
  .catch((error) => console.log(error instanceof LoginRefusedError, error.reason));
await connectChannels({
  port: ports.channels,
  name: "bea",
  tls: { ca: readFileSync(process.argv[5], "utf8") },
})
  .catch((error) => console.log(error.name));
await connectRoom({ port: ports.closed }).catch((error) => console.log(error.message));
