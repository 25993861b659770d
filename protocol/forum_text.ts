/**
 * What a user types, and what he is told: the forum's commands and texts, character for character. `protocol/README.md`,
 * "Forum".
 *
 * @module
 */

import { FORUM_COMMANDS, type ForumCommandName, isPost, isWord } from "./forum.ts";
import { isFileName } from "./transfer.ts";

/** A command as it was typed. `number` is that of a message in its thread. */
export type ForumCommand =
  | { command: "CRT" | "RMV" | "RDT"; title: string }
  | { command: "MSG"; title: string; text: string }
  | { command: "DLT"; title: string; number: number }
  | { command: "EDT"; title: string; number: number; text: string }
  /** `file` is the word that was typed: for `UPD` a path. */
  | { command: "UPD" | "DWN"; title: string; file: string }
  | { command: "LST" | "XIT" };

/** The prompts, and what stands over a list. */
export const ENTER_USERNAME = "Enter username: ";
export const ENTER_PASSWORD = "Enter password: ";
export const enterNewPassword = (user: string): string => `Enter new password for ${user}: `;
export const INVALID_PASSWORD = "Invalid password";
export const alreadyLoggedIn = (user: string): string => `${user} has already logged in`;
export const noNewAccount = (user: string): string =>
  `${user} has no account, and the administrator alone makes new ones`;
export const WELCOME = "Welcome to the forum";
export const ENTER_COMMAND = `Enter one of the following commands: ${FORUM_COMMANDS.join(", ")}: `;
export const INVALID_COMMAND = "Invalid command";
export const incorrectSyntax = (command: string): string => `Incorrect syntax for ${command}`;
export const ACTIVE_THREADS = "The list of active threads:";
export const NO_THREADS = "No threads to list";
export const threadIsEmpty = (title: string): string => `Thread ${title} is empty`;
export const GOODBYE = "Goodbye";

/** What a client says first, and again when its user has logged in; an empty line follows. */
export const SEND_TO_SERVER = "===== Please type any message you want to send to server: =====";

/** What a server's console says when it begins to serve a forum. */
export const CONSOLE_BEGIN: readonly string[] = [
  "===== Server is running =====",
  "===== Waiting for connection request from clients...=====",
  "Waiting for clients",
];
/** What it says of a wrong password. */
export const failedLogin = (user: string): string => `${user} failed login`;

/** A line that was typed, as a command; or the text that tells what is wrong with it. */
export function parseCommand(line: string): ForumCommand | string {
  const [, command = "", rest = ""] = /^\s*(\S*)(.*)$/s.exec(line)!;
  if (!(FORUM_COMMANDS as readonly string[]).includes(command)) return INVALID_COMMAND;
  return typed(command as ForumCommandName, rest) ?? incorrectSyntax(command);
}

function typed(command: ForumCommandName, rest: string): ForumCommand | undefined {
  const words = rest.split(/\s+/).filter(Boolean);
  const [title = "", second = ""] = words;
  const count = { LST: 0, XIT: 0, CRT: 1, RMV: 1, RDT: 1, DLT: 2, UPD: 2, DWN: 2, MSG: 2, EDT: 3 }[command];
  const hasText = command === "MSG" || command === "EDT";
  if (hasText ? words.length < count : words.length !== count) return undefined;
  if (count > 0 && !isWord(title)) return undefined;
  switch (command) {
    case "LST":
    case "XIT":
      return { command };
    case "CRT":
    case "RMV":
    case "RDT":
      return { command, title };
    case "UPD":
      return { command, title, file: second };
    case "DWN":
      return isFileName(second) ? { command, title, file: second } : undefined;
    case "MSG": {
      const text = behind(rest, 1);
      return isPost(text) ? { command, title, text } : undefined;
    }
    case "DLT":
    case "EDT": {
      if (!/^\d{1,15}$/.test(second)) return undefined;
      if (command === "DLT") return { command, title, number: Number(second) };
      const text = behind(rest, 2);
      return isPost(text) ? { command, title, number: Number(second), text } : undefined;
    }
  }
}

/** What stands behind so many words and the one space that ends the last of them, as it is. */
function behind(text: string, words: number): string {
  return new RegExp(`^(?:\\s+\\S+){${words}}\\s?(.*)$`, "s").exec(text)?.[1] ?? "";
}

/** What a user is told of a command that was carried out. `file` is the name of the file in its thread. */
export function doneText(typed: ForumCommand): string {
  switch (typed.command) {
    case "CRT":
      return `Thread ${typed.title} created`;
    case "MSG":
      return `Message posted to ${typed.title} thread`;
    case "DLT":
      return "The message has been deleted";
    case "EDT":
      return "The message has been edited";
    case "RMV":
      return `Thread ${typed.title} removed`;
    case "UPD":
      return `${typed.file} uploaded to ${typed.title} thread`;
    case "DWN":
      return `${typed.file} successfully downloaded`;
    case "XIT":
      return GOODBYE;
    case "LST":
    case "RDT":
      return "";
  }
}

/** What a user is told of a command that was refused for this reason. */
export function refusedText(typed: ForumCommand, reason: string): string {
  const title = "title" in typed ? typed.title : "", file = "file" in typed ? typed.file : "";
  const [word, ...rest] = reason.split(" ");
  switch (reason) {
    case "exists":
      return `Thread ${title} exists`;
    case "no thread":
      return `Thread ${title} does not exist`;
    case "no message":
      return `Message ${"number" in typed ? typed.number : ""} does not exist`;
    case "another's":
      return typed.command === "RMV"
        ? "The thread was created by another user and cannot be removed"
        : `The message belongs to another user and cannot be ${
          typed.command === "DLT" ? "deleted" : "edited"
        }`;
    case "file exists":
      return `File ${file} exists in Thread ${title}`;
    case "no file":
      return `File does not exist in Thread ${title}`;
    case "syntax":
      return incorrectSyntax(typed.command);
    case "too long":
      return "The text is too long: at most 65000 bytes";
  }
  if (word === "full") return `The forum is full: ${rest.join(" ")}`;
  if (reason.startsWith("no ticket ")) return `Cannot transfer ${file}: ${rest.slice(1).join(" ")}`;
  return `The server refuses it: ${reason}`;
}
