// @ts-check

/**
 * Reads server-sent events from the body of an answer, as the HTML Standard writes them (section 9.2). A stream that is
 * read by `fetch` shows what `EventSource` hides: why it is refused, and that it has become silent.
 *
 * @module
 */

/** Longest event that is read, in characters: the longest message, escaped, fits in it. */
const MAX_EVENT_LENGTH = 1024 * 1024;

/**
 * @typedef {object} ServerEvent
 * @property {string} type `message` if it has no other.
 * @property {string} data
 * @property {string} id The last one that was sent.
 */

/**
 * The events of a stream, until it ends. A comment is `undefined`: it shows that the connection is alive.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerEvent | undefined>}
 * @throws {RangeError} An event is longer than any that a server sends.
 */
export async function* readEvents(body) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let waiting = "", type = "", id = "";
  /** @type {string[]} */
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // a CR at the end may be half of a line end
      const lines = (waiting + value).split(/\r\n|\n|\r(?!$)/);
      waiting = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { type: type || "message", data: data.join("\n"), id };
          data = [], type = "";
          continue;
        }
        if (line.startsWith(":")) {
          yield undefined;
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") data.push(text);
        else if (field === "event") type = text;
        else if (field === "id") id = text;
      }
      if (waiting.length + data.join("").length > MAX_EVENT_LENGTH) {
        throw new RangeError("Cannot read events: one is longer than any message");
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
