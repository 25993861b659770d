/**
 * playwright-core, which drives a browser, and axe-core, which judges what it shows. They are imported by names that are
 * not written in the imports: so they are not in the program's deno.lock, which would fetch them with its own packages and
 * compile them into it. `tests/deno.lock` holds them. What is used of them is declared here.
 *
 * @module
 */

const PACKAGES = { playwright: "npm:playwright-core@1.65.1", axe: "npm:axe-core@4.14.1" };

interface Finds {
  locator(selector: string, options?: { hasText?: string }): Locator;
  getByText(text: string, options?: { exact?: boolean }): Locator;
  getByLabel(text: string): Locator;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
}

export interface Locator extends Finds {
  first(): Locator;
  last(): Locator;
  nth(index: number): Locator;
  and(other: Locator): Locator;
  count(): Promise<number>;
  waitFor(options?: { state: "visible" | "detached" }): Promise<void>;
  click(): Promise<void>;
  focus(): Promise<void>;
  fill(text: string): Promise<void>;
  setInputFiles(path: string): Promise<void>;
  textContent(): Promise<string | null>;
  allTextContents(): Promise<string[]>;
  getAttribute(name: string): Promise<string | null>;
  // deno-lint-ignore no-explicit-any -- an element of the browser, whose types are not those of the tests
  evaluate(act: (element: any) => unknown): Promise<unknown>;
  // deno-lint-ignore no-explicit-any -- as above
  evaluateAll<T>(act: (elements: any[]) => T): Promise<T>;
}

export interface Route {
  request(): { headers(): Record<string, string>; url(): string; method(): string };
  fallback(): Promise<void>;
  continue(): Promise<void>;
  fulfill(answer: { json: unknown }): Promise<void>;
}

export interface Page extends Finds {
  /** The page's time. */
  readonly clock: {
    install(options: { time: number }): Promise<void>;

    runFor(ms: number): Promise<void>;
  };
  readonly keyboard: { type(text: string): Promise<void>; press(key: string): Promise<void> };
  on(event: "pageerror", receive: (error: Error) => void): void;
  on(event: "console", receive: (message: { type(): string; text(): string }) => void): void;
  on(event: "request", receive: (request: { method(): string; url(): string }) => void): void;
  context(): Context;
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  /** Runs a script in the page. */
  evaluate(script: string): Promise<unknown>;
  waitForTimeout(ms: number): Promise<void>;
  waitForEvent(event: "download"): Promise<{ path(): Promise<string> }>;
  route(pattern: string | ((url: URL) => boolean), handle: (route: Route) => Promise<void>): Promise<void>;
  waitForResponse(url: RegExp): Promise<unknown>;
  screenshot(options: { path: string; animations: "disabled"; caret: "hide" }): Promise<unknown>;
}

export interface Context {
  setDefaultTimeout(ms: number): void;
  addInitScript(script: string): Promise<void>;
  newPage(): Promise<Page>;
  storageState(): Promise<unknown>;
  browser(): Browser | null;
  close(): Promise<void>;
}

export interface ContextOptions {
  viewport?: { width: number; height: number };
  colorScheme?: "light" | "dark";
  javaScriptEnabled?: boolean;
  timezoneId?: string;
  locale?: string;
  storageState?: unknown;
}

export interface Browser {
  newContext(options: ContextOptions): Promise<Context>;
  close(): Promise<void>;
}

/** Starts a browser, which puts what is downloaded into a directory. */
export async function launchChromium(
  executablePath: string,
  args: string[],
  artifactsDir: string,
): Promise<Browser> {
  const { chromium } = await import(PACKAGES.playwright);
  return await chromium.launch({ executablePath, args, artifactsDir });
}

/** The script that judges a page, by `axe.run`. */
export async function axeScript(): Promise<string> {
  return (await import(PACKAGES.axe)).default.source;
}
