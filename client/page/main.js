/**
 * Starts the page: its states, which last as long as it is open, and the frame that shows them.
 *
 * @module
 */

import { html, render } from "./preact.js";
import { Frame } from "./frame.js";
import { ChannelsModel } from "./model/channels.js";
import { ForumModel } from "./model/forum.js";
import { MailboxesModel } from "./model/mailboxes.js";
import { Self } from "./model/self.js";
import { Router } from "./router.js";

/** @typedef {{ self: Self, router: Router, channels: ChannelsModel, mailboxes: MailboxesModel, forum: ForumModel }} Models */

const self = new Self();
/** @type {Models} */
const models = {
  self,
  router: new Router(),
  channels: new ChannelsModel(self),
  mailboxes: new MailboxesModel(self),
  forum: new ForumModel(),
};

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
page.replaceChildren();
render(html`<${Frame} models=${models} />`, page);
models.self.refresh().catch(() => {});
models.channels.run();
