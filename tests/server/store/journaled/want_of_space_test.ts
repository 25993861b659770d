/** Which errors are waited for, and which end the process: store 6.6. */

import { assert, assertEquals } from "@std/assert";
import { isDatabaseFull } from "../../../../server/store/database/database.ts";
import { Admission } from "../../../../server/store/room/admission.ts";
import { FileFailed, hasNoDescriptor, isNoSpace } from "../../../../server/store/errors.ts";
import { Reserve, RESERVE_BYTES } from "../../../../server/store/room/reserve.ts";
import { mount } from "../../../faults/disk/mount.ts";
import { temporaryDirectory } from "../../../program.ts";

/** Of a small store that is not full. */
const OPTIONS = {
  maxFileBytes: undefined,
  pages: () => ({ all: 10, free: 0 }),
  textBytes: () => 1000,
  pendingBytes: () => 0,
  unwrittenBytes: () => 0,
  journalRoom: () => 1024 * 1024,
  keptRoomBytes: 1024,
  segmentBytes: 1024 * 1024,
  hold: { isOn: false, breakOff() {} },
  monotonicClock: () => 0,
};

Deno.test("of the system's errors ENOSPC and EDQUOT are a want of space, also where the runtime gives no code", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code });
  const codes = ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "ENOENT", "EMFILE", "ENFILE"];
  const full = codes.filter((code) => isNoSpace(withCode(code)));
  assertEquals(full, ["ENOSPC", "EDQUOT"]);
  assertEquals(codes.filter((code) => hasNoDescriptor(withCode(code))), ["EMFILE", "ENFILE"]);
  if (Deno.build.os !== "linux") return;
  const failed = new FileFailed("write /data/reserve", new Error("Disk quota exceeded (os error 122)"));
  assertEquals([isNoSpace(failed), failed.code], [true, "EDQUOT"]);
  assertEquals(failed.message, "Cannot write /data/reserve: Disk quota exceeded");
  assertEquals(new FileFailed("write it", new Error("File too large (os error 27)")).code, "EFBIG");
});

Deno.test("of SQLite's errors SQLITE_FULL is a want of space, and two may be one", () => {
  const of = (errcode: number) => isDatabaseFull(Object.assign(new Error(), { errcode }));
  assertEquals(of(13), true);
  // SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE
  assertEquals([778, 4874].map(of), ["maybe", "maybe"]);
  // READONLY, READONLY_DBMOVED, IOERR, IOERR_READ, _SHORT_READ, _FSYNC, _DIR_FSYNC, _TRUNCATE, CORRUPT, CANTOPEN
  const others = [8, 1032, 10, 266, 522, 1034, 1290, 1546, 11, 14];
  assertEquals(others.filter((code) => of(code) !== false), []);
  assertEquals(isDatabaseFull(new Error("database or disk is full")), false);
});

Deno.test("whether the disk takes more is found out at the end of the reserve, which stays as it was", async () => {
  await using directory = await temporaryDirectory();
  const reserve = new Reserve(directory.path), path = `${directory.path}/reserve`;
  assertEquals(reserve.isRefusedMore(), false);
  assertEquals((await Deno.stat(path)).size, 0);
  assert(reserve.hold());
  assertEquals(reserve.isRefusedMore(), false);
  assertEquals((await Deno.stat(path)).size, RESERVE_BYTES);
  assert(reserve.isHeld);
});

// store 6.2
Deno.test("where only the journal's next segment was missing, what needs space is stored again as soon as it is there", async () => {
  await using directory = await temporaryDirectory();
  let journalRoom = 0, now = 0;
  const admission = new Admission({
    ...OPTIONS,
    directory: directory.path,
    journalRoom: () => journalRoom,
    monotonicClock: () => now += 1000,
  });
  assertEquals(admission.canStore, false);
  journalRoom = 1024 * 1024;
  assertEquals(admission.canStore, true);
});

// store 6.4
Deno.test("that the disk has more room than when a checkpoint failed is seen", async () => {
  await using disk = await mount(8);
  if (disk === undefined) return;
  await Deno.writeFile(`${disk.path}/of-others`, new Uint8Array(3 * 1024 * 1024));
  const admission = new Admission({ ...OPTIONS, directory: disk.path });
  admission.endCheckpoint(true);
  assertEquals(admission.hasMoreRoom, false);
  await Deno.truncate(`${disk.path}/of-others`, 1024 * 1024);
  assertEquals(admission.hasMoreRoom, true);
});
