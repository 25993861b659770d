// @ts-check

/**
 * A channel: what was said, who is here, and the field to write in.
 *
 * @module
 */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { names } from "../model/channel.js";
import { useFollow } from "../model/observable.js";
import { Composer } from "../parts/composer.js";
import { Dialog } from "../parts/dialog.js";
import { Entries } from "../parts/entries.js";
import { addressOf, hostName, quoted, SameWith, serverOption } from "../parts/same_with.js";
import { counted } from "../parts/time.js";

/** Longest text that the server takes, in bytes (http.md section 6). */
const MAX_TEXT_BYTES = 65_000;

/** Names that the title shows. */
const SHOWN_NAMES = 3;

/** How near to its end a log has to be to follow what comes, in pixels. */
const NEAR_END_PX = 80;

/** @param {{ models: import("../models.js").Models, name: string }} props */
export function ChannelView({ models, name }) {
  const { channels, self } = models;
  useFollow(channels);
  useFollow(self);
  const [text, setText] = useState("");
  useEffect(() => channels.show(name), [name]);
  useEffect(() => () => channels.show(undefined), []);
  const channel = channels.channels.get(name);
  return html`
    <main class="view" id="view" tabindex="-1" aria-label=${`Channel ${name}`}>
      <${Title} models=${models} name=${name} channel=${channel} />
      <${Log} key=${name} models=${models} channel=${channel} name=${name} />
      <div class="write">
        <${Composer} place=${`#${name}`} label=${`Message #${name}`} maxBytes=${MAX_TEXT_BYTES} onText=${setText}
          onSend=${(/** @type {string} */ said) => channels.outbox.say(name, said)} />
        <${SameWith} lines=${linesFor(name, text, self)} />
      </div>
    </main>
  `;
}

/**
 * The lines that say the same; without a text, those that listen.
 *
 * @param {string} channel
 * @param {string} text
 * @param {import("../model/self.js").Self} self
 */
function linesFor(channel, text, { name, services }) {
  const line = text.trim().split("\n", 1)[0] ?? "";
  const said = quoted(line), host = hostName();
  const frames = `printf '%-200s' ${quoted(name)} ${quoted(`/join ${channel}`)}`;
  const room = services.room ?? 6000, port = services.channels ?? 55555;
  return {
    nc: line === ""
      ? channel === "room" ? `nc ${host} ${room}` : `{ ${frames}; cat; } | nc ${host} ${port}`
      : channel === "room"
      ? `echo ${said} | nc -N ${host} ${room}`
      : `${frames} ${said} | nc -N ${host} ${port}`,
    curl: line === ""
      ? `curl -N ${addressOf("/events", { channel })}`
      : `curl -d ${said} ${addressOf(`/channel/${encodeURIComponent(channel)}`, { sender: name })}`,
    wirepost: line === ""
      ? `wirepost chat ${quoted(channel)} --as ${quoted(name)}${serverOption()}`
      : `echo ${said} | wirepost chat ${quoted(channel)} --as ${quoted(name)}${serverOption()}`,
  };
}

/** @param {{ models: import("../models.js").Models, name: string, channel: import("../model/channel.js").Channel | undefined }} props */
function Title({ models, name, channel }) {
  const [isOpen, open] = useState(false);
  const { services } = models.self;
  const here = channel?.names ?? [], count = Math.max(channel?.members ?? 0, here.length);
  const shown = here.slice(0, SHOWN_NAMES).join(", ");
  return html`<div class="title">
    <h1 title=${name}><span class="hash" aria-hidden="true">#</span>${name}</h1>
    ${
    name === "room" && services.room !== undefined &&
    html`<span class="about">also the line room on TCP ${services.room}</span>`
  }
    <span class="end">${
    channel !== undefined && html`
      <button class="here" type="button" aria-haspopup="dialog"
        onClick=${() => {
          models.channels.readMembers(channel).catch(() => {});
          open(true);
        }}>${shown === "" ? "" : `${shown} · `}${count} here</button>
    `
  }</span>
    ${
    isOpen && channel !== undefined &&
    html`<${Dialog} label=${`In #${name}`} menu onClose=${() => open(false)}>
      <h2>${counted(count, "member")} in #${name}</h2>
      <ul class="names">${[...here].sort().map((one, i) => html`<li key=${i}>${one}</li>`)}</ul>
      ${
      name !== "room" && html`<div class="row"><button class="do plain" type="button" onClick=${() => {
        models.channels.leave(name);
        models.router.go({ view: "channel", name: "room" });
      }}>Leave #${name}</button></div>`
    }
    <//>`
  }
  </div>`;
}

/**
 * What was said. It stays at its end while one reads there, and where one reads otherwise.
 *
 * @param {{ models: import("../models.js").Models, name: string, channel: import("../model/channel.js").Channel | undefined }} props
 */
function Log({ models, name, channel }) {
  const { channels, self } = models;
  /** @type {{ current: HTMLElement | null }} */
  const log = useRef(null);
  const place = useRef({ height: 0, shown: 0, first: "" });
  const [isAtEnd, setAtEnd] = useState(true);
  const entries = channel?.entries ?? [];
  const pending = channels.outbox.pending.filter((one) => one.channel === name && !isShown(one, entries));
  useLayoutEffect(() => {
    const element = log.current;
    if (element === null) return;
    const { current } = place, first = entries[0]?.key ?? "";
    if (wasAtEnd(element, current)) element.scrollTop = element.scrollHeight;
    // older ones were put before: what one reads stays where it is
    else if (first !== current.first) element.scrollTop += element.scrollHeight - current.height;
    place.current = { ...sizeOf(element), first };
  });
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      const element = log.current;
      if (element === null) return;
      if (wasAtEnd(element, place.current)) element.scrollTop = element.scrollHeight;
      Object.assign(place.current, sizeOf(element));
    });
    if (log.current !== null) observer.observe(log.current);
    return () => observer.disconnect();
  }, []);
  const scrolled = () => {
    const element = log.current;
    if (element === null) return;
    const size = sizeOf(element);
    Object.assign(place.current, size);
    setAtEnd(isNearEnd(element, size));
    if (element.scrollTop < 200 && channel?.hasOlder) channels.loadOlder(channel).catch(() => {});
  };
  const toEnd = () => log.current?.scrollTo({ top: log.current.scrollHeight, behavior: "smooth" });
  return html`<div class="log" ref=${log} tabindex="0" role="log" aria-label=${`Messages in #${name}`} onScroll=${scrolled}>
      ${
    channel?.hasOlder &&
    html`<button class="older" type="button" disabled=${channel.isLoadingOlder} onClick=${() =>
      channels.loadOlder(channel).catch(() => {})}>${
      channel.isLoadingOlder ? "Loading…" : "Older messages"
    }</button>`
  }
      ${
    !entries.some(({ kind }) => kind === "message") && pending.length === 0 &&
    html`<${Blank} name=${name} isLoaded=${channel?.isLoaded ?? false} refused=${channel?.refused} />`
  }
      <${Entries} entries=${entries} pending=${pending} self=${self.name} isNamed=${(
    /** @type {string} */ text,
  ) => names(text, self.name)} onRetry=${(/** @type {any} */ one) => channels.outbox.retry(one)} onDiscard=${(
    /** @type {any} */ one,
  ) => channels.outbox.discard(one)} />
    </div>
    ${
    !isAtEnd &&
    html`<button class="jump" type="button" onClick=${toEnd}>${
      (channel?.unread ?? 0) > 0 ? `${channel?.unread} new, below` : "To the newest"
    }</button>`
  }`;
}

/**
 * How high all of a log is, and what is shown of it.
 *
 * @param {HTMLElement} log
 */
function sizeOf({ scrollHeight, clientHeight }) {
  return { height: scrollHeight, shown: clientHeight };
}

/**
 * @param {HTMLElement} log
 * @param {{ height: number, shown: number }} size
 */
function isNearEnd({ scrollTop }, { height, shown }) {
  return height - scrollTop - shown < NEAR_END_PX;
}

/**
 * Whether one reads the end of a log whose size was this before. Its place is the one of now: the event that reports a
 * scroll comes later.
 *
 * @param {HTMLElement} log
 * @param {{ height: number, shown: number }} before
 */
function wasAtEnd(log, before) {
  // one that has become shorter, or is shown in more room, has been moved to its new end
  return isNearEnd(log, before) || isNearEnd(log, sizeOf(log));
}

/**
 * @param {import("../model/outbox.js").Pending} pending
 * @param {readonly import("../model/channel.js").Entry[]} entries
 */
function isShown({ id }, entries) {
  return id !== undefined && entries.findLast(({ key }) => key === id) !== undefined;
}

/** @param {{ name: string, isLoaded: boolean, refused: string | undefined }} props */
function Blank({ name, isLoaded, refused }) {
  if (refused !== undefined) {
    return html`<div class="blank" role="alert"><b>There is no channel #${name}</b>It can’t be made: ${refused}.</div>`;
  }
  if (!isLoaded) return html`<p class="blank" role="status">Connecting…</p>`;
  return html`<div class="blank"><b>Nothing was said in #${name} yet</b>What you write here reaches everybody
    who is in the channel: in a browser, with <code>wirepost chat</code>, or with nothing but a socket.</div>`;
}
