/** The library over HTTP runs wherever `fetch` is: in Node, and in Deno without any of its own API. */

import { assertEquals } from "@std/assert";
import { lacks, runCommand, temporaryDirectory } from "../../program.ts";
import { withHttp } from "../../server/wire/http/http_server.ts";

const LIBRARY = new URL("../../../client/web/", import.meta.url);

const USE = (url: string) => `
  const { connectMailbox } = await import("${LIBRARY}mailbox.js");
  const { connectChannels } = await import("${LIBRARY}channels.js");
  await import("${LIBRARY}forum.js");
  const mailbox = connectMailbox({ url: "${url}" }), seen = [typeof Deno];
  await mailbox.send("bob", "alice", "5 Ω ✓");
  for await (const message of mailbox.messages("bob", { wait: 0 })) {
    seen.push(message.sender, message.text, await message.ack());
  }
  await mailbox.close();
  const channels = connectChannels({ url: "${url}", name: "ana", channels: ["tea"] });
  await channels.send("tea", "hello");
  for await (const event of channels) {
    if (event.type !== "message") continue;
    seen.push(event.message.sender, event.message.text);
    break;
  }
  await channels[Symbol.asyncDispose]();
  console.log(seen.join());
`;

const SEEN = "undefined,alice,5 Ω ✓,true,ana,hello\n";

const withServer = (use: (url: string) => Promise<void>) =>
  withHttp({ ports: { mailbox: 0, channels: 0 } }, (port) => use(`http://127.0.0.1:${port}`));

Deno.test("the library runs where Deno's own API is gone", () =>
  withServer(async (url) => {
    await using directory = await temporaryDirectory();
    const file = `${directory.path}/use.mjs`;
    await Deno.writeTextFile(file, `delete globalThis.Deno;\n${USE(url)}`);
    const command = [
      Deno.execPath(),
      "run",
      "--no-config",
      "--no-check",
      "--allow-net",
      "--allow-read",
      file,
    ];
    assertEquals(await runCommand(command), { code: 0, out: SEEN, err: "" });
  }));

Deno.test("the library runs in Node", { ignore: await lacks("node") }, () =>
  withServer(async (url) => {
    await using directory = await temporaryDirectory();
    // modules are told apart by this; in a package they are by its package.json
    const files = `${directory.path}/web`;
    await Deno.mkdir(files);
    for (const { name } of Deno.readDirSync(LIBRARY)) {
      await Deno.copyFile(new URL(name, LIBRARY), `${files}/${name}`);
    }
    await Deno.writeTextFile(`${files}/package.json`, '{ "type": "module" }');
    await Deno.writeTextFile(`${files}/use.js`, USE(url).replaceAll(`${LIBRARY}`, "./"));
    assertEquals(await runCommand(["node", `${files}/use.js`]), { code: 0, out: SEEN, err: "" });
  }));

Deno.test("the library names neither Deno nor a module outside of its folder", async () => {
  for (const { name } of Deno.readDirSync(LIBRARY)) {
    const source = await Deno.readTextFile(new URL(name, LIBRARY));
    assertEquals([name, /\bDeno\.|["']node:/.exec(source)?.[0]], [name, undefined]);
    for (const [, target] of source.matchAll(/^(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"/gm)) {
      assertEquals([name, /^\.\/\w+\.js$/.test(target!)], [name, true]);
    }
  }
});
