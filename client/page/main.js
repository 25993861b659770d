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
// the server answers while the frame is drawn
models.channels.run();
models.self.refresh().catch(() => {});
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
page.replaceChildren();
render(html`<${Frame} models=${models} />`, page);
