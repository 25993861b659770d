/** The page of the real server, in a real browser: what an administrator sees of it. */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "../../client/page/browser.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

Deno.test("an administrator logs in, and sees what the server does; others do not", {
  ignore: LACKS_BROWSER,
}, async () => {
  await using directory = await temporaryDirectory();
  const data = ["--data", `${directory.path}/data`], password = `${directory.path}/password`;
  await using server = await ServerProcess.start(["mailbox", "0", "channels", "0", "room", "0", ...data]);
  await Deno.writeTextFile(password, "jedi\n");
  assertEquals((await wirepost(["account", "add", "ada", "--password-file", password, ...data])).code, 0);
  assertEquals((await wirepost(["account", "role", "ada", "admin", ...data])).code, 0);
  await using browser = await TestBrowser.start();
  browser.expected.push(/401|403/);
  const page = await browser.open(`http://127.0.0.1:${await server.ready("http")}/admin/status`, "guest-1");
  await page.getByText("For administrators").waitFor();
  assertEquals(await page.getByRole("link", { name: "Now" }).count(), 0);
  await page.getByRole("button", { name: "Log in…" }).click();
  await page.getByLabel("Account").fill("ada");
  await page.getByLabel("Password, or token").fill("jedi");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Now" }).waitFor();
  await page.locator(".plots canvas").first().waitFor();
  const to = ["--server", server.address, "--as", "bob"];
  assertEquals((await wirepost(["send", "jobs", "a job", ...to])).code, 0);
  await page.getByRole("link", { name: "jobs" }).waitFor();
  await page.getByText("--max-messages").waitFor();
  await page.getByText("No dead letters").waitFor();
});
