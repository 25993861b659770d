/**
 * The room: members of the hub that speak lines. `protocol/README.md`, "Room", is the specification.
 *
 * @module
 */

import { type Line, LineDecoder } from "../protocol/line.ts";
import { enteredRoom, isOffline, lineTooLong, roomPrefix } from "../protocol/room.ts";
import { type HubEvent, Member, type Wire } from "./hub.ts";
import type { Listener } from "./listener.ts";
import { listenForMembers, type MemberServiceOptions, type Session } from "./member_service.ts";

export interface RoomServiceOptions extends MemberServiceOptions {
  /** Longest line, in bytes without its end. */
  maxLine: number;
}

const encoder = new TextEncoder();

/** What members in lines are told. */
const lines: Wire = {
  name: "room",
  encode(events: readonly HubEvent[]): Uint8Array {
    let text = "";
    for (const event of events) {
      const { inRoom } = event.speaker;
      if (event.kind === "said") { for (const line of event.lines) text += `${roomPrefix(inRoom)}${line}\n`; }
      else text += event.kind === "joined" ? enteredRoom(inRoom) : isOffline(inRoom);
    }
    return encoder.encode(text);
  },
};

export class RoomService {
  readonly #options: RoomServiceOptions;
  readonly #listener: Listener;

  /** Begins to accept. */
  constructor(options: RoomServiceOptions) {
    this.#options = options;
    options.hub.openRoom();
    this.#listener = listenForMembers("room", options, (session) => this.#serve(session));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(session: Session) {
    const { hub, log, maxLine } = this.#options;
    const { connection } = session, { hostname, port } = connection;
    const member = session.member = new Member({ hostname, port }, lines, connection);
    log.line(`Client (${hostname}, ${port}) connected`);
    hub.enter(member);
    const decoder = new LineDecoder(maxLine, "replace");
    for (let bytes = await session.read(); bytes !== undefined; bytes = await session.read()) {
      for (const line of decoder.decode(bytes)) {
        const wait = session.pace();
        if (wait !== undefined) await wait;
        if (connection.isClosed) break;
        this.#received(session, member, line);
      }
    }
    // the last one may lack its end
    if (!connection.isClosed) { for (const line of decoder.end()) this.#received(session, member, line); }
    log.line(`Client (${hostname}, ${port}) is offline`);
  }

  #received(session: Session, member: Member, line: Line) {
    if ("text" in line) {
      session.count("received");
      this.#options.hub.say(member, line.text);
      return;
    }
    session.count("line too long");
    session.connection.send(encoder.encode(lineTooLong(this.#options.maxLine)));
  }
}
