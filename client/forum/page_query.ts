import { encodeForumRequest, type ForumAnswer, type ForumRow } from "../../protocol/forum.ts";
import { type Page, PageAssembly } from "../session/requests/page_assembly.ts";
import { TextPieces } from "../session/requests/text_pieces.ts";
import type { Query } from "../session/requests/unordered_requests.ts";

/** Most texts that are kept in part, and most rows of a page: an answer has 128. */
const MAX_TEXTS = 1024, MAX_ROWS = 8192;

/** Asks for a page of `LST` or `RDT`, and assembles it with the texts of its messages. */
export class PageQuery implements Query<ForumAnswer, Page<ForumRow>> {
  readonly #title: string | undefined;
  readonly #page: PageAssembly<ForumRow>;
  /** Texts that have arrived in part, by the IDs of their messages. */
  readonly #texts = new Map<number, { version: number; pieces: TextPieces }>();

  /**
   * @param title The thread; undefined for the list of threads.
   * @param place Where the page begins.
   */
  constructor(title: string | undefined, place: string) {
    this.#title = title;
    this.#page = new PageAssembly(place, "line", MAX_ROWS);
  }

  line(t: number): string {
    const { place } = this.#page, title = this.#title;
    return encodeForumRequest(
      title === undefined ? { kind: "LST", t, place } : { kind: "RDT", t, place, title },
    );
  }

  take(answer: ForumAnswer): Page<ForumRow> | undefined {
    switch (answer.kind) {
      case "next":
        this.#page.end(answer.place, "next");
        break;
      case "end":
        this.#page.end(answer.place, "last");
        break;
      case "line":
      case "title":
      case "file":
        if (!this.#page.add(answer.place, answer)) return undefined;
        if (answer.kind === "line") this.#piece(answer.id, answer.version, 0, answer.text);
        break;
      case "rest":
        this.#piece(answer.id, answer.version, answer.offset, answer.text);
    }
    return this.#page.advance((row) => this.#whole(row));
  }

  #piece(id: number, version: number, offset: number, text: string) {
    if (id <= this.#page.reached) return;
    let partial = this.#texts.get(id);
    if (partial === undefined || partial.version < version) {
      if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
      this.#texts.set(id, partial = { version, pieces: new TextPieces() });
    }
    // a piece of an earlier version
    if (partial.version === version) partial.pieces.add(offset, text);
  }

  /** The row; a message with its whole text, if that has arrived. */
  #whole(row: ForumRow): ForumRow | undefined {
    if (row.kind !== "line") return row;
    const { pieces, version } = this.#texts.get(row.id) ?? {};
    // another version: the message was edited after this line was sent
    const text = version === row.version ? pieces?.join(row.length) : undefined;
    if (text === undefined) return undefined;
    this.#texts.delete(row.id);
    return { ...row, text };
  }
}
