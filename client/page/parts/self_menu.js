// @ts-check

/**
 * One's name, and the dialogs that change it: the name alone, or the log-in of an account.
 *
 * @module
 */

import { html, useState } from "../preact.js";
import { useFollow } from "../model/observable.js";
import { nameProblem } from "../model/self.js";
import { Dialog } from "./dialog.js";
import { DownIcon } from "./icons.js";

/** @param {{ self: import("../model/self.js").Self }} props */
export function SelfMenu({ self }) {
  useFollow(self);
  const [isOpen, open] = useState(false);
  const close = () => {
    open(false);
    self.dismiss();
  };
  return html`
    <button class="self" type="button" aria-haspopup="dialog" title=${self.name}
      onClick=${() => open(true)}><span class="hidden">You are </span><b>${self
        .name}</b><${DownIcon} /></button>
        ${self.asked !== undefined
          ? html`<${LogIn} self=${self} why=${self.asked} onDone=${close} />`
          : isOpen && html`<${Menu} self=${self} onDone=${close} />`}
  `;
}

/** @param {{ self: import("../model/self.js").Self, onDone: () => void }} props */
function Menu({ self, onDone }) {
  const [name, setName] = useState(self.name);
  const problem = name === self.name ? undefined : nameProblem(name);
  if (self.account !== undefined) {
    return html`
      <${Dialog} label="You" menu onClose=${onDone}>
        <h2>${self.account}</h2>
        <p>You are logged in${self.isAdmin ? ", as an administrator" : ""}.</p>
        <div class="row"><button class="do plain" type="button" onClick=${() =>
          self.logOut().then(onDone)}>Log out</button></div>
        <//>
    `;
  }
  return html`
    <${Dialog} label="You" menu onClose=${onDone}>
      <h2>Your name</h2>
      <form onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        if (problem !== undefined) return;
        self.rename(name);
        onDone();
      }}>
        <label for="name">Others see it beside what you write</label>
        <input id="name" value=${name} autocomplete="nickname" maxlength="64" onInput=${(
          /** @type {InputEvent} */ event,
        ) => setName(/** @type {HTMLInputElement} */ (event.target).value)} />
        <p class="wrong" role="alert">${problem}</p>
        <div class="row">
          <button class="do main">Use this name</button>
          <button class="do plain" type="button" onClick=${() => self.ask("")}>Log in…</button>
        </div>
      </form>
      <//>
  `;
}

/** @param {{ self: import("../model/self.js").Self, why: string, onDone: () => void }} props */
function LogIn({ self, why, onDone }) {
  const [wrong, setWrong] = useState("");
  const [isBusy, setBusy] = useState(false);
  if (!self.isPrivate) {
    return html`<${Dialog} label="Log in" onClose=${onDone}>
      <h2>Log in</h2>
      ${why !== "" && html`<p>${why}</p>`}
      <p>A password is only sent over an encrypted connection. Open this page over https, on the server’s own
        machine, or through a tunnel to it: <code>ssh -L</code>.</p>
      <div class="row"><button class="do plain" type="button" onClick=${onDone}>Close</button></div>
    <//>`;
  }
  return html`<${Dialog} label="Log in" onClose=${onDone}>
    <h2>Log in</h2>
    ${why !== "" && html`<p>${why}</p>`}
    <form onSubmit=${(/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.target));
    setBusy(true);
    self.logIn(String(fields.get("name")), String(fields.get("password"))).then(
      onDone,
      (error) => setWrong(error.message),
    ).finally(() => setBusy(false));
  }}>
      <label for="account">Account</label>
      <input id="account" name="name" autocomplete="username" required
        defaultValue=${self.name.startsWith("guest-") ? "" : self.name} />
      <label for="password">Password, or token</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required />
      <p class="wrong" role="alert">${wrong}</p>
      <div class="row">
        <button class="do main" disabled=${isBusy}>Log in</button>
        <button class="do plain" type="button" onClick=${onDone}>Not now</button>
      </div>
    </form>
  <//>`;
}
