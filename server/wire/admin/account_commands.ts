/**
 * The control command for accounts.
 *
 * @module
 */

import { ACCOUNT_ACTIONS, ACCOUNT_REFUSALS, MADE_AT, TOKEN_REFUSALS } from "../../../protocol/admin.ts";
import { decodeName, decodeVerifier, encodeName, TOKEN_ITERATIONS } from "../../../protocol/seal/scram.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import type { Role } from "../../store/requests/account.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** Names that are looked up for one answer: more than fit into it. */
const LISTED = 512;

/** `account, list|add|confirm|set-password|role|remove`. */
export function accountCommand(accounts: Accounts): AdminCommand {
  return {
    usage: "account, list[, AFTER] | add, NAME, VERIFIER | confirm, NAME | set-password, NAME, VERIFIER" +
      " | role, NAME, ROLE | remove, NAME" +
      " | tokens, NAME | add-token, NAME, ID, VERIFIER, SECONDS | remove-token, NAME, ID",
    async run([what = "", name = "", value = "", ...more]) {
      if (what === "tokens") {
        if (!accounts.has(nameOf(name))) throw new RangeError(ACCOUNT_REFUSALS.unknown);
        return accounts.tokens(nameOf(name)).map(({ id, until }) => `${id} ${until ?? "-"}`);
      }
      if (what === "add-token") await addToken(accounts, nameOf(name), value, more);
      if (what === "remove-token") await removeToken(accounts, nameOf(name), value);
      if (what.endsWith("-token")) return [name, value];
      if (what === "list") {
        const listed = await accounts.list(name === "" ? "" : nameOf(name), LISTED);
        if (listed === "storage") throw new RangeError(ACCOUNT_REFUSALS.storage);
        return listed.map(({ name, mailbox, role, network }) =>
          [
            encodeName(name),
            ...mailbox ? ["mailbox"] : [],
            ...role === "admin" ? [role] : [],
            ...network === "" ? [] : [`${MADE_AT}${network.replaceAll(" ", "-")}`],
          ].join(" ")
        );
      }
      const action = ACCOUNT_ACTIONS.find((action) => action === what);
      if (action === undefined) {
        throw new RangeError(
          `neither list, add, confirm, set-password, role, remove, tokens, add-token nor remove-token: '${what}'`,
        );
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

async function addToken(
  accounts: Accounts,
  name: string,
  id: string,
  [text = "", seconds = ""]: readonly string[],
) {
  if (!/^[0-9a-f]{8}$/.test(id)) throw new RangeError("not the ID of a token");
  if (decodeVerifier(text, TOKEN_ITERATIONS) === undefined) throw new RangeError("not a verifier");
  if (!/^\d{1,10}$/.test(seconds)) throw new RangeError(`not a number: '${seconds}'`);
  const ttlMs = Number(seconds) === 0 ? undefined : Number(seconds) * 1000;
  const outcome = await accounts.addToken(name, { id, verifier: text, ttlMs });
  if (outcome === "full") throw new RangeError(TOKEN_REFUSALS.full);
  if (outcome !== "changed") throw new RangeError(ACCOUNT_REFUSALS[outcome]);
}

async function removeToken(accounts: Accounts, name: string, id: string) {
  if (!accounts.has(name)) throw new RangeError(ACCOUNT_REFUSALS.unknown);
  const outcome = await accounts.removeToken(name, id);
  if (outcome !== "removed") {
    throw new RangeError(outcome === "unknown" ? TOKEN_REFUSALS.unknown : ACCOUNT_REFUSALS[outcome]);
  }
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
