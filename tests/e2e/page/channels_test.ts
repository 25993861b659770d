/** The page of the real server, in a real browser: channels, beside the clients of every other wire. */

import { assertEquals } from "@std/assert";
import { canType, LACKS_BROWSER, type Page, TestBrowser } from "../../client/page/browser.ts";
import { XSS_CORPUS } from "../../client/page/xss_corpus.ts";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, netcat, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FramePeer } from "../../stream.ts";

const ignore = LACKS_BROWSER;

const SERVICES = ["mailbox", "0", "channels", "0", "room", "0"];

const texts = (page: Page) => page.locator(".message:not(.pending) .text").allTextContents();

async function urlOf(server: ServerProcess): Promise<string> {
  return `http://127.0.0.1:${await server.ready("http")}`;
}

async function isConnected(page: Page) {
  await page.getByText("connected", { exact: true }).waitFor();
  await page.locator(".message, .blank b").first().waitFor();
  await canType(page);
}

Deno.test("two browsers, a client of frames and nc read each other in one channel", { ignore }, async () => {
  await using server = await ServerProcess.start([...SERVICES, "--memory"]);
  await using browser = await TestBrowser.start();
  const url = await urlOf(server);
  const ana = await browser.open(url, "ana"), bob = await browser.open(url, "bob");
  await isConnected(ana);
  await isConnected(bob);
  using carol = await FramePeer.named("carol", await server.ready("channels"));
  await carol.send("/join room");
  await ana.getByText("carol joined").waitFor();

  await ana.keyboard.type("5 Ω, or more? ✓\n");
  assertEquals(await carol.next(), "[ana] 5 Ω, or more? ✓");
  await bob.getByText("5 Ω, or more? ✓").waitFor();
  await carol.send("from a frame");
  await ana.getByText("from a frame").waitFor();
  await bob.keyboard.type("one line\n");
  assertEquals(await carol.next(), "[bob] one line");
  const nc = await netcat("openbsd", "traditional", "ncat");
  const expected = ["5 Ω, or more? ✓", "from a frame", "one line"];
  if (nc !== undefined) {
    const child = new Deno.Command("nc", {
      args: ["127.0.0.1", `${await server.ready("room")}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter(),
      reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await writer.write(new TextEncoder().encode("hello from nc\n"));
    await ana.getByText("hello from nc").waitFor();
    await ana.keyboard.type("hello, nc\n");
    let heard = "";
    while (!heard.includes("hello, nc\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`nc ended after ${JSON.stringify(heard)}`);
      heard += value;
    }
    assertEquals(heard.trimEnd().split("\n").at(-1), "\r<ana> hello, nc");
    await writer.close();
    await reader.cancel();
    await child.status;
    expected.push("hello from nc", "hello, nc");
  }
  await bob.locator(".message").nth(expected.length - 1).waitFor();
  assertEquals(await texts(ana), expected);
  assertEquals(await texts(bob), expected);
  // who is here
  await ana.getByRole("button", { name: /here$/ }).click();
  await ana.getByRole("dialog").getByText("carol", { exact: true }).waitFor();
  await ana.keyboard.press("Escape");
  carol[Symbol.dispose]();
  await ana.getByText("carol left").waitFor();
});

Deno.test(
  "the server is killed and started again: the page recovers, misses nothing, and what was said meanwhile arrives once",
  { ignore },
  async () => {
    await using data = await temporaryDirectory();
    const args = ["mailbox", `${freePort()}`, ...SERVICES.slice(2), "--data", data.path];
    await using browser = await TestBrowser.start();
    browser.expected.push(/ERR_/);
    let page: Page, other: Page;
    {
      await using server = await ServerProcess.start(args, { command: FROM_SOURCE });
      const url = await urlOf(server);
      [page, other] = [await browser.open(url, "ana"), await browser.open(url, "bob")];
      for (const one of [page, other]) await isConnected(one);
      await page.keyboard.type("before\n");
      await other.locator(".message").getByText("before").waitFor();
      await page.locator(".pending").waitFor({ state: "detached" });
      await server.end("SIGKILL");
    }
    await page.getByText("reconnecting…").waitFor();
    await page.keyboard.type("meanwhile, 1\n");
    await page.keyboard.type("meanwhile, 2\n");
    await page.getByText("sending…").nth(1).waitFor();
    await using _server = await ServerProcess.start(args, { command: FROM_SOURCE });
    for (const one of [page, other]) {
      await one.locator(".message:not(.pending)").getByText("meanwhile, 2")
        .waitFor();
    }
    await page.locator(".pending").waitFor({ state: "detached" });
    const expected = ["before", "meanwhile, 1", "meanwhile, 2"];
    assertEquals([await texts(page), await texts(other)], [expected, expected]);
    await page.reload();
    await page.locator(".message").nth(2).waitFor();
    assertEquals(await texts(page), expected);
  },
);

Deno.test("what is written on the wires of channels and room shows as text", { ignore }, async () => {
  await using server = await ServerProcess.start([...SERVICES, "--memory"]);
  await using browser = await TestBrowser.start();
  const corpus = XSS_CORPUS.filter((text) => !text.includes("\ufffd"));
  using frames = await FramePeer.named(corpus[0]!, await server.ready("channels"));
  await frames.send("/join room", ...corpus.map((text) => ` ${text}`));
  await frames.settle();
  const page = await browser.open(await urlOf(server), "ana");
  await page.locator(".message").nth(corpus.length - 1).waitFor();
  assertEquals(await page.evaluate("window.attacked"), undefined);
  assertEquals(
    await page.evaluate("document.querySelectorAll('main script, main img, main iframe, main math').length"),
    0,
  );
});
