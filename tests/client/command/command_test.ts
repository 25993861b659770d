import { assertEquals, assertThrows } from "@std/assert";
import type { DataDirectoryCode } from "../../../client/command/data/data_directory.ts";
import { Arguments, type Command, parseAddress, UsageError } from "../../../client/command/command.ts";

/** No server runs anywhere. */
const NO_DIRECTORY: DataDirectoryCode = {
  dataDirectory: () => "/nowhere",
  earlierDirectoryNotice: () => Promise.resolve(undefined),
  readRunning: () => Promise.resolve(undefined),
  readSecret: () => Promise.reject(new Error("there is none")),
  secretPath: (directory) => `${directory}/secret`,
};

const command: Command = {
  name: "test",
  summary: "",
  usage: [],
  options: {
    from: { value: "ME", help: "" },
    host: { value: "ADDRESS", many: true, help: "" },
    size: { value: "SIZE", help: "" },
    json: { help: "" },
  },
  examples: [],
  run: () => Promise.resolve(0),
};

const read = (line: string) => new Arguments(command, line.split(" "), NO_DIRECTORY);

Deno.test("Arguments reads options before, between and behind what is none", () => {
  const args = read("--json true --from=a=b 007 - --host x --host=y -- --from -5 --");
  assertEquals(args.positionals, ["true", "007", "-", "--from", "-5", "--"]);
  assertEquals([args.flag("json"), args.text("from"), args.texts("host")], [true, "a=b", ["x", "y"]]);
  const none = new Arguments(command, [], NO_DIRECTORY);
  assertEquals([none.positionals, none.flag("json"), none.text("from"), none.texts("host")], [
    [],
    false,
    undefined,
    [],
  ]);
});

Deno.test("Arguments refuses what can not be meant", () => {
  for (
    const [line, error] of Object.entries({
      "--from a --from b": "Option --from is given more than once",
      "--from a --from=a": "Option --from is given more than once",
      "--json=maybe": "Option --json takes no value",
      "--json=": "Option --json takes no value",
      "--from": "Option --from needs a value",
      "--from=": "Option --from needs a value",
      "--from -- a": "Option --from needs a value",
      "--from --json": "Option --from needs a value",
      "--sing": "Unknown option '--sing'",
      "--constructor": "Unknown option '--constructor'",
      "-5": "Unknown option '-5': text that begins with '-' comes after '--'",
      "-_": "Unknown option '-_': text that begins with '-' comes after '--'",
      "--_=x": "Unknown option '--_=x': text that begins with '-' comes after '--'",
      "---": "Unknown option '---': text that begins with '-' comes after '--'",
    })
  ) {
    assertEquals(assertThrows(() => read(line), UsageError).message, error);
  }
});

Deno.test("Arguments.size() wants a byte at least, or as much as is needed", () => {
  assertEquals(read("--size 1").size("size"), 1);
  assertEquals(read("--size 1MiB").size("size", 1024 * 1024), 1024 * 1024);
  assertThrows(() => read("--size 0").size("size"), UsageError, "expected a size such as 64KiB");
  assertThrows(() => read("--size 0.1").size("size"), UsageError, "expected a size such as 64KiB");
  assertThrows(() => read("--size 1MB").size("size", 1024 * 1024), UsageError, "expected a size from 1 MiB");
});

Deno.test("parseAddress() reads where a server can be", () => {
  for (
    const [text, hostname, port] of [
      ["localhost:1", "localhost", 1],
      ["127.0.0.1:65535", "127.0.0.1", 65535],
      ["[::1]:21001", "::1", 21001],
      ["[fe80::1%eth0]:21001", "fe80::1%eth0", 21001],
      ["[fe80::1%br-lan.7]:21001", "fe80::1%br-lan.7", 21001],
    ] as const
  ) assertEquals(parseAddress(text), { hostname, port });
  for (const text of ["", "h", "h:", ":1", "h:0", "h:65536", "::1:21001", "[::1]", "[h]:1", "[::1%]:1"]) {
    assertEquals(parseAddress(text), undefined, text);
  }
});
