import { assertEquals } from "@std/assert";
import { ClientSeal } from "../../../client/session/seal/seal.ts";
import { decodeSealToServer, encodeSealReply } from "../../../protocol/seal.ts";
import { Clock } from "../../simulation/clock.ts";
import { follow } from "../../simulation/script.ts";

Deno.test("a handshake that is answered with busy is repeated for 60 s, and the user is notified once", async () => {
  const clock = new Clock(), busy: boolean[] = [], sent: string[] = [], waits: number[] = [];
  let since = 0;
  const seal = new ClientSeal(
    {
      monotonicClock: clock.now,
      setTimer: clock.setTimer,
      random: (bytes) => new Uint8Array(bytes).fill(1),
      send(datagram) {
        const { header } = decodeSealToServer(datagram)!;
        sent.push(header.startId);
        if (header.startId !== "") waits.push(clock.now() - since);
        since = clock.now();
        const answer = header.startId === ""
          ? encodeSealReply({ id: header.id, startId: "00000001", cookie: "1111111111111111" }, "challenge")
          : encodeSealReply({ id: header.id, startId: "00000001", cookie: "" }, "busy");
        clock.setTimer(1, () => seal.received(answer));
      },
      service: "forum",
      trust() {},
      trusted() {},
      onBusy: (is) => busy.push(is),
    },
    { name: "yoda", password: "secret" },
    { received() {}, fail() {} },
  );
  const opening = follow(seal.open("A".repeat(22)));
  await clock.run(59_000);
  assertEquals([opening.state, busy], ["open", [true]]);
  assertEquals(waits.filter((wait) => wait > 500).map((wait) => Math.round(wait / 1000)), [1, 2, 4, 8, 16]);
  await clock.run(2000);
  assertEquals([opening.state, opening.error?.name, busy], ["failed", "BusyError", [true]]);
});
