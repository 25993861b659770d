import { Loopback } from "../../../server/net/loopback.ts";

Deno.test("a byte passes the stream again and again, and nobody waits where it is closed", async () => {
  const loopback = await Loopback.open();
  try {
    for (let i = 0; i < 3; i++) await loopback.pass();
  } finally {
    const passing = loopback.pass();
    loopback.close();
    await passing;
  }
  await loopback.pass();
});
