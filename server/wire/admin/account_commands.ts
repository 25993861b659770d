/**
 * The control command for accounts.
 *
 * @module
 */

import { ACCOUNT_ACTIONS, ACCOUNT_REFUSALS } from "../../../protocol/admin.ts";
import { decodeName, decodeVerifier, encodeName } from "../../../protocol/scram.ts";
import type { Accounts } from "../../service/accounts.ts";
import type { Role } from "../../store/requests/account.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** Names that are looked up for one answer: more than fit into it. */
const LISTED = 512;

/** `account, list|add|confirm|set-password|role|remove`. */
export function accountCommand(accounts: Accounts): AdminCommand {
  return {
    usage: "account, list[, AFTER] | add, NAME, VERIFIER | confirm, NAME | set-password, NAME, VERIFIER" +
      " | role, NAME, ROLE | remove, NAME",
    async run([what = "", name = "", value = ""]) {
      if (what === "list") {
        const listed = await accounts.list(name === "" ? "" : nameOf(name), LISTED);
        if (listed === "storage") throw new RangeError(ACCOUNT_REFUSALS.storage);
        return listed.map(({ name, mailbox, role }) =>
          [encodeName(name), ...mailbox ? ["mailbox"] : [], ...role === "admin" ? [role] : []].join(" ")
        );
      }
      const action = ACCOUNT_ACTIONS.find((action) => action === what);
      if (action === undefined) {
        throw new RangeError(`neither list, add, confirm, set-password, role nor remove: '${what}'`);
      }
      const outcome = await accounts.administer(
        action,
        nameOf(name),
        action === "add" || action === "set-password"
          ? verifierOf(value)
          : action === "role"
          ? roleOf(value)
          : "",
      );
      if (typeof outcome === "string") throw new RangeError(ACCOUNT_REFUSALS[outcome]);
      return action === "add" || action === "confirm" ? [name, String(outcome.apart)] : [name];
    },
  };
}

function nameOf(saslname: string): string {
  const name = decodeName(saslname);
  if (name === undefined) throw new RangeError(`not a name: '${saslname}'`);
  return name;
}

function roleOf(text: string): Role {
  if (text !== "user" && text !== "admin") throw new RangeError(`neither user nor admin: '${text}'`);
  return text;
}

function verifierOf(text: string): string {
  if (decodeVerifier(text) === undefined) throw new RangeError("not a verifier");
  return text;
}
