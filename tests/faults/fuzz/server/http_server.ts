/** The HTTP service with all that it has routes for, as the server puts it together, on a listener in memory. */

import { openFiles } from "../../../../server/data/open_files.ts";
import { HttpService } from "../../../../server/http_service.ts";
import { DEFAULT_HUB_LIMITS, HubService } from "../../../../server/hub_service.ts";
import { Networks } from "../../../../server/quota/address.ts";
import { setTimer } from "../../../../server/quota/uptime.ts";
import { Clients } from "../../../../server/report/clients.ts";
import type { Limit } from "../../../../server/report/limit.ts";
import { Log } from "../../../../server/report/log.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { Watch } from "../../../../server/report/watch.ts";
import { Accounts, readAccounts } from "../../../../server/service/account/accounts.ts";
import { Forum } from "../../../../server/service/forum.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { Moderation } from "../../../../server/service/moderation.ts";
import { mailboxCommands } from "../../../../server/wire/admin/mailbox_commands.ts";
import { TransferWire } from "../../../../server/wire/transfer/transfer.ts";
import type { ForumService } from "../../../../server/forum_service.ts";
import { newToken } from "../../../server/protected.ts";
import { ACCOUNT, makeAccount } from "../../../simulation/account.ts";
import { Random } from "../../../simulation/random.ts";
import { newDirectory } from "../engine/directory.ts";
import { fuzzedStore } from "./store.ts";
import { FuzzedListener } from "./stream.ts";

const HTTP_LIMITS = {
  ...{ connections: 16, addressConnections: undefined },
  ...{ connectionsPerSecond: undefined, requestsPerSecond: undefined },
};

const HUB_LIMITS = {
  ...DEFAULT_HUB_LIMITS,
  ...{ maxChannels: 12, maxLineBytes: 300, maxPendingBytesInAll: 256 * 1024 },
  history: { messages: 20, bytes: 16_384 },
  sending: { ...DEFAULT_HUB_LIMITS.sending, maxPendingBytes: 65_536 },
};

const FILE_LIMITS = { share: 60, fileBytes: 65_536, bytes: 1024 ** 2, files: 100 };

/** Channels beside those that a script makes; one of them is for others alone. */
const CHANNELS = ["tea", "honest"];

export interface FuzzedHttp {
  readonly listener: FuzzedListener;
  /** Logs in as an administrator. */
  readonly token: string;
  limits(): Limit[];
  close(): Promise<void>;
}

export async function startHttp(): Promise<FuzzedHttp> {
  const now = () => Math.floor(performance.now()) + 1_700_000_000_000, random = new Random(5);
  const stores = fuzzedStore(now, random, (mailbox) => mailboxes.ready(mailbox)), { store } = stores;
  const environment = { wallClock: now, monotonicClock: now, random: random.bytes };
  const log = new Log(() => Promise.resolve(), { level: "debug" }), listener = new FuzzedListener();
  const accounts = new Accounts({ ...environment, store, known: [] });
  const moderation = new Moderation({ ...environment, store, known: [] });
  const mailboxes = new Mailboxes({ ...environment, store, accounts, moderation });
  const token = await newAdministrator(accounts);
  await readAccounts(stores.whole);
  const shared = {
    ...{ ...environment, store, accounts, moderation, log, watch: new Watch(environment) },
    ...{ clients: new Clients(now), metrics: new Metrics(), polling: { due: undefined } as never },
  };
  const hub = await HubService.start({ ...shared, sockets: {}, limits: HUB_LIMITS });
  for (const name of CHANNELS) hub.hub.make(name, "10.9.9.9");
  const directory = newDirectory();
  const files = await openFiles({ ...shared, directory, limits: FILE_LIMITS });
  const forum = new Forum({ ...environment, store, files });
  const transfers = new TransferWire({ ...shared, tickets: forum.tickets, listeners: [], max: 4, setTimer });
  const commands = mailboxCommands(store);
  const http = new HttpService({
    ...{ ...shared, mailboxes, hub, forum: { forum, transfers } as unknown as ForumService },
    ...{ secret: undefined, sockets: [listener], version: "0", services: { mailbox: 21001 } },
    ...{ limits: HTTP_LIMITS, webHosts: [], trustedProxies: new Networks(["127.0.0.0/8"]) },
    administer: async (name, args) =>
      await commands.find(({ usage }) => usage.split(/[^\w-]/, 1)[0] === name)
        ?.run([...args], { address: "", send() {} }),
    values: () => Promise.resolve({ values: new Map(hub.status()), histograms: new Map() }),
  });
  return {
    ...{ listener, token },
    limits: () => [...http.limits(), ...hub.limits(), ...transfers.limits()],
    async close() {
      await http.close();
      await transfers.close();
      await hub.close();
      await files.close();
      await log.flush();
      stores.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

/** Returns a token: to look at a password would take too long. */
async function newAdministrator(accounts: Accounts): Promise<string> {
  const { token, id, verifier } = await newToken();
  await accounts.add(ACCOUNT.name, makeAccount(ACCOUNT).verifier);
  await accounts.administer("role", ACCOUNT.name, "admin");
  await accounts.addToken(ACCOUNT.name, { id, verifier });
  return token;
}
