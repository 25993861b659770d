// @ts-check

/**
 * The messages of a channel as a list: days, marks, and what is not sent yet.
 *
 * @module
 */

import { Component, html } from "../preact.js";
import { Text } from "./text.js";
import { clockTime, counted, dayName, fullTime, isSameDay } from "./time.js";

/** How long a sender's messages are shown below one name. */
const SAME_SENDER_MS = 5 * 60 * 1000;

/** @typedef {import("../model/channel.js").Entry} Entry */
/** @typedef {import("../model/outbox.js").Pending} Pending */

/**
 * @param {object} props
 * @param {readonly Entry[]} props.entries
 * @param {readonly Pending[]} props.pending
 * @param {string} props.self
 * @param {(text: string) => boolean} props.isNamed
 * @param {(pending: Pending) => void} props.onRetry
 * @param {(pending: Pending) => void} props.onDiscard
 */
export function Entries({ entries, pending, self, isNamed, onRetry, onDiscard }) {
  const rows = [];
  /** @type {{ sender: string, time: Date } | undefined} */
  let before;
  for (const entry of entries) {
    if (entry.kind !== "message") {
      rows.push(html`<${Mark} key=${entry.key} entry=${entry} text=${markText(entry)} />`);
      if (entry.kind !== "event") before = undefined;
      continue;
    }
    const { message } = entry;
    if (before === undefined ? rows.length === 0 : !isSameDay(before.time, message.time)) {
      rows.push(html`<li class="day" key=${`day ${message.id}`}>${dayName(message.time)}</li>`);
      before = undefined;
    }
    rows.push(
      html`
        <${Message} key=${entry.key} message=${message} isAgain=${isAgain(before, message)}
          isMine=${message.sender === self} isNamed=${message.sender !== self && isNamed(message.text)} />
      `,
    );
    before = message;
  }
  for (const one of pending) {
    rows.push(html`<li key=${one.key} class="message pending first">
      <time>${clockTime(one.time)}</time><b>${one.sender}</b>
      <div class="text-cell"><p class="text" dir="auto">${one.text}</p><p class=${
      one.refused ? "fate bad" : "fate"
    } role="status">${
      one.refused === undefined ? "sending…" : html`Not sent: ${one.refused}
        <button type="button" onClick=${() => onRetry(one)}>Try again</button>
        <button type="button" onClick=${() => onDiscard(one)}>Discard</button>`
    }</p></div></li>`);
  }
  return html`<ol>${rows}</ol>`;
}

/**
 * @param {{ sender: string, time: Date } | undefined} before
 * @param {{ sender: string, time: Date }} message
 */
function isAgain(before, { sender, time }) {
  return before?.sender === sender && time.getTime() - before.time.getTime() < SAME_SENDER_MS;
}

/** @param {Entry} entry */
function markText(entry) {
  switch (entry.kind) {
    case "event":
      return entry.text;
    case "gap":
      return entry.missing === undefined
        ? "Messages may be missing here"
        : `${counted(entry.missing, "message is", "messages are")} missing here`;
    case "unread":
      return entry.isMissed ? `${entry.count} missed while you were away` : `${entry.count} new`;
    default:
      return "";
  }
}

/** @param {{ currentTarget: HTMLTimeElement }} event Somebody points at a time. */
function showFullTime({ currentTarget }) {
  currentTarget.title = fullTime(new Date(currentTarget.dateTime));
}

/** @param {{ entry: Entry, text: string }} props */
function Mark({ entry, text }) {
  return html`<li class=${entry.kind === "event" ? "event" : "mark"}>${text}</li>`;
}

/**
 * @typedef {{ message: import("../model/channel.js").ChannelMessage, isAgain: boolean, isMine: boolean, isNamed: boolean }} MessageProps
 * @extends {Component<MessageProps>}
 */
class Message extends Component {
  /**
   * @override
   * @param {MessageProps} next
   */
  shouldComponentUpdate(next) {
    const { message, isAgain, isMine, isNamed } = this.props;
    return next.message !== message || next.isAgain !== isAgain || next.isMine !== isMine ||
      next.isNamed !== isNamed;
  }

  /**
   * @override
   * @param {MessageProps} props
   */
  render({ message, isAgain, isMine, isNamed }) {
    const { sender, time, text } = message;
    const kinds = ["message", isAgain ? "again" : "first", isMine && "mine", isNamed && "named"];
    return html`
      <li class=${kinds.filter(Boolean).join(" ")}>
        <time datetime=${time.toISOString()} onPointerEnter=${showFullTime}>${clockTime(time)}</time>
        <b title=${sender}>${isAgain ? html`<span class="hidden">${sender}</span>` : sender}</b>
        <${Text} text=${text} />
      </li>
    `;
  }
}
