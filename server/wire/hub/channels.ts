/**
 * The wire of the channels: members of the hub that send and receive frames of 200 bytes.
 * `protocol/channels.md` is the specification.
 *
 * @module
 */

import { MUTED_TEXT } from "../../../protocol/admin.ts";
import { ANNOUNCED_TEXTS, decodeAnnouncedRequest } from "../../../protocol/channels/announced.ts";
import {
  CHANNELS_TEXTS as TEXTS,
  channelsPrefix,
  decodeChannelsRequest,
  MAX_CHANNEL_NAME_BYTES,
  shownName,
} from "../../../protocol/channels.ts";
import { describeFrame, describeName } from "../../../protocol/describe/hub.ts";
import { refusal } from "../../../protocol/describe/refusals.ts";
import { claimedName, isLogin } from "../../../protocol/channels/login.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { encodeFrames, FRAME_BYTES, FrameDecoder, FrameWriter } from "../../../protocol/syntax/frame.ts";
import { linesOf, printable } from "../../../protocol/syntax/line.ts";
import { quoted } from "../../report/log.ts";
import { type EventEncoder, Member } from "../../service/hub/channel.ts";
import { announcedFrames, entered, historyFrames, membersOf } from "./announced.ts";
import { logIn, type LoginWire, refuseLogin, refuseUnproved } from "./login.ts";
import { type MemberConnection, MemberWire, type MemberWireOptions } from "./member_wire.ts";

const frames: EventEncoder = {
  wire: "channels",
  encode(events) {
    const frames = new FrameWriter(events.length);
    for (const event of events) {
      const { name } = event.speaker;
      if (event.kind === "message") frames.add(event.text, channelsPrefix(name));
      else frames.add(event.kind === "joined" ? TEXTS.joined(name) : TEXTS.left(name));
    }
    return frames.bytes;
  },
};

const MUTED = encodeFrames(MUTED_TEXT);

export class ChannelsWire extends MemberWire {
  /** The answer to `/list`: made once and shared by all clients until the list changes. */
  #list: { names: readonly string[]; bytes: Uint8Array } = { names: [], bytes: new Uint8Array(0) };

  readonly #login: LoginWire;

  /** Begins to accept. */
  constructor(options: MemberWireOptions) {
    super("channels", options);
    this.#login = { options, encoder: frames, answer };
  }

  protected override encode(text: string): Uint8Array {
    return encodeFrames(text);
  }

