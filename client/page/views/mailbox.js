// @ts-check

/**
 * A mailbox: what waits in it, what one has taken, what became of dead letters, and the field to send to it.
 *
 * @module
 */

import { html, useEffect, useState } from "../preact.js";
import { MAX_SHOWN } from "../model/mailboxes.js";
import { useFollow } from "../model/observable.js";
import { Composer } from "../parts/composer.js";
import { addressOf, hostName, quoted, SameWith, serverOption } from "../parts/same_with.js";
import { Text } from "../parts/text.js";
import { counted, fullTime, shortTime, sizeText } from "../parts/time.js";

/** Longest text of a message, in bytes (mailbox.md section 5). */
const MAX_TEXT_BYTES = 65_000;

/** How often a mailbox that is shown is looked at. */
const LOOK_MS = 2000;

/** Times after which a message can be received, or is removed. */
const DELAYS = { "now": 0, "in 1 min": 60_000, "in 10 min": 600_000, "in 1 h": 3_600_000 };

/** @param {{ models: import("../models.js").Models, name: string }} props */
export function View({ models, name }) {
  const { mailboxes, self } = models;
  useFollow(mailboxes);
  useFollow(self);
  const [text, setText] = useState("");
  const [tab, setTab] = useState("waiting");
  const [wrong, setWrong] = useState("");
  useLooking(models, name, setWrong);
  const { messages, isMore } = mailboxes.contents.get(name) ?? { messages: undefined, isMore: false };
  const held = mailboxes.held.filter(({ mailbox }) => mailbox === name);
  const dead = mailboxes.dead.filter(({ mailbox }) => mailbox === name);
  return html`
    <main class="view" id="view" tabindex="-1" aria-label=${`Mailbox ${name}`}>
      <div class="title"><h1 title=${name}>${name}</h1>
          <span class="about">${name === self.name ? "your mailbox" : "a mailbox"}</span>
          <span class="end">${self.isAdmin &&
            html`<span class="tabs" role="group" aria-label="Show">${
              [
                { id: "waiting", label: "Waiting" },
                { id: "dead", label: dead.length > 0 ? `Dead letters ${dead.length}` : "Dead letters" },
              ].map(({ id, label }) =>
                html`<button type="button" aria-pressed=${tab === id} onClick=${() =>
                  setTab(id)}>${label}</button>`
              )
            }</span>`}<button class="do take" type="button" onClick=${() =>
            mailboxes.take(name).then(
              (isSome) => setWrong(isSome ? "" : "There is nothing to take."),
              (error) => self.askIfNeeded(error) || setWrong(error.message),
            )}>Take the next</button></span></div>
      <div class="sheet" tabindex="0" role="region" aria-label=${`Messages of ${name}`}>
          <p class="wrong" role="alert">${wrong}</p>
          ${held.map((one) => html`<${HeldCard} key=${one.message.id} mailboxes=${mailboxes} held=${one} />`)}
          ${tab === "dead" && self.isAdmin
            ? html`<${Dead} mailboxes=${mailboxes} dead=${dead} onWrong=${setWrong} />`
            : messages === undefined
            ? html`<p class="blank" role="status">${wrong === "" ? "Looking…" : ""}</p>`
            : html`<${Waiting} name=${name} messages=${messages} isMore=${isMore} isHolding=${
              held.length > 0
            } />`}
        </div>
      <${Send} models=${models} name=${name} text=${text} onText=${setText} />
    </main>
  `;
}

/**
 * Looks at the mailbox as long as it is shown and seen.
 *
 * @param {import("../models.js").Models} models
 * @param {string} name
 * @param {(wrong: string) => void} onWrong
 */
