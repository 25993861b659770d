/**
 * The names that a server knows, for a shell that completes an argument.
 *
 * @module
 */

import { CHANNELS_TEXTS } from "../../../protocol/channels.ts";
import { connectChannels } from "../../channels.ts";
import { escapeControls } from "../../terminal/output.ts";
import { secretAdministration } from "../admin/administration.ts";
import type { Arguments, NameKind } from "../command.ts";
import { serviceAddress } from "../options/server_option.ts";

/** How long a server may take to name its channels, in milliseconds. */
const ANSWER_TIMEOUT_MS = 2000;

/** Most names that are printed: nobody reads more on a screen. */
const MAX_NAMES = 1000;

/** The names, in the server's order: mailboxes need the administrator's secret. */
export function namesOf(args: Arguments, kind: NameKind): Promise<string[]> {
  return kind === "channels" ? channelNames(args) : mailboxNames(args);
}

async function mailboxNames(args: Arguments): Promise<string[]> {
  const { mailbox, secret } = await secretAdministration(args, args.dataCode);
  await using _ = mailbox;
  const names: string[] = [];
  for (let command = "list"; names.length < MAX_NAMES; command = `list, ${names.at(-1)}`) {
    const rows = await mailbox.control(secret, command);
    if (rows.length === 0) break;
    names.push(...rows.map((row) => row.slice(row.indexOf(" ") + 1)));
  }
  // the shared queue has no name
  return names.filter(isTypable).slice(0, MAX_NAMES);
}

async function channelNames(args: Arguments): Promise<string[]> {
  await using channels = await connectChannels({ ...await serviceAddress(args, "channels"), name: "-" });
  await channels.send("/list");
  // `/list` has no answer if there are no channels; this always has one
  await channels.send("/create");
  const names: string[] = [];
  // nobody waits longer for a word to be completed
  using _ = closing(channels);
  for await (const text of channels) {
    if (text === CHANNELS_TEXTS.createWithoutName || names.length >= MAX_NAMES) break;
    names.push(...text.split("\n").filter(isTypable));
  }
  return names.slice(0, MAX_NAMES);
}

/** Closes a connection after a while, unless it is disposed of before. */
function closing(channels: { close(): void }): Disposable {
  const timer = setTimeout(() => channels.close(), ANSWER_TIMEOUT_MS);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Whether the shell may get a name: it shows it as it is. */
function isTypable(name: string): boolean {
  return name !== "" && escapeControls(name) === name;
}
