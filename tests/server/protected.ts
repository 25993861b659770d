/** A server in this process with accounts, as the tests of log-ins need it. */

import { connectMailbox, KnownServers } from "../../client/mailbox.ts";
import { newVerifier } from "../../client/command/account/store.ts";
import {
  clientKeysOf,
  encodeVerifier,
  SALT_BYTES,
  saltPassword,
  TOKEN_ITERATIONS,
  tokenId,
  tokenText,
  verifierOf,
} from "../../protocol/seal/scram.ts";
import { Peer, temporaryDirectory } from "../program.ts";
import { type Administered, withAdministrator } from "./administrator.ts";

/** The password of every account. */
export const PASSWORD = "correct horse";

/** A server where alice and bob have accounts that cover more than the forum, and carla has one that does not. */
export async function withProtected(
  use: (administered: Administered) => Promise<void>,
  options: Parameters<typeof withAdministrator>[0] = {},
) {
  await using directory = await temporaryDirectory();
  await withAdministrator(options, async (administered) => {
    const { control, port } = administered;
    for (const name of ["alice", "bob"]) {
      await control(`account, add, ${name}, ${await newVerifier(PASSWORD)}`);
    }
    // a mailbox with a message in it is not covered by an account that a client makes
    using peer = new Peer(port("mailbox"));
    await peer.send("F, carla, somebody, hello");
    const knownServers = new KnownServers(`${directory.path}/known-servers`);
    const as = { name: "carla", password: PASSWORD, make: true };
    await using _ = await connectMailbox({ port: port("mailbox"), knownServers, as });
    await use(administered);
  });
}

/** A token, and the arguments by which it is added. */
export async function newToken() {
  const token = tokenText(crypto.getRandomValues(new Uint8Array(20)));
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const keys = clientKeysOf(await saltPassword(token, salt, TOKEN_ITERATIONS));
  const verifier = encodeVerifier(verifierOf(keys, salt, TOKEN_ITERATIONS));
  return { token, id: tokenId(token)!, verifier };
}
