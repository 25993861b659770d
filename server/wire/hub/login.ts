/**
 * Log-in on channels and room, which is the same on both. channels.md section 9 is the specification.
 *
 * Invariant: nothing of a line that logs in goes anywhere from here but to the check of its password.
 *
 * @module
 */

import { refusal } from "../../../protocol/describe/refusals.ts";
import { decodeLogin, LOGIN_TEXTS, type LoginRefusal } from "../../../protocol/channels/login.ts";
import { tokenId } from "../../../protocol/seal/scram.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { networkOf } from "../../quota/address.ts";
import { quoted } from "../../report/log.ts";
import { type EventEncoder, Member } from "../../service/hub/channel.ts";
import type { HubAccounts, MemberConnection, MemberWireOptions } from "./member_wire.ts";

/** How a wire carries a log-in out. */
export interface LoginWire {
  options: MemberWireOptions;
  /** How a client without a name yet is sent events. */
  encoder: EventEncoder;
  answer(client: MemberConnection, text: string): void;
}

/** Logs the client in by a line that begins with `/login`, and answers it. */
export async function logIn(client: MemberConnection, line: string, { options, encoder, answer }: LoginWire) {
  const { hub, accounts, moderation } = options;
  const login = decodeLogin(line);
  if (login !== undefined && moderation?.isBannedName(login.name)) {
    client.count("banned");
    client.reportEnd("banned");
    return client.close();
  }
  const why = await refusalOf(client, login, accounts);
  if (client.isClosed) return;
  if (why !== undefined) {
    reportRefused(client, login?.name, why, options);
    return answer(client, LOGIN_TEXTS[why]);
  }
  const { name } = login!, before = client.member;
  if (client.tap.isOn) client.tap.see("in", client, () => ({ what: "/login: logs in", names: [name] }));
  const member = new Member({ name }, before?.encoder ?? encoder, client);
  client.account = name;
  client.token = tokenId(login!.password);
  client.claimed = undefined;
  client.member = member;
  client.logDebug("has logged in");
  answer(client, LOGIN_TEXTS.loggedIn(name));
  if (before !== undefined) hub.replace(before, member);
  // with `--auth required` it was not let in before
  if (client.service === "room" && member.channel === undefined) hub.enter(member);
}

async function refusalOf(
  client: MemberConnection,
  login: ReturnType<typeof decodeLogin>,
  accounts: HubAccounts | undefined,
): Promise<LoginRefusal | undefined> {
  if (!client.isPrivate) return "inClear";
  if (login === undefined) return "usage";
  const { name, password } = login;
  if (accounts === undefined) return "wrong";
  if (accounts.has(name) && !accounts.isProtected(name)) return "unconfirmed";
  const outcome = await accounts.checkPassword(name, password, networkOf(client.hostname));
  return outcome === "right" ? undefined : outcome === "wait" ? "tooMany" : "wrong";
}

/** Refuses a `/login` that can't be carried out where it stands. */
export function refuseLogin(client: MemberConnection, { options, answer }: LoginWire) {
  const why = client.isPrivate ? "usage" : "inClear";
  reportRefused(client, undefined, why, options);
  answer(client, LOGIN_TEXTS[why]);
}

function reportRefused(
  client: MemberConnection,
  name: string | undefined,
  why: LoginRefusal,
  { accounts, log }: MemberWireOptions,
) {
  client.count("log-in refused");
  if (client.tap.isOn) {
    const describe = () => ({
      what: "/login: a log-in",
      ...client.names,
      ...refusal("log-in refused"),
      why: LOGIN_TEXTS[why],
    });
    client.tap.see("in", client, describe);
  }
  // any other word could be a password that was typed in the wrong place
  if (why !== "wrong" && why !== "tooMany" || name === undefined || !accounts?.has(name)) return;
  const reason = why === "wrong" ? "wrong password" : "too many wrong passwords";
  log.warn({
    service: client.service,
    peer: formatAddress(client),
    what: `log-in as ${quoted(name)} refused: ${reason}`,
    kind: `log-in refused: ${reason}`,
  });
}

/** Answers a client that has to log in first. */
export function refuseUnproved(
  client: MemberConnection,
  { options, answer }: Pick<LoginWire, "options" | "answer">,
) {
  client.count("not logged in");
  const [text, elsewhere] = options.accounts?.auth === "required"
    ? [LOGIN_TEXTS.closed, LOGIN_TEXTS.closedElsewhere]
    : [LOGIN_TEXTS.required, LOGIN_TEXTS.requiredElsewhere];
  answer(client, client.isPrivate ? text : elsewhere);
}
