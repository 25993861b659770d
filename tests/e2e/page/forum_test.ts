/** The page of the real server, in a real browser: the forum, its files, and log-in. */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, type Page, TestBrowser } from "../../client/page/browser.ts";
import { XSS_CORPUS } from "../../client/page/xss_corpus.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const ignore = LACKS_BROWSER;

const SERVICES = ["channels", "0", "room", "0", "forum", "0"];

/** A file that takes some parts; `WIREPOST_FAULTS=full` has one of 200 MB. */
const FILE_BYTES = Deno.env.get("WIREPOST_FAULTS") === "full" ? 200_000_000 : 20_000_000;

/** A server with the accounts yoda and luke, whose password is jedi, and its options for one that goes on. */
async function openForum(path: string, port = "0") {
  const args = ["mailbox", port, ...SERVICES, "--data", `${path}/data`];
  await Deno.writeTextFile(`${path}/password`, "jedi\n");
  const server = await ServerProcess.start(args, { command: FROM_SOURCE });
  for (const name of port === "0" ? ["yoda", "luke"] : []) {
    const options = ["--password-file", `${path}/password`, "--data", `${path}/data`];
    assertEquals((await wirepost(["account", "add", name, ...options])).code, 0);
  }
  return { server, url: `http://127.0.0.1:${await server.ready("http")}` };
}

async function logIn(page: Page, name: string, password = "jedi") {
  await page.getByRole("button", { name: "Log in…" }).click();
  await page.getByLabel("Account").fill(name);
  await page.getByLabel("Password, or token").fill(password);
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
}

Deno.test("threads are made, written in, edited and deleted after a log-in, and every message has a link", {
  ignore,
}, async () => {
  await using directory = await temporaryDirectory();
  const { server, url } = await openForum(directory.path);
  await using _server = server;
  await using browser = await TestBrowser.start();
  browser.expected.push(/401|403/);
  const page = await browser.open(`${url}/thread`, "guest-1");
  await logIn(page, "yoda", "sith");
  await page.getByText("the name or the password is wrong").waitFor();
  await page.getByLabel("Password, or token").fill("jedi");
  await page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
  await page.getByText("There is no thread yet").waitFor();
  await page.getByLabel("Title of a new thread").fill("thread0");
  await page.keyboard.press("Enter");
  await page.getByText("This thread is empty").waitFor();
  for (const text of ["hello, all", "and once more", ...XSS_CORPUS.slice(0, 5)]) {
    await page.getByLabel("Post to thread0").fill(text);
    await page.keyboard.press("Enter");
    await page.locator(".letter").last().getByText(text.replace(/`([^`]+)`/g, "$1"), { exact: true })
      .waitFor();
  }
  assertEquals(await page.evaluate("window.attacked"), undefined);
  const first = page.locator(".letter").first();
  await first.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("The message").fill("hello, everybody");
  await page.getByRole("button", { name: "Save" }).click();
  await first.getByText("hello, everybody").waitFor();
  await first.getByText("edited").waitFor();
  const second = page.locator(".letter").nth(1);
  await second.getByRole("button", { name: "Delete" }).click();
  await second.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("and once more").waitFor({ state: "detached" });

  // another user reads, by the link of a message, and has nothing to change
  const luke = await browser.open(`${url}/thread/thread0`, "guest-2");
  await logIn(luke, "luke");
  await luke.getByText("hello, everybody").waitFor();
  assertEquals(await luke.getByRole("button", { name: "Edit" }).count(), 0);
  const link = await luke.locator(".letter").last().locator("a.when").getAttribute("href");
  await luke.goto(`${url}/thread/thread0${link}`);
  await luke.locator(".letter:target").waitFor();

  // without JavaScript one logs in by a form, which leads back, and out by another one
  const context = await luke.context().browser()!.newContext({ javaScriptEnabled: false });
  context.setDefaultTimeout(30_000);
  const plain = await context.newPage();
  await plain.goto(`${url}/thread/thread0#wrong-log-in`);
  await plain.locator(".refusal:target").waitFor();
  await plain.getByLabel("Name").fill("luke");
  await plain.getByLabel("Password or token").fill("jedi");
  await plain.getByRole("button", { name: "Log in" }).click();
  await plain.getByText("hello, everybody").waitFor();
  assertEquals(await plain.locator("main script, main img").count(), 0);
  await plain.getByRole("link", { name: "All threads" }).click();
  await plain.getByRole("button", { name: "Log out" }).click();
  await plain.getByLabel("Password or token").waitFor();
  await context.close();
});

Deno.test(
  "a file goes up, is cut by the end of the server, goes on, and comes down whole",
  { ignore },
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/trace.bin`;
    const bytes = new Uint8Array(FILE_BYTES);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    await Deno.writeFile(path, bytes);
    await using browser = await TestBrowser.start();
    browser.expected.push(/401|409|ERR_/);
    let page: Page, port: string;
    {
      const { server, url } = await openForum(directory.path);
      await using _server = server;
      port = new URL(url).port;
      page = await browser.open(`${url}/thread`, "guest-1");
      await logIn(page, "yoda");
      await page.getByText("There is no thread yet").waitFor();
      await page.getByLabel("Title of a new thread").fill("files");
      await page.keyboard.press("Enter");
      await page.getByText("This thread is empty").waitFor();
      let parts = 0;
      const cut = Promise.withResolvers<void>();
      page.on("request", (request) => {
        if (request.method() === "PUT" && ++parts === 3) cut.resolve();
      });
      await page.getByLabel("Upload files").setInputFiles(path);
      await cut.promise;
      await server.end("SIGKILL");
    }
    await page.getByText("waiting for the server…").waitFor();
    const { server } = await openForum(directory.path, port);
    await using _server = server;
    await page.getByRole("link", { name: "trace.bin" }).waitFor();
    await page.locator(".uploads").waitFor({ state: "detached" });
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "trace.bin" }).click(),
    ]);
    const down = await Deno.readFile(await download.path());
    assertEquals(down.length, bytes.length);
    const hash = async (bytes: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assertEquals(await hash(down), await hash(bytes));
  },
);
