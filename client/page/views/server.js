// @ts-check

/**
 * What the server does, for its administrators: rates and times as they are, and who and what it holds.
 *
 * @module
 */

import { html, useEffect, useMemo, useState } from "../preact.js";
import { useFollow } from "../model/observable.js";
import { ServerModel } from "../model/server.js";
import { addressOf, curlAs, SameWith, serverOption, wirepostAs } from "../parts/same_with.js";
import { countText, durationText, shortTime, sizeText } from "../parts/time.js";
import { Plot } from "../plot.js";
import { Dead } from "./mailbox.js";

/** Answers that a plot shows: a minute of them. */
const SHOWN = 60;

/** Rows of a table before the rest is asked for. */
const SHOWN_ROWS = 12;

/** @param {{ models: import("../models.js").Models }} props */
export function View({ models }) {
  const { self, mailboxes } = models;
  const server = useMemo(() => new ServerModel(self.requests), []);
  useFollow(server);
  useFollow(self);
  useFollow(mailboxes);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    if (!self.isAdmin) return;
    const end = new AbortController();
    server.watch(end.signal);
    mailboxes.lookAtDead().catch(() => {});
    return () => end.abort();
  }, [self.isAdmin]);
  if (!self.isAdmin) {
    return html`
      <main class="view" id="view">
        <div class="title">
          <h1>Server</h1>
        </div>
        <div class="sheet">
          <div
            class="blank"><b>For administrators</b>What the server does is shown to an account with the role admin.
            <p><button class="do" type="button" onClick=${() => self.ask("")}>Log in…</button></p></div>
        </div>
      </main>
    `;
  }
  const { status } = server;
  return html`
    <main class="view" id="view" tabindex="-1" aria-label="The server">
      <div class="title"><h1>Now</h1>
          <span class="about">${status === undefined
            ? ""
            : `up ${status.up}, version ${status.version}, ${
              sizeText(server.value("bytes"))
            } of messages`}</span><span class="end" role="status">${server.wrong ??
            "updates every second"}</span></div>
      <div class="sheet" tabindex="0" role="region" aria-label="What the server does">
        <${Plots} server=${server} />
        <${Mailboxes} oldest=${status?.oldest ?? []} />
        <${Refused} refused=${server.refused} />
        <${Queues} limits=${server.limits} />
        <${Connections} connections=${server.connections} />
        <section aria-label="Dead letters">
          <h2>Dead letters</h2>
          <p class="wrong" role="alert">${wrong}</p>
          <${Dead} mailboxes=${mailboxes} dead=${mailboxes.dead} onWrong=${setWrong} />
        </section>
      </div>
      <div class="write">
        <${SameWith} lines=${{
          nc:
            `printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | nc ${location.hostname} ${location.port}`,
          curl: `curl${curlAs(self)} ${addressOf("/admin/status")}`,
          wirepost: `wirepost status --watch${wirepostAs(self)}${serverOption()}`,
        }} />
      </div>
    </main>
  `;
}

/** @param {{ server: ServerModel }} props */
function Plots({ server }) {
  const put = server.rates(["stored", "session put", "http put"]);
  const taken = server.rates(["forwarded", "session ack", "http taken"]);
  const said = server.rates(["channels received", "room received", "http received"]);
  const delivered = server.rates(["channels delivered", "room delivered", "http delivered"]);
  const sync = server.means("journal sync time", "journal syncs");
  const written = server.rates(["journal bytes"]);
  return html`
    <div class="plots">
      <${Rate} title="Put" values=${put} unit="messages/s" />
      <${Rate} title="Acknowledged, or taken" values=${taken} unit="messages/s" />
      <${Rate} title="Said in channels" values=${said} unit="messages/s" more=${`${
        rateText(delivered.at(-1))
      } delivered a second`} />
      <${Rate} title="On disk within" values=${sync} unit="ms" more=${`${
        rateText(server.rates(["journal syncs"]).at(-1))
      } syncs of the disk a second`} />
      <${Rate} title="Written to the journal" values=${written} text=${sizeText} unit="/s"
        more=${`${sizeText(server.value("backlog"))} not in the database yet`} />
      <${Rate} title="Waiting" values=${server.samples.map(({ values }) => values.get("messages") ?? 0)}
        text=${countText} unit="messages" more=${`in ${countText(server.value("mailboxes"))} mailboxes`} />
    </div>
  `;
}

/**
 * @param {{ title: string, values: readonly number[], unit: string, more?: string, text?: (value: number) => string }} props
 */
function Rate({ title, values, unit, more, text = rateText }) {
  const value = values.findLast(Number.isFinite) ?? 0;
  return html`<section class="card" aria-label=${title}><h2>${title}</h2>
    <strong>${text(value)}</strong><small>${unit}</small>
    <small class="more-about">${more}</small>
    <${Plot} values=${values} length=${SHOWN} label=${`${title}: the last minute`} /></section>`;
}

