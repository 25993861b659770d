// @ts-check

/**
 * A window in front of the page, which Escape and a click beside it close.
 *
 * @module
 */

import { html, useEffect, useRef } from "../preact.js";

/**
 * @param {{ label: string, onClose: () => void, menu?: boolean, children?: import("../preact.js").Children }} props
 */
export function Dialog({ label, onClose, menu = false, children }) {
  /** @type {{ current: HTMLDialogElement | null }} */
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return html`
    <dialog ref=${dialog} aria-label=${label} class=${menu ? "menu" : ""} onClose=${onClose}
      onClick=${(/** @type {MouseEvent} */ event) => {
        if (event.target === dialog.current && isBeside(event, dialog.current)) dialog.current?.close();
      }}>${children}</dialog>
  `;
}

/**
 * @param {MouseEvent} event
 * @param {HTMLElement | null} element
 */
function isBeside({ clientX, clientY }, element) {
  const box = element?.getBoundingClientRect();
  // Enter in a field clicks at 0, 0
  if (box === undefined || (clientX === 0 && clientY === 0)) return false;
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
