/** Milliseconds after which what a test waits for counts as not coming: more than any load explains. No test is about it. */
export const PATIENCE_MS = 120_000;
