import { assertEquals } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { ServerProcess, temporaryDirectory } from "../../program.ts";
import { FULL, obtainSeed, report } from "../form.ts";
import { SessionLedger } from "./ledger.ts";
import { checkCounts, UdpProxy } from "../udp_proxy.ts";
import { PATIENCE_MS } from "../../patience.ts";

const MESSAGES = FULL ? 10_000 : 500, SENDERS = 10, RECEIVERS = 10;
const SEEDS = FULL ? [1, 2, 3] : [1];

async function exchange(seed: number, sealed = false) {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path]);
  await using proxy = new UdpProxy(server.port, seed);
  await using stack = new AsyncDisposableStack();
  await server.logged("the server's key is ");
  const serverKey = /key is (\S+)/.exec(server.err)![1]!;
  // under seal everybody makes an account on the way
  const connect = async (name: string) =>
    stack.use(
      await connectMailbox({
        port: proxy.port,
        ...sealed ? { serverKey, as: { name, password: `of ${name}`, make: true } } : {},
      }),
    );
  const ledger = new SessionLedger();
  const began = performance.now();
  const names = (prefix: string, many: number) => Array.from({ length: many }, (_, i) => `${prefix}${i}`);
  // a first log-in takes seconds on such a network: all at the same time
  const [receivers, senders] = await Promise.all([
    Promise.all(names("of-sender-", RECEIVERS).map(connect)),
    Promise.all(names("sender-", SENDERS).map(connect)),
  ]);
  for (const [i, receiver] of receivers.entries()) {
    ledger.receive(receiver, `of-sender-${i}`);
    ledger.receive(receiver, "shared");
  }
  for (const [i, sender] of senders.entries()) {
    for (let n = 0; n < MESSAGES / SENDERS; n++) {
      ledger.send(sender, n % 2 === 0 ? `of-sender-${i}` : "shared", `sender-${i}`);
    }
  }
  await ledger.finished();
  const elapsed = performance.now() - began;
  const administrator = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  stack.use(administrator);
  const { messages, dead } = await administrator.stat();

  report(
    `seed ${seed}: ${ledger.acknowledged} messages in ${(elapsed / 1000).toFixed(1)} s; ` +
      `handed out again, not acknowledged in time: ${ledger.handedOut - ledger.acknowledged}`,
  );
  checkCounts("to the server", proxy.toServer);
  checkCounts("to the clients", proxy.toClients);
  ledger.check();
  assertEquals({ messages, dead }, { messages: 0, dead: 0 });
}

const SENTENCE = "over a network that loses, repeats and reorders, each message arrives once and in order";

for (const seed of SEEDS) Deno.test(`${SENTENCE}, seed ${seed}`, () => exchange(seed));
Deno.test(`${SENTENCE}, random seed`, () => exchange(obtainSeed()));
Deno.test(`${SENTENCE}, under seal`, () => exchange(SEEDS[0]!, true));
