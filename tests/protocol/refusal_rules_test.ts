/** Every reason for which something is refused has a rule, and the rule is there. */

import { assert, assertEquals } from "@std/assert";
import { FAULT_RULES, REFUSAL_RULES } from "../../protocol/describe/refusals.ts";
import { ORIGINAL_FAULTS, REFUSALS } from "../../protocol/mailbox.ts";
import { METRICS, REFUSED_REASONS, TRANSFER_REFUSALS } from "../../server/report/metrics.ts";

/** Whether the document has this rule or section. */
async function isThere(rule: string): Promise<boolean> {
  const [, document = "", section, number] = /^(\w+\.md) (?:section (\d+)|(\d+\.\d+))$/.exec(rule) ?? [];
  if (document === "") return false;
  const text = await Deno.readTextFile(new URL(`../../protocol/${document}`, import.meta.url));
  const line = section === undefined ? `**${number}** ` : `## ${section}. `;
  return text.split("\n").some((one) => one.startsWith(line));
}

/** What is counted of channels and room when something is refused. */
const HUB_REASONS = [
  ...["partial frame", "name too long", "line too long", "too many channels", "kicked"],
  ...["tls failed", "tls timed out", "too many handshakes", "plaintext refused"],
  ...["log-in refused", "not logged in", "logged out"],
];

Deno.test("every reason for which something is refused has a rule", () => {
  const connections = Object.keys(METRICS).filter((name) =>
    /^channels (too many conn|too fast|cut off)/.test(name)
  );
  const expected = [
    ...REFUSED_REASONS,
    ...HUB_REASONS,
    ...connections.map((name) => name.replace("channels ", "")),
    ...TRANSFER_REFUSALS.map((code) => `files ${code}`),
    ...["files wrong record", "files connections refused", "files connections displaced"],
  ];
  assertEquals(Object.keys(REFUSAL_RULES).sort(), expected.toSorted());
});

Deno.test("every fault of a datagram of the original wire is counted by a reason, and has a rule", () => {
  assertEquals(Object.keys(FAULT_RULES).sort(), Object.keys(ORIGINAL_FAULTS).sort());
  assertEquals([...new Set(Object.values(ORIGINAL_FAULTS))].sort(), [...REFUSALS].sort());
});

Deno.test("every rule by which something is refused is in its document", async () => {
  for (const { rule } of [...Object.values(REFUSAL_RULES), ...Object.values(FAULT_RULES)]) {
    assert(await isThere(rule), rule);
  }
  for (const none of ["1.99", "section 99"]) assertEquals(await isThere(`mailbox.md ${none}`), false);
  assertEquals(await isThere("mailbox.md"), false);
});
