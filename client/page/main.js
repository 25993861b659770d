// @ts-check

/**
 * Starts the page.
 *
 * @module
 */

import { html, render } from "./preact.js";
import { Frame } from "./frame.js";
import { Models } from "./models.js";

const models = new Models();
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
page.replaceChildren();
render(html`<${Frame} models=${models} />`, page);
models.self.refresh().catch(() => {});
models.channels.run();
