/** What an honest client counted on one service. */
export interface Figures {
  /** Turns that were served. */
  count: number;
  /** How long they took, in milliseconds: the middle one, and that of 100 which only one passes; null without any. */
  p50: number | null;
  p99: number | null;
  refused: number;
  timedOut: number;
  /** Why the first one failed. */
  reason: string;
}

/** The figures of a service beside an attack as a line. */
export function figuresLine(
  attack: string,
  service: string,
  { count, p50, p99, refused, timedOut, reason }: Figures,
): string {
  const ms = (value: number | null) => (value === null ? "—" : value.toFixed(1)).padStart(8);
  const failed = reason === "" ? "" : `  (${reason})`;
  return `${attack.padEnd(20)}  ${service.padEnd(21)}  ${`${count}`.padStart(5)} served` +
    `  p50 ${ms(p50)} ms  p99 ${ms(p99)} ms  ${refused} refused  ${timedOut} timed out${failed}`;
}
