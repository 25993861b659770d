// @ts-check

/**
 * A thread: its messages, which their authors edit and delete, its files, and the field to write in.
 *
 * @module
 */

import { filePath } from "../../web/forum.js";
import { html, useEffect, useState } from "../preact.js";
import { NotRead } from "../parts/not_read.js";
import { useFollow } from "../model/observable.js";
import { Composer } from "../parts/composer.js";
import { FileIcon } from "../parts/icons.js";
import { addressOf, curlAs, quoted, SameWith, serverOption, wirepostAs } from "../parts/same_with.js";
import { Text } from "../parts/text.js";
import { FileButton, UploadList } from "../parts/upload_list.js";
import { fullTime, shortTime, sizeText } from "../parts/time.js";

/** Longest text of a message, in bytes (forum.md section 6). */
const MAX_TEXT_BYTES = 65_000;

/** How often a thread that is shown is read. */
const READ_MS = 4000;

/** @param {{ models: import("../models.js").Models, name: string }} props */
export function View({ models, name }) {
  const { forum, self } = models;
  useFollow(forum);
  useFollow(forum.uploads);
  useFollow(self);
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  useReading(models, name, setWrong);
  const [isOver, setOver] = useState(false);
  useAnchor(forum.entries.has(name));
  const entries = forum.entries.get(name);
  /** @param {File[]} files */
  const upload = (files) => forum.uploads.add(name, files, () => forum.read(name).catch(() => {}));
  /** @param {Promise<void>} done What is wrong is shown, or leads to a log-in. */
  const attempt = (done) =>
    done.then(() => {
      setWrong("");
      return forum.read(name);
    }).catch((error) => {
      if (!self.askIfNeeded(error)) setWrong(error.message);
      throw error;
    });
  return html`
    <main class=${isOver ? "view over-files" : "view"} id="view" tabindex="-1" aria-label=${`Thread ${name}`}
      onDragOver=${(/** @type {DragEvent} */ event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }} onDragLeave=${() => setOver(false)} onDrop=${(/** @type {DragEvent} */ event) => {
        event.preventDefault();
        setOver(false);
        upload([...event.dataTransfer?.files ?? []]);
      }}>
      <div
        class="title"><h1 title=${name}>${name}</h1><span class="about">a thread</span><span class="end">
          <${Remove} models=${models} name=${name} onWrong=${setWrong} /></span></div>
      <div class="sheet" tabindex="0" role="region" aria-label=${`Messages of ${name}`}>
          ${entries === undefined
            ? html`<${NotRead} self=${self} wrong=${wrong} />`
            : entries.length === 0
            ? html`<div class="blank"><b>This thread is empty</b>What you post here stays until you delete it.</div>`
            : html`<ol>${
              entries.map((entry) =>
                entry.kind === "file"
                  ? html`<${FileEntry} key=${entry.id} thread=${name} entry=${entry} />`
                  : html`
                    <${MessageEntry} key=${entry.id} forum=${forum} thread=${name} entry=${entry}
                      isMine=${entry.author === self.account} attempt=${attempt} />
                  `
              )
            }</ol>`}
        </div>
      <div class="write">
        <${UploadList} uploads=${forum.uploads} thread=${name} onAgain=${(/** @type {File} */ file) =>
          upload([file])} />
        <${Composer} before=${html`<${FileButton} onFiles=${upload} />`} place=${`thread ${name}`} label=${`Post to ${name}`} maxBytes=${MAX_TEXT_BYTES}
          onText=${setText}
          onSend=${(/** @type {string} */ said) => attempt(forum.client.post(name, said))} />
        <p class="wrong" role="alert">${entries === undefined ? "" : wrong || forum.late}</p>
        <${SameWith} lines=${linesFor(name, text, self)} />
      </div>
    </main>
  `;
}

/**
 * Reads the thread as long as it is shown and seen.
 *
 * @param {import("../models.js").Models} models
 * @param {string} name
 * @param {(wrong: string) => void} onWrong
 */
function useReading({ forum, self }, name, onWrong) {
  useEffect(() => {
    const end = new AbortController();
    const read = () => {
      if (document.visibilityState !== "visible") return;
      forum.read(name, end.signal).catch((error) => end.signal.aborted || onWrong(error.message));
    };
    read();
    const timer = setInterval(read, READ_MS);
    return () => {
      clearInterval(timer);
      end.abort();
    };
  }, [name, self.account]);
}

/**
 * Goes to the message that the address names, once it is there.
 *
 * @param {boolean} isThere
 */
function useAnchor(isThere) {
  useEffect(() => {
    if (!isThere || location.hash === "") return;
    const { hash } = location;
    // `:target` is set by going to an address
    location.replace(hash);
    document.getElementById(hash.slice(1))?.scrollIntoView({ block: "center" });
  }, [isThere]);
}

