/**
 * A real browser: Debian's Chromium, driven by playwright-core.
 *
 * @module
 */

import { lacks, temporaryDirectory } from "../../program.ts";
import { type Browser, type ContextOptions, launchChromium, type Page } from "./playwright.ts";
import { PATIENCE_MS } from "../../patience.ts";

export type { Page };

/** Whether the tests of the page are skipped. In CI they never are. */
export const LACKS_BROWSER = await lacks("chromium");

/** Errors of the page, and messages of its console, are failures. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  /** For downloads: a directory of Playwright's own may outlast the end of the browser. */
  readonly #downloads: AsyncDisposable;
  readonly #errors: string[] = [];
  /** Texts of the console that are expected. */
  readonly expected: RegExp[] = [];

  private constructor(browser: Browser, downloads: AsyncDisposable) {
    this.#browser = browser;
    this.#downloads = downloads;
  }

  /** @param more Arguments for Chromium. */
  static async start(more: readonly string[] = []): Promise<TestBrowser> {
    const executablePath = await pathOf("chromium"), downloads = await temporaryDirectory();
    // as root there is no sandbox, and what it loads is the page alone
    const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...more];
    return new TestBrowser(await launchChromium(executablePath, args, downloads.path), downloads);
  }

  /** A window of somebody of this name, who has not been there before. */
  async open(url: string, name = "ana", options: ContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(
      `if (location.protocol !== "about:") localStorage["wirepost.name"] ??= ${JSON.stringify(name)}`,
    );
    const page = await context.newPage();
    page.on("pageerror", (error) => this.#errors.push(error.message));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !this.expected.some((one) => one.test(text))) this.#errors.push(text);
    });
    await page.goto(url);
    return page;
  }

  /** Ends it. Throws what went wrong in its pages. */
  async [Symbol.asyncDispose]() {
    await this.#browser.close();
    await this.#downloads[Symbol.asyncDispose]();
    if (this.#errors.length > 0) throw new Error(`In the browser: ${this.#errors.join("\n")}`);
  }
}

/** Waits until what is typed goes into the field of the view: it has the focus after it is shown. */
export async function canType(page: Page) {
  await page.locator("textarea:focus").waitFor();
}

async function pathOf(program: string): Promise<string> {
  const found = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
  return new TextDecoder().decode(found.stdout).trim();
}
