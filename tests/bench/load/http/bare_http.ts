/**
 * What node:http in Deno can do at best: a server that answers each request with the same few bytes and keeps nothing, and
 * broadcasts each line that is posted to `/say` to all who read `/events`. Prints its port.
 *
 * @module
 */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const readers = new Set<ServerResponse>();

const server = createServer((request, response) => {
  if (request.url === "/events") {
    // as Wirepost's: the stream ends with its connection
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    readers.add(response);
    response.once("close", () => readers.delete(response));
    return;
  }
  if (request.url === "/say") {
    request.setEncoding("utf8");
    request.on("data", (text: string) => {
      for (const line of text.split("\n")) {
        const event = `id: 1\ndata: ${JSON.stringify({ text: line })}\n\n`;
        for (const reader of readers) reader.write(event);
      }
    });
  }
  response.statusCode = 201;
  response.end("1\n");
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`));
});
