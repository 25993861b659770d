/** The page of the real server, in a real browser: mailboxes, beside commands and datagrams. */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "../../client/page/browser.ts";
import { XSS_CORPUS } from "../../client/page/xss_corpus.ts";
import { Peer, ServerProcess, wirepost } from "../../program.ts";

const ignore = LACKS_BROWSER;

const SERVICES = ["mailbox", "0", "channels", "0", "room", "0", "--memory"];

async function urlOf(server: ServerProcess): Promise<string> {
  return `http://127.0.0.1:${await server.ready("http")}`;
}

Deno.test(
  "mail that is sent by a command appears, is taken, given back and acknowledged; and what the page sends is received",
  { ignore },
  async () => {
    await using server = await ServerProcess.start(SERVICES);
    await using browser = await TestBrowser.start();
    const page = await browser.open(`${await urlOf(server)}/mailbox/ana`, "ana");
    const to = ["--server", server.address];
    await page.getByText("Nothing waits for ana").waitFor();
    assertEquals((await wirepost(["send", "ana", "How are you?", "--as", "bob", ...to])).code, 0);
    await page.locator(".letter").getByText("How are you?").waitFor();
    // to read is not to take
    await page.reload();
    await page.locator(".letter").getByText("How are you?").waitFor();
    await page.getByRole("button", { name: "Take the next" }).click();
    await page.getByText("you have it").waitFor();
    await page.getByRole("button", { name: "Give back" }).click();
    await page.locator(".held").waitFor({ state: "detached" });
    // the button that had the focus is gone: the next one is taken from here
    await page.locator(".take:focus").waitFor();
    await page.locator(".letter .tag.on").waitFor();
    await page.getByRole("button", { name: "Take the next" }).click();
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("Nothing waits for ana").waitFor();
    await page.getByRole("textbox", { name: "Send to ana" }).fill("Fine, thanks. Ω ✓");
    await page.keyboard.press("Enter");
    await page.getByText("on the server’s disk", { exact: true }).waitFor();
    const received = await wirepost(["receive", "ana", "--json", ...to]);
    const { sender, text } = JSON.parse(received.out);
    assertEquals([sender, text], ["ana", "Fine, thanks. Ω ✓"]);
  },
);

Deno.test("what is put by a datagram shows as text", { ignore }, async () => {
  await using server = await ServerProcess.start(SERVICES);
  await using browser = await TestBrowser.start();
  const corpus = XSS_CORPUS.filter((text) => !text.includes("\ufffd"));
  using mailbox = new Peer(await server.ready("mailbox"));
  for (const text of corpus) await mailbox.send(`F, ana, ${text.replaceAll(",", "").slice(0, 60)}, ${text}`);
  const page = await browser.open(`${await urlOf(server)}/mailbox/ana`, "ana");
  await page.locator(".letter").nth(corpus.length - 1).waitFor();
  assertEquals(await page.evaluate("window.attacked"), undefined);
  assertEquals(
    await page.evaluate("document.querySelectorAll('main script, main img, main iframe, main math').length"),
    0,
  );
});
