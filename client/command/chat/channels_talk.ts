/**
 * A chat in channels on a terminal. It uses what a server offers to announced clients (channels.md section 8), and works
 * with any other server too.
 *
 * @module
 */

import {
  type Announced,
  type HistoryQuery,
  MAX_PAGE_MESSAGES,
} from "../../../protocol/channels/announced.ts";
import { CHANNELS_TEXTS as TEXTS } from "../../../protocol/channels.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { FRAME_BYTES } from "../../../protocol/syntax/frame.ts";
import { type Channels, connectChannels, messagesOf } from "../../channels.ts";
import type { Completion } from "../../terminal/line_editor/completion.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import type { Page } from "./asked.ts";
import { ChannelsLink } from "./channels_link.ts";
import type { Display } from "./display.ts";
import { Outbox } from "./outbox.ts";
import { Place } from "./place.ts";
import type { Position, Positions } from "./positions.ts";
import { Seen } from "./seen.ts";
import { RECENT_MESSAGES, type Talk } from "./talk.ts";
import type { StreamServer } from "./tls_option.ts";
import { completeWord, gapText, membersText, mentions, showSeenLines, showSeenMembers } from "./texts.ts";

const AROUND = ["[", "] "] as const;

export interface ChannelsTalkOptions {
  name: string;
  /** It logs in if there is one. */
  password?: string;
  server: StreamServer;
  /** The channel to begin in. */
  channel: string | undefined;
  display: Display;
  positions: Positions;
  /** Whether the bell rings for a message with the user's name in it. */
  isRinging: boolean;
}

export class ChannelsTalk implements Talk {
  readonly commands = ["/create", "/join", "/list"];
  readonly help = [
    ["/create CHANNEL", "make a channel and join it"],
    ["/join CHANNEL", "join a channel, and leave the one before"],
    ["/list", "list the channels"],
  ] as const;
  readonly reconnected = "reconnected";
  readonly #options: ChannelsTalkOptions;
  #editor!: LineEditor;
  #client: Channels | undefined;
  /** Undefined before the first `begin`. */
  #link: ChannelsLink | undefined;
  /** Whether there was another connection before. */
  #hasReconnected = false;
  /** Whether something was typed. */
  #hasBegun = false;
  /** The channel to be in, also on the next connection. */
  #wanted: string | undefined;
  #place: Place | undefined;
  readonly #outbox = new Outbox();
  readonly #seen = new Seen();

  constructor(options: ChannelsTalkOptions) {
    this.#options = options;
    this.#wanted = options.channel;
  }

  get unsent(): number {
    return this.#outbox.size;
  }

  async connect() {
    const { name, password, server } = this.#options;
    this.#client = await connectChannels({ name, ...server, ...password === undefined ? {} : { password } });
  }

