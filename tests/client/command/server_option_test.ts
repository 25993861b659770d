/** Where a command finds its server, and when it logs in. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Arguments, type Command } from "../../../client/command/command.ts";
import type { DataDirectoryCode } from "../../../client/command/data/data_directory.ts";
import { logInAs, SELF_OPTIONS } from "../../../client/command/options/self.ts";
import {
  mailboxAddress,
  SERVER_OPTIONS,
  serviceAddress,
} from "../../../client/command/options/server_option.ts";
import { connectMailbox, KnownServers } from "../../../client/mailbox.ts";
import { temporaryDirectory } from "../../program.ts";
import { withServer } from "../../server/serve.ts";

const command: Command = {
  name: "test",
  summary: "",
  usage: [],
  options: { ...SELF_OPTIONS, ...SERVER_OPTIONS },
  examples: [],
  run: () => Promise.resolve(0),
};

/** Arguments where these services run in the data directory. */
function read(line: string, services?: Record<string, string[]>): Arguments {
  const dataCode: DataDirectoryCode = {
    dataDirectory: () => "data",
    earlierDirectoryNotice: () => Promise.resolve(undefined),
    readRunning: () => Promise.resolve(services && { pid: 1, services }),
    readSecret: () => Promise.reject(new Error("there is none")),
    secretPath: (directory) => `${directory}/secret`,
  };
  return new Arguments(command, line === "" ? [] : line.split(" "), dataCode);
}

Deno.test("the mailbox is the one that is named, the one of the data directory, or the usual one", async () => {
  const usual = { hostname: "127.0.0.1", port: 21001 };
  const orNobody = (address: Promise<unknown>) =>
    address.catch((error) => {
      assertStringIncludes(error.message, "No server runs on this machine");
      return usual;
    });
  assertEquals(await orNobody(mailboxAddress(read(""))), usual);
  assertEquals(await orNobody(mailboxAddress(read("", { mailbox: ["nonsense"] }))), usual);
  assertEquals(await mailboxAddress(read("", { mailbox: ["0.0.0.0:7", "[::]:8"] })), { ...usual, port: 7 });
  assertEquals(await mailboxAddress(read("", { mailbox: ["[::]:8"] })), { hostname: "::1", port: 8 });
  assertEquals(await mailboxAddress(read("", { admin: ["127.0.0.1:9"] }), "admin"), { ...usual, port: 9 });
  const named = read("--server h", { mailbox: ["127.0.0.1:7"] });
  assertEquals(await mailboxAddress(named), { hostname: "h", port: 21001 });
  assertEquals(await mailboxAddress(read("--server [::1]:5")), { hostname: "::1", port: 5 });
});

Deno.test("another service is found in the data directory, or where the mailbox says", async () => {
  const running = { channels: ["127.0.0.1:7"], admin: ["127.0.0.1:8"] };
  assertEquals(await serviceAddress(read("", running), "channels"), { hostname: "127.0.0.1", port: 7 });
  await assertRejects(
    () => serviceAddress(read("", running), "room"),
    Error,
    "Cannot connect to room: the server that runs on this machine has no such service, only channels",
  );
  await withServer({ ports: { mailbox: 0, channels: 0, forum: 0 } }, async ({ listening }) => {
    const port = (name: string) => listening.find((each) => each.name === name)!.addresses[0]!.port;
    const args = read(`--server 127.0.0.1:${port("mailbox")}`);
    for (const service of ["channels", "forum"] as const) {
      assertEquals(await serviceAddress(args, service), { hostname: "127.0.0.1", port: port(service) });
    }
    await assertRejects(
      () => serviceAddress(args, "room"),
      Error,
      "has no such service, only mailbox, channels, forum",
    );
  });
});

// session.md 3.15
Deno.test("a command logs in where the name is protected, or where a password or the server's key is given", async () => {
  await withServer({ ports: { mailbox: 0, room: 0 } }, async ({ addresses, listening }) => {
    const server = { hostname: "127.0.0.1", port: addresses[0]!.port };
    const address = `--server 127.0.0.1:${server.port}`;
    await using bob = await connectMailbox(server);
    await bob.send("bob", "al", "so that an account of bob does not cover this");
    await using directory = await temporaryDirectory();
    const knownServers = new KnownServers(`${directory.path}/known-servers`);
    for (const name of ["al", "bob"]) {
      const as = { name, password: "word", make: true };
      await (await connectMailbox({ ...server, as, knownServers })).close();
    }
    const room = listening.find(({ name }) => name === "room")!.addresses[0]!.port;
    const services = { mailbox: server.port, room, http: server.port };
    assertEquals(await bob.info("al"), {
      services,
      account: { mailbox: true, forum: true },
      isLoginRequired: false,
    });
    assertEquals(await bob.info("bob"), {
      services,
      account: { mailbox: false, forum: true },
      isLoginRequired: false,
    });
    assertEquals(await bob.info(), {
      services,
      account: { mailbox: false, forum: false },
      isLoginRequired: false,
    });

    const login = async (name: string, options: string, isNamed = false, isOwn = true) =>
      (await logInAs(read(`${address} ${options}`), { name, isNamed }, { isOwn }))?.name;
    assertEquals(await login("al", "--timeout 10s"), "al");
    assertEquals(await login("al", "--timeout 10s", true, false), "al");
    // somebody else's mailbox is no reason to log in
    assertEquals(await login("al", "--timeout 10s", false, false), undefined);
    assertEquals(await login("bob", "--timeout 10s", true), undefined);
    assertEquals(await login("bob", "--password-file p"), "bob");
    assertEquals(await login("carol", "--server-key k", false, false), "carol");
    await assertRejects(
      () => logInAs(read("--server-key k"), undefined),
      Error,
      "--server-key needs --as NAME",
    );
  });
});