function useLooking({ mailboxes, self }, name, onWrong) {
  useEffect(() => {
    mailboxes.open(name);
    const end = new AbortController();
    // another name, or a log-in, may be let in
    const who = () => `${self.name},${self.account ?? ""}`;
    /** @type {string | undefined} */
    let refused;
    const look = () => {
      if (document.visibilityState !== "visible" || refused === who()) return;
      mailboxes.look(name, end.signal).then(() => onWrong(""), (error) => {
        if (end.signal.aborted) return;
        if (self.askIfNeeded(error)) refused = who();
        // no mailbox can be called so
        if (error.code === "bad ID") mailboxes.forget(name);
        onWrong(error.message);
      });
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      end.abort();
    };
  }, [name]);
}

/** @param {{ name: string, messages: import("../model/mailboxes.js").SeenMessage[], isMore: boolean, isHolding: boolean }} props */
function Waiting({ name, messages, isMore, isHolding }) {
  if (messages.length === 0) {
    return isHolding
      ? null
      : html`<div class="blank"><b>Nothing waits for ${name}</b>What is sent here stays on
      the server’s disk until somebody takes it.</div>`;
  }
  return html`<ol>${messages.map((message) => html`<${Letter} key=${message.id} message=${message} />`)}</ol>
    ${isMore && html`<p class="event">The first ${MAX_SHOWN} are shown.</p>`}`;
}

/** @param {{ message: import("../model/mailboxes.js").SeenMessage }} props */
function Letter({ message: { state, attempts, time: received, sender, text, bytes } }) {
  const time = new Date(received), isCut = bytes > new TextEncoder().encode(text).length;
  return html`<li class="letter"><header><b>${sender}</b>
    <time datetime=${time.toISOString()} title=${fullTime(time)}>${shortTime(time)}</time>
    <span class="end">${attempts > 0 && html`<span class="why">${counted(attempts, "attempt")} failed</span>`}
    <span class=${state === "ready" ? "tag on" : "tag"}>${WORDS[state] ?? state}</span></span></header>
    <${Text} text=${isCut ? `${text}…` : text} />
    ${isCut && html`<p class="fate">${sizeText(bytes)} in all</p>`}</li>`;
}

/** @type {Record<string, string>} */
const WORDS = { ready: "waiting", leased: "taken, not acknowledged", delayed: "delayed" };

/** @param {{ mailboxes: import("../model/mailboxes.js").MailboxesModel, held: import("../model/mailboxes.js").MailboxesModel["held"][number] }} props */
function HeldCard({ mailboxes, held }) {
  const { message, isBusy, wrong } = held, time = new Date(message.time);
  /** @param {"ack" | "release"} how The card goes, and with it the focus: the next one is taken from here on. */
  const finish = async (how) => {
    await mailboxes.finish(held, how);
    const { activeElement } = document;
    if (activeElement !== document.body && !activeElement?.closest(".held") || held.wrong !== undefined) {
      return;
    }
    /** @type {HTMLElement | null} */ (document.querySelector(".take"))?.focus();
  };
  return html`<section class="card held" aria-label=${`Taken from ${held.mailbox}`}>
    <header><b>${message.sender}</b><time title=${fullTime(time)}>${shortTime(time)}</time>
      <span>you have it${message.attempt > 1 ? `, attempt ${message.attempt}` : ""}</span></header>
    <${Text} text=${message.text} />
    ${wrong !== undefined && html`<p class="wrong" role="alert">${wrong}</p>`}
    <div class="row">${
    wrong === undefined
      ? html`
        <button class="do main" type="button" disabled=${isBusy} onClick=${() =>
          finish("ack")}>Acknowledge</button>
        <button class="do plain" type="button" disabled=${isBusy} onClick=${() =>
          finish("release")}>Give back</button>
      `
      : html`<button class="do plain" type="button" onClick=${() => mailboxes.drop(held)}>Close</button>`
  }</div></section>`;
}

