/**
 * The files of the page, as they are served: part of the program, with nothing loaded from elsewhere. What a browser can't
 * find by itself, the addresses of packages, is written into them here, and what it does not need, the documentation, is
 * left out. The modules of the first view are sent as one (`bundle.ts`).
 *
 * All but the page itself are below an address with the hash of all of them, so that a browser keeps them for good and asks
 * once more only when there is another program.
 *
 * @module
 */

import hooks from "preact/hooks" with { type: "text" };
import preact from "preact" with { type: "text" };
import htm from "htm" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };

import index from "./index.html" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import style from "./page.css" with { type: "text" };
import frame from "./frame.js" with { type: "text" };
import main from "./main.js" with { type: "text" };
import channelModel from "./model/channel.js" with { type: "text" };
import channelsModel from "./model/channels.js" with { type: "text" };
import models from "./models.js" with { type: "text" };
import forumModel from "./model/forum.js" with { type: "text" };
import mailboxesModel from "./model/mailboxes.js" with { type: "text" };
import observable from "./model/observable.js" with { type: "text" };
import serverModel from "./model/server.js" with { type: "text" };
import outbox from "./model/outbox.js" with { type: "text" };
import uploads from "./model/uploads.js" with { type: "text" };
import self from "./model/self.js" with { type: "text" };
import composer from "./parts/composer.js" with { type: "text" };
import dialog from "./parts/dialog.js" with { type: "text" };
import entries from "./parts/entries.js" with { type: "text" };
import icons from "./parts/icons.js" with { type: "text" };
import sameWith from "./parts/same_with.js" with { type: "text" };
import selfMenu from "./parts/self_menu.js" with { type: "text" };
import notRead from "./parts/not_read.js" with { type: "text" };
import uploadList from "./parts/upload_list.js" with { type: "text" };
import text from "./parts/text.js" with { type: "text" };
import time from "./parts/time.js" with { type: "text" };
import places from "./places.js" with { type: "text" };
import plot from "./plot.js" with { type: "text" };
import preactBinding from "./preact.js" with { type: "text" };
import router from "./router.js" with { type: "text" };
import channelView from "./views/channel.js" with { type: "text" };
import mailboxView from "./views/mailbox.js" with { type: "text" };
import serverView from "./views/server.js" with { type: "text" };
import threadView from "./views/thread.js" with { type: "text" };
import threadsView from "./views/threads.js" with { type: "text" };
import webChannelRequests from "../web/channel_requests.js" with { type: "text" };
import webChannels from "../web/channels.js" with { type: "text" };
import webEventStream from "../web/event_stream.js" with { type: "text" };
import webForum from "../web/forum.js" with { type: "text" };
import webMailbox from "../web/mailbox.js" with { type: "text" };
import webPosts from "../web/posts.js" with { type: "text" };
import webReceivedMessage from "../web/received_message.js" with { type: "text" };
import webRequest from "../web/request.js" with { type: "text" };

import { besideBundle, bundle, type Modules } from "./bundle.ts";
import { loginContent, threadContent, threadsContent } from "./without_script.ts";

/** A file, and what a browser is told about it. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/** Where the packages are, which modules name without a path. */
const PACKAGES: Readonly<Record<string, string>> = {
  "preact": "npm/preact.js",
  "preact/hooks": "npm/hooks.js",
  "htm": "npm/htm.js",
  "uplot": "npm/uplot.js",
};

/** The module that starts the page. */
const ENTRY = "page/main.js";

