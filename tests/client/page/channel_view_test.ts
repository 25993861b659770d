import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "./browser.ts";
import { FakeServer } from "./fake_server.ts";

const ignore = LACKS_BROWSER;

Deno.test({
  name: "what is said stands there as not sent until the server has it, and then once",
  ignore,
  async fn() {
    await using server = new FakeServer();
    await using browser = await TestBrowser.start();
    const page = await browser.open(server.url);
    await page.getByText("Nothing was said").waitFor();
    const stored = server.hold();
    await page.keyboard.type("Is anybody here?");
    await page.keyboard.press("Enter");
    await page.getByText("sending…").waitFor();
    stored();
    await page.getByText("sending…").waitFor({ state: "detached" });
    assertEquals(await page.locator(".message .text").allTextContents(), ["Is anybody here?"]);
  },
});
