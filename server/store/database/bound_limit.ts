/**
 * `LIMIT ?`, as an expression. SQLite plans a statement by the number that is bound to a `LIMIT ?` of its own, and for
 * that prepares it anew each time it is run, which costs more than all the rest of a short query.
 */
export const LIMIT = "LIMIT ? + 0";
