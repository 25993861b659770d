/** The OpenAPI document, as programs that were not written here read it (http.md 7.4). */

import { assertEquals } from "@std/assert";
import { httpRequest } from "../../../http.ts";
import { runCommand, temporaryDirectory } from "../../../program.ts";
import { withHttp } from "./http_server.ts";
import { CLIENT_PACKAGE, generateTypes, lintDocument, validateDocument } from "./openapi_packages.ts";

async function documentAt(port: number): Promise<string> {
  return (await httpRequest(port, "GET /openapi.json")).body;
}

Deno.test("the interface is a valid OpenAPI 3.1 document, and its examples are of its schemas", async () => {
  await withHttp({}, async (port) => {
    const text = await documentAt(port), { openapi, info } = JSON.parse(text);
    assertEquals([openapi, info.version], ["3.1.0", "0"]);
    assertEquals((await validateDocument(JSON.parse(text))).errors, undefined);
    assertEquals(await lintDocument(text), []);
    // both find what is wrong
    const untitled = text.replace('"title":"Wirepost",', "");
    assertEquals((await validateDocument(JSON.parse(untitled))).valid, false);
    const misshown = text.replace('"value":{"id":3,', '"value":{"id":"one",');
    assertEquals(await lintDocument(misshown), [
      "Example value must conform to the schema: `id` property type must be integer.",
    ]);
  });
});

/** A program with a client whose types are generated: what it may not do does not compile. */
const CLIENT = `
import createClient from "${CLIENT_PACKAGE}";
import type { paths } from "./types.ts";

const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: Deno.args[0]!, headers: { accept: "application/json" } });
const put = () =>
  client.POST("/mailbox/{mailbox}", {
    params: { path: { mailbox: "jobs" }, query: { sender: "ana" }, header: { "Idempotency-Key": "once" } },
    body: { text: "5 Ω, or more? ✓" },
  });
const first = await put(), again = await put();
const lease = await client.POST("/mailbox/{mailbox}/receive", {
  params: { path: { mailbox: "jobs" }, query: { lease: "1m" } },
});
const message = lease.data!.messages[0]!, path = { lease: message.lease! };
const acknowledged = await client.DELETE("/lease/{lease}", { params: { path } });
const lost = await client.DELETE("/lease/{lease}", { params: { path } });
const empty = await client.POST("/mailbox/{mailbox}/receive", { params: { path: { mailbox: "jobs" } } });
// @ts-expect-error the document has no such path
await client.GET("/nothing", { parseAs: "text" });
// @ts-expect-error the document has no such member
message.colour;
console.log(JSON.stringify([
  [first.response.status, again.data!.id === first.data!.id, typeof first.data!.time],
  [message.id === first.data!.id, message.sender, message.text],
  [acknowledged.response.status, lost.error?.code, empty.response.status],
]));
`;

Deno.test("a client that is generated from it puts a message, leases and acknowledges it, and its types hold", async () => {
  await using directory = await temporaryDirectory();
  await withHttp({}, async (port) => {
    await Deno.writeTextFile(`${directory.path}/types.ts`, await generateTypes(await documentAt(port)));
    await Deno.writeTextFile(`${directory.path}/client.ts`, CLIENT);
    // a copy: without the configuration of this project its lock looks too long, and would be cut
    const lock = `${directory.path}/deno.lock`;
    await Deno.copyFile(new URL("../../../deno.lock", import.meta.url), lock);
    const { out, err } = await runCommand(
      [
        Deno.execPath(),
        "run",
        "--check",
        "--allow-net=127.0.0.1",
        `--lock=${lock}`,
        "client.ts",
        `http://127.0.0.1:${port}`,
      ],
      { cwd: directory.path, env: { NO_COLOR: "1" } },
    );
    const expected = [[201, true, "string"], [true, "ana", "5 Ω, or more? ✓"], [204, "lease lost", 204]];
    assertEquals(out === "" ? err : JSON.parse(out), expected);
  });
});
