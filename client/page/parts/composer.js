// @ts-check

/**
 * The field in which one writes: Enter sends, Shift and Enter begin a new line. What was not sent stays when one goes
 * elsewhere and comes back.
 *
 * @module
 */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { SendIcon } from "./icons.js";
import { countText } from "./time.js";

/** Texts that were begun, by the places for which they are. */
const drafts = new Map();

const encoder = new TextEncoder();

/**
 * @param {object} props
 * @param {string} props.place What the text is for; another place has another text.
 * @param {string} props.label
 * @param {number} props.maxBytes
 * @param {(text: string) => void | Promise<void>} props.onSend What could not be sent, because it rejects, comes back.
 * @param {(text: string) => void} [props.onText] Called with what is in the field.
 * @param {import("../preact.js").Children} [props.before] What stands beside the field.
 * @param {import("../preact.js").Children} [props.after]
 */
export function Composer({ place, label, maxBytes, onSend, onText, before, after }) {
  const [text, setText] = useState(() => drafts.get(place) ?? "");
  /** @type {{ current: HTMLTextAreaElement | null }} */
  const field = useRef(null);
  const bytes = text.length > maxBytes / 4 ? encoder.encode(text).length : 0;
  /** @param {string} value */
  const change = (value) => {
    drafts.set(place, value);
    setText(value);
    onText?.(value);
  };
  useEffect(() => {
    const draft = drafts.get(place) ?? "";
    setText(draft);
    onText?.(draft);
    // a touch keyboard would cover what one came to read
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [place]);
  useLayoutEffect(() => {
    if (field.current !== null) fit(field.current);
  }, [text]);
  const send = () => {
    if (text.trim() === "" || bytes > maxBytes) return;
    Promise.resolve(onSend(text)).catch(() => drafts.get(place) === "" && change(text));
    change("");
    field.current?.focus();
  };
  return html`<form onSubmit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    send();
  }}>
    <div class="field">${before}
      <textarea ref=${field} rows="1" aria-label=${label} placeholder=${label} value=${text} enterkeyhint="send"
        autocomplete="off" onInput=${(/** @type {InputEvent} */ event) =>
    change(/** @type {HTMLTextAreaElement} */ (event.target).value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
    // Enter that ends a composition of an input method is no Enter
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  }} />
      ${after}<button class="icon" aria-label="Send" title="Send (Enter)"><${SendIcon} /></button>
    </div>
    ${
    bytes > maxBytes &&
    html`<p class="over" role="alert">${countText(bytes)} bytes; at most ${
      countText(maxBytes)
    } can be sent</p>`
  }
  </form>`;
}

/** @param {HTMLTextAreaElement} field */
function fit(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
