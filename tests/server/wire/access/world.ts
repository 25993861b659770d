import { connectMailbox, KnownServers } from "../../../../client/mailbox.ts";
import { selfSigned } from "../../../../client/command/cert/self_signed.ts";
import { newVerifier } from "../../../../client/command/account/store.ts";
import { temporaryDirectory } from "../../../program.ts";
import { FramePeer } from "../../../stream.ts";
import { type Administered, withAdministrator } from "../../administrator.ts";
import { newToken } from "../../protected.ts";
import type { Mode } from "./table.ts";

export const PASSWORD = "correct horse", WRONG = "battery staple";

/** Of that password; made once, by the first test: to make one takes a tenth of a second. */
let verifier: string | undefined;

const OPTIONS: Readonly<Record<Mode, Parameters<typeof withAdministrator>[0]>> = {
  open: { auth: "open" },
  required: { auth: "required" },
  "accounts admin": { openAccounts: false },
};

/** A server with every service, its accounts, and who they are: each has the same password. */
export interface World extends Administered {
  mode: Mode;
  cert: string;
  knownServers: KnownServers;
  directory: string;
  /** Tokens of `alice`: one that is good, and one that is over. */
  token: string;
  overToken: string;
  /** Tokens of `bob`, and of `ada`, whose role is `admin`. */
  bobsToken: string;
  adasToken: string;
  /** A number that was not used before. */
  next(): number;
}

/** `alice`, `bob` and `ada` have accounts that cover more than the forum; that of `carla` covers the forum alone. */
export async function withWorld(
  mode: Mode,
  use: (world: World) => Promise<void>,
  { takesPlain = true }: { takesPlain?: boolean } = {},
) {
  await using temporary = await temporaryDirectory();
  const directory = temporary.path, files = { cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
  const { cert, key } = await selfSigned(["127.0.0.1"], 1);
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key, { mode: 0o600 });
  const options = {
    ...OPTIONS[mode],
    ports: { mailbox: 0, channels: 0, ...takesPlain ? { room: 0 } : {}, "room-tls": 0, forum: 0 },
    tls: { ...files, takesPlain },
  };
  await withAdministrator(options, async (administered) => {
    const { control } = administered;
    verifier ??= await newVerifier(PASSWORD);
    for (const name of ["alice", "bob", "ada"]) await control(`account, add, ${name}, ${verifier}`);
    await control("account, role, ada, admin");
    const add = async (name: string, seconds: number) => {
      const { token, id, verifier } = await newToken();
      await control(`account, add-token, ${name}, ${id}, ${verifier}, ${seconds}`);
      return { token, id };
    };
    const over = await add("alice", 1), { token } = await add("alice", 0);
    const { token: bobsToken } = await add("bob", 0), { token: adasToken } = await add("ada", 0);
    let last = 0;
    const world: World = {
      ...administered,
      mode,
      cert,
      directory,
      knownServers: new KnownServers(`${directory}/known-servers`),
      token,
      overToken: over.token,
      bobsToken,
      adasToken,
      next: () => ++last,
    };
    if (mode !== "accounts admin") await makeForumAccount(world, "carla");
    await use(world);
  });
}

/** Makes an account as a client does it, whose mailbox is not empty. */
async function makeForumAccount({ port, knownServers, bobsToken }: World, name: string) {
  const server = { port: port("mailbox"), knownServers };
  await using bob = await connectMailbox({ ...server, as: { name: "bob", password: bobsToken } });
  await bob.send(name, "bob", "hello");
  await using _ = await connectMailbox({ ...server, as: { name, password: PASSWORD, make: true } });
}

/** Resolves when the token that is over soon is over: what has logged in by it is ended then. */
export async function tokenOver({ port, cert, overToken }: World): Promise<string> {
  using peer = await FramePeer.overTls(port("channels"), cert);
  await peer.send(`/login alice ${overToken}`);
  // another answer says that it is over already
  if ((await peer.next())?.startsWith("Logged in")) { while (await peer.next() !== undefined); }
  return overToken;
}
