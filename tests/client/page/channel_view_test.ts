/** The view of a channel, beside a server that does what a test asks for: is slow, refuses, forgets. */

import { assertEquals } from "@std/assert";
import { canType, LACKS_BROWSER, type Page, TestBrowser } from "./browser.ts";
import { FakeServer } from "./fake_server.ts";
import { XSS_CORPUS } from "./xss_corpus.ts";

const ignore = LACKS_BROWSER;

const texts = (page: Page) => page.locator(".message .text").allTextContents();
const marks = (page: Page) => page.locator(".mark").allTextContents();

/** The page of a new server, in the channel `room`. */
async function openRoom() {
  const server = new FakeServer(), browser = await TestBrowser.start();
  const page = await browser.open(server.url);
  await page.getByText("connected", { exact: true }).waitFor();
  await canType(page);
  return {
    server,
    browser,
    page,
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test(
  "what is said is shown as not sent until the server has it, and then once",
  { ignore },
  async () => {
    await using room = await openRoom();
    const { server, page } = room;
    const store = server.hold();
    await page.keyboard.type("Is anybody here?");
    await page.keyboard.press("Enter");
    await page.getByText("sending…").waitFor();
    // loaded anew, it is sent under the same key
    await page.reload();
    await page.getByText("sending…").waitFor();
    store();
    await page.getByText("sending…").waitFor({ state: "detached" });
    assertEquals(await texts(page), ["Is anybody here?"]);
    assertEquals(server.channel("room").messages.length, 1);
  },
);

Deno.test("what the server refuses says why, and is sent again or discarded", { ignore }, async () => {
  await using room = await openRoom();
  const { server, page, browser } = room;
  browser.expected.push(/403/);
  server.refusal = { status: 403, code: "muted", detail: "an administrator has muted the name" };
  await page.keyboard.type("first\n");
  await page.keyboard.type("second\n");
  await page.getByText("Not sent: an administrator has muted the name").nth(1).waitFor();
  server.refusal = undefined;
  await page.getByRole("button", { name: "Discard" }).first().click();
  await page.getByText("first").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".message:not(.pending)").waitFor();
  await page.locator(".pending").waitFor({ state: "detached" });
  assertEquals(await texts(page), ["second"]);
});

Deno.test("after a break the page has what was said meanwhile, once, below a mark; and says what is lost", {
  ignore,
}, async () => {
  await using room = await openRoom();
  const { server, page, browser } = room;
  browser.expected.push(/ERR_|502|503/);
  server.say("room", "alice", "before");
  await page.getByText("before").waitFor();
  server.pause();
  await page.getByText("reconnecting…").waitFor();
  server.say("room", "alice", "one");
  server.say("room", "nc", "two");
  await page.keyboard.type("mine\n");
  server.resume();
  await page.getByText("connected", { exact: true }).waitFor();
  await page.locator(".message", { hasText: "mine" }).and(page.locator(":not(.pending)")).waitFor();
  await page.locator(".pending").waitFor({ state: "detached" });
  assertEquals(await texts(page), ["before", "one", "two", "mine"]);
  assertEquals(await marks(page), ["2 missed while you were away"]);

  server.pause();
  await page.getByText("reconnecting…").waitFor();
  server.forget("room");
  server.say("room", "alice", "after");
  server.resume();
  await page.getByText("after").waitFor();
  assertEquals((await marks(page))[0], "Messages may be missing here");
});

/** Waits for a title, in the page: playwright would look again by `eval`, which the page's policy forbids. */
const titled = (page: Page, title: string) =>
  page.evaluate(`new Promise((resolve) => {
    const look = () => document.title === ${JSON.stringify(title)} && resolve();
    new MutationObserver(look).observe(document.head, { childList: true, characterData: true, subtree: true });
    look();
  })`);

Deno.test(
  "a channel that one does not look at counts what is new, and its history scrolls back",
  { ignore },
  async () => {
    await using room = await openRoom();
    const { server, page } = room;
    for (let i = 1; i <= 350; i++) server.say("lab", "alice", `message ${i}`);
    await page.reload();
    await page.getByRole("link", { name: "# lab" }).click();
    await page.getByText("message 350").waitFor();
    for (const shown of [200, 300, 350]) {
      await page.locator(".log").evaluate((log) => log.scrollTop = 0);
      await page.locator(".message").nth(shown - 1).waitFor();
    }
    assertEquals(
      (await texts(page)).map((text) => Number(text.split(" ")[1])),
      Array.from({ length: 350 }, (_, i) => i + 1),
    );
    await page.getByRole("link", { name: "# room" }).click();
    await titled(page, "#room · Wirepost");
    server.say("lab", "alice", "ana: are you there?");
    await page.getByRole("link", { name: "# lab 1 new" }).waitFor();
    await titled(page, "(1) #room · Wirepost");
    await page.getByRole("link", { name: "# lab" }).click();
    await page.locator(".mark", { hasText: "1 new" }).waitFor();
    await page.locator(".named").waitFor();
  },
);

Deno.test(
  "of more channels than a page follows, it leaves one with nothing new that was shown longest ago, and says so",
  {
    ignore,
  },
  async () => {
    await using room = await openRoom();
    const { server, page } = room, names = Array.from({ length: 80 }, (_, i) => `c${i}`);
    for (const name of names) server.channel(name);
    const kept = Object.fromEntries(names.slice(0, 50).map((name) => [name, ""]));
    await page.evaluate(`localStorage["wirepost.channels"] = ${JSON.stringify(JSON.stringify(kept))}`);
    await page.reload();
    // the room, and the last 31 of those that were joined
    const followed = page.locator("nav a:not(.quiet) .hash");
    await page.getByRole("link", { name: "# c19", exact: true }).waitFor();
    await page.locator("nav a.quiet").first().waitFor();
    assertEquals(await followed.count(), 32);
    await page.getByRole("button", { name: "19 more channels" }).click();
    // what comes after it was read is new
    await page.getByRole("link", { name: "# c20", exact: true }).click();
    await page.getByText("Nothing was said in #c20 yet").waitFor();
    await page.getByRole("link", { name: "# c19", exact: true }).click();
    await page.getByText("Nothing was said in #c19 yet").waitFor();
    server.say("c20", "alice", "new here");
    await page.getByRole("link", { name: "# c20 1 new" }).waitFor();
    await page.getByRole("link", { name: "# c79", exact: true }).click();
    await page.getByText("#c21 is not followed any more: a page follows 32 channels").waitFor();
    assertEquals(await followed.count(), 32);
    server.say("c79", "alice", "and here");
    await page.getByText("and here").waitFor();
    await page.locator("nav a.quiet", { hasText: "c21" }).waitFor();
  },
);

Deno.test("who scrolls up stays there, also if something is drawn before the browser reports it", {
  ignore,
}, async () => {
  await using room = await openRoom();
  const { server, page } = room;
  for (let i = 1; i <= 50; i++) server.say("room", "alice", `message ${i}`);
  await page.getByText("message 50").waitFor();
  const top = await page.locator(".log").evaluate(async (log) => {
    log.scrollTop = 0;
    const field = log.ownerDocument.querySelector("textarea");
    field.value = "a draft";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve));
    return log.scrollTop;
  });
  assertEquals(top, 0);
});

