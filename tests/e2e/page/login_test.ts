/** The page under a name that belongs to an account, in a real browser. */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "../../client/page/browser.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

// http.md 4.3: a browser says nothing of where a request comes from, without TLS and by another name than localhost
Deno.test("under the name of an account the page asks for the log-in, itself and once", {
  ignore: LACKS_BROWSER,
}, async () => {
  await using directory = await temporaryDirectory();
  const data = ["--data", `${directory.path}/data`], password = `${directory.path}/password`;
  const services = ["mailbox", "0", "channels", "0", "room", "0", "--web-host", "lab.example"];
  await using server = await ServerProcess.start([...services, ...data]);
  await Deno.writeTextFile(password, "jedi\n");
  assertEquals((await wirepost(["account", "add", "ana", "--password-file", password, ...data])).code, 0);
  const port = await server.ready("http");
  await using browser = await TestBrowser.start([`--host-resolver-rules=MAP lab.example 127.0.0.1`]);
  browser.expected.push(/401/);
  const page = await browser.open("about:blank", "ana");
  let streams = 0;
  page.on("request", (request) => {
    if (request.url().includes("/events?")) streams++;
  });
  await page.goto(`http://lab.example:${port}/`);
  await page.getByText("not connected").waitFor();
  await page.getByText("The name is that of an account: log in as it.").waitFor();
  // time for another one
  await page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))");
  assertEquals(streams, 1);
  await page.getByLabel("Password, or token").fill("jedi");
  await page.keyboard.press("Enter");
  await page.getByText("connected", { exact: true }).waitFor();
  await page.getByText("ana · 1 here").waitFor();
});