/** @param {number | undefined} value */
function rateText(value = 0) {
  if (!Number.isFinite(value)) return "–";
  return value >= 9.95 || value === 0 ? countText(Math.round(value)) : value.toFixed(1);
}

/**
 * @param {{ caption: string, head: { text: string, isNumber?: boolean }[], rows: unknown[], none: string }} props `rows` are
 *   `tr` elements.
 */
function Table({ caption, head, rows, none }) {
  const [isWhole, showWhole] = useState(false);
  return html`
    <div class="scrolls" tabindex="0" role="region"
      aria-label=${caption}><table><caption>${caption}</caption><thead><tr>${head.map(({ text, isNumber }) =>
        html`<th scope="col" class=${isNumber ? "n" : ""}>${text}</th>`
      )}</tr></thead><tbody>${rows.length === 0
        ? html`
          <tr class="none">
            <td colspan=${head.length}>${none}</td>
          </tr>
        `
        : isWhole
        ? rows
        : rows.slice(0, SHOWN_ROWS)}</tbody></table>${rows.length > SHOWN_ROWS &&
        html`<button class="more" type="button" onClick=${() => showWhole(!isWhole)}>${
          isWhole ? "Show less" : `Show all ${rows.length}`
        }</button>`}</div>
  `;
}

/** @param {{ oldest: { mailbox: string, messages: number, time: string }[] }} props */
function Mailboxes({ oldest }) {
  return html`
    <${Table} caption="Mailboxes whose messages wait longest" none="Nothing waits."
      head=${[{ text: "Mailbox" }, { text: "Waiting", isNumber: true }, { text: "Oldest", isNumber: true }]}
      rows=${oldest.map(({ mailbox, messages, time }) =>
        html`
          <tr key=${mailbox}>
            <td class="name">${mailbox === ""
              ? "the shared queue"
              : html`<a href=${`/mailbox/${encodeURIComponent(mailbox)}`} data-place>${mailbox}</a>`}</td>
            <td class="n">${countText(messages)}</td>
            <td class="n">${durationText(Date.now() - Date.parse(time))}</td>
          </tr>
        `
      )} />
  `;
}

/** @param {{ refused: { name: string, recent: number, total: number }[] }} props */
function Refused({ refused }) {
  return html`
    <${Table} caption="Refused" none="Nothing was refused."
      head=${[{ text: "Why" }, { text: "Just now", isNumber: true }, {
        text: "Since the start",
        isNumber: true,
      }]}
      rows=${refused.map(({ name, recent, total }) =>
        html`
          <tr key=${name}>
            <td class="name">${name}</td>
            <td class="n">${countText(recent)}</td>
            <td class="n">${countText(total)}</td>
          </tr>
        `
      )} />
  `;
}

/** @param {{ limits: { name: string, option: string | null, used: number | null, limit: number | null }[] }} props */
function Queues({ limits }) {
  const shown = limits.filter(({ used, limit }) => used !== null && limit !== null)
    .map(({ used, limit, ...rest }) => ({
      ...rest,
      used: used ?? 0,
      limit: limit ?? 1,
      part: (used ?? 0) / (limit || 1),
    }))
    .sort((a, b) => b.part - a.part);
  return html`
    <${Table} caption="Queues and limits" none="…"
      head=${[{ text: "What" }, { text: "Used", isNumber: true }, { text: "Limit", isNumber: true }, {
        text: "",
      }, { text: "Option" }]}
      rows=${shown.map(({ name, option, used, limit, part }) =>
        html`
          <tr key=${name}>
            <td class="name">${name}</td>
            <td class="n">${amount(name, used)}</td>
            <td class="n">${amount(name, limit)}</td>
            <td><span class=${part > .8 ? "meter high" : "meter"}><i style=${{
              width: `${Math.min(100, part * 100)}%`,
            }} /></span></td>
            <td>${option === null || option === "" ? "" : html`<code>--${option}</code>`}</td>
          </tr>
        `
      )} />
  `;
}

/**
 * @param {string} name
 * @param {number} value
 */
function amount(name, value) {
  return name.endsWith("bytes")
    ? sizeText(value)
    : name.endsWith(" ms")
    ? `${countText(value)} ms`
    : countText(value);
}

/** @param {{ connections: any[] }} props */
function Connections({ connections }) {
  return html`
    <${Table} caption=${`Clients, ${connections.length}`} none="Nobody is connected."
      head=${[{ text: "Name" }, { text: "Service" }, { text: "Address" }, { text: "Since", isNumber: true }, {
        text: "Received",
        isNumber: true,
      }, { text: "Sent", isNumber: true }]}
      rows=${connections.map(({ number, name, service, kind, address, since, receivedBytes, sentBytes }) =>
        html`
          <tr key=${number}>
            <td class="name">${name || "–"}</td>
            <td>${service}, ${kind}</td>
            <td>${address}</td>
            <td class="n">${shortTime(new Date(since))}</td>
            <td class="n">${sizeText(receivedBytes)}</td>
            <td class="n">${sizeText(sentBytes)}</td>
          </tr>
        `
      )} />
  `;
}
