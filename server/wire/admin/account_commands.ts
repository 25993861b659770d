/**
 * The control command for accounts.
 *
 * @module
 */

import { decodeName, decodeVerifier, encodeName } from "../../../protocol/scram.ts";
import type { Accounts } from "../../service/accounts.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** Names that are looked up for one answer: more than fit into it. */
const LISTED = 512;

/** `account, list|add|confirm|set-password|remove`. */
export function accountCommand(accounts: Accounts): AdminCommand {
  return {
    usage: "account, list[, AFTER] | add, NAME, VERIFIER | confirm, NAME | set-password, NAME, VERIFIER" +
      " | remove, NAME",
    async run([what = "", name = "", verifier = ""]) {
      if (what === "list") {
        const listed = await accounts.list(name === "" ? "" : nameOf(name), LISTED);
        if (listed === "storage") throw new RangeError(REFUSED.storage);
        return listed.map(({ name, mailbox }) => `${encodeName(name)}${mailbox ? " mailbox" : ""}`);
      }
      const outcome = what === "add"
        ? await accounts.add(nameOf(name), verifierOf(verifier))
        : what === "confirm"
        ? await accounts.cover(nameOf(name))
        : what === "set-password"
        ? await accounts.change(nameOf(name), verifierOf(verifier))
        : what === "remove"
        ? await accounts.remove(nameOf(name))
        : undefined;
      if (outcome === undefined) {
        throw new RangeError(`neither list, add, confirm, set-password nor remove: '${what}'`);
      }
      if (typeof outcome === "object") return [name, String(outcome.apart)];
      if (outcome in REFUSED) throw new RangeError(REFUSED[outcome as keyof typeof REFUSED]);
      return [name];
    },
  };
}

const REFUSED = {
  exists: "the name has an account",
  unknown: "no account has this name",
  full: "there are as many accounts as there may be",
  "apart full": "its mailbox holds more than can be set apart; have it received, or clear it, first",
  reserved: "the mailbox of this name is no account's",
  storage: "the disk takes nothing",
};

function nameOf(saslname: string): string {
  const name = decodeName(saslname);
  if (name === undefined) throw new RangeError(`not a name: '${saslname}'`);
  return name;
}

function verifierOf(text: string): string {
  if (decodeVerifier(text) === undefined) throw new RangeError("not a verifier");
  return text;
}