  begin(editor: LineEditor): { answered: Promise<boolean>; ended: Promise<void> } {
    this.#editor = editor;
    this.#hasReconnected = this.#link !== undefined;
    this.#seen.forgetNames();
    const link: ChannelsLink = this.#link = new ChannelsLink(this.#client!, editor.interrupted, {
      event: (event) => this.#handle(event),
      text: (text) => link.isAnnounced ? this.#showAnswer(text) : this.#showOriginal(text),
    });
    const ended = link.ended.finally(() => {
      this.#place?.end();
      this.#place = undefined;
      this.#outbox.disconnected();
      this.#options.positions.save();
    });
    ended.catch(() => {});
    // the first answer says what the server is; then the channel is entered
    void link.answered.then((is) => is ? this.#take(this.#wanted) : undefined);
    return { answered: link.answered, ended };
  }

  /** Enters the channel, if it is in one. */
  async #take(wanted: string | undefined) {
    if (wanted !== undefined) return await this.#enter(wanted);
    this.#flushOutbox();
    // a user who has typed something needs no hint
    if (!this.#hasReconnected && !this.#hasBegun) {
      await this.#notice(
        "/join CHANNEL to begin; /list shows the channels, /help everything",
      );
    }
  }

  get #isConnected(): boolean {
    return this.#link?.isConnected ?? false;
  }

  /** Whether the server can be asked about the channel. */
  get #canAsk(): boolean {
    return this.#isConnected && this.#link!.isAnnounced && this.#place !== undefined;
  }

  get #shownName(): string {
    return this.#link?.shownName ?? this.#options.name;
  }

  async #handle(event: Announced) {
    switch (event.kind) {
      case "channel":
        return this.#entered(event.channel, { history: event.history, number: event.last });
      case "message":
        // the page that was asked for has it too
        if (this.#place?.isCatchingUp) return;
        this.#move(event.number);
        return await this.#printMessage(event.name, event.text, event.time, true);
      case "sent":
        return this.#sent(event.number);
      case "refused":
        return void this.#outbox.confirm();
      case "joined":
      case "left":
        return await this.#moved(event.name, event.kind);
    }
  }

  #sent(number: number) {
    const isOwn = this.#outbox.confirm();
    if (!this.#place?.isCatchingUp) this.#move(number);
    // only as many as were sent: they are kept
    else if (isOwn) this.#outbox.ownNumbers.add(number);
  }

  /** Everything up to this number was shown. */
  #move(number: number) {
    const { position, channel } = this.#place ?? {};
    if (position === undefined) return;
    position.number = number;
    this.#options.positions.set(channel!, position);
  }

  async #printMessage(name: string, text: string, timeMs?: number, isNew = false) {
    const { display, isRinging } = this.#options, shown = display.message(name, text, AROUND, timeMs);
    this.#seen.spoke(name);
    this.#seen.line(shown);
    const rings = isNew && isRinging && name !== this.#shownName && mentions(text, this.#shownName);
    await this.#editor.print(rings ? `${shown}\x07` : shown);
  }

  async #moved(name: string, how: "joined" | "left") {
    if (how === "joined") this.#seen.came(name);
    else this.#seen.left(name);
    const shown = this.#options.display.event("", name, ` has ${how}`);
    this.#seen.line(shown);
    await this.#editor.print(shown);
  }

  async #notice(text: string) {
    await this.#editor.notify(this.#options.display.notice(text));
  }

  async #showAnswer(text: string) {
    if (text === TEXTS.inNoChannel) {
      // an administrator may have removed it
      this.#outbox.refuse();
      this.#place = this.#wanted = undefined;
    }
    await this.#editor.print(this.#options.display.answer(text));
  }

  /** A text of a server that does not mark which texts come from others. */
  async #showOriginal(text: string) {
    const [, name, said = ""] = /^\[(.*?)\](?: (.*))?$/s.exec(text) ?? [];
    if (name !== undefined) return await this.#printMessage(name, said, undefined, true);
    const [, who, how] = MOVED.exec(text) ?? [];
    if (who !== undefined) return await this.#moved(who, how as "joined" | "left");
    await this.#showAnswer(text);
  }

  async #enter(channel: string) {
    const refusal = await this.#link!.enter(channel);
    if (!this.#isConnected) return;
    if (refusal === undefined) return this.#enteredUnasked(channel);
    this.#wanted = undefined;
    await this.#editor.print(this.#options.display.answer(refusal));
    this.#flushOutbox();
  }

  /** The client is in a channel of a server that can't be asked. */
  #enteredUnasked(channel: string) {
    if (this.#link!.isAnnounced) return;
    this.#wanted = channel;
    this.#place = new Place(channel);
    this.#seen.forgetNames();
    this.#flushOutbox();
  }

  /** The client is in a channel: what was said since it was last there comes next. */
  #entered(channel: string, now: Position) {
    const before = this.#options.positions.get(channel);
    this.#wanted = channel;
    this.#seen.forgetNames();
    this.#outbox.ownNumbers.clear();
    this.#place?.end();
    const place = this.#place = new Place(channel, now, before === undefined);
    const query = before === undefined
      ? { last: RECENT_MESSAGES }
      : { history: before.history, after: before.number };
    void this.#link!.askPage(query, (page) => this.#showMissed(place, page, before));
  }

  /** @param after What the page was to stand behind. */
  async #showMissed(place: Place, page: Page, after: Position | undefined) {
    if (this.#place !== place) return;
    for (const entry of page.entries) {
      if (entry.kind === "gap" && entry.count === undefined) this.#outbox.isDoubtful = true;
      const isOwn = entry.kind === "message" && (this.#outbox.ownNumbers.has(entry.number) ||
        entry.name === this.#shownName && this.#outbox.hasArrived(entry.text));
      if (isOwn) continue;
      if (!place.hasHeading) {
        place.hasHeading = true;
        await this.#notice(place.isNew ? `said last in ${place.channel}:` : "since you were last here:");
      }
      if (entry.kind === "gap") await this.#notice(gapText(entry.count));
      else await this.#printMessage(entry.name, entry.text, entry.time, this.#hasReconnected);
    }
    const next = nextAfter(page, after);
    if (next !== undefined) {
      const query = { history: next.history, after: next.number };
      void this.#link!.askPage(query, (page) => this.#showMissed(place, page, next));
    } else await this.#endCatchingUp(place, { history: page.history, number: page.last });
  }

  async #endCatchingUp(place: Place, position: Position) {
    place.position = position;
    place.isCatchingUp = false;
    this.#options.positions.set(place.channel, position);
    for (const text of this.#outbox.takeDoubtful()) {
      await this.#notice(`not known whether it arrived: ${text}`);
    }
    this.#flushOutbox();
    void this.#askMembers().then(() => place.end());
  }

  #askMembers(): Promise<void> {
    return this.#link!.ask("/who", {
      members: async (count, names) => {
        this.#seen.forgetNames();
        for (const name of names) this.#seen.came(name);
        const { display } = this.#options, list = membersText(this.#seen.names, display, this.#shownName);
        const more = count > names.length ? ` and ${count - names.length} others` : "";
        await this.#editor.print(
          `${display.notice(`in ${this.#place?.channel ?? "the channel"}:`)} ${list}${more}`,
        );
      },
    });
  }

  async say(text: string) {
    this.#hasBegun = true;
    const isEntering = this.#wanted !== undefined && this.#place === undefined;
    if (this.#wanted !== undefined) {
      this.#seen.line(this.#options.display.message(this.#shownName, text, AROUND));
    }
    if (this.#isConnected && !isEntering && !this.#outbox.isWaiting) await this.#say(text);
    else if (!this.#outbox.wait(text)) await this.#notice("not sent: too many lines wait for the server");
  }

  /** Sends a message, as fast as the server reads. */
  async #say(text: string) {
    // to a server that does not know better it would be a control message
    const line = !text.startsWith("/") ? text : this.#link!.isAnnounced ? `/${text}` : ` ${text}`;
    const writing = messagesOf(line).map((message) => {
      if (this.#canAsk) this.#outbox.sent(message.startsWith("/") ? message.slice(1) : message);
      return this.#link!.write(message);
    });
    await Promise.all(writing);
  }

  /** Sends what has not arrived, and what was said meanwhile. */
  #flushOutbox() {
    // what is received must not wait for what is sent
    for (const text of this.#outbox.takeAll()) void this.#say(text);
  }

  async command(line: string) {
    this.#hasBegun = true;
    const request = line.trimEnd(), [command, channel] = request.split(/[\t\n\v\f\r ]+/, 2);
    if (!this.#isConnected) return await this.#notice("not connected: the command was not sent");
    if (utf8Length(request) > FRAME_BYTES) {
      return await this.#notice(`not sent: a command has at most ${FRAME_BYTES} bytes`);
    }
    let isAnswered = false;
    await this.#link!.ask(request, {
      text: (text) => {
        // a message of somebody is no answer
        if (!this.#link!.isAnnounced && (text.startsWith("[") || MOVED.test(text))) return false;
        isAnswered = true;
        void this.#editor.print(this.#options.display.answer(text));
        return true;
      },
    });
    if (isAnswered || !this.#isConnected) return;
    // the wire's answer is nothing
    if (command === "/list") return await this.#notice("there are no channels; /create CHANNEL makes one");
    if (channel === undefined) return;
    this.#enteredUnasked(channel);
    // what was said there comes before what is typed next
    await this.#place?.caughtUp;
  }

  async who() {
    if (this.#canAsk) return await this.#askMembers();
    await showSeenMembers(this.#editor, this.#options.display, this.#seen);
  }

  async history(count: number) {
    const position = this.#place?.position;
    if (!this.#canAsk || position === undefined) {
      return await showSeenLines(this.#editor, this.#options.display, this.#seen, count);
    }
    let query: HistoryQuery | undefined = count <= MAX_PAGE_MESSAGES
      ? { last: count }
      : { history: position.history, after: Math.max(0, position.number - count) };
    for (let shown = 0; query !== undefined && this.#isConnected && shown < count;) {
      const asked: HistoryQuery = query;
      const after = "after" in asked ? { history: asked.history, number: asked.after } : undefined;
      query = undefined;
      await this.#link!.askPage(asked, async (page) => {
        await this.#showPage(page);
        shown += page.entries.length;
        const next = nextAfter(page, after);
        if (next !== undefined) query = { history: next.history, after: next.number };
      });
    }
  }

  async #showPage({ entries }: Page) {
    for (const entry of entries) {
      if (entry.kind === "gap") await this.#notice(gapText(entry.count));
      else {
        const { name, text, time } = entry;
        await this.#editor.print(this.#options.display.message(name, text, AROUND, time));
      }
    }
    if (entries.length === 0) await this.#notice("nothing was said here yet");
  }

  async complete(line: string, cursor: number): Promise<Completion | undefined> {
    const before = line.slice(0, cursor), [, command] = /^(\/(?:join|create) +)\S*$/.exec(before) ?? [];
    if (command === undefined) return completeWord(before, this.#seen.names.map(([name]) => name));
    await this.#link?.answered;
    if (!this.#link?.isAnnounced) return undefined;
    const names: string[] = [], typed = before.slice(command.length);
    const text = (text: string) => names.push(...text.split("\n")) > 0;
    await this.#link.ask("/list", { text });
    return { from: command.length, candidates: names.filter((name) => name.startsWith(typed)) };
  }

  async finish() {
    await this.#client?.finish();
  }

  close() {
    this.#client?.close();
    this.#options.positions.save();
  }
}

/** How the original says that somebody has come or gone. */
const MOVED = /^(.*) has (joined|left)$/;

/** Behind what there is more; undefined if there is not, or if the server did not go on from where it was asked to. */
function nextAfter({ history, entries, last: end }: Page, after: Position | undefined): Position | undefined {
  const last = entries.findLast((entry) => entry.kind === "message")?.number;
  // another history has numbers of its own
  const least = after?.history === history ? after.number : 0;
  return last !== undefined && last > least && last < end ? { history, number: last } : undefined;
}
