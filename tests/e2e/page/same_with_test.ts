/** The lines that the page shows below each view: typed as they stand there, they do the same. */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, type Page, TestBrowser } from "../../client/page/browser.ts";
import { FROM_SOURCE, netcat, ServerProcess, temporaryDirectory } from "../../program.ts";

const ignore = LACKS_BROWSER;

/** Types the line that the page shows for this program into a shell. */
async function type(page: Page, program: string, cwd: string): Promise<string> {
  await page.getByRole("button", { name: program, exact: true }).click();
  const line = await page.locator(".same code").textContent();
  const wirepost = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
  const { stdout, stderr, code } = await new Deno.Command("bash", {
    args: ["-c", `wirepost() { ${wirepost} "$@"; }\n${line}`],
    cwd,
    stdin: "null",
    env: { WIREPOST_SERVER: "", WIREPOST_AS: "" },
  }).output();
  assertEquals([line, code, program === "curl" ? "" : new TextDecoder().decode(stderr)], [line, 0, ""]);
  return new TextDecoder().decode(stdout);
}

Deno.test("a line below a view does what the view does", { ignore }, async (t) => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "channels", "0", "room", "0", "--memory"]);
  await using browser = await TestBrowser.start();
  // a channel that nobody has made yet
  browser.expected.push(/404/);
  const url = `http://127.0.0.1:${await server.ready("http")}`;
  const programs = ["curl", "wirepost", ...await netcat("openbsd") === undefined ? [] : ["nc"]];
  const page = await browser.open(url, "ana");
  for (const channel of ["room", "lab"]) {
    await t.step(`#${channel}`, async () => {
      await page.goto(`${url}/channel/${channel}`);
      await page.getByText(`Nothing was said in #${channel} yet`).waitFor();
      for (const program of programs) {
        const text = `it's ${program} & "Ω" $HOME`;
        await page.getByRole("textbox", { name: `Message #${channel}` }).fill(text);
        await type(page, program, directory.path);
        await page.locator(".message .text").getByText(text).waitFor();
      }
    });
  }
  await t.step("a mailbox", async () => {
    await page.goto(`${url}/mailbox/bob`);
    await page.getByText("Nothing waits for bob").waitFor();
    for (const program of programs) {
      const text = `it's ${program} & "Ω" $HOME`;
      await page.getByRole("textbox", { name: "Send to bob" }).fill(text);
      await type(page, program, directory.path);
      await page.locator(".letter").getByText(text).waitFor();
    }
    await page.getByRole("textbox", { name: "Send to bob" }).fill("");
    assertEquals((await type(page, "curl", directory.path)).split("\n").length, programs.length + 1);
    assertEquals((await type(page, "wirepost", directory.path)).split("\n").length, programs.length + 1);
  });
});
