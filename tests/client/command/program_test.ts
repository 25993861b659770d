/** What the program says where something is not as it should be. */

import { assertEquals, assertMatch } from "@std/assert";
import { wirepost } from "../../program.ts";

/** A port that nobody answers on, as silent as a firewall. */
function silence(): Disposable & { options: string[]; error: string } {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(socket.addr as Deno.NetAddr).port}`;
  return {
    options: ["--server", address, "--timeout", "300ms"],
    error: `No answer from ${address} within 0.3 s: is the server running?\n`,
    [Symbol.dispose]: () => socket.close(),
  };
}

Deno.test("wirepost send without a server says so in one line", async () => {
  using silent = silence();
  const send = ["send", "bob", "--basic", "--from", "alice", ...silent.options];
  const failed = { code: 1, out: "", err: `wirepost send: ${silent.error}` };
  const hundred = Array.from({ length: 100 }, (_, i) => `${i}`);
  assertEquals(await wirepost(send, { input: hundred.join("\n") }), failed);
  assertEquals(await wirepost(send, { input: "one\ntwo\n" }), failed);
  assertEquals(await wirepost([...send, ...hundred]), failed);
  // and not that lines were sent before a wrong one
  assertEquals(await wirepost(send, { input: "one\na\x07b\n" }), failed);
});

Deno.test("wirepost send and receive say so when the reliable session finds no server", async () => {
  using silent = silence();
  const { error } = silent;
  assertEquals(await wirepost(["send", "bob", "one", "--from", "alice", ...silent.options]), {
    code: 1,
    out: "",
    err: `wirepost send: ${error}`,
  });
  assertEquals(
    await wirepost(["send", "bob", "--from", "alice", ...silent.options], { input: "one\ntwo\n" }),
    {
      code: 1,
      out: "",
      err: `wirepost send: ${error}wirepost send: 0 messages from the beginning of the input stored\n`,
    },
  );
  assertEquals(await wirepost(["receive", "bob", ...silent.options]), {
    code: 1,
    out: "",
    err: `wirepost receive: ${error}`,
  });
});

Deno.test("wirepost send reports a wrong message, also without a server", async () => {
  using silent = silence();
  assertEquals(
    await wirepost(["send", "bob", "one", "a\x07b", "--basic", "--from", "alice", ...silent.options]),
    {
      code: 1,
      out: "",
      err: "wirepost send: Cannot send a message with control characters other than TAB\n",
    },
  );
});

Deno.test("wirepost mailbox without a server says so once a line, and leaves at /quit", async () => {
  using silent = silence();
  const input = "/as alice\n/to bob\nhello\n/quit\n";
  assertEquals(await wirepost(["mailbox", ...silent.options], { input }), {
    code: 1,
    out: "",
    err: silent.error,
  });
});

Deno.test("wrong usage is reported with exit code 2", async () => {
  for (
    const [line, error] of Object.entries({
      "mailbox --as admin": "Cannot send as 'admin': the name is the administrator's",
      "receive bob --server 127.0.0.1:0": "Cannot read --server '127.0.0.1:0': expected HOST or HOST:PORT",
      "receive bob --json=maybe": "Option --json takes no value",
      "send bob x --from a --from b": "Option --from is given more than once",
      "serve --memory --mailbox-bytes 0": "Cannot read --mailbox-bytes '0': expected a size such as 64KiB",
      "serve --memory --max-bytes 0": "Cannot read --max-bytes '0': expected a size such as 64KiB",
      "serve --memory --max-file 4096": "Cannot read --max-file '4096': expected a size from 1 MiB",
    })
  ) {
    const [name] = line.split(" ");
    assertEquals(await wirepost(line.split(" ")), {
      code: 2,
      out: "",
      err: `wirepost ${name}: ${error}\nSee 'wirepost ${name} --help'\n`,
    });
  }
});

Deno.test("wirepost admin where no server ever ran says what to do", async () => {
  const { code, out, err } = await wirepost(["admin", "status", "--data", "/nowhere"]);
  assertEquals([code, out], [1, ""]);
  assertMatch(
    err,
    /^wirepost admin: Cannot read .*; start the server there once, or give --data or --secret-file\n$/,
  );
});

Deno.test("wirepost admin asks the usual address if server.json has none", async () => {
  const data = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${data}/secret`, "long enough to be a secret\n");
    for (
      const json of ["{}", "null", "[", '{"pid":1,"services":{"mailbox":"x"}}', '{"pid":1,"services":null}']
    ) {
      await Deno.writeTextFile(`${data}/server.json`, json);
      const { err } = await wirepost(["admin", "status", "--data", data, "--timeout", "50ms"]);
      assertMatch(
        err,
        /^wirepost admin: (No server runs on this machine|No answer from 127\.0\.0\.1:21001 |wrong proof)/,
      );
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("an error text of a server is printed as text", async () => {
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const secret = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(secret, "long enough to be a secret\n");
    const answering = (async () => {
      const [, from] = await server.receive();
      await server.send(new TextEncoder().encode("A, error, \x1b]0;title\x07\r\x9b1m"), from);
    })();
    const address = `127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
    const result = await wirepost(["admin", "status", "--server", address, "--secret-file", secret]);
    assertEquals(result, { code: 1, out: "", err: "wirepost admin: ^[]0;title^G^M^[[1m\n" });
    await answering;
  } finally {
    server.close();
    await Deno.remove(secret);
  }
});
