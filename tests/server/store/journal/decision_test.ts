import { assert, assertEquals } from "@std/assert";
import { decide, DECISIONS, holds, type Position } from "../../../../server/store/journal/decision.ts";

const BOTH = [true, false];

/** Everything that can be true of a position, also what never is together. */
const POSITIONS: Position[] = BOTH.flatMap((here) =>
  BOTH.flatMap((there) =>
    (["expected", "higher", "lower"] as const).flatMap((number) =>
      BOTH.flatMap((fits) => BOTH.map((known) => ({ here, there, number, fits, known })))
    )
  )
);

Deno.test("exactly one row of the table holds for every position, and every row for one at least", () => {
  assertEquals(POSITIONS.length, 48);
  for (const position of POSITIONS) {
    const rows = DECISIONS.filter((row) => holds(row, position));
    assertEquals(rows.length, 1, JSON.stringify(position));
    assert(rows[0] === decide(position));
  }
  for (const row of DECISIONS) assert(POSITIONS.some((position) => holds(row, position)), row.why);
});

Deno.test("what is known to have been durable is taken or damage, and an end is never known", () => {
  for (const position of POSITIONS) {
    const { decision } = decide(position);
    if (position.known) assert(decision !== "end", JSON.stringify(position));
    if (decision === "take") assert(position.here && position.number === "expected" && position.fits);
    if (decision === "turn") {
      assert(!position.here && position.there && position.number === "expected" && position.fits);
    }
  }
});