/** Modules of the first view: the browser is sent them as one. */
const FIRST: Modules = {
  "page/main.js": main,
  "page/frame.js": frame,
  "page/models.js": models,
  "page/places.js": places,
  "page/preact.js": preactBinding,
  "page/router.js": router,
  "page/model/channel.js": channelModel,
  "page/model/channels.js": channelsModel,
  "page/model/forum.js": forumModel,
  "page/model/mailboxes.js": mailboxesModel,
  "page/model/observable.js": observable,
  "page/model/outbox.js": outbox,
  "page/model/self.js": self,
  "page/model/uploads.js": uploads,
  "page/parts/composer.js": composer,
  "page/parts/dialog.js": dialog,
  "page/parts/entries.js": entries,
  "page/parts/icons.js": icons,
  "page/parts/same_with.js": sameWith,
  "page/parts/self_menu.js": selfMenu,
  "page/parts/text.js": text,
  "page/parts/time.js": time,
  "page/views/channel.js": channelView,
  "web/channel_requests.js": webChannelRequests,
  "web/channels.js": webChannels,
  "web/event_stream.js": webEventStream,
  "web/forum.js": webForum,
  "web/mailbox.js": webMailbox,
  "web/posts.js": webPosts,
  "web/received_message.js": webReceivedMessage,
  "web/request.js": webRequest,
  "npm/preact.js": preact,
  "npm/hooks.js": hooks,
  "npm/htm.js": htm,
};

/** Modules that are loaded when a view is shown. */
const LATER: Modules = {
  "page/plot.js": plot,
  "page/model/server.js": serverModel,
  "page/parts/not_read.js": notRead,
  "page/parts/upload_list.js": uploadList,
  "page/views/mailbox.js": mailboxView,
  "page/views/server.js": serverView,
  "page/views/thread.js": threadView,
  "page/views/threads.js": threadsView,
  // the package's module is not made small; this form is
  "npm/uplot.js": `${uplot}export default uPlot;\n`,
};

const SCRIPT = "text/javascript; charset=utf-8";

/** The page, as a server is given it. */
export interface WebPage {
  /** What is served, by path. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** Content of the page for browsers without JavaScript, by route: made of the JSON of its answer. */
  readonly contents: Readonly<Record<string, (json: never) => string>>;
  /** The page itself, around such a content. */
  html(content?: string): string;
  /** The content where a log-in is missing, which leads back to this path. */
  login(path: string): string;
}

/** Puts the page together. */
export async function webPage(): Promise<WebPage> {
  const files = new Map<string, PageFile>();
  const first = mapped(FIRST), later = mapped(LATER);
  files.set(ENTRY, { type: SCRIPT, text: bundle(first, ENTRY) });
  for (const [path, source] of Object.entries(later)) {
    files.set(path, { type: SCRIPT, text: besideBundle(path, source, first, ENTRY) });
  }
  files.set("page/page.css", { type: "text/css; charset=utf-8", text: style + uplotStyle });
  files.set("page/icon.svg", { type: "image/svg+xml", text: icon });
  const base = `/page/${await hashOf([...files.values()].map(({ text }) => text))}/`;
  // until the page is there, its frame is; or what can be read without JavaScript
  const [before = "", frame = "", after = ""] = pageAt(base).split(/<!-- content(?: ends)? -->/);
  return {
    files: new Map([...files].map(([path, file]) => [base + path, file])),
    contents: { thread: threadContent, threads: threadsContent },
    html: (content = frame) => before + content + after,
    login: (path) => frame + loginContent(path),
  };
}

/** The page, with the addresses of its files. */
function pageAt(base: string): string {
  return index.replace(
    /(href|src)="([\w.]+)"/g,
    (_, attribute, name) => `${attribute}="${base}page/${name}"`,
  );
}

/** Modules as a browser is sent them. */
function mapped(modules: Modules): Modules {
  return Object.fromEntries(
    Object.entries(modules).map(([path, source]) => [path, withoutDocs(withPackagePaths(path, source))]),
  );
}

/** The module, with paths where it names packages. */
function withPackagePaths(path: string, source: string): string {
  const up = "../".repeat(path.split("/").length - 1);
  return source.replace(/(\bfrom\s*)"([\w/]+)"/g, (whole, from, name) => {
    return Object.hasOwn(PACKAGES, name) ? `${from}"${up}${PACKAGES[name]}"` : whole;
  });
}

/** The module without the comments that describe it: a third of what a browser would load. */
function withoutDocs(source: string): string {
  return source.replace(/^[ \t]*\/\*\*(?:(?!\*\/)[^])*\*\/\n/gm, "");
}

async function hashOf(texts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(texts.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.slice(0, 8).toHex();
}
