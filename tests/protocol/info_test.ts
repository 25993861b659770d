import { assertEquals } from "@std/assert";
import { decodeInfo, decodeMailboxRequest, encodeInfo } from "../../protocol/session/mailbox_requests.ts";

// session.md 2.10
Deno.test("an info names an ID, or nobody", () => {
  assertEquals(decodeMailboxRequest("info", "info,7,"), { kind: "info", t: 7, name: "" });
  assertEquals(decodeMailboxRequest("info", "info,7,Zoë"), { kind: "info", t: 7, name: "Zoë" });
  for (const line of ["info", "info,7", "info,x,al", "info,7,a,b", `info,7,${"x".repeat(65)}`]) {
    assertEquals(decodeMailboxRequest("info", line), undefined, line);
  }
});

// session.md 3.15
Deno.test("the answer to an info has ports and what the account covers, and what else it has is ignored", () => {
  const info = { services: { mailbox: 21001, room: 6000 }, account: { mailbox: false, forum: true } };
  for (const [isLoginRequired, field] of [[false, ""], [true, ",auth required"]] as const) {
    const said = { ...info, isLoginRequired };
    assertEquals(encodeInfo(said), `mailbox 21001,room 6000,account forum${field}`);
    assertEquals(decodeInfo(encodeInfo(said)), said);
  }
  assertEquals(decodeInfo("mailbox 21001,http x,account page,,version 2 3,room 6000,account forum"), {
    services: { mailbox: 21001, room: 6000 },
    account: { mailbox: false, forum: true },
    isLoginRequired: false,
  });
  assertEquals(decodeInfo(""), {
    services: {},
    account: { mailbox: false, forum: false },
    isLoginRequired: false,
  });
});
