/**
 * The commands that a user of the forum types, and the texts that answer them, character for character.
 * `protocol/forum.md`.
 *
 * @module
 */

import { FORUM_COMMANDS, type ForumChange, type ForumCommandName, isPost, isWord } from "../forum.ts";
import { isFileName } from "../transfer.ts";

/** A command as it was typed. */
export type ForumCommand =
  | ForumChange
  | { kind: "RDT"; title: string }
  /** `file` is the word that was typed: for `UPD` a path. */
  | { kind: "UPD" | "DWN"; title: string; file: string }
  | { kind: "LST" | "XIT" };

export const ENTER_USERNAME = "Enter username: ";
export const ENTER_PASSWORD = "Enter password: ";
export const enterNewPassword = (user: string): string => `Enter new password for ${user}: `;
export const INVALID_PASSWORD = "Invalid password";
export const alreadyLoggedIn = (user: string): string => `${user} has already logged in`;
export const noNewAccount = (user: string): string =>
  `${user} has no account, and the administrator alone makes new ones`;
export const WELCOME = "Welcome to the forum";
export const ENTER_COMMAND = `Enter one of the following commands: ${FORUM_COMMANDS.join(", ")}: `;
const INVALID_COMMAND = "Invalid command";
export const ACTIVE_THREADS = "The list of active threads:";
export const NO_THREADS = "No threads to list";
export const threadIsEmpty = (title: string): string => `Thread ${title} is empty`;

/** A client's first line, which is repeated after the log-in; an empty line follows. */
export const SEND_TO_SERVER = "===== Please type any message you want to send to server: =====";

/** Lines on a server's console when it starts a forum. */
export const CONSOLE_BEGIN: readonly string[] = [
  "===== Server is running =====",
  "===== Waiting for connection request from clients...=====",
  "Waiting for clients",
];
/** The line on the console about a wrong password. */
export const failedLogin = (user: string): string => `${user} failed login`;

/** Answers to commands that were carried out, with the command's own fields in braces. */
const DONE: Readonly<Record<ForumCommandName, string>> = {
  CRT: "Thread {title} created",
  MSG: "Message posted to {title} thread",
  DLT: "The message has been deleted",
  EDT: "The message has been edited",
  LST: "",
  RDT: "",
  UPD: "{file} uploaded to {title} thread",
  DWN: "{file} successfully downloaded",
  RMV: "Thread {title} removed",
  XIT: "Goodbye",
};

/** Answers to commands that were refused, by the reason. */
const REFUSED = new Map(Object.entries({
  "exists": "Thread {title} exists",
  "no thread": "Thread {title} does not exist",
  "no message": "Message {number} does not exist",
  "another's": "The message belongs to another user and cannot be edited",
  "another's DLT": "The message belongs to another user and cannot be deleted",
  "another's RMV": "The thread was created by another user and cannot be removed",
  "file exists": "File {file} exists in Thread {title}",
  "no file": "File does not exist in Thread {title}",
  "syntax": "Incorrect syntax for {kind}",
  "muted": "You are muted: nobody gets what you send",
  "too long": "The text is too long: at most 65000 bytes",
}));

/** The command of a line that was typed, or the text that says what is wrong with it. */
export function parseCommand(line: string): ForumCommand | string {
  const [, word = "", rest = ""] = /^\s*(\S*)(.*)$/s.exec(line)!;
  const kind = FORUM_COMMANDS.find((name) => name === word);
  if (kind === undefined) return INVALID_COMMAND;
  return parseFields(kind, rest) ?? refusedText({ kind } as ForumCommand, "syntax");
}

function parseFields(kind: ForumCommandName, rest: string): ForumCommand | undefined {
  const words = rest.split(/\s+/).filter(Boolean);
  const [title = "", second = ""] = words;
  const count = { LST: 0, XIT: 0, CRT: 1, RMV: 1, RDT: 1, DLT: 2, UPD: 2, DWN: 2, MSG: 2, EDT: 3 }[kind];
  const hasText = kind === "MSG" || kind === "EDT";
  if (hasText ? words.length < count : words.length !== count) return undefined;
  if (count > 0 && !isWord(title)) return undefined;
  const text = hasText ? behind(rest, count - 1) : "", number = Number(second);
  if (hasText && !isPost(text)) return undefined;
  if ((kind === "DLT" || kind === "EDT") && !/^\d{1,15}$/.test(second)) return undefined;
  switch (kind) {
    case "LST":
    case "XIT":
      return { kind };
    case "CRT":
    case "RMV":
    case "RDT":
      return { kind, title };
    case "UPD":
    case "DWN":
      return kind === "UPD" || isFileName(second) ? { kind, title, file: second } : undefined;
    case "MSG":
      return { kind, title, text };
    case "DLT":
      return { kind, title, number };
    case "EDT":
      return { kind, title, number, text };
  }
}

/** What stands behind so many words and the one space that ends the last of them, as it is. */
function behind(text: string, words: number): string {
  return new RegExp(`^(?:\\s+\\S+){${words}}\\s?(.*)$`, "s").exec(text)?.[1] ?? "";
}

/** The answer to a command that was carried out. `file` is the name of the file in its thread. */
export function doneText(command: ForumCommand): string {
  return fill(DONE[command.kind], command);
}

/** The answer to a command that was refused for this reason. */
export function refusedText(command: ForumCommand, reason: string): string {
  const text = REFUSED.get(`${reason} ${command.kind}`) ?? REFUSED.get(reason);
  if (text !== undefined) return fill(text, command);
  const [, why] = /^(?:full|no ticket) (.*)$/s.exec(reason) ?? [];
  if (why === undefined) return `The server refuses it: ${reason}`;
  return reason.startsWith("full")
    ? `The forum is full: ${why}`
    : fill(`Cannot transfer {file}: `, command) + why;
}

function fill(text: string, command: ForumCommand): string {
  const fields = command as Partial<Record<string, string | number>>;
  return text.replace(/\{(\w+)\}/g, (_, name) => `${fields[name] ?? ""}`);
}
