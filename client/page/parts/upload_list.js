// @ts-check

/**
 * The button that chooses files, and the files on their way.
 *
 * @module
 */

import { html } from "../preact.js";
import { FileIcon } from "./icons.js";
import { sizeText } from "./time.js";

/** @param {{ onFiles: (files: File[]) => void }} props */
export function FileButton({ onFiles }) {
  return html`<label class="icon quiet" title="Upload files"><${FileIcon} /><span class="hidden">Upload files</span>
    <input class="hidden" type="file" multiple onChange=${(/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    onFiles([...field.files ?? []]);
    field.value = "";
  }} /></label>`;
}

/** @param {{ uploads: import("../model/uploads.js").Uploads, thread: string, onAgain: (file: File) => void }} props */
export function UploadList({ uploads, thread, onAgain }) {
  const shown = uploads.running.filter((upload) => upload.thread === thread);
  if (shown.length === 0) return null;
  return html`<ul class="uploads">${
    shown.map((upload) => {
      const { key, name, file, sent, state, wrong } = upload;
      const part = file.size === 0 ? 1 : sent / file.size;
      return html`
        <li
          key=${key}><div class="row"><b>${name}</b><span class=${wrong === undefined
            ? "fate"
            : "fate bad"} role="status">${wrong ??
            `${sizeText(sent)} of ${sizeText(file.size)}${
              state === "waits" ? ", waiting for the server…" : ""
            }`}</span>
                ${state === "stopped" &&
                  html`<button class="link" type="button" onClick=${() => {
                    uploads.stop(upload);
                    onAgain(file);
                  }}>Try again</button>`}
                <button class="link" type="button" onClick=${() => uploads.stop(upload)}>${state === "stopped"
                  ? "Close"
                  : "Stop"}</button></div>
                <progress max="1" value=${part} aria-label=${`Upload of ${name}`} /></li>
      `;
    })
  }</ul>`;
}
