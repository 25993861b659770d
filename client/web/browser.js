// @ts-check

/**
 * What a page in a browser uses of a server: mailboxes, channels and the forum over HTTP. It needs nothing but `fetch`.
 *
 * @module
 */

export * from "./channels.js";
export * from "./forum.js";
export * from "./mailbox.js";