/** @param {{ mailboxes: import("../model/mailboxes.js").MailboxesModel, dead: import("../model/mailboxes.js").DeadLetter[], onWrong: (wrong: string) => void }} props */
export function Dead({ mailboxes, dead, onWrong }) {
  if (dead.length === 0) {
    return html`<div class="blank"><b>No dead letters</b>What could not be delivered after
    several attempts is kept here, with the reason.</div>`;
  }
  return html`<ol>${
    dead.map((letter) =>
      html`
        <li class="letter" key=${letter.id}>
          <header><b>${letter.sender}</b>
              <time title=${fullTime(letter.time)}>${shortTime(letter.time)}</time>
              <span class="why">${letter.reason || "no reason is known"}, after ${counted(
                letter.attempts,
                "attempt",
              )}</span>
              <span class="end"><button class="link" type="button" onClick=${() =>
                mailboxes.changeDead("requeue", letter).catch((error) =>
                  onWrong(error.message)
                )}>Put back</button>
              <button class="link" type="button" onClick=${() =>
                mailboxes.changeDead("delete", letter).catch((error) =>
                  onWrong(error.message)
                )}>Delete</button></span></header>
          <${Text} text=${letter.text} />
        </li>
      `
    )
  }</ol>`;
}

/** @param {{ models: import("../models.js").Models, name: string, text: string, onText: (text: string) => void }} props */
function Send({ models: { mailboxes, self }, name, text, onText }) {
  const [delay, setDelay] = useState("now");
  const [fate, setFate] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => setFate(""), [name]);
  /** @param {string} said */
  const send = (said) => {
    setWrong("");
    setFate("sending…");
    const ms = DELAYS[/** @type {keyof typeof DELAYS} */ (delay)];
    return mailboxes.client.send(name, self.name, said, {
      ...ms > 0 ? { delay: ms } : {},
      onDelay: () => setFate("the server does not answer; trying again…"),
    }).then(() => {
      setFate("on the server’s disk");
      mailboxes.look(name).catch(() => {});
    }, (error) => {
      setFate("");
      self.askIfNeeded(error);
      setWrong(`Not sent: ${error.message}`);
      throw error;
    });
  };
  return html`
    <div class="write">
      <${Composer} place=${`mailbox ${name}`} label=${`Send to ${name}`} maxBytes=${MAX_TEXT_BYTES} onText=${onText}
        onSend=${send} after=${html`<select aria-label="When it can be received" value=${delay} onChange=${(
          /** @type {Event} */ event,
        ) => setDelay(/** @type {HTMLSelectElement} */ (event.target).value)}>${
          Object.keys(DELAYS).map((one) => html`<option>${one}</option>`)
        }</select>`} />
      <p class="sent" role="status">${fate}</p>
      <p class="wrong" role="alert">${wrong}</p>
      <${SameWith} lines=${linesFor(name, text, self.name, delay)} />
    </div>
  `;
}

/**
 * @param {string} mailbox
 * @param {string} text
 * @param {string} sender
 * @param {string} delay
 */
function linesFor(mailbox, text, sender, delay) {
  const line = text.trim().split("\n", 1)[0] ?? "", host = hostName(), port = location.port || "80";
  const path = `/mailbox/${encodeURIComponent(mailbox)}`,
    seconds = DELAYS[/** @type {keyof typeof DELAYS} */ (delay)] / 1000;
  if (line === "") {
    return {
      nc: `echo ${quoted(`R, ${mailbox}`)} | nc -u -w1 ${host} ${port}`,
      curl: `curl ${addressOf(path)}`,
      wirepost: `wirepost peek ${quoted(mailbox)}${serverOption()}`,
    };
  }
  return {
    nc: `echo ${quoted(`F, ${mailbox}, ${sender}, ${line}`)} | nc -u -w1 ${host} ${port}`,
    curl: `curl -d ${quoted(line)} ${
      addressOf(path, { sender, ...seconds > 0 ? { delay: `${seconds}s` } : {} })
    }`,
    wirepost: `wirepost send ${quoted(mailbox)} ${quoted(line)} --as ${quoted(sender)}${
      seconds > 0 ? ` --delay ${seconds}s` : ""
    }${serverOption()}`,
  };
}