/**
 * @param {{ forum: import("../model/forum.js").ForumModel, thread: string, isMine: boolean,
 *   entry: import("../../web/forum.js").ThreadMessage, attempt: (done: Promise<void>) => Promise<void> }} props
 */
function MessageEntry({ forum, thread, entry, isMine, attempt }) {
  const { id, author, time, version, text } = entry;
  const [isEdited, setEdited] = useState(false);
  const [isAsked, ask] = useState(false);
  return html`<li class="letter" id=${`m${id}`}><header><b>${author}</b>
    <a class="when" href=${`#m${id}`} title=${`${fullTime(time)}, a link to this message`}>${
    shortTime(time)
  }</a>
    ${version > 0 && html`<span>edited</span>`}
    ${
    isMine && !isEdited && html`<span class="end">${
      isAsked
        ? html`
          <span>Delete it?</span><button class="link" type="button" onClick=${() => {
            ask(false);
            attempt(forum.client.delete(thread, entry)).catch(() => {});
          }}>Delete</button><button
            class="link" type="button" onClick=${() => ask(false)}>Keep</button>
        `
        : html`
          <button class="link" type="button" onClick=${() => setEdited(true)}>Edit</button>
          <button class="link" type="button" onClick=${() => ask(true)}>Delete</button>
        `
    }</span>`
  }</header>
    ${
    isEdited
      ? html`<${Edit} text=${text} onDone=${() => setEdited(false)} onSave=${(
        /** @type {string} */ changed,
      ) => attempt(forum.client.edit(thread, entry, changed)).then(() => setEdited(false), () => {})} />`
      : html`<${Text} text=${text} />`
  }</li>`;
}

/** @param {{ text: string, onDone: () => void, onSave: (text: string) => void }} props */
function Edit({ text, onDone, onSave }) {
  const [changed, change] = useState(text);
  return html`
    <form class="edit" onSubmit=${(/** @type {Event} */ event) => {
      event.preventDefault();
      onSave(changed);
    }}>
      <textarea aria-label="The message" rows=${Math.min(12, text.split("\n").length + 1)} value=${changed}
        ref=${(/** @type {HTMLTextAreaElement | null} */ field) => field?.focus()}
        onInput=${(/** @type {Event} */ event) =>
          change(/** @type {HTMLTextAreaElement} */ (event.target).value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && onDone()} />
      <div class="row"><button class="do main">Save</button>
        <button class="do plain" type="button" onClick=${onDone}>Cancel</button></div>
    </form>
  `;
}

/** @param {{ thread: string, entry: import("../../web/forum.js").ThreadFile }} props */
function FileEntry({ thread, entry: { id, author, time, name, size } }) {
  return html`
    <li class="letter" id=${`m${id}`}>
      <header><b>${author}</b>
        <a class="when" href=${`#m${id}`} title=${`${fullTime(time)}, a link to this file`}>${shortTime(
          time,
        )}</a>
        <span>uploaded a file</span></header>
      <p class="file"><${FileIcon} /><a href=${filePath(thread, name)} download=${name}>${name}</a>
        <span class="fate">${sizeText(size)}</span></p>
    </li>
  `;
}

/** @param {{ models: import("../models.js").Models, name: string, onWrong: (wrong: string) => void }} props */
function Remove({ models: { forum, router, self }, name, onWrong }) {
  const [isAsked, ask] = useState(false);
  if (self.account === undefined) return null;
  if (!isAsked) return html`<button class="link" type="button" onClick=${() => ask(true)}>Remove…</button>`;
  return html`
    <span>With all that is in it?</span><button class="link" type="button"
      onClick=${() => {
        ask(false);
        forum.client.remove(name).then(() => {
          forum.forget(name);
          router.go({ view: "threads" });
        }, (error) => self.askIfNeeded(error) || onWrong(error.message));
      }}>Remove</button><button class="link" type="button" onClick=${() => ask(false)}>Keep</button>
  `;
}

/**
 * @param {string} thread
 * @param {string} text
 * @param {import("../model/self.js").Self} self
 */
function linesFor(thread, text, self) {
  const line = text.trim().split("\n", 1)[0] ?? "", path = `/thread/${encodeURIComponent(thread)}`;
  const request = `printf 'GET ${path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'`;
  return {
    nc: `${request} | nc ${location.hostname} ${location.port}`,
    curl: line === ""
      ? `curl ${addressOf(path)}`
      : `curl${curlAs(self)} -d ${quoted(line)} ${addressOf(path)}`,
    wirepost: line === ""
      ? `wirepost forum${wirepostAs(self)} RDT ${quoted(thread)}${serverOption()}`
      : `wirepost forum${wirepostAs(self)} MSG ${quoted(thread)} ${quoted(line)}${serverOption()}`,
  };
}
