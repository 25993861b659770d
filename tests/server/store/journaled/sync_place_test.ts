import { assert } from "@std/assert";
import { SyncPlace } from "../../../../server/store/journaled/sync_place.ts";

Deno.test("few records are synced in the thread while that is fast", () => {
  const place = new SyncPlace();
  for (let nowMs = 0; nowMs < 100; nowMs++) {
    assert(place.isInThread(100, nowMs));
    place.took(0.2, nowMs);
  }
  assert(!place.isInThread(100_000, 100), "many records are synced off it");
});

Deno.test("where many records come, none are synced in the thread: they would wait for each other", () => {
  const place = new SyncPlace();
  for (let i = 0; i < 20; i++) place.isInThread(50_000, i);
  assert(!place.isInThread(100, 20));
  for (let i = 0; i < 50; i++) place.isInThread(100, i);
  assert(place.isInThread(100, 50), "few come again");
});

Deno.test("a slow disk is tried less and less often", () => {
  const place = new SyncPlace(), tries: number[] = [];
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) {
    if (!place.isInThread(100, nowMs)) continue;
    tries.push(nowMs);
    place.took(20, nowMs);
  }
  assert(tries.length < 10, `it was tried ${tries}`);
});

Deno.test("a disk that is always a little slow is left alone, too", () => {
  const place = new SyncPlace();
  let tries = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs++) {
    if (!place.isInThread(100, nowMs)) continue;
    tries++;
    place.took(1, nowMs);
  }
  assert(tries < 200, `it was tried ${tries} times`);
});
