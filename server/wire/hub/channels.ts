/**
 * The channels: members of the hub that speak frames of 200 bytes. `protocol/README.md`, "Channels", is the
 * specification.
 *
 * @module
 */

import {
  alreadyExists,
  CHANNEL_TOO_LONG,
  channelsPrefix,
  CREATE_ALONE,
  decodeChannelsRequest,
  hasJoined,
  hasLeft,
  IN_NO_CHANNEL,
  JOIN_ALONE,
  MAX_CHANNEL_NAME,
  noChannelNamed,
  notValid,
  shownName,
  TOO_MANY_CHANNELS,
} from "../../../protocol/channels.ts";
import {
  decodeFrame,
  encodeFrames,
  FRAME_BYTES,
  FrameDecoder,
  FrameWriter,
} from "../../../protocol/frame.ts";
import { linesOf, printable } from "../../../protocol/line.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { type HubEvent, Member, type Wire } from "../../service/channel.ts";
import type { Listener } from "../../net/listener.ts";
import { quoted } from "../../report/log.ts";
import { listenForMembers, type MemberConnection, type MemberServiceOptions } from "./member_service.ts";

/** What members in frames are told. */
const frames: Wire = {
  name: "channels",
  encode(events: readonly HubEvent[]): Uint8Array {
    const frames = new FrameWriter(events.length);
    for (const event of events) {
      const { name } = event.speaker;
      if (event.kind === "said") frames.add(event.text, channelsPrefix(name));
      else frames.add(event.kind === "joined" ? hasJoined(name) : hasLeft(name));
    }
    return frames.bytes;
  },
};

export class ChannelsService {
  readonly #options: MemberServiceOptions;
  readonly #listener: Listener;
  readonly #list = new EncodedList();

  /** Begins to accept. */
  constructor(options: MemberServiceOptions) {
    this.#options = options;
    this.#listener = listenForMembers("channels", options, (session) => this.#serve(session));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(session: MemberConnection) {
    const decoder = new FrameDecoder();
    for (let bytes = await session.read(); bytes !== undefined; bytes = await session.read()) {
      for (const frame of decoder.push(bytes)) {
        const text = decodeFrame(frame);
        const isMessage = session.member !== undefined && !text.startsWith("/");
        // each line is a message, or a frame could be as many as it has bytes
        for (const line of isMessage ? linesOf(text) : [text]) {
          const wait = session.pace();
          if (wait !== undefined) await wait;
          if (session.connection.isClosed) return;
          this.#received(session, line, isMessage);
        }
      }
    }
    if (decoder.isWithinFrame) session.count("partial frame");
  }

  #received(session: MemberConnection, text: string, isMessage: boolean) {
    const { member } = session;
    if (member === undefined) {
      this.#come(session, printable(text));
      return;
    }
    session.count("received");
    if (!isMessage) this.#control(session, member, text);
    else if (!this.#options.hub.say(member, text)) answer(session, IN_NO_CHANNEL);
  }

  #come(session: MemberConnection, name: string) {
    const shown = shownName(name, this.#options.hub.hasRoom);
    session.member = new Member({ name: shown }, frames, session.connection);
    session.tell("has come");
  }

  #control(session: MemberConnection, member: Member, text: string) {
    const { hub } = this.#options;
    const request = decodeChannelsRequest(text);
    const channel = "channel" in request ? ` ${quoted(request.channel ?? "")}` : "";
    session.tell(`asks for ${request.kind}${channel}`);
    switch (request.kind) {
      case "list":
        return hub.listed.length > 0 ? answer(session, this.#list.of(hub.listed)) : undefined;
      case "create":
        if (request.channel === undefined) return answer(session, CREATE_ALONE);
        return this.#create(session, member, printable(request.channel));
      case "join": {
        if (request.channel === undefined) return answer(session, JOIN_ALONE);
        const channel = printable(request.channel);
        if (utf8Length(channel) > MAX_CHANNEL_NAME) return tooLong(session);
        if (!hub.join(member, channel)) answer(session, noChannelNamed(channel));
        return;
      }
      default:
        return answer(session, notValid(text));
    }
  }

  #create(session: MemberConnection, member: Member, channel: string) {
    switch (this.#options.hub.create(member, channel)) {
      case "exists":
        return answer(session, alreadyExists(channel));
      case "too long":
        return tooLong(session);
      case "too many":
        session.count("too many channels");
        return answer(session, TOO_MANY_CHANNELS);
    }
  }
}

function answer(session: MemberConnection, text: string | Uint8Array) {
  const bytes = typeof text === "string" ? encodeFrames(text) : text;
  session.answer(bytes, bytes.length / FRAME_BYTES);
}

function tooLong(session: MemberConnection) {
  session.count("name too long");
  answer(session, CHANNEL_TOO_LONG);
}

/** The answer to `/list`, which is made once and shared by all who ask, until the list changes. */
class EncodedList {
  #names: readonly string[] = [];
  #bytes = new Uint8Array(0);

  /** @param names An array that is never changed. */
  of(names: readonly string[]): Uint8Array {
    if (names !== this.#names) {
      this.#names = names;
      this.#bytes = encodeList(names);
    }
    return this.#bytes;
  }
}

/** The names with LF between them, as many as fit into a frame; none is longer than one. */
function encodeList(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const frames = new FrameWriter(names.length);
  let text = "", bytes = 0;
  for (const name of names) {
    const more = utf8Length(name);
    if (text !== "" && bytes + 1 + more > FRAME_BYTES) {
      frames.add(text);
      text = "";
      bytes = 0;
    }
    bytes += more + (text === "" ? 0 : 1);
    text += text === "" ? name : `\n${name}`;
  }
  if (text !== "") frames.add(text);
  // as much memory as it has bytes: it is kept
  return frames.bytes.slice();
}
