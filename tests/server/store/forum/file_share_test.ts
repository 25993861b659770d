import { assertEquals } from "@std/assert";
import { DEFAULT_FILE_LIMITS } from "../../../../server/store/files/file_quota.ts";
import { ContentFiles } from "../../../../server/store/files/files.ts";
import { temporaryDirectory } from "../../../program.ts";

/** Files of which the store knows those in `known`, by who has sent them. */
function openFiles(directory: string, owners: Map<string, string>, known = new Map<string, string>()) {
  return ContentFiles.open({
    directory,
    limits: { ...DEFAULT_FILE_LIMITS, files: 8 },
    store: {
      ask: ({ contents }: { contents: string[] }) =>
        Promise.resolve(
          contents.filter((content) => known.has(content))
            .map((content) => ({ content, user: known.get(content) })),
        ),
    } as never,
    ownerOf: (user) => owners.get(user) ?? user,
    wallClock: Date.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  });
}

// mailbox.md 5.2, 5.4
Deno.test("users whose accounts were made at one address have one share of the files, also after a restart", async () => {
  await using directory = await temporaryDirectory();
  const owners = new Map([["a", "[users of 192.0.2.1]"], ["b", "[users of 192.0.2.1]"]]);
  const known = new Map<string, string>();
  let files = await openFiles(directory.path, owners);
  const refused = (user: string) => files.refuses({ user, thread: 1, name: "new", size: 0 });
  const upload = async (user: string, name: string) => {
    const attempt = await files.begin({ user, thread: 1, name, size: 0 }, () => {});
    if (!("file" in attempt)) throw new Error("refused");
    known.set(await attempt.store(), user);
    await attempt.end("stored");
  };
  await upload("a", "1");
  assertEquals([refused("b"), refused("c")], [undefined, undefined]);
  await upload("b", "2");
  const why = "one address may have 2 files";
  assertEquals([refused("a"), refused("b"), refused("c")], [why, why, undefined]);
  await files.close();
  files = await openFiles(directory.path, owners, known);
  assertEquals([refused("a"), refused("b"), refused("c")], [why, why, undefined]);
  await files.close();
  // both were confirmed
  files = await openFiles(directory.path, new Map(), known);
  assertEquals([refused("a"), refused("b"), refused("c")], [undefined, undefined, undefined]);
  await files.close();
});
