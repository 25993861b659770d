/**
 * How the page looks: nothing serious that axe finds, nothing wider than the window, and all of it by keyboard.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, type Page, TestBrowser } from "./browser.ts";
import { FakeServer } from "./fake_server.ts";
import { fillChannels, showAll } from "./fixtures.ts";
import { axeScript } from "./playwright.ts";

const ignore = LACKS_BROWSER;

/** Each view, and what it shows when it is there. */
const VIEWS = {
  channel: { path: "/channel/room", shows: ".message, .blank b" },
  mailbox: { path: "/mailbox/ana", shows: ".letter, .blank b" },
  thread: { path: "/thread/thread0", shows: ".letter, .blank b" },
  threads: { path: "/thread", shows: ".threads, .blank b" },
  server: { path: "/admin/status", shows: ".plots canvas" },
};
type ViewName = keyof typeof VIEWS;

/** What axe finds that is serious or critical: the rule, and the elements. */
async function problems(page: Page): Promise<string[]> {
  await page.evaluate(await axeScript());
  const { violations } = await page.evaluate("axe.run({ resultTypes: ['violations'] })") as {
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map((
    { id, nodes },
  ) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} (${failureSummary})`).join(", ")}`);
}

const isTooWide = (page: Page) => page.evaluate("document.documentElement.scrollWidth > innerWidth");

Deno.test("each view, light and dark, wide and narrow, is for everybody: axe finds nothing serious", {
  ignore,
}, async (t) => {
  await using server = new FakeServer();
  fillChannels(server, true);
  await using browser = await TestBrowser.start();
  for (const [width, height, colorScheme] of [[1280, 800, "light"], [390, 844, "dark"]] as const) {
    const page = await browser.open("about:blank", "ana", { viewport: { width, height }, colorScheme });
    await showAll(page, true, true);
    for (const [name, { path, shows }] of Object.entries(VIEWS)) {
      await t.step(`${name}, ${width} ${colorScheme}`, async () => {
        await page.goto(server.url + path);
        await page.locator(shows).first().waitFor();
        if (name === "mailbox") {
          await page.getByRole("button", { name: "Take the next" }).click();
          await page.getByRole("button", { name: "Acknowledge" }).waitFor();
        }
        assertEquals(await problems(page), []);
        assertEquals(await isTooWide(page), false);
      });
    }
    await t.step(`what opens, ${width} ${colorScheme}`, async () => {
      await page.locator(".self").click();
      await page.getByRole("dialog").waitFor();
      assertEquals(await problems(page), []);
      await page.keyboard.press("Escape");
      if (width < 500) {
        await page.getByRole("button", { name: "Places" }).focus();
        await page.keyboard.press("Enter");
        await page.locator(".places a:focus").waitFor();
        assertEquals(await problems(page), []);
        await page.keyboard.press("Escape");
        await page.locator(".menu-button:focus").waitFor();
      }
    });
    await page.context().close();
  }
});

Deno.test("an empty server has something to read in each view", { ignore }, async () => {
  await using server = new FakeServer();
  await using browser = await TestBrowser.start();
  const page = await browser.open("about:blank", "ana");
  await showAll(page, false);
  const expected: Partial<Record<ViewName, string>> = {
    channel: "Nothing was said in #room yet",
    mailbox: "Nothing waits for ana",
    thread: "This thread is empty",
    threads: "There is no thread yet",
  };
  for (const [name, text] of Object.entries(expected)) {
    await page.goto(server.url + VIEWS[name as ViewName].path);
    await page.getByText(text).waitFor();
  }
});

Deno.test("everything can be done by keyboard", { ignore }, async () => {
  await using server = new FakeServer();
  server.say("lab", "bob", "hello");
  await using browser = await TestBrowser.start();
  // it has channels alone
  browser.expected.push(/404/);
  const page = await browser.open(server.url);
  const focused = () =>
    page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent");
  await page.getByRole("link", { name: "# lab" }).waitFor();
  await page.locator('textarea:focus[aria-label="Message #room"]').waitFor();
  await page.keyboard.type("one\n");
  await page.locator(".message").waitFor();
  // to the other channel and back, and into the history
  await page.keyboard.press("Alt+ArrowDown");
  await page.getByText("hello").waitFor();
  await page.locator('textarea:focus[aria-label="Message #lab"]').waitFor();
  await page.keyboard.press("Alt+ArrowUp");
  await page.locator('textarea:focus[aria-label="Message #room"]').waitFor();
  await page.keyboard.press("Shift+Tab");
  assertEquals(await focused(), "Messages in #room");
  await page.keyboard.press("/");
  assertEquals(await focused(), "Message #room");
  // another name, by the menu
  for (let i = 0; i < 40 && !`${await focused()}`.startsWith("You are"); i++) {
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Anna Ω");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // a new channel
  await page.getByRole("button", { name: "+ new channel" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.type("tea");
  await page.keyboard.press("Enter");
  await page.getByText("Nothing was said in #tea yet").waitFor();
  await page.locator('textarea:focus[aria-label="Message #tea"]').waitFor();
  await page.keyboard.type("two\n");
  await page.locator(".message").waitFor();
  // where there is no field, the view has what the field had
  await page.keyboard.press("Alt+ArrowDown");
  await page.locator('textarea:focus[aria-label="Send to Anna Ω"]').waitFor();
  await page.keyboard.press("Alt+ArrowDown");
  await page.locator("#view:focus").waitFor();
  assertEquals(server.channel("tea").messages.map(({ sender, text }) => `${sender}: ${text}`), [
    "Anna Ω: two",
  ]);
});
