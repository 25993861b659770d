import { assertEquals, assertThrows } from "@std/assert";
import { dataDirectory } from "../../../server/data/user_directory.ts";

const find = (
  os: string,
  variables: Record<string, string>,
  { given, isRoot = false }: { given?: string; isRoot?: boolean } = {},
) => dataDirectory(given, { os, get: (name) => variables[name], isRoot });

Deno.test("the data directory is the one that is named, or else the user's own", () => {
  const home = { HOME: "/home/al" };
  assertEquals(find("linux", { ...home, WIREPOST_DATA: "here" }, { given: "there" }), "there");
  assertEquals(find("linux", { ...home, WIREPOST_DATA: "here" }, { isRoot: true }), "here");
  assertEquals(find("linux", { ...home, WIREPOST_DATA: "" }), "/home/al/.local/share/wirepost");
  assertEquals(find("freebsd", { ...home, XDG_DATA_HOME: "/data" }), "/data/wirepost");
  assertEquals(find("linux", {}, { isRoot: true }), "/var/lib/wirepost");
  assertEquals(find("darwin", home), "/home/al/Library/Application Support/wirepost");
  assertEquals(find("windows", { LOCALAPPDATA: "C:\\l" }), "C:\\l\\wirepost");
});

Deno.test("a user without a directory is asked to name one", () => {
  assertThrows(() => find("linux", {}), Error, "set WIREPOST_DATA or HOME, or give --data DIR");
  assertThrows(() => find("windows", {}), Error, "set WIREPOST_DATA or LOCALAPPDATA, or give --data DIR");
});
