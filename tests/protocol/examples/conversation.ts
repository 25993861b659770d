/**
 * The conversations in the documents of `protocol/`: blocks of ` ```conversation `, whose first line names who speaks, each
 * with a column. A row with `→` or `←` is a message between the parties on both sides of the arrow, of which one is the
 * server; rows without one belong to the message that they stand by.
 *
 * @module
 */

/** A message of a conversation. */
export interface Message {
  /** The client that sends or receives it. */
  party: string;
  /** Whether the client sends it. */
  isSent: boolean;
  text: string;
}

export interface Conversation {
  /** The document and the line of its block: `mailbox.md:29`. */
  place: string;
  messages: Message[];
}

/** The column of the server; clients stand on its left, or on both sides. */
const SERVER = /\bserver\b/;

interface Block {
  /** The line on which it begins. */
  line: number;
  /** Of the section in which it stands. */
  heading: string;
  rows: string[];
}

/** The blocks of a document whose fence has this word behind it. */
export function blocksOf(text: string, language: string): Block[] {
  const blocks: Block[] = [];
  let rows: string[] | undefined, heading = "";
  for (const [i, row] of text.split("\n").entries()) {
    if (row.startsWith("## ")) heading = row.slice("## ".length);
    if (!row.startsWith("```")) rows?.push(row);
    else if (rows !== undefined || row !== `\`\`\`${language}`) rows = undefined;
    else blocks.push({ line: i + 1, heading, rows: rows = [] });
  }
  return blocks;
}

/** Whether a block without a language is a conversation all the same: it has columns, and arrows both ways. */
export function isConversation({ heading, rows }: Block): boolean {
  if (heading === "Diagram" || !SERVER.test(rows[0] ?? "")) return false;
  return [/ →( |$)/, / ←( |$)/].every((arrow) => rows.some((row) => arrow.test(row)));
}

/** Reads the conversations of a document. */
export function conversationsOf(document: string, text: string): Conversation[] {
  return blocksOf(text, "conversation").map(({ line, rows }) => ({
    place: `${document}:${line}`,
    messages: messagesOf(rows),
  }));
}

function messagesOf([header = "", ...rows]: string[]): Message[] {
  const at = header.search(SERVER), before = header.slice(0, at).trim();
  const after = header.slice(at).replace(/^\S+/, "").trim();
  const messages: Message[] = [];
  let above: string[] = [];
  for (const row of rows) {
    const arrow = /^(.*?) *(→|←) *(.*)$/.exec(row);
    if (arrow === null) {
      if (row.trim() === "") continue;
      const last = messages.at(-1), isRight = /^ {40}/.test(row);
      if (isRight && last !== undefined) last.text += `\n${row.trim()}`;
      else above.push(row.trim());
      continue;
    }
    const [, left = "", direction, right = ""] = arrow, column = row.indexOf(direction!);
    const isLeftParty = column < at, pointsRight = direction === "→";
    const text = (pointsRight ? left : right).trim();
    messages.push({
      party: isLeftParty ? before : after,
      isSent: isLeftParty === pointsRight,
      text: [...above, ...text === "" ? [] : [text]].join("\n"),
    });
    above = [];
  }
  return messages;
}

/** The conversation of a recording as tcpdump prints it: a line for each datagram, and its text; with its length. */
export function recordingOf(document: string, text: string): (Message & { length: number })[] {
  const messages: (Message & { length: number })[] = [];
  for (const { rows } of blocksOf(text, "tcpdump")) {
    for (const row of rows) {
      const [, from = "", to = "", length] = /^(\S+) > (\S+): UDP, length (\d+)$/.exec(row) ?? [];
      const last = messages.at(-1);
      if (length === undefined) {
        if (last === undefined) throw new Error(`${document}: ${row}: no datagram's`);
        last.text += last.text === "" ? row : `\n${row}`;
        continue;
      }
      const isSent = to.endsWith(".21001");
      messages.push({ party: isSent ? from : to, isSent, text: "", length: Number(length) });
    }
  }
  return messages;
}