Deno.test(
  "a channel that can't be is said to be none, and costs the others nothing",
  { ignore },
  async () => {
    await using room = await openRoom();
    const { server, page, browser } = room;
    browser.expected.push(/40[04]/);
    await page.goto(`${server.url}/channel/a%20b`);
    await page.getByText("There is no channel #a b").waitFor();
    await page.getByText("It can’t be made: a channel's name has no white space in it.").waitFor();
    await page.getByText("connected", { exact: true }).waitFor();
    server.say("room", "bob", "hello");
    await page.getByRole("link", { name: "# room" }).click();
    await page.getByText("hello").waitFor();
    assertEquals(await page.getByRole("link", { name: "# a b" }).count(), 0);
  },
);

Deno.test("whatever is written shows as text", { ignore }, async () => {
  await using room = await openRoom();
  const { server, page } = room;
  for (const text of XSS_CORPUS) {
    server.say("room", text.slice(0, 60), text);
    server.enter("room", text.slice(0, 60));
    server.channel(text.slice(0, 60));
  }
  await page.reload();
  await page.locator(".message").nth(XSS_CORPUS.length - 1).waitFor();
  const shown = await texts(page);
  assertEquals(
    shown.map((text) => text.replaceAll("\n", "")),
    XSS_CORPUS.map((text) => text.replace(/`([^`]+)`/g, "$1")),
  );
  assertEquals(await page.evaluate("window.attacked"), undefined);
  await page.getByRole("button", { name: /here$/ }).click();
  await page.getByRole("dialog").getByText(XSS_CORPUS[0]!.slice(0, 60), { exact: true }).waitFor();
  const hrefs = await page.locator(".text a").evaluateAll((links) =>
    links.map((link) => link.getAttribute("href"))
  );
  assertEquals(hrefs.filter((href) => !/^https?:\/\//.test(href ?? "")), []);
  assertEquals(
    await page.evaluate("document.querySelectorAll('.log script, .log img, .log iframe').length"),
    0,
  );
});