  protected override async serve(client: MemberConnection) {
    const decoder = new FrameDecoder();
    for (let bytes = await client.read(); bytes !== undefined; bytes = await client.read()) {
      for (const text of decoder.decode(bytes)) {
        if (isLogin(text)) {
          const wait = client.throttle();
          if (wait !== undefined) await wait;
          if (client.isClosed) return;
          await logIn(client, text, this.#login);
          continue;
        }
        const message = messageIn(text, client.member);
        // each line is a message, or a frame could be as many as it has bytes
        for (const line of message === undefined ? [text] : linesOf(message)) {
          const wait = client.throttle();
          if (wait !== undefined) await wait;
          if (client.isClosed) return;
          this.#receive(client, line, message !== undefined);
          // a page of a history costs as much as many messages
          const polled = message === undefined ? this.options.polling.due : undefined;
          if (polled !== undefined) await polled;
        }
      }
    }
    if (!decoder.isWithinFrame) return;
    client.count("partial frame");
    const describe = () => ({ what: "a part of a frame", ...client.names, ...refusal("partial frame") });
    if (client.tap.isOn) client.tap.see("in", client, describe);
  }

  #receive(client: MemberConnection, text: string, isMessage: boolean) {
    // a line within a message, or what an announced client says by `//login`
    if (isLogin(text)) return refuseLogin(client, this.#login);
    const { hub } = this.options, { member, tap } = client;
    if (tap.isOn) {
      tap.see(
        "in",
        client,
        () =>
          member === undefined ? describeName(text) : describeFrame(text, !isMessage, {
            name: member.speaker.name,
            channel: member.channel?.name ?? "",
          }),
      );
    }
    if (member === undefined) {
      // the first frame is the client's name
      const name = shownName(printable(text), hub.hasRoom);
      if (this.options.moderation?.isBannedName(name)) {
        client.count("banned");
        client.reportEnd("banned");
        return client.close();
      }
      client.member = new Member({ name }, frames, client);
      client.logDebug("has come");
      return this.#claim(client, name);
    }
    client.count("received");
    if (client.claimed !== undefined && !isAnnouncement(text)) refuseUnproved(client, this.#login);
    else if (!isMessage) this.#control(client, member, text);
    else if (client.isMuted(member, MUTED)) reportRefused(client, member);
    else if (!hub.send(member, text)) answer(client, TEXTS.inNoChannel);
  }

  /** A protected name waits for its log-in, and with `--auth required` every name does. */
  #claim(client: MemberConnection, name: string) {
    const claimed = claimedName(name), { accounts } = this.options;
    if (accounts?.auth !== "required" && !accounts?.isProtected(claimed)) return;
    client.claimed = claimed;
    refuseUnproved(client, this.#login);
  }

  #control(client: MemberConnection, member: Member, text: string) {
    const { hub } = this.options;
    // for such a client, an answer stands behind what has happened before it
    if (member.encoder === announcedFrames) hub.flush(member);
    if (this.#controlOfAnnounced(client, member, text)) return;
    const request = decodeChannelsRequest(text);
    const channel = "channel" in request ? ` ${quoted(request.channel ?? "")}` : "";
    client.logDebug(`asks for ${request.kind}${channel}`);
    switch (request.kind) {
      case "list":
        return hub.listed.length > 0 ? answer(client, this.#encodedList(hub.listed)) : undefined;
      case "create":
        if (request.channel === undefined) return answer(client, TEXTS.createWithoutName);
        return this.#create(client, member, printable(request.channel));
      case "join": {
        if (request.channel === undefined) return answer(client, TEXTS.joinWithoutName);
        const channel = printable(request.channel);
        if (utf8Length(channel) > MAX_CHANNEL_NAME_BYTES) return tooLong(client);
        if (!hub.join(member, channel)) return answer(client, TEXTS.noChannelNamed(channel));
        return reportEntered(client, member);
      }
      default:
        return answer(client, TEXTS.unknownCommand(text));
    }
  }

  /** Carries out what only announced clients may ask for. Returns whether it was that. */
  #controlOfAnnounced(client: MemberConnection, member: Member, text: string): boolean {
    const request = decodeAnnouncedRequest(text), isAnnounced = member.encoder === announcedFrames;
    if (request === undefined) return false;
    if (request.kind === "announcement") {
      if (!isAnnounced && member.channel !== undefined) return false;
      client.member = isAnnounced ? member : new Member(member.speaker, announcedFrames, client);
      client.logDebug("announces itself");
      answer(client, ANNOUNCED_TEXTS.announced(member.speaker.name));
      return true;
    }
    if (!isAnnounced) return false;
    client.logDebug(`asks for ${request.kind}`);
    if (member.channel === undefined) answer(client, TEXTS.inNoChannel);
    else if (request.kind === "who") answer(client, membersOf(member.channel));
    else if (request.kind === "history") {
      answer(client, historyFrames(member.channel, request.query));
    }
    return true;
  }

  #create(client: MemberConnection, member: Member, channel: string) {
    switch (this.options.hub.create(member, channel)) {
      case "created":
        return reportEntered(client, member);
      case "exists":
        return answer(client, TEXTS.alreadyExists(channel));
      case "too long":
        return tooLong(client);
      case "too many":
        client.count("too many channels");
        return answer(client, TEXTS.tooManyChannels);
    }
  }

  /** @param names An array that is never changed. */
  #encodedList(names: readonly string[]): Uint8Array {
    if (names !== this.#list.names) this.#list = { names, bytes: encodeList(names) };
    return this.#list.bytes;
  }
}

/** The message in a frame's text; undefined if it is a name or a control message. */
function messageIn(text: string, member: Member | undefined): string | undefined {
  if (member === undefined) return undefined;
  if (!text.startsWith("/")) return text;
  return text.startsWith("//") && member.encoder === announcedFrames ? text.slice(1) : undefined;
}

function isAnnouncement(text: string): boolean {
  return decodeAnnouncedRequest(text)?.kind === "announcement";
}

/** An announced client knows of each of its messages what became of it. */
function reportRefused(client: MemberConnection, member: Member) {
  if (member.encoder === announcedFrames) answer(client, ANNOUNCED_TEXTS.refused);
}

/** A client that has not announced itself gets nothing. */
function reportEntered(client: MemberConnection, member: Member) {
  if (member.encoder === announcedFrames && member.channel !== undefined) {
    answer(client, entered(member.channel));
  }
}

function answer(client: MemberConnection, text: string | Uint8Array) {
  const bytes = typeof text === "string" ? encodeFrames(text) : text;
  client.answer(bytes, bytes.length / FRAME_BYTES);
}

function tooLong(client: MemberConnection) {
  client.count("name too long");
  answer(client, TEXTS.nameTooLong);
}

/** The names with LF between them, as many as fit into each frame; none is longer than a frame. */
function encodeList(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const frames = new FrameWriter(names.length);
  let text = "", bytes = 0;
  for (const name of names) {
    const nameBytes = utf8Length(name);
    if (text !== "" && bytes + 1 + nameBytes > FRAME_BYTES) {
      frames.add(text);
      text = "";
      bytes = 0;
    }
    bytes += nameBytes + (text === "" ? 0 : 1);
    text += text === "" ? name : `\n${name}`;
  }
  if (text !== "") frames.add(text);
  // only as much memory as it has bytes: it is kept
  return frames.bytes.slice();
}
