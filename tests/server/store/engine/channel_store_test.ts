import { assertEquals } from "@std/assert";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import type {
  ChannelChange,
  ChannelMessage,
  StoredChannel,
} from "../../../../server/store/requests/channel.ts";
import type { StoreEvent } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { temporaryDirectory } from "../../../program.ts";

function open(directory: string | undefined, events: StoreEvent[] = [], maxFileBytes?: number) {
  return openJournaledStore({
    directory,
    limits: DEFAULT_LIMITS,
    maxFileBytes,
    onEvent: (event) => events.push(event),
  });
}

const HISTORY = "5f01c2e9aa:1";

const said = (text: string): ChannelMessage => ({
  sender: "Alice Ω",
  time: 1_700_000_000_000,
  text,
  bytes: new TextEncoder().encode(`Alice Ω${text}`).length,
});

function change(name: string, place: number, first: number, from: number, ...texts: string[]): ChannelChange {
  const messages = texts.map(said);
  const bytes = messages.reduce((sum, { bytes }) => sum + bytes, 0);
  return { kind: "channel", name, owner: `[${name}]`, place, history: HISTORY, first, from, messages, bytes };
}

for (const where of ["memory", "a directory"]) {
  // channels.md 2.5
  Deno.test(`the store in ${where} keeps channels with their messages, in their order`, async () => {
    await using directory = await temporaryDirectory();
    const store = await open(where === "memory" ? undefined : directory.path);
    const kept = await store.apply([
      change("tea", 2, 1, 1, "one", "two ✓"),
      change("coffee", 1, 1, 1),
      change("hidden", 0, 1, 1, "x"),
    ]);
    assertEquals(kept, ["kept", "kept", "kept"]);
    await store.apply([change("tea", 2, 2, 3, "three")]);
    const [channels] = await store.apply([{ kind: "channels" }]);
    const expected: StoredChannel[] = [
      { name: "coffee", owner: "[coffee]", place: 1, history: HISTORY, first: 1, messages: [] },
      {
        name: "tea",
        owner: "[tea]",
        place: 2,
        history: HISTORY,
        first: 2,
        messages: [said("two ✓"), said("three")],
      },
      { name: "hidden", owner: "[hidden]", place: 0, history: HISTORY, first: 1, messages: [said("x")] },
    ];
    assertEquals(channels as StoredChannel[], expected);
    const removed = await store.apply([
      { kind: "remove channel", name: "tea" },
      { kind: "remove channel", name: "nothing" },
      { kind: "channels" },
    ]);
    assertEquals(removed, ["kept", "kept", [expected[0]!, expected[2]!]]);
    await store.close();
    if (where === "memory") return;
    const again = await open(directory.path);
    assertEquals(await again.apply([{ kind: "channels" }]), [[expected[0]!, expected[2]!]]);
    // the number of one that is gone may be used again, but not what it held
    await again.apply([change("tea", 3, 1, 1)]);
    const [now] = await again.apply([{ kind: "channels" }]);
    assertEquals((now as StoredChannel[]).find(({ name }) => name === "tea")!.messages, []);
    await again.close();
  });
}

// channels.md 8.6
Deno.test("the store notes whether it has all that was said, over a restart", async () => {
  await using directory = await temporaryDirectory();
  const note = async (complete: boolean) => {
    const store = await open(directory.path);
    const [before] = await store.apply([{ kind: "channels complete", complete }]);
    await store.close();
    return before;
  };
  assertEquals(await note(false), true);
  assertEquals(await note(false), false);
  assertEquals(await note(true), false);
  assertEquals(await note(false), true);
});

Deno.test("what was said is refused on a full disk, and what makes room is not", async () => {
  await using directory = await temporaryDirectory();
  const events: StoreEvent[] = [];
  const store = await open(directory.path, events, 512 * 1024);
  const text = "x".repeat(4000);
  let n = 1, outcome: unknown = "kept";
  for (; outcome === "kept"; n += 10) {
    [outcome] = await store.apply([change("tea", 1, 1, n, ...Array.from({ length: 10 }, () => text))]);
  }
  assertEquals(outcome, "storage");
  assertEquals(events.map(({ kind }) => kind), ["storage failed"]);
  const [removed] = await store.apply([{ kind: "remove channel", name: "tea" }]);
  assertEquals(removed, "kept");
  // once a checkpoint has removed it
  do {
    await new Promise((resolve) => setTimeout(resolve, 10));
    [outcome] = await store.apply([change("tea", 1, 1, 1, text)]);
  } while (outcome === "storage");
  assertEquals(outcome, "kept");
  assertEquals(events, [events[0]!, { kind: "storage works", refused: 0 }]);
  await store.close();
});
