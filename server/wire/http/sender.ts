/**
 * Under which name a client does something in channels. http.md 9.3.
 *
 * @module
 */

import { shownName } from "../../../protocol/channels.ts";
import { Refusal } from "../../../protocol/http/problem.ts";
import { claimedName } from "../../../protocol/channels/login.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { printable } from "../../../protocol/syntax/line.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import type { Speaker } from "../../service/hub/channel.ts";
import type { Moderation } from "../../service/moderation.ts";
import type { HttpClient } from "./exchange.ts";

export interface SenderOptions {
  accounts: Pick<Accounts, "isProtected">;
  moderation: Pick<Moderation, "isBannedName">;
  /** Whether there are clients of the room, which are called by their addresses. */
  hasRoom(): boolean;
}

/**
 * Who says something: the name that is given, the account, or else the client's address.
 *
 * @throws {Refusal} `banned`, or `not logged in`: the name is that of an account.
 */
export function speakerOf(
  client: HttpClient,
  sender: string | undefined,
  { accounts, moderation, hasRoom }: SenderOptions,
): Speaker {
  const given = sender ?? client.account;
  if (given === "") {
    const { hostname, port } = client;
    return { name: formatAddress(client), address: { hostname, port } };
  }
  const name = shownName(printable(given), hasRoom()), claimed = claimedName(name);
  if (moderation.isBannedName(name)) throw new Refusal("banned");
  if (accounts.isProtected(claimed) && claimed !== client.account) throw new Refusal("not logged in");
  return { name };
}
