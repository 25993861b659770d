/** What an honest client counted on one service. */
export interface Figures {
  /** Turns that were served. */
  count: number;
  /** How long they took, in milliseconds: the middle one, and that of 100 which only one passes; null without any. */
  p50: number | null;
  p99: number | null;
  /** How often something was asked for again that was lost. */
  repeats: number;
  refused: number;
  timedOut: number;
  /** Why the first one failed. */
  reason: string;
}

type AllFigures = Record<string, Figures>;

const NAME = 46, COLUMN = 14;

/** The names of the services over their columns. */
export function figuresHead(figures: AllFigures): string {
  const services = Object.keys(figures).map((service) => service.padStart(COLUMN));
  return `${"".padEnd(NAME)}   MiB${services.join("")}  longest`;
}

/** The figures of each service beside an attack, as a line: `p50/p99`, and the most times that a p99 is that of before. */
export function figuresLine(attack: string, mib: number, figures: AllFigures, before?: AllFigures): string {
  const ms = (value: number | null) => value === null ? "—" : value.toFixed(value < 10 ? 1 : 0);
  const columns = Object.values(figures).map(({ p50, p99 }) => `${ms(p50)}/${ms(p99)}`.padStart(COLUMN));
  const factors = Object.entries(figures).map(([service, { p99 }]) =>
    (p99 ?? Infinity) / (before?.[service]?.p99 ?? Infinity)
  );
  const failed = Object.entries(figures).filter(([, { refused, timedOut }]) => refused + timedOut > 0).map(
    ([service, { refused, timedOut, reason }]) => `; ${service}: ${refused + timedOut} failed (${reason})`,
  );
  const again = Object.entries(figures).filter(([, { repeats }]) => repeats > 0).map(
    ([service, { repeats, count }]) => `; ${service}: ${repeats} asked again, of ${count}`,
  );
  return `${attack.padEnd(NAME)} ${mib.toFixed().padStart(5)}${columns.join("")}` +
    `  ${before === undefined ? "" : `${Math.max(...factors).toFixed(1)}×`}${[...again, ...failed].join("")}`;
}
