import { assertGreater } from "@std/assert";
import { connectForum, type Forum } from "../../../client/forum.ts";
import { ServerProcess, temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { type Cut, CuttingProxy } from "../../client/transfer/proxy.ts";
import { FULL, report } from "../form.ts";
import { ForumModel, ForumUser } from "./model.ts";
import { checkCounts, UdpProxy } from "../udp_proxy.ts";

const USERS = 10, COMMANDS = FULL ? 2000 : 300;
const SEEDS = FULL ? [1, 2, 3] : [1];

/** A network that cuts transfers, and loses, repeats and reorders datagrams; both on one port. */
async function badNetwork(port: number, seed: number): Promise<{ tcp: CuttingProxy; udp: UdpProxy }> {
  const random = new Random(seed);
  for (;;) {
    let connections = 0;
    const tcp = await CuttingProxy.start(port, () => {
      // every third one, in its content, or as the first always in its request
      const n = connections++, most = n === 0 ? 20 : 20_000;
      if (n % 3 > 0) return undefined;
      return { cut: random.chance(0.5) ? "fin" : "rst" as Cut, after: random.between(1, most) };
    });
    try {
      return { tcp, udp: new UdpProxy(port, seed, tcp.port) };
    } catch (error) {
      await tcp[Symbol.asyncDispose]();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

for (const seed of SEEDS) {
  // forum.md 2.1
  Deno.test(`over a network that loses, repeats, reorders and cuts, a forum carries out each command once, seed ${seed}`, async () => {
    await using directory = await temporaryDirectory();
    await using files = await temporaryDirectory();
    await using server = await ServerProcess.start(["forum", "0", "--data", directory.path]);
    await server.logged("the server's key is ");
    const serverKey = /key is (\S+)/.exec(server.err)![1]!;
    const { tcp, udp } = await badNetwork(server.port, seed);
    await using _ = tcp;
    await using proxy = udp;
    await using stack = new AsyncDisposableStack();
    const forums: Forum[] = [];
    const enter = async (name: string) => {
      const as = { name, password: `of ${name}`, make: true };
      const forum = stack.use(await connectForum({ port: proxy.port, serverKey, timeout: 60_000, as }));
      forums.push(forum);
      return forum;
    };
    const model = new ForumModel(3, 3), founder = await enter("founder");
    await model.found(founder);
    const users = await Promise.all(Array.from({ length: USERS }, async (_, i) => {
      const name = `user${i}`, own = `${files.path}/${i}`;
      await Deno.mkdir(own);
      return new ForumUser(model, await enter(name), name, seed * 100 + i, own);
    }));
    const began = performance.now();
    await Promise.all(users.map((user) => user.work(() => model.commands < COMMANDS)));
    const seconds = (performance.now() - began) / 1000;
    await model.check(founder);
    await Promise.all(forums.map((forum) => forum.close()));
    report(
      `seed ${seed}: ${USERS} users, ${model.commands} commands in ${seconds.toFixed(1)} s; ` +
        `transfers cut: ${tcp.cuts.fin} by FIN, ${tcp.cuts.rst} by RST`,
    );
    report([...model.answered].toSorted().map(([name, count]) => `${name}: ${count}`).join(", "));
    checkCounts("to the server", proxy.toServer);
    checkCounts("to the clients", proxy.toClients);
    assertGreater(tcp.cuts.fin + tcp.cuts.rst, 0, "no transfer was cut");
  });
}
