// @ts-check

/**
 * What the page draws with: Preact, its hooks, and htm bound to it. Only this file and `plot.js` name packages; `files.ts`
 * says where the browser finds them.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { h } from "preact";
import htm from "htm";

export { Component, Fragment, render } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

/** @typedef {import("preact").ComponentChildren} Children */

/** A template of elements: `html\`<b>${text}</b>\``. What is put into it is text, never markup. */
export const html =
  /** @type {{ bind(create: typeof h): (strings: TemplateStringsArray, ...values: any[]) => any }} */ (
    /** @type {unknown} */ (htm)
  ).bind(h);
