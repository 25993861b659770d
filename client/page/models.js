// @ts-check

/**
 * All that the page knows: it lasts as long as the page is open, and views only show it.
 *
 * @module
 */

import { ChannelsModel } from "./model/channels.js";
import { ForumModel } from "./model/forum.js";
import { MailboxesModel } from "./model/mailboxes.js";
import { Self } from "./model/self.js";
import { Router } from "./router.js";

export class Models {
  self = new Self();
  router = new Router();
  channels = new ChannelsModel(this.self);
  mailboxes = new MailboxesModel(this.self);
  forum = new ForumModel();
}
