// @ts-check

/**
 * What the view does, as a line to type: for nc, curl and wirepost. People learn the wires from it.
 *
 * @module
 */

import { html, useEffect, useState } from "../preact.js";

/** The mailbox's port, which HTTP has too. */
const DEFAULT_PORT = "21001";

const WAY_KEY = "wirepost.way";

/** How long it says that a line was copied. */
const COPIED_MS = 1500;

/**
 * A word of a shell's line, in quotes if it needs them.
 *
 * @param {string} word
 */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * An address for curl.
 *
 * @param {string} path
 * @param {Record<string, string>} [query]
 */
export function addressOf(path, query = {}) {
  const parameters = new URLSearchParams(query).toString();
  return quoted(`${location.origin}${path}${parameters === "" ? "" : `?${parameters}`}`);
}

/** Where the server is, as its programs are given it. */
export function hostName() {
  return location.hostname.replace(/^\[|\]$/g, "");
}

/** ` --server HOST:PORT`, where it is not the program's own choice. */
export function serverOption() {
  const host = hostName(), port = location.port === DEFAULT_PORT ? "" : `:${location.port || "80"}`;
  const isHere = ["localhost", "127.0.0.1", "::1"].includes(host);
  return isHere && port === ""
    ? ""
    : ` --server ${host.includes(":") && port !== "" ? `[${host}]` : host}${port}`;
}

/** @param {{ account: string | undefined, name: string }} self ` --as NAME`, where an account is needed. */
export function wirepostAs({ account, name }) {
  return ` --as ${quoted(account ?? name)}`;
}

/** @param {{ account: string | undefined, name: string }} self ` -u NAME`: curl asks for the password. */
export function curlAs({ account, name }) {
  return ` -u ${quoted(account ?? name)}`;
}

/**
 * @param {{ lines: Record<string, string>, label?: string }} props The lines by their programs.
 */
export function SameWith({ lines, label = "Same with" }) {
  const ways = Object.keys(lines);
  const [chosen, choose] = useState(() => localStorage.getItem(WAY_KEY) ?? "curl");
  const [copied, setCopied] = useState(false);
  const way = ways.includes(chosen) ? chosen : ways[0] ?? "";
  const line = lines[way] ?? "";
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return html`
    <div class="same">
      <span class="ways" role="group"
        aria-label=${label}><span aria-hidden="true">${label}</span>${ways.map((one) =>
          html`<button type="button" aria-pressed=${one === way} onClick=${() => {
            localStorage.setItem(WAY_KEY, one);
            choose(one);
          }}>${one}</button>`
        )}</span>
      <code title=${line}>${line}</code>
      <button class="copy" type="button" aria-label=${`Copy the line for ${way}`} onClick=${() =>
        copy(line).then(() => setCopied(true))}>${copied ? "copied" : "copy"}</button>
      <span class="hidden" role="status">${copied ? "Copied" : ""}</span>
    </div>
  `;
}

/** @param {string} text */
async function copy(text) {
  // not there without TLS, except on the server's own machine
  if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
